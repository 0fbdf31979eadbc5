"""The graphs whose stages are kept as text; the texts quote these lines, so add new ones at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from chainrule.compiler.rows import RowsCode, training_step
from chainrule.nn.architecture import Architecture
from chainrule.training.optimizers import sgd
from chainrule.training.step import step_graph


def neuron(w: Any, b: Any) -> Any:
    a = np.tanh(2.0 * w + b)
    return (a - 1.0) ** 2


def softmax_cross_entropy(z: Any, y: Any) -> Any:
    log_p = cr.log_softmax(z, axis=1)
    return -np.mean(np.sum(y * log_p, axis=1))


def rosenbrock(x: Any) -> Any:
    uphill = x[1:] - x[:-1] ** 2
    return np.sum(100.0 * uphill**2 + (1.0 - x[:-1]) ** 2)


def pooled(table: Any, rows: Any) -> Any:
    chosen = table[rows]
    total = np.sum(np.exp(chosen), axis=(0, 2))
    return np.max(total), total


def training(rows: int, *, sparse: bool = False) -> RowsCode:
    """Return a training step of a network with 6 inputs, 4 hidden units and 3 outputs."""
    network = Architecture((6, 4, 3), ("sigmoid",), "softmax", "cross_entropy", "xavier", "float32")
    graph, roles = training_step(step_graph(network.cost_graph(rows), sgd()))
    return RowsCode(graph, roles, np.dtype("int32") if sparse else None)


def rosenbrock_gradient() -> cr.Graph:
    """Return the gradient in 100 dimensions."""
    return cr.gradient(cr.trace(rosenbrock, cr.ArraySpec((100,))))
