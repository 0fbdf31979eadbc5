"""The memory in which compiled code runs over rows of data, and the threads that run it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.block import Block
from chainrule.compiler.rows import RowsCode
from chainrule.compiler.runtime.external import one_blas_thread

Array = np.ndarray[Any, Any]
RETRY = 32  # portions after which the other number of threads is tried again
PROBE = 4  # the share of a portion on which it is tried
TELLING_SECONDS = 0.02  # a shorter run says little: a processor that was idle may take a while to start


@dataclass(frozen=True)
class Data:
    """The examples of a fit in memory: dense rows, or sparse ones (starts, columns, values); and targets."""

    rows: tuple[Array, ...]
    target: Array | None = None

    @property
    def sparse(self) -> bool:
        """Whether the rows hold only what is not 0."""
        return len(self.rows) == 3


def threads() -> int:
    """Return how many threads share a step: two if there are as many processors, or ``CHAINRULE_THREADS``."""
    wanted = os.environ.get("CHAINRULE_THREADS", "")
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(2, int(wanted) if wanted.isdigit() else present))


class RowsMemory:
    """The memory in which `RowsCode` runs: parameters and state, padded, and everything that a step needs."""

    def __init__(self, code: RowsCode) -> None:
        self.code = code
        self._block = Block(code.bytes, code.lowered.buffers)
        self._table = self._block.table
        rows = {code.roles.x, code.roles.target}
        kept = [node for node in code.graph.inputs if node not in rows]
        views = {node: self._block.view(code.lowered.buffer_of[node]) for node in kept}
        self._given = list(views.values())
        self._carried = self._given[: len(code.graph.outputs) - 1]
        self._stretch = self._block.stretch(
            [code.lowered.buffer_of[node] for node in kept][: len(self._carried)]
        )
        self.portion = 1  # steps that are run before Python is asked again; who runs them keeps it here
        self._held: dict[str, Array] = {}
        self._pace: dict[int, float] = {}
        self._portions = 0

    def _point(self, name: str, array: Array) -> None:
        self._held[name] = array
        self._table[self.code.outer[name].slot] = array.ctypes.data

    def use(self, data: Data, order: Array) -> None:
        """Work on these examples from now on, in this order."""
        names = ("starts", "columns", "values") if data.sparse else ("examples",)
        for name, array in zip(names, data.rows, strict=True):
            self._point(name, array)
        if self.code.roles.target is not None and data.target is not None:
            self._point("targets", data.target)
        self._point("order", np.ascontiguousarray(order, np.int64))
        if "count" in self.code.outer:
            self._point("count", np.array([len(order)], np.int64))

    def give(self, *values: Any) -> None:
        """Take over what is not rows of the data: parameters, state, learning rate, in the graph's order."""
        for mine, given in zip(self._given, values, strict=True):
            mine[...] = given

    @property
    def address(self) -> int:
        """Where the table of addresses lies, the first argument of the machine code."""
        return self._block.address

    def release(self) -> None:
        """Hold on to the examples and the results no longer."""
        self._held.clear()

    def collect(self, results: Array) -> None:
        """Hand rows of results over here from now on."""
        self._point("collected", results)

    def run(self, first: int, last: int) -> tuple[int, Array]:
        """Run steps ``first`` to before ``last``; return ``last`` or the step not finite, and costs."""
        cost = self.code.roles.cost
        costs = np.zeros(last - first, cost.dtype if cost is not None else None)
        if cost is not None:
            self._table[self.code.outer["costs"].slot] = costs.ctypes.data - first * costs.itemsize
        if self.code.shared:
            return self._run_shared(first, last), costs
        return self.code.run(self.address, first, last), costs

    def _run_shared(self, first: int, last: int) -> int:
        """Run steps by one thread or two, whichever was faster lately; the bits are the same.

        Where other programs keep the processors busy, two threads that wait for each other are slow.
        """
        count = threads()
        if count == 1:
            return self._run_by(1, first, last)
        self._portions += 1
        best = min((2, 1), key=lambda count: self._pace.get(count, 0.0))
        other = 3 - best
        if self._portions % RETRY == 0 or (best in self._pace and other not in self._pace):
            middle = min(last, first + max(1, (last - first) // PROBE))
            done = self._timed(other, first, middle)
            if done < middle or middle == last:
                return done
            first = middle
        return self._timed(best, first, last)

    def _timed(self, count: int, first: int, last: int) -> int:
        """Run steps by a number of threads; remember how fast, if it took long enough to tell."""
        began = time.perf_counter()
        done = self._run_by(count, first, last)
        seconds = time.perf_counter() - began
        if seconds >= TELLING_SECONDS:
            self._pace[count] = seconds / max(1, last - first)
        return done

    def _run_by(self, count: int, first: int, last: int) -> int:
        """Run steps by a number of threads; BLAS makes none of its own."""
        self._point("gate", np.zeros(2, np.int64))
        tables = [self._table.copy() for _ in range(count)]
        numbers = np.array([[place, count] for place in range(count)], np.int64)
        for table, row in zip(tables, numbers, strict=True):
            table[self.code.outer["threads_at"].slot] = row.ctypes.data

        def share(place: int) -> int:
            _move_to(place)
            return self.code.run(tables[place].ctypes.data, first, last)

        others = [threading.Thread(target=share, args=(place,)) for place in range(1, count)]
        done = [-1]

        def all_shares() -> None:
            with one_blas_thread():
                for other in others:
                    other.start()
                done[0] = share(0) if others else self.code.run(tables[0].ctypes.data, first, last)
                for other in others:
                    other.join()

        if others:
            _undisturbed(all_shares)
        else:
            all_shares()
        return done[0]

    def carried(self) -> list[Array]:
        """Return copies of what is carried: parameters and state."""
        return [np.array(view) for view in self._carried]

    def finite(self) -> bool:
        """Return whether all that is carried is finite."""
        # What pads rows may be infinite, so only if it is not have we seen enough at one look.
        whole = self._stretch is not None and bool(np.isfinite(self._stretch).all())
        return whole or all(bool(np.isfinite(view).all()) for view in self._carried)


def _move_to(place: int) -> None:
    """Have this thread run on a processor of its own, at first.

    The system would let a new thread wait for some milliseconds behind the one that started it. Where it
    forbids the move, that costs only time; an error here would leave the other thread waiting for this one.
    """
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            allowed = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {sorted(allowed)[place % len(allowed)]})
            os.sched_setaffinity(0, allowed)


def _undisturbed(work: Callable[[], None]) -> None:
    """Do work in another thread, and come back when it is done, or before it has begun.

    Ctrl-C interrupts the main thread only. Were that one to leave its share undone, the other would wait for
    it for ever; so it has no share. Nor may it go on while the work still writes into memory that it frees.
    """
    begun, finished = threading.Lock(), threading.Event()

    def once() -> None:
        if begun.acquire(blocking=False):
            try:
                work()
            finally:
                finished.set()

    try:
        threading.Thread(target=once).start()
        finished.wait()
    finally:
        if not begun.acquire(blocking=False):  # the work has begun; else it never will
            while not finished.is_set():
                with contextlib.suppress(KeyboardInterrupt):  # the first one is on its way already
                    finished.wait()
