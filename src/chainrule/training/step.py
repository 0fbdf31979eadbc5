"""One training step as one graph: forward, backward, update; and the function that runs an epoch of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, input_node
from chainrule.rewrites import simplify, stabilise
from chainrule.training.optimizers import Optimizer

Array = np.ndarray[Any, Any]
CostGraph = Callable[[int], Graph]


@dataclass(frozen=True)
class Batches:
    """What an epoch works on: rows of ``x`` and ``target`` in a given order, cut into mini-batches.

    ``gather(rows)`` returns the inputs and targets of these rows, scaled and in the network's dtype.
    """

    gather: Callable[[Array], tuple[Array, Array]]
    order: Array
    batch_size: int

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def rows(self, step: int) -> Array:
        """Return the rows of one mini-batch; the last one may be smaller."""
        return self.order[step * self.batch_size : (step + 1) * self.batch_size]


class NonFinite(Exception):  # noqa: N818 - a signal between the epoch and the loop, which turns it into an error
    """A step's cost was not finite. ``node`` is where NaN or infinity was born, ``parameters`` are good."""

    def __init__(self, step: int, node: Node | None, parameters: list[Array]) -> None:
        super().__init__(step)
        self.step = step
        self.node = node
        self.parameters = parameters


class Epoch(Protocol):
    """A function that runs an epoch. Who makes it, an interpreter or a compiler, is all the same to `fit`."""

    def __call__(
        self,
        parameters: list[Array],
        batches: Batches,
        learning_rate: float,
        after_step: Callable[[int, list[Array], float], None],
    ) -> list[Array]:
        """Return the parameters after all mini-batches.

        ``after_step(step, parameters, cost)`` is called after each; it may raise to stop. Raises `NonFinite`.
        """


def step_graph(cost: Graph, optimizer: Optimizer) -> Graph:
    """Return the graph of a step: (parameters …, x, target, learning rate) → (cost, new parameters …).

    The last two inputs of ``cost`` are x and target, the others the parameters.
    """
    stable = stabilise(cost)
    parameters, output = stable.inputs[:-2], stable.outputs[0]
    rate = input_node((), output.dtype, "learning_rate")
    gradients = pull_back(output, parameters)
    pairs = zip(parameters, gradients, strict=True)
    updated = [optimizer.update(parameter, gradient, rate) for parameter, gradient in pairs]
    names = {
        **{node: f"d_{parameter.label}" for parameter, node in zip(parameters, gradients, strict=True)},
        **{node: f"new_{parameter.label}" for parameter, node in zip(parameters, updated, strict=True)},
        output: "cost",
    }
    graph = Graph([*stable.inputs, rate], [output, *updated], name="step", single=False, names=names)
    return simplify(graph)


def interpreted_epoch(cost_graph: CostGraph, optimizer: Optimizer) -> Epoch:
    """Return the epoch function that runs the step's graph by the reference interpreter.

    ``cost_graph(m)`` is the cost of m examples as a graph of (parameters …, x, target).
    """
    programs: dict[int, Program] = {}

    def program(size: int) -> Program:
        if size not in programs:
            graph = step_graph(cost_graph(size), optimizer)
            programs[size] = Program(graph.inputs, graph.outputs, in_place=True)
        return programs[size]

    def epoch(
        parameters: list[Array],
        batches: Batches,
        learning_rate: float,
        after_step: Callable[[int, list[Array], float], None],
    ) -> list[Array]:
        rate = parameters[0].dtype.type(learning_rate)
        before: tuple[Program, list[Any]] | None = None
        for step in range(len(batches)):
            rows = batches.rows(step)
            run = program(len(rows))
            values = [*parameters, *batches.gather(rows), rate]
            cost, *updated = run.run(*values)
            if not math.isfinite(cost):
                raise _located(step, run, values, before, len(parameters))
            before = (run, values)
            parameters = updated
            after_step(step, parameters, float(cost))
        if before is not None and not all(np.isfinite(array).all() for array in parameters):
            raise _located(len(batches) - 1, *before, None, len(parameters))
        return parameters

    return epoch


def _located(
    step: int, run: Program, values: list[Any], before: tuple[Program, list[Any]] | None, count: int
) -> NonFinite:
    """Return the signal with the place of birth: in this step, or in the update that ended the one before."""
    parameters = values[:count]
    if before is not None:
        good_run, good_values = before
        if not all(np.isfinite(array).all() for array in parameters):
            run, values = good_run, good_values
        parameters = good_values[:count]
    return NonFinite(step, run.first_non_finite(*values), list(parameters))
