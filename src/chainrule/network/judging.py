"""How good a network is on data: by machine code where so much is judged that it pays, else interpreted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.rows import Data, Roles, RowsCode, RowsMemory
from chainrule.errors import CompileError
from chainrule.graph.graph import Graph
from chainrule.network.programs import Programs
from chainrule.nn.architecture import Architecture
from chainrule.rewrites import simplify, stabilise
from chainrule.training.compiled import WORTH_SECONDS, data_of, interpreted_seconds, next_count, reason_of
from chainrule.training.evaluation import Evaluation, Part, evaluate
from chainrule.training.examples import CHUNK_ROWS, Examples, Stored, chunks
from chainrule.training.sparse import is_sparse
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
BLOCK = 64  # rows that compiled code judges at a time
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
        self._size = sum(int(np.prod(shape)) for shape in architecture.parameter_shapes.values())
        # A cost of the user's own need not be a mean over examples: it is judged in the very same portions.
        self._block = CHUNK_ROWS if callable(architecture.cost) else BLOCK
        self._wanted = False
        self.clear()

    def clear(self) -> None:
        """Forget what was made of a cost function: it may compute something else by now."""
        self.reason: str | None = None
        self._work = 0.0
        self._graph: Graph | None = None
        self._memories: dict[Any, RowsMemory] = {}

    @property
    def compiled(self) -> bool:
        """Whether there is machine code."""
        return bool(self._memories)

    def compile(self) -> None:
        """Judge by machine code from now on, made at once; not with a cost function of the user's own."""
        self._wanted = not callable(self._architecture.cost)
        if self._wanted:
            self._memory(None)

    def is_worth(self, rows: int) -> bool:
        """Count rows that are to be judged; return whether machine code pays by now."""
        steps = -(-rows // CHUNK_ROWS)
        self._work += SHARE * interpreted_seconds(steps, self._size * min(rows, CHUNK_ROWS))
        return self._wanted or self._work >= WORTH_SECONDS

    def __call__(
        self, examples: Examples, targets: Targets, values: Sequence[Array], *, compiled: bool, often: bool
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
            Whether the same examples are judged many times, so that rows without their zeros pay.
        """
        if not compiled:
            return evaluate(self._interpreted(examples, values), targets)
        return evaluate(self._compiled(examples, values, often), targets)

    def _interpreted(self, examples: Examples, values: Sequence[Array], first: int = 0) -> Iterator[Part]:
        stored = examples.stored
        for rows in examples.portions(first):
            x, target = examples.gather(rows)
            cost, output = self._programs.judged(len(x)).run(*values, x, target)
            yield Part(float(cost), output, stored or Stored(x, target), rows.start if stored else 0)

    def _compiled(self, examples: Examples, values: Sequence[Array], often: bool) -> Iterator[Part]:
        stored = examples.stored
        if stored is not None:
            data = self._data(stored, often)
            whole = yield from self._blocks(stored, data, values)
            yield from self._interpreted(examples, values, whole)
            return
        for rows in examples.portions():
            x, target = examples.gather(rows)
            part = Stored(np.ascontiguousarray(x), np.ascontiguousarray(target))
            whole = yield from self._blocks(part, Data((part.x,), part.target), values)

    def _blocks(self, stored: Stored, data: Data, values: Sequence[Array]):
        ...
