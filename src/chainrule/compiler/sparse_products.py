"""Products with a mini-batch of which only what is not 0 is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.compiler.formulas import literal
from chainrule.compiler.fuse import Kernel, seen_through
from chainrule.compiler.layout import REGISTER, padded_row
from chainrule.compiler.loops import Access, Address, Buffer, Do, If, Let, Loop, Statement, Store, Text, read
from chainrule.compiler.lower import Lowerer, SparseRows
from chainrule.compiler.places import Affine, variable
from chainrule.compiler.tiles import destination, entry_of, right_operand, tiles_of, update_factor
from chainrule.graph.node import Node

Tile = tuple[int, int, int]
WIDEST = 8  # registers that hold a row of the result while the entries of a sparse row run by


def sparse_product(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower a product whose left operand is the sparse mini-batch, or its transpose.

    ``x @ W``: the rows of W at the columns that are not 0, added up. ``transpose(x) @ D``: a row of D, added
    to the rows of the result at these columns.
    """
    (node,) = kernel.nodes
    source = node.inputs[0]
    table = lowerer.sparse[seen_through(source)]
    made: list[Statement] = []
    factor = update_factor(lowerer, kernel, made)
    out, title = destination(lowerer, kernel)
    right = right_operand(lowerer, node.inputs[1])
    passes = _gather_rows if seen_through(source) is source else _scatter_rows
    columns = padded_row(node.shape[1], node.dtype)
    per_register = REGISTER // node.dtype.itemsize
    half = columns // per_register // 2 * per_register
    shared = lowerer.layout.shared and half > 0
    for share, (begin, end) in enumerate(((0, half), (half, columns)) if shared else ((0, columns),)):
        mine: list[Statement] = []
        for tile in _tiles(begin, end, node.dtype):
            mine += passes(node, table, right, out, factor, tile)
        made += [If(Text(f"share == {share}"), mine)] if shared else mine
    lowerer.add(title, [node], made, "rows" if shared else "one")


def dense_rows(table: SparseRows, target: Buffer) -> Loop:
    """Return the loop that writes the mini-batch's rows, zeros and all, to where a step reads them."""
    row = variable("i")
    zero = Text(literal(target.dtype.type(0), target.dtype))
    cleared = Loop("j", target.shape[1], [Store(Access(target, (row, variable("j"))), zero)])
    filled = Store(Access(target, (row, variable("column"))), read(_entry(table.values)))
    return Loop("i", table.batch, [*_row(table), cleared, _entries([_read_column(table), filled])])


def _tiles(begin: int, end: int, dtype: np.dtype[Any]) -> Iterator[Tile]:
    """Yield where tiles of columns begin and end, and how wide each is."""
    per_register = REGISTER // dtype.itemsize
    place, left, wide = begin, (end - begin) // per_register, WIDEST
    while left:
        count = left // wide
        if count:
            yield place, place + count * wide * per_register, wide * per_register
            place, left = place + count * wide * per_register, left - count * wide
        wide //= 2


def _gather_rows(
    node: Node, table: SparseRows, right: Access, out: Buffer, _: str | None, tile: Tile
) -> Iterator[Statement]:
    """Yield what adds up, for each example, the rows of ``right`` at its columns: in a tile of registers."""
    zero = literal(node.dtype.type(0), node.dtype)
    begin, end, width = tile

    def rows(column: Affine) -> list[Statement]:
        weights = Address(entry_of(right, variable("column"), column))
        added = Text(f"multiply_add(⟨0⟩, load(⟨1⟩, {width}), sums0)", (_entry(table.values), weights))
        body = [
            *_row(table),
            *(_prefetches(table) if begin == 0 else ()),
            Let("sums0", Text(f"spread({zero}, {width})")),
            _entries([_read_column(table), Let("sums0", added)]),
            Do(Text("store(⟨0⟩, sums0)", (Address(Access(out, (variable("i"), column))),))),
        ]
        return [Loop("i", table.batch, body)]

    yield from tiles_of(begin, end, width, rows)


def _scatter_rows(
    node: Node, table: SparseRows, right: Access, out: Buffer, factor: str | None, tile: Tile
) -> Iterator[Statement]:
    """Yield what adds each example's row of ``right`` to the rows of the result at its columns."""
    begin, end, width = tile
    zero = literal(node.dtype.type(0), node.dtype)

    def rows(column: Affine) -> list[Statement]:
        source = Address(entry_of(right, variable("i"), column))
        target = Address(Access(out, (variable("column"), column)))
        nothing = Address(Access(out, (variable("i"), column)))
        added = f"store(⟨0⟩, multiply_add(⟨1⟩, change, load(⟨0⟩, {width})))"
        body = [
            *_row(table),
            Let("change", Text(f"load(⟨0⟩, {width})" + (f" * {factor}" if factor else ""), (source,))),
            _entries([_read_column(table), Do(Text(added, (target, _entry(table.values))))]),
        ]
        clear = Do(Text(f"store(⟨0⟩, spread({zero}, {width}))", (nothing,)))
        cleared: list[Statement] = [] if factor else [Loop("i", node.shape[0], [clear])]
        return [*cleared, Loop("i", table.batch, body)]

    yield from tiles_of(begin, end, width, rows)


def _row(table: SparseRows, name: str = "row", begin: str = "begin", ends: str = "") -> Iterator[Statement]:
    """Yield what finds the row of example i, and where its entries start and stop."""
    yield Let(name, Text("⟨0⟩", (Access(table.order, (variable(begin) + variable("i"),)),)))
    row = variable(name)
    yield Let(f"{ends}start", Text("⟨0⟩", (Access(table.starts, (row,)),)))
    yield Let(f"{ends}stop", Text("⟨0⟩", (Access(table.starts, (row + 1,)),)))


def _entry(buffer: Buffer) -> Access:
    return Access(buffer, (variable("entry"),))


def _read_column(table: SparseRows) -> Let:
    return Let("column", Text("int64(⟨0⟩)", (_entry(table.columns),)))


def _entries(body: list[Statement]) -> Loop:
    return Loop("entry", "stop", body, start="start")


def _prefetches(table: SparseRows) -> Iterator[Statement]:
    """Yield what fetches the next mini-batch's rows into the caches while this one is computed."""
    yield from _row(table, "ahead", "following", "ahead_")
    for buffer in (table.values, table.columns):
        step = 64 // buffer.dtype.itemsize
        fetch = Do(Text("prefetch(⟨0⟩)", (Address(Access(buffer, (variable("place"),))),)))
        yield Loop("place", "ahead_stop", [fetch], start="ahead_start", step=step)
