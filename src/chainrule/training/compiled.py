"""The compiled epoch: the step's graph as machine code, run in portions of about a tenth of a second.

What it cannot do, the interpreter does on the same graph: the last mini-batch of an epoch if it is smaller,
and the search for the operation where a number ceased to be finite.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.compiler.compiled import InterpretedWarning
from chainrule.compiler.expand import Refusal
from chainrule.compiler.rows import RowsCode, sparse_pays, training_step
from chainrule.compiler.workspace import Data, RowsMemory
from chainrule.errors import CompileError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.text import say
from chainrule.training.examples import Stored
from chainrule.training.optimizers import Optimizer
from chainrule.training.sparse import is_sparse
from chainrule.training.step import (
    AfterSteps,
    Batches,
    CostGraph,
    Interpreted,
    NonFinite,
    Rates,
    step_graph,
)

Array = np.ndarray[Any, Any]
PORTION_SECONDS = 0.1
DENSE_FROM = 0.3  # share of entries that are not 0 from which rows are used as they are
STAGED_BYTES = 16 << 20  # of rows that are read at a time where not all are in memory
COPIED_PER_SECOND = 1e9  # bytes, about
MOST_MEMORIES = 8  # sizes of mini-batches whose machine code, with its memory, is kept
RATES_AT_HAND = 256  # learning rates that machine code is handed at a time where they differ
SNAPSHOT_SHARE = 0.02  # of the time that may go into copies to which a search for NaN can return

WORTH_SECONDS = 1.0  # of the interpreter from which machine code is worth its making
STEP_SECONDS, PRODUCT_SECONDS = 1e-4, 3e-10  # of the interpreter: for a step, for a parameter and an example


def interpreted_seconds(steps: int, size: int) -> float:
    """Return about how long the interpreter takes; ``size`` is parameters times examples in a mini-batch.

    It only counts: so the same calls are compiled on every machine, and give the same bits.
    """
    return steps * (STEP_SECONDS + PRODUCT_SECONDS * size)


def reason_of(error: Refusal | CompileError) -> str:
    """Return why something runs by the interpreter."""
    return say(error.reason, **error.values) if isinstance(error, Refusal) else str(error)


def data_of(stored: Stored, graph: Graph, x: Node) -> Data | None:
    """Return examples in the form that compiled code of ``graph`` reads: without zeros where that pays.

    None if they are sparse and the graph does more with them than compiled code can: they are read in parts.
    """
    given = is_sparse(stored.x)
    thin = given or stored.nonzero_share < DENSE_FROM
    if thin and not sparse_pays(graph, x):
        if given:
            return None
        thin = False
    return Data(tuple(stored.without_zeros) if thin else (stored.x,), stored.target)


class CompiledEpoch:
    """An epoch function, as `chainrule.training.step.Epoch` says, that runs compiled code where it can.

    Parameters
    ----------
    cost_graph
        ``cost_graph(m)`` is the cost of m examples as a graph of (parameters …, x, target).
    optimizer
        How the parameters move.

    Attributes
    ----------
    interpreted
        The interpreter's epoch function of the same graph.
    reason
        Why epochs run by the interpreter; None if they are compiled.
    """

    def __init__(self, cost_graph: CostGraph, optimizer: Optimizer) -> None:
        self.interpreted = Interpreted(cost_graph, optimizer)
        self.reason: str | None = None
        self._cost_graph, self._optimizer = cost_graph, optimizer
        self._memories: dict[tuple[int, int | None, Any], RowsMemory] = {}
        self._graphs: dict[tuple[int, int | None], Graph] = {}  # of the mini-batches of the last size

    @property
    def source(self) -> str:
        """The emitted source that was made last; empty if there is none."""
        return list(self._memories.values())[-1].code.source if self._memories else ""

    def __call__(
        self, parameters: list[Array], batches: Batches, learning_rate: Rates, after_steps: AfterSteps
    ) -> list[Array]:
        """Run an epoch."""
        whole = len(batches.order) // batches.batch_size
        if not whole or self.reason is not None:
            return self.interpreted(parameters, batches, learning_rate, after_steps)
        same = np.ndim(learning_rate) == 0 or bool(np.ptp(np.asarray(learning_rate)[:whole]) == 0)
        kind = batches.batch_size, None if same else RATES_AT_HAND
        try:
            data = self._data_of(batches, kind)
            memory = self._memory(kind, data)
        except (Refusal, CompileError) as error:
            self.reason = reason_of(error)
            message = say("compile.interpreted", name=f"fit ({self._optimizer.name})", reason=self.reason)
            warnings.warn(message, InterpretedWarning, stacklevel=5)  # the line that calls `fit`
            return self.interpreted(parameters, batches, learning_rate, after_steps)
        try:
            run = _Run(self.interpreted, memory, data, batches, learning_rate, kind[1])
            return run.all(parameters, after_steps)
        finally:
            memory.release()

    def _data_of(self, batches: Batches, kind: tuple[int, int | None]) -> Data | None:
        """Return all examples in the form that compiled code reads; None if they are read in parts."""
        if batches.stored is None:
            return None
        graph = self._graph(kind)
        return data_of(batches.stored, graph, graph.inputs[-3])

    def _memory(self, kind: tuple[int, int | None], data: Data | None) -> RowsMemory:
        sparse = data.rows[1].dtype if data is not None and data.sparse else None
        key = *kind, sparse
        if key not in self._memories:
            made = RowsMemory(RowsCode(*training_step(self._graph(kind)), sparse))
            if len(self._memories) >= MOST_MEMORIES:
                del self._memories[next(iter(self._memories))]
            self._memories[key] = made
        return self._memories[key]

    def _graph(self, kind: tuple[int, int | None]) -> Graph:
        """Return the graph of a step: for a size of mini-batches, and a number of learning rates or one."""
        if kind not in self._graphs:
            size, rates = kind
            self._graphs = {kind: step_graph(self._cost_graph(size), self._optimizer, rates)}
        return self._graphs[kind]


class _Run:
    """One epoch of compiled steps."""

    def __init__(
        self,
        interpreted: Interpreted,
        memory: RowsMemory,
        data: Data | None,
        batches: Batches,
        learning_rate: Rates,
        at_hand: int | None,
    ) -> None:
        self.interpreted, self.memory, self.batches, self.rate = interpreted, memory, batches, learning_rate
        self.size = batches.batch_size
        self.whole = len(batches.order) // self.size
        self.data = data
        self.first = 0  # the step with which the rows begin that are at hand
        self.at_hand = at_hand  # how many learning rates are; None: one for all steps
        self.rates_from = 0  # the step to which the first of them belongs
        if data is not None:
            memory.use(data, batches.order)

    def all(self, parameters: list[Array], after_steps: AfterSteps) -> list[Array]:
        """Run the epoch's steps; return parameters and state after them."""
        memory = self.memory
        self.give(0, parameters)
        good, good_at, taken = parameters, 0, time.monotonic()
        price = sum(array.nbytes for array in parameters) / COPIED_PER_SECOND
        done = 0
        while done < self.whole:
            began = time.monotonic()
            stop = min(done + memory.portion, self.whole)
            self.run(done, stop, partial(self._search, good_at, good), after_steps)
            now = time.monotonic()
            memory.portion = max(next_count(stop - done, now - began), memory.portion * (stop == self.whole))
            done = stop
            if done == self.whole or (now - taken) * SNAPSHOT_SHARE >= price:
                if not memory.finite():
                    raise self._search(good_at, good, done - 1)
                good, good_at, taken = self.carried(), done, time.monotonic()
                price = taken - now
        return self._remainder(good, after_steps) if self.whole < len(self.batches) else good

    def give(self, step: int, parameters: list[Array]) -> None:
        """Hand over parameters and state, and the learning rates from a step on."""
        if self.at_hand is None:
            self.memory.give(*parameters, np.ravel(self.rate)[0])
            return
        rates = np.zeros(self.at_hand)
        own = np.asarray(self.rate)[step : min(step + self.at_hand, self.whole)]
        rates[: len(own)] = own
        self.memory.give(*parameters, 0, rates)
        self.rates_from = step

    def carried(self) -> list[Array]:
        """Return copies of parameters and state."""
        found = self.memory.carried()
        return found if self.at_hand is None else found[:-1]

    def run(self, first: int, stop: int, search: Callable[[int], NonFinite], after_steps: AfterSteps) -> None:
        """Run a portion of steps and tell of it, also if something else, such as Ctrl-C, interrupts here."""
        for begin, end in self._at_hand(first, stop):
            self._read(begin, end)
            status, costs = -1, np.zeros(0)
            try:
                status, costs = self._steps(begin, end)
            finally:
                if status == end:
                    after_steps(end, costs, self.carried)
            if status != end:
                raise search(status)

    def _steps(self, begin: int, end: int) -> tuple[int, Array]:
        """Run steps; return the one after the last, or the one that was not finite, and their costs."""
        if self.at_hand is None:
            status, costs = self.memory.run(begin - self.first, end - self.first)
            return status + self.first, costs
        parts, status = [np.zeros(0)], begin
        while status == begin < end:
            if begin == self.rates_from + self.at_hand:
                self.give(begin, self.carried())
            begin = min(end, self.rates_from + self.at_hand)
            status, costs = self.memory.run(status - self.first, begin - self.first)
            status += self.first
            parts.append(costs)
        return status, np.concatenate(parts)

    def _at_hand(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Return the parts in which steps can be run: one, or as many as rows must be read."""
        if self.data is not None:
            return [(first, stop)]
        row = self.batches.gather(self.batches.order[:1])
        most = max(1, STAGED_BYTES // (self.size * max(1, row[0].nbytes + row[1].nbytes)))
        return [(begin, min(begin + most, stop)) for begin in range(first, stop, most)]

    def _search(self, first: int, parameters: list[Array], last: int) -> NonFinite:
        """Return where a number ceased to be finite, in steps ``first`` to ``last``: they are run again."""
        self.give(first, parameters)
        before, at = parameters, first
        for step in range(first, last + 1):
            now = self.carried()
            self._read(step, step + 1)
            status, _ = self._steps(step, step + 1)
            if status != step + 1 or not self.memory.finite():
                break
            before, at = now, step
        return self.interpreted.locate(range(at, step + 1), before, self.batches, self.rate)

    def _read(self, begin: int, end: int) -> None:
        """Have the rows of steps at hand."""
        if self.data is None:
            rows = self.batches.order[begin * self.size : end * self.size]
            x, target = self.batches.gather(rows)
            data = Data((np.ascontiguousarray(x),), np.ascontiguousarray(target))
            self.memory.use(data, np.arange(len(rows)))
            self.first = begin

    def _remainder(self, parameters: list[Array], after_steps: AfterSteps) -> list[Array]:
        """Run the last, smaller mini-batch by the interpreter."""
        cost, after = self.interpreted.step(self.whole, parameters, self.batches, self.rate)
        if not np.isfinite(cost) or not all(np.isfinite(array).all() for array in after):
            raise self.interpreted.locate(
                range(self.whole, self.whole + 1), parameters, self.batches, self.rate
            )
        after_steps(self.whole + 1, np.array([cost]), lambda: after)
        return after


def next_count(count: int, seconds: float) -> int:
    """Return how many steps to run next, so that they take about `PORTION_SECONDS`."""
    return max(1, min(8 * count, int(count * PORTION_SECONDS / max(seconds, 1e-9))))
