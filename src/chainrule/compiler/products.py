"""Products of matrices: blocks of the result are held in vector registers while the shared axis runs by.

A block of R rows and N columns takes R · N/8 registers (float32); each step loads N entries of the right
operand and R numbers of the left. From about ten million operations on, BLAS is faster: its blocks are
chosen for the caches, too.
"""

from __future__ import annotations

from collections.abc import Iterator
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

BLAS_FROM = 10_000_000  # operations of one product from which BLAS is called
BLOCKS = ((2, 4), (1, 8))  # registers side by side, rows


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
    for wide, most in BLOCKS:
        width, count = wide * per_register, registers // wide
        registers -= count * wide
        high = min(most, rows)
        block = _Block(lowerer, node, right, out, width, inner, factor)
        stop = column + count * width
        whole = rows // high * high
        for start, end, size in ((0, whole, high), (whole, rows, rows - whole)):
            if start < end and count:
                body = list(tiles_of(column, stop, width, partial(block.statements, size)))
                made.append(Loop("i", end, body, start=start, step=size))
        column = stop
    return made


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

    def statements(self, rows: int, column: Affine) -> list[Statement]:
        """Return them for a number of rows, from a column on."""
        body: list[Statement] = []
        zero = literal(self.node.dtype.type(0), self.node.dtype)
        sums = [f"sums{row}" for row in range(rows)]
        for row, name in enumerate(sums):
            start = Text(f"spread({zero}, {self.width})")
            if self.factor is not None:
                start = Text(f"load(⟨0⟩, {self.width})", (Address(self._target(row, column)),))
            body.append(Let(name, start))
        body.append(Loop("k", self.inner, list(self._step(sums, column))))
        for row, name in enumerate(sums):
            body.append(Do(Text(f"store(⟨0⟩, {name})", (Address(self._target(row, column)),))))
        return body

    def _target(self, row: int, column: Affine) -> Access:
        return Access(self.out, (variable("i") + row, column))

    def _step(self, sums: list[str], column: Affine) -> Iterator[Statement]:
        right = entry_of(self.right, variable("k"), column)
        yield Let("line", Text(f"load(⟨0⟩, {self.width})", (Address(right),)))
        for row, name in enumerate(sums):
            inside = Body(self.lowerer)
            left = inside.value(self.node.inputs[0], (variable("i") + row, variable("k")))
            yield from inside.statements
            number = joined(f"{self.factor} * ⟨0⟩", left) if self.factor else left
            yield Let(name, joined(f"multiply_add(⟨0⟩, line, {name})", number))
