"""Large products of matrices: calls of BLAS."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.compiler.entries import Body
from chainrule.compiler.fuse import Kernel
from chainrule.compiler.loops import Access, Buffer, Comment, Do, Statement, Text, Whole
from chainrule.compiler.lower import Lowerer
from chainrule.compiler.naming import type_name
from chainrule.compiler.places import ZERO, variable
from chainrule.compiler.tiles import packed, update_factor
from chainrule.graph.node import Node

ALIGNED = 16  # rows or columns of which the first share is a multiple


@dataclass(frozen=True)
class _Matrix:
    """An operand as BLAS takes it: where it begins, whether it lies transposed, entries between rows."""

    buffer: Buffer
    transposed: bool
    step: int

    @property
    def row(self) -> int:
        """Entries from one row of the matrix to the next."""
        return 1 if self.transposed else self.step

    @property
    def column(self) -> int:
        """Entries from one column of the matrix to the next."""
        return self.step if self.transposed else 1


def by_blas(lowerer: Lowerer, kernel: Kernel, node: Node, out: Buffer) -> list[Statement]:
    """Return the call that computes a product, or half of it for each of two shares."""
    rows, columns, inner = kernel.shape
    left, right = (_matrix(lowerer, source) for source in node.inputs)
    made: list[Statement] = []
    factor = update_factor(lowerer, kernel, made)
    kind = type_name(node.dtype)
    alpha, beta = (factor, f"{kind}(1)") if factor else (f"{kind}(1)", f"{kind}(0)")
    shift = {"left": 0, "right": 0, "out": 0}
    cuts: list[tuple[int, int] | None] = [None, None, None]
    row_count, column_count = str(rows), str(columns)
    if lowerer.layout.shared and rows >= columns:
        half = rows // 2 // ALIGNED * ALIGNED
        row_count = f"{half} + {rows - 2 * half} * share"
        shift = {"left": half * left.row, "right": 0, "out": half * out.row}
        cuts = [None if left.transposed else (rows, half), None, (rows, half)]
    elif lowerer.layout.shared:
        half = columns // 2 // ALIGNED * ALIGNED
        column_count = f"{half} + {columns - 2 * half} * share"
        shift = {"left": 0, "right": half * right.column, "out": half}
    places = [
        f"shifted(⟨{hole}⟩, {step} * share)" if step else f"⟨{hole}⟩"
        for hole, step in enumerate(shift.values())
    ]
    call = (
        f"gemm({left.transposed}, {right.transposed}, {row_count}, {column_count}, {inner}, {alpha}, "
        f"{places[0]}, {left.step}, {places[1]}, {right.step}, {beta}, {places[2]}, {out.row})"
    )
    matrices = zip((left.buffer, right.buffer, out), cuts, strict=True)
    operands = [Whole(Access(buffer, (ZERO, ZERO)), cut) for buffer, cut in matrices]
    made.append(Comment("BLAS: out = alpha · left @ right + beta · out"))
    made.append(Do(Text(call, tuple(operands))))
    return made


def _matrix(lowerer: Lowerer, source: Node) -> _Matrix:
    """Return an operand as it lies in memory, copied if BLAS cannot take it so."""
    found = Body(lowerer).value(source, (variable("r"), variable("c"))).operands
    rows, columns = source.shape
    if len(found) == 1 and isinstance(found[0], Access):
        place = found[0].place
        steps = {**dict.fromkeys("rc", 0), **dict(place.terms)}  # 0: the same entry all along an axis
        across, along = (1 if rows == 1 else steps["r"], 1 if columns == 1 else steps["c"])
        if not place.constant and along == 1 and (rows == 1 or across >= columns):
            return _Matrix(found[0].buffer, transposed=False, step=max(across, columns))
        if not place.constant and across == 1 and (columns == 1 or along >= rows):
            return _Matrix(found[0].buffer, transposed=True, step=max(along, rows))
    return _Matrix(packed(lowerer, source, columns), transposed=False, step=columns)
