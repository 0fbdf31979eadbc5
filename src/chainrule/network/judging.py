"""How good a network is on data: by machine code where so much is judged that it pays, else interpreted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.rows import Roles, RowsCode
from chainrule.compiler.workspace import Data
from chainrule.errors import CompileError
from chainrule.graph.graph import Graph
from chainrule.network.machines import Machine
from chainrule.network.programs import Programs
from chainrule.nn.architecture import Architecture
from chainrule.rewrites import simplify, stabilise
from chainrule.training.compiled import WORTH_SECONDS, data_of, interpreted_seconds, next_count, reason_of
from chainrule.training.evaluation import Evaluation, Part, evaluate
from chainrule.training.examples import Examples, Stored, rows_of_a_chunk
from chainrule.training.sparse import is_sparse
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
BLOCK = 64  # rows that machine code judges at a time
SHARE = 1 / 3  # of a training step's work


class Judging:
    """Judges a network on examples.

    Attributes
    ----------
    reason
        Why it is done by the interpreter though machine code was wanted; None if nothing is in the way.
    """

    def __init__(self, architecture: Architecture, programs: Programs) -> None:
        self._architecture, self._programs = architecture, programs
        self._parameters = sum(math.prod(shape) for shape in architecture.parameter_shapes.values())
        self._portion = rows_of_a_chunk(architecture.sizes[0], np.dtype(architecture.dtype).itemsize)
        # A cost of the user's own need not be a mean over examples: it is judged in the same portions then.
        self._block = self._portion if callable(architecture.cost) else min(BLOCK, self._portion)
        self._wanted = False
        self.clear()

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep nothing of what was made in copies and pickles; it is made anew."""
        return Judging, (self._architecture, self._programs)

    def clear(self) -> None:
        """Forget what was made of a cost function: it may compute something else by now."""
        self.reason: str | None = None
        self._work = 0.0
        self._made: Graph | None = None
        self._machines: dict[np.dtype[Any] | None, Machine] = {}

    @property
    def compiled(self) -> bool:
        """Whether there is machine code."""
        return bool(self._machines)

    def compile(self) -> None:
        """Judge by machine code from now on, made at once; not with a cost function of the user's own."""
        self._wanted = not callable(self._architecture.cost)
        if self._wanted:
            self._machine(None)

    def is_worth(self, rows: int) -> bool:
        """Count rows that are to be judged; return whether machine code pays by now."""
        steps = -(-rows // self._portion)
        self._work += SHARE * interpreted_seconds(steps, self._parameters * min(rows, self._portion))
        return self._wanted or self._work >= WORTH_SECONDS

    def __call__(
        self,
        examples: Examples,
        targets: Targets,
        values: Sequence[Array],
        *,
        compiled: bool,
        often: bool = False,
    ) -> Evaluation:
        """Return how good parameters are.

        Parameters
        ----------
        examples, targets
            The data.
        values
            The parameters.
        compiled
            Whether to use machine code, made now if need be.
        often
            Whether the same examples are judged many times, so that leaving out their zeros pays.
        """
        parts = self._compiled(examples, values, often) if compiled else self._interpreted(examples, values)
        return evaluate(parts, targets)

    def _interpreted(self, examples: Examples, values: Sequence[Array]) -> Iterator[Part]:
        first, stored = 0, examples.stored
        for x, target in examples.chunks():
            yield self._portion_of(stored or Stored(x, target), first if stored else 0, x, target, values)
            first += len(x)

    def _portion_of(
        self, stored: Stored, first: int, x: Array, target: Array, values: Sequence[Array]
    ) -> Part:
        """Return the part of the data that begins with row ``first``, by the interpreter."""
        cost, output = self._programs.judged(len(x)).run(*values, x, target)
        return Part(float(cost), output, stored, first)

    def _compiled(self, examples: Examples, values: Sequence[Array], often: bool) -> Iterator[Part]:
        if examples.stored is not None:
            yield from self._judged(examples.stored, values, often)
            return
        for x, target in examples.chunks():
            yield from self._judged(
                Stored(np.ascontiguousarray(x), np.ascontiguousarray(target)), values, False
            )

    def _judged(self, stored: Stored, values: Sequence[Array], often: bool) -> Iterator[Part]:
        """Yield whole blocks, by machine code if there is any, and what is left, by the interpreter."""
        count = len(stored.target)
        whole = count // self._block
        done = 0
        if whole:
            data = self._data(stored, often)
            sparse = data.rows[1].dtype if data is not None and data.sparse else None
            machine = None if data is None else self._machine(sparse)
            if machine is not None and data is not None:
                yield self._blocks(machine, stored, data, whole, values)
                done = whole * self._block
        for first in range(done, count, self._portion):
            rows = slice(first, min(first + self._portion, count))
            x = stored.x[rows]
            yield self._portion_of(
                stored, first, x.toarray() if is_sparse(x) else x, stored.target[rows], values
            )

    def _blocks(
        self, machine: Machine, stored: Stored, data: Data, whole: int, values: Sequence[Array]
    ) -> Part:
        rows = whole * self._block
        outputs = np.empty((rows, stored.target.shape[1]), stored.target.dtype)
        with machine.memory(values) as memory:
            memory.use(data, np.arange(rows))
            memory.collect(outputs)
            total, done, count = 0.0, 0, 1
            while done < whole:  # in portions, so that Ctrl-C is noticed
                began, stop = time.monotonic(), min(done + count, whole)
                total += float(memory.run(done, stop)[1].sum(dtype=np.float64))
                done, count = stop, next_count(count, time.monotonic() - began)
        return Part(total / whole, outputs, stored)

    def _data(self, stored: Stored, often: bool) -> Data | None:
        graph = self._graph()
        if often or is_sparse(stored.x):
            return data_of(stored, graph, graph.inputs[-2])
        return Data((stored.x,), stored.target)

    def _graph(self) -> Graph:
        if self._made is None:
            self._made = simplify(stabilise(self._architecture.judged_graph(self._block)))
        return self._made

    def _machine(self, sparse: np.dtype[Any] | None) -> Machine | None:
        """Return the machine code for dense rows, or for sparse ones; None if there can be none."""
        if self.reason is None and sparse not in self._machines:
            try:
                graph = expand(self._graph())
                x, target = graph.inputs[-2:]
                cost, output = graph.outputs
                roles = Roles(x, target, cost=cost, collected=output)
                self._machines[sparse] = Machine(RowsCode(graph, roles, sparse))
            except (Refusal, CompileError) as error:
                self.reason = reason_of(error)
        return self._machines.get(sparse)
