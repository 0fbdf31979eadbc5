"""Optimizers: how parameters move, given their gradients, written as plain functions of nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.errors import unknown_name
from chainrule.graph.node import Node

Update = Callable[[Node, Node, Node], Node]


def sgd_update(parameter: Node, gradient: Node, learning_rate: Node) -> Node:
    """Return θ − η ∂C/∂θ: gradient descent."""
    return parameter - learning_rate * gradient


@dataclass(frozen=True)
class Optimizer:
    """An optimizer: its name, and its update as a function of nodes, so that it is part of the graph."""

    name: str
    update: Update


OPTIMIZERS = {"sgd": Optimizer("sgd", sgd_update)}


def optimizer(name: str) -> Optimizer:
    """Return the optimizer of this name; raise `UnknownNameError` with the nearest name if there is none."""
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise unknown_name("optimizer", name, OPTIMIZERS)
    return OPTIMIZERS[name]
