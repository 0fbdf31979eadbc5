"""Products of matrices: blocks of the result are held in vector registers while the shared axis runs by.

A block of R rows and N columns takes R · N/8 registers (float32); each step loads N entries of the right
operand and R numbers of the left. A multiply-add takes four cycles and two begin in each, so that eight sums
must be under way; twelve leave room for what comes late. From some hundred million operations on, BLAS is
faster: its blocks are chosen for the caches, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from chainrule.compiler.blas_products import by_blas
from chainrule.compiler.entries import Body
from chainrule.compiler.formulas import literal
from chainrule.compiler.fuse import Kernel, seen_through
from chainrule.compiler.layout import REGISTER, padded_row
from chainrule.compiler.loops import (
    Access,
    Address,
    Buffer,
    Do,
    Let,
    Loop,
    Statement,
    Text,
    joined,
)
from chainrule.compiler.lower import Lowerer
from chainrule.compiler.places import Affine, variable
from chainrule.compiler.sparse_products import sparse_product
from chainrule.compiler.tiles import destination, entry_of, right_operand, tiles_of, update_factor
from chainrule.graph.node import Node

BLAS_FROM = 200_000_000  # operations of one product from which BLAS is called
TURNS_FROM = 1_000_000  # operations from which blocks take turns with the same columns, which stay near
SMALL_BLOCKS = ((2, (4,)), (1, (8,)))  # registers side by side; rows
BLOCKS = ((2, (6, 5, 5)), (1, (8, 8)))  # … of the blocks that take turns: sixteen, as rows are shared


def product(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower a product of two matrices, and the update that it may be part of."""
    (node,) = kernel.nodes
    if seen_through(node.inputs[0]) in lowerer.sparse:
        sparse_product(lowerer, kernel)
        return
    rows, columns, inner = kernel.shape
    large = 2 * rows * columns * inner >= BLAS_FROM
    right = None if large else right_operand(lowerer, node.inputs[1])
    out, title = destination(lowerer, kernel)
    if right is None:
        body = by_blas(lowerer, kernel, node, out)
    else:
        body = _by_registers(lowerer, kernel, node, right, out)
    lowerer.add(title, [node], body, "rows")


def _by_registers(
    lowerer: Lowerer, kernel: Kernel, node: Node, right: Access, out: Buffer
) -> list[Statement]:
    rows, columns, inner = kernel.shape
    per_register = REGISTER // node.dtype.itemsize
    made: list[Statement] = []
    factor = update_factor(lowerer, kernel, made)
    registers = padded_row(columns, node.dtype) // per_register
    column = 0
    small = 2 * rows * columns * inner < TURNS_FROM
    for wide, heights in SMALL_BLOCKS if small else BLOCKS:
        width, count = wide * per_register, registers // wide
        registers -= count * wide
        block = _Block(lowerer, node, right, out, width, inner, factor)
        stop = column + count * width
        for start, end, turns in _turns(rows, heights):
            if count:
                body = list(tiles_of(column, stop, width, partial(block.in_turn, turns)))
                made.append(Loop("i", end, body, start=start, step=sum(turns)))
        column = stop
    return made


def _turns(rows: int, heights: tuple[int, ...]) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """Yield where blocks of rows begin and end, and the heights of those that take turns.

    The rows left over are cut evenly: a block of a few rows takes as long as a higher one, for each sum waits
    for the one before.
    """
    whole = rows // sum(heights) * sum(heights)
    if whole:
        yield 0, whole, heights
    if whole < rows:
        left, count = rows - whole, -(-(rows - whole) // max(heights))
        yield whole, rows, tuple(left // count + (place < left % count) for place in range(count))


class _Block:
    """The statements that compute a block of the result in registers."""

    def __init__(
        self,
        lowerer: Lowerer,
        node: Node,
        right: Access,
        out: Buffer,
        width: int,
        inner: int,
        factor: str | None,
    ) -> None:
        self.lowerer, self.node, self.right, self.out = lowerer, node, right, out
        self.width, self.inner, self.factor = width, inner, factor

    def in_turn(self, turns: Sequence[int], column: Affine) -> list[Statement]:
        """Return them for blocks below each other, which read the same columns of the right operand."""
        firsts = [sum(turns[:place]) for place in range(len(turns))]
        pairs = zip(firsts, turns, strict=True)
        return [statement for first, rows in pairs for statement in self.statements(first, rows, column)]

    def statements(self, first: int, rows: int, column: Affine) -> list[Statement]:
        """Return them for a number of rows from ``first`` on, from a column on."""
        body: list[Statement] = []
        zero = literal(self.node.dtype.type(0), self.node.dtype)
        sums = {row: f"sums{row - first}" for row in range(first, first + rows)}
        for row, name in sums.items():
            start = Text(f"spread({zero}, {self.width})")
            if self.factor is not None:
                start = Text(f"load(⟨0⟩, {self.width})", (Address(self._target(row, column)),))
            body.append(Let(name, start))
        body.append(Loop("k", self.inner, list(self._step(sums, column))))
        for row, name in sums.items():
            body.append(Do(Text(f"store(⟨0⟩, {name})", (Address(self._target(row, column)),))))
        return body

    def _target(self, row: int, column: Affine) -> Access:
        return Access(self.out, (variable("i") + row, column))

    def _step(self, sums: dict[int, str], column: Affine) -> Iterator[Statement]:
        right = entry_of(self.right, variable("k"), column)
        yield Let("line", Text(f"load(⟨0⟩, {self.width})", (Address(right),)))
        for row, name in sums.items():
            inside = Body(self.lowerer)
            left = inside.value(self.node.inputs[0], (variable("i") + row, variable("k")))
            yield from inside.statements
            number = joined(f"{self.factor} * ⟨0⟩", left) if self.factor else left
            yield Let(name, joined(f"multiply_add(⟨0⟩, line, {name})", number))
