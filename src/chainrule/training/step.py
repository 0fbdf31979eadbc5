"""One training step as one graph: forward, backward, update; and the function that runs an epoch of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np

from chainrule.gradients import pull_back
from chainrule.graph.context import scope
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, input_node
from chainrule.graph.trace import ArraySpec, trace_call
from chainrule.graph.tree import leaves, rebuild
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
        """Return the parameters after all mini-batches, and behind them the optimizer's state.

        ``parameters`` begin with the network's and end with the state. ``after_step(step, parameters, cost)``
        is called after each mini-batch; it may raise to stop. Raises `NonFinite`.
        """


def step_graph(cost: Graph, optimizer: Optimizer) -> Graph:
    """Return the graph of one step, its update included.

    From (parameters …, optimizer's state …, x, target, learning rate) to (cost, parameters …, state …).
    The last two inputs of ``cost`` are x and target, the others the parameters.
    """
    stable = stabilise(cost)
    (*parameters, x, target), output = stable.inputs, stable.outputs[0]
    rate = input_node((), output.dtype, "learning_rate")
    start = optimizer.init([np.zeros(node.shape, node.dtype) for node in parameters])
    state = [input_node(a.shape, a.dtype, f"state{place}") for place, a in enumerate(start, start=1)]
    gradients = pull_back(output, parameters)
    updated = _traced_update(optimizer, [gradients, state, parameters, rate])
    moved, new_state = updated[: len(parameters)], updated[len(parameters) :]
    names = {
        **{node: f"new_{before.label}" for before, node in zip(state, new_state, strict=True)},
        **{node: f"d_{parameter.label}" for parameter, node in zip(parameters, gradients, strict=True)},
        **{node: f"new_{parameter.label}" for parameter, node in zip(parameters, moved, strict=True)},
        output: "cost",
    }
    inputs = [*parameters, *state, x, target, rate]
    graph = Graph(inputs, [output, *moved, *new_state], name="step", single=False, names=names)
    return simplify(graph)


def _traced_update(optimizer: Optimizer, arguments: list[Any]) -> tuple[Node, ...]:
    """Return the new parameters and the new state as nodes: the update is traced, then fed with nodes."""
    specs = rebuild(arguments, lambda node: ArraySpec(node.shape, node.dtype))
    with scope("update"):
        graph = trace_call(optimizer.update, specs, {}).graph
    return graph.substitute(*[leaf.value for leaf in leaves(arguments)])


VERIFIED_EVERY = 64  # steps after which the parameters are looked through for NaN and infinity
MOST_PROGRAMS = 64


def interpreted_epoch(cost_graph: CostGraph, optimizer: Optimizer) -> Epoch:
    """Return the epoch function that runs the step's graph by the reference interpreter.

    ``cost_graph(m)`` is the cost of m examples as a graph of (parameters …, x, target).
    """
    programs: dict[int, Program] = {}

    def program(size: int) -> Program:
        if size not in programs:
            if len(programs) >= MOST_PROGRAMS:
                programs.clear()
            graph = step_graph(cost_graph(size), optimizer)
            programs[size] = Program(graph.inputs, graph.outputs, in_place=True)
        return programs[size]

    def run(
        step: int, parameters: list[Array], batches: Batches, rate: Any
    ) -> tuple[list[Any], list[Any], Program]:
        rows = batches.rows(step)
        values = [*parameters, *batches.gather(rows), rate]
        made = program(len(rows))
        return values, made.run(*values), made

    def epoch(
        parameters: list[Array],
        batches: Batches,
        learning_rate: float,
        after_step: Callable[[int, list[Array], float], None],
    ) -> list[Array]:
        rate = parameters[0].dtype.type(learning_rate)
        verified = 0, parameters
        for step in range(len(batches)):
            before = parameters
            _, (cost, *parameters), _ = run(step, before, batches, rate)
            last = step + 1 == len(batches)
            looked_through = last or (step + 1) % VERIFIED_EVERY == 0
            if not math.isfinite(cost) or (looked_through and not _all_finite(parameters)):
                again = partial(run, batches=batches, rate=rate)
                raise _located(again, range(verified[0], step + 1), verified[1])
            if looked_through:
                verified = step, before
            after_step(step, parameters, float(cost))
        return parameters

    return epoch


def _all_finite(arrays: list[Array]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def _located(
    run: Callable[[int, list[Array]], tuple[list[Any], list[Any], Program]],
    steps: range,
    parameters: list[Array],
) -> NonFinite:
    """Return the signal with the step and node where NaN or infinity was born, by going over the steps again.

    ``parameters`` are good at the first of ``steps``. Good are those whose cost was finite.
    """
    good = parameters
    for step in steps:
        values, (cost, *updated), program = run(step, parameters)
        if not math.isfinite(cost):
            return NonFinite(step, program.first_non_finite(*values), good)
        if not _all_finite(updated):
            return NonFinite(step, program.first_non_finite(*values), parameters)
        good, parameters = parameters, updated
    return NonFinite(steps[-1], None, good)
