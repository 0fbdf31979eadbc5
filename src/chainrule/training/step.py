"""One training step as one graph: forward, backward, update; and the function that runs an epoch of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from chainrule.training.examples import Stored
from chainrule.training.optimizers import Optimizer

Array = np.ndarray[Any, Any]
Rates = float | Array
CostGraph = Callable[[int], Graph]


class AfterSteps(Protocol):
    """What an epoch tells while it runs."""

    def __call__(self, done: int, costs: Array, current: Callable[[], list[Array]], /) -> None:
        """Take note of a portion of mini-batches; called after each portion, it may raise to stop.

        Parameters
        ----------
        done
            How many mini-batches of this epoch are done.
        costs
            The costs of the portion's mini-batches, in order, at least one.
        current
            ``current()`` returns parameters and state after the portion, as arrays that nobody writes into
            any more; it may cost a copy. Called after the next portion has begun, it may return those after a
            later whole mini-batch.
        """


@dataclass(frozen=True)
class Batches:
    """What an epoch works on: rows of ``x`` and ``target`` in a given order, cut into mini-batches.

    ``gather(rows)`` returns the inputs and targets of these rows, dense, scaled and in the network's dtype.
    ``stored`` is the data that they are taken from, None where only ``gather`` can reach it.
    """

    gather: Callable[[Array], tuple[Array, Array]]
    order: Array
    batch_size: int
    stored: Stored | None = None

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
        self, parameters: list[Array], batches: Batches, learning_rate: Rates, after_steps: AfterSteps
    ) -> list[Array]:
        """Return the parameters after all mini-batches, and behind them the optimizer's state.

        ``parameters`` begin with the network's and end with the state. ``learning_rate`` is one for all
        mini-batches, or an array with one for each. ``after_steps`` is told of every mini-batch, a portion at
        a time, so often that a person does not wait. Raises `NonFinite`.
        """


def step_graph(cost: Graph, optimizer: Optimizer, rates: int | None = None) -> Graph:
    """Return the graph of one step, its update included.

    From (parameters …, optimizer's state …, x, target, learning rate) to (cost, parameters …, state …).
    The last two inputs of ``cost`` are x and target, the others the parameters.

    With ``rates``, a number, the last input is an array of so many learning rates, and the state ends with
    the place of the step's own among them, one further after the step. So a run of steps needs nobody who
    hands each its rate.
    """
    stable = stabilise(cost)
    (*parameters, x, target), output = stable.inputs, stable.outputs[0]
    start = optimizer.init([np.zeros(node.shape, node.dtype) for node in parameters])
    state = [input_node(a.shape, a.dtype, f"state{place}") for place, a in enumerate(start, start=1)]
    place = [] if rates is None else [input_node((), output.dtype, "place")]
    shape, label = ((), "learning_rate") if rates is None else ((rates,), "learning_rates")
    given = input_node(shape, output.dtype, label)
    rate = _picked(given, place[0]) if place else given
    gradients = pull_back(output, parameters)
    updated = _traced_update(optimizer, [gradients, state, parameters, rate])
    moved, new_state = updated[: len(parameters)], [*updated[len(parameters) :], *[at + 1 for at in place]]
    state += place
    names = {
        **{node: f"new_{before.label}" for before, node in zip(state, new_state, strict=True)},
        **{node: f"d_{parameter.label}" for parameter, node in zip(parameters, gradients, strict=True)},
        **{new: f"new_{old.label}" for old, new in zip(parameters, moved, strict=True) if new is not old},
        output: "cost",
    }
    inputs = [*parameters, *state, x, target, given]
    graph = Graph(inputs, [output, *moved, *new_state], name="step", single=False, names=names)
    return simplify(graph)


def _picked(rates: Node, place: Node) -> Node:
    """Return the entry of ``rates`` at ``place``: a sum of which all other terms are zeros."""
    places = np.arange(rates.size, dtype=rates.dtype)
    picked: Node = np.sum(np.where(places == place, rates, rates.dtype.type(0)))
    return picked


def _traced_update(optimizer: Optimizer, arguments: list[Any]) -> tuple[Node, ...]:
    """Return the new parameters and the new state as nodes: the update is traced, then fed with nodes."""
    specs = rebuild(arguments, lambda node: ArraySpec(node.shape, node.dtype))
    with scope("update"):
        graph = trace_call(optimizer.update, specs, {}).graph
    return graph.substitute(*[leaf.value for leaf in leaves(arguments)])


VERIFIED_EVERY = 64  # steps after which the parameters are looked through for NaN and infinity
PORTION_SECONDS = 0.05
MOST_PROGRAMS = 64


class Interpreted:
    """The epoch function that runs the step's graph by the reference interpreter; and its single steps.

    Parameters
    ----------
    cost_graph
        ``cost_graph(m)`` is the cost of m examples as a graph of (parameters …, x, target).
    optimizer
        How the parameters move.
    """

    def __init__(self, cost_graph: CostGraph, optimizer: Optimizer) -> None:
        self._cost_graph, self._optimizer = cost_graph, optimizer
        self._programs: dict[int, Program] = {}

    def __call__(
        self, parameters: list[Array], batches: Batches, learning_rate: Rates, after_steps: AfterSteps
    ) -> list[Array]:
        """Run an epoch, as `Epoch` says."""
        portion = _Portion(after_steps, parameters)
        try:
            self._run(portion, batches, learning_rate)
        except NonFinite:
            raise
        except BaseException:
            portion.report()  # whatever ended it, the mini-batches that were whole count
            raise
        return portion.parameters

    def _run(self, portion: _Portion, batches: Batches, learning_rate: Rates) -> None:
        verified = 0, portion.parameters
        for number in range(len(batches)):
            before = portion.parameters
            cost, after = self.step(number, before, batches, learning_rate)
            last = number + 1 == len(batches)
            looked_through = last or (number + 1) % VERIFIED_EVERY == 0
            if not math.isfinite(cost) or (looked_through and not _all_finite(after)):
                raise self.locate(range(verified[0], number + 1), verified[1], batches, learning_rate)
            if looked_through:
                verified = number, before
            portion.add(cost, after)
            if last or portion.is_due():
                portion.report()

    def step(
        self, number: int, parameters: list[Array], batches: Batches, learning_rate: Rates
    ) -> tuple[Any, list[Array]]:
        """Return the cost of a mini-batch, and new arrays: parameters and state after it."""
        program, values = self._ready(number, parameters, batches, learning_rate)
        cost, *updated = program.run(*values)
        return cost, updated

    def locate(
        self, steps: range, parameters: list[Array], batches: Batches, learning_rate: Rates
    ) -> NonFinite:
        """Return the signal with the step and node where NaN or infinity was born, by going over steps again.

        ``parameters``, with the state, are good at the first of ``steps``. Good are those whose cost was
        finite. If this interpreter meets nothing that is not finite, the last of ``steps`` is named.
        """
        good = parameters
        for number in steps:
            cost, updated = self.step(number, parameters, batches, learning_rate)
            broken = not math.isfinite(cost)
            if broken or not _all_finite(updated):
                program, values = self._ready(number, parameters, batches, learning_rate)
                return NonFinite(number, program.first_non_finite(*values), good if broken else parameters)
            good, parameters = parameters, updated
        return NonFinite(steps[-1], None, good)

    def _ready(
        self, number: int, parameters: list[Array], batches: Batches, learning_rate: Rates
    ) -> tuple[Program, list[Any]]:
        """Return the program of a mini-batch, and what it is run with."""
        rows = batches.rows(number)
        own = learning_rate[number] if isinstance(learning_rate, np.ndarray) else learning_rate
        rate = parameters[0].dtype.type(own)
        return self._program(len(rows)), [*parameters, *batches.gather(rows), rate]

    def _program(self, size: int) -> Program:
        if size not in self._programs:
            if len(self._programs) >= MOST_PROGRAMS:
                self._programs.clear()
            graph = step_graph(self._cost_graph(size), self._optimizer)
            self._programs[size] = Program(graph.inputs, graph.outputs, in_place=True)
        return self._programs[size]


class _Portion:
    """Mini-batches that were run and not told of yet; ``parameters`` are those after the last of them."""

    def __init__(self, after_steps: AfterSteps, parameters: list[Array]) -> None:
        self._after_steps = after_steps
        self._costs: list[float] = []
        self._done = 0
        self._began = time.monotonic()
        self.parameters = parameters

    def add(self, cost: Any, parameters: list[Array]) -> None:
        self.parameters = parameters
        self._costs.append(float(cost))

    def is_due(self) -> bool:
        return time.monotonic() - self._began >= PORTION_SECONDS

    def report(self) -> None:
        costs, self._costs = self._costs, []
        if costs:
            self._done += len(costs)
            self._began = time.monotonic()
            parameters = self.parameters
            self._after_steps(self._done, np.array(costs), lambda: parameters)


def _all_finite(arrays: list[Array]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)
