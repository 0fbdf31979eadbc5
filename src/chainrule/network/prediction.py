"""The outputs of a network: one row as fast as can be, tables in blocks; compiled, or by the interpreter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.rows import Roles, RowsCode
from chainrule.compiler.workspace import Data, RowsMemory
from chainrule.datasets import Scaling
from chainrule.errors import CompileError
from chainrule.network.inputs import InputScale
from chainrule.network.machines import Machine
from chainrule.network.programs import Programs
from chainrule.nn.architecture import Architecture
from chainrule.rewrites import simplify, stabilise
from chainrule.training.compiled import WORTH_SECONDS, interpreted_seconds, reason_of
from chainrule.training.examples import chunks, rows_of_a_chunk

if TYPE_CHECKING:
    from chainrule.training.sparse import SparseTable

Array = np.ndarray[Any, Any]
BLOCK = 32  # rows that machine code takes at a time
FEW = 6  # rows up to which they are taken one by one
SHARE = 1 / 3  # of a training step's work
BRIEF = 100_000  # multiplications of a call for which Python's other threads may wait
TAME = 1e38  # a sum of squares up to which no entry overflows in the dtype of any network


class Prediction:
    """Computes a network's outputs. Several threads may call it at once.

    Attributes
    ----------
    reason
        Why the interpreter computes them though machine code was wanted; None if nothing is in the way.
    """

    def __init__(self, architecture: Architecture, programs: Programs) -> None:
        self._architecture, self._programs = architecture, programs
        self._features, self._outputs = architecture.sizes[0], architecture.sizes[-1]
        self._parameters = sum(math.prod(shape) for shape in architecture.parameter_shapes.values())
        self._dtype = np.dtype(architecture.dtype)
        self._wanted = False
        self._work = 0.0
        self._row: _RowCode | None = None
        self._blocks: Machine | None = None
        self.reason: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep nothing of what was made in copies and pickles; it is made anew."""
        return Prediction, (self._architecture, self._programs)

    @property
    def compiled(self) -> bool:
        """Whether there is machine code."""
        return self._row is not None or self._blocks is not None

    def compile(self) -> None:
        """Use machine code from now on, made at once."""
        self._wanted = True
        self._row_code()
        self._block_code()

    def quickly(self, x: Any, values: list[Array], scaling: Scaling | None) -> Array | None:
        """Return the outputs of one row, (n,) or (1, n); None if x needs a closer look or a slower way."""
        if self._row is None or type(x) is not np.ndarray or x.dtype.char not in "fd":
            return None
        if x.shape == (self._features,):
            return self._row.outputs(x, values, scaling, as_table=False)
        if x.shape == (1, self._features):
            return self._row.outputs(x[0], values, scaling, as_table=True)
        return None

    def __call__(self, table: Array | SparseTable, scale: InputScale, values: list[Array]) -> Array:
        """Return the outputs (m, k) of a checked table (m, n)."""
        outputs = np.empty((table.shape[0], self._outputs), self._dtype)
        compiled = self._is_worth(len(outputs))
        run = self._compiled if compiled else self._interpreted
        for rows in chunks(len(outputs), rows_of_a_chunk(self._features, self._dtype.itemsize)):
            part = scale(table[rows], rows.start)
            outputs[rows] = run(part, values)
        return outputs

    def _is_worth(self, rows: int) -> bool:
        """Count rows that are asked for; return whether machine code pays by now."""
        portion = rows_of_a_chunk(self._features, self._dtype.itemsize)
        steps = -(-rows // portion)
        self._work += SHARE * interpreted_seconds(steps, self._parameters * min(rows, portion))
        return self._wanted or self._work >= WORTH_SECONDS

    def _interpreted(self, part: Array, values: Sequence[Array]) -> Array:
        found: Array = self._programs.output(len(part)).run(part, *values)[0]
        return found

    def _compiled(self, part: Array, values: list[Array]) -> Array:
        if len(part) <= FEW:
            code = self._row_code()
            return self._interpreted(part, values) if code is None else code.all_outputs(part, values)
        machine = self._block_code()
        return self._interpreted(part, values) if machine is None else self._in_blocks(machine, part, values)

    def _in_blocks(self, machine: Machine, part: Array, values: Sequence[Array]) -> Array:
        """Return the outputs, block by block; the last row fills up the last block."""
        count = -(-len(part) // BLOCK)
        outputs = np.empty((count * BLOCK, self._outputs), self._dtype)
        with machine.memory(values) as memory:
            memory.use(
                Data((np.ascontiguousarray(part),)), np.minimum(np.arange(len(outputs)), len(part) - 1)
            )
            memory.collect(outputs)
            memory.run(0, count)
        return outputs[: len(part)]

    def _row_code(self) -> _RowCode | None:
        if self._row is None:
            code = self._made(1)
            self._row = None if code is None else _RowCode(code, self._parameters)
        return self._row

    def _block_code(self) -> Machine | None:
        if self._blocks is None:
            code = self._made(BLOCK)
            self._blocks = None if code is None else Machine(code)
        return self._blocks

    def _made(self, rows: int) -> RowsCode | None:
        """Return machine code for so many rows at a time; None if there can be none."""
        if self.reason is None:
            try:
                graph = expand(simplify(stabilise(self._architecture.output_graph(rows))))
                return RowsCode(graph, Roles(graph.inputs[0], collected=graph.outputs[0]))
            except (Refusal, CompileError) as error:
                self.reason = reason_of(error)
        return None


class _RowCode:
    """Machine code for one row. All that a call needs is made beforehand; a call only copies."""

    def __init__(self, code: RowsCode, work: int) -> None:
        self._code = code
        self._run: Callable[[int, int, int], int] | None = None
        if not code.shared:
            self._run = code.machine.load(hold_gil=True) if work < BRIEF else code.run
        self._free: list[_Space] = []
        self._scaling: Scaling | None = None
        self._tame: tuple[Array, Array] | None = None

    def outputs(
        self, row: Array, values: list[Array], scaling: Scaling | None, *, as_table: bool
    ) -> Array | None:
        """Return the outputs, (k,) or (1, k), of a row (n,) of floats; None if it needs a closer look.

        One number tells that all entries are finite and stay so in another dtype: their sum of squares.
        """
        if not float(row.dot(row)) <= TAME:  # also if it is NaN
            return None
        if scaling is not None:
            if scaling is not self._scaling:
                self._tame, self._scaling = _tame(scaling, len(row)), scaling
            if self._tame is None:
                return None
            row = (row - self._tame[0]) / self._tame[1]
            if not float(row.dot(row)) <= TAME:
                return None
        return self._computed(row, values, as_table=as_table)

    def all_outputs(self, rows: Array, values: list[Array]) -> Array:
        """Return the outputs (m, k) of rows (m, n) that are scaled and finite."""
        return np.concatenate([self._computed(row, values, as_table=True) for row in rows])

    def _computed(self, row: Array, values: list[Array], *, as_table: bool) -> Array:
        try:
            space = self._free.pop()
        except IndexError:
            space = _Space(self._code)
        if space.values is not values:
            space.memory.give(*values)
            space.values = values
        space.x[...] = row
        if self._run is None:
            space.memory.run(0, 1)
        else:
            self._run(space.address, 0, 1)
        found: Array = (space.table if as_table else space.outputs).copy()
        self._free.append(space)
        return found


class _Space:
    """Memory of one running call: parameters, the row, and the outputs, where machine code finds them.

    ``values`` are the parameters that lie in it.
    """

    def __init__(self, code: RowsCode) -> None:
        self.memory = RowsMemory(code)
        x, outputs = code.roles.x, code.graph.outputs[0]
        row, found = np.zeros(x.shape, x.dtype), np.zeros(outputs.shape, outputs.dtype)
        self.memory.use(Data((row,)), np.zeros(1, np.int64))
        self.memory.collect(found)
        self.x, self.outputs, self.table = row[0], found[0], found
        self.address = self.memory.address
        self.values: list[Array] | None = None


def _tame(scaling: Scaling, features: int) -> tuple[Array, Array] | None:
    """Return offset and scale as float64 rows; None if they do not fit, or could overflow."""
    parts = [np.asarray(part, np.float64) for part in (scaling.offset, scaling.scale)]
    if any(part.ndim and part.shape != (features,) for part in parts):
        return None
    offset, scale = (np.broadcast_to(part, features).copy() for part in parts)
    if not (np.all(np.abs(offset) <= TAME) and np.all(np.abs(scale) >= 1 / TAME)):
        return None
    return offset, scale
