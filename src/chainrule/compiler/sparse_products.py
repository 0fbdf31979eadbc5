"""Products with a mini-batch of which only what is not 0 is at hand."""

from __future__ import annotations

import functools
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
SORTED_BYTES, SORTED_EXAMPLES = 256, 16  # of a row of the result, of a mini-batch: sorting pays from there …
SORTED_COLUMNS = 32  # … and up to so many columns for each example
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
    if passes is _scatter_rows and _worth_sorting(node, table):
        table, factor = _by_columns(lowerer, table, node.shape[0], made, factor), None
        passes, made = functools.partial(_add_columns, onto=kernel.onto is not None), []
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


def _worth_sorting(node: Node, table: SparseRows) -> bool:
    """Return whether rows of the result are so long, and written to so often, that it pays to sort first."""
    long = padded_row(node.shape[1], node.dtype) * node.dtype.itemsize >= SORTED_BYTES
    often = table.batch >= SORTED_EXAMPLES and node.shape[0] <= SORTED_COLUMNS * table.batch
    return long and often and table.batch <= np.iinfo(table.columns.dtype).max


def _by_columns(
    lowerer: Lowerer, table: SparseRows, columns: int, begin: list[Statement], factor: str | None
) -> SparseRows:
    """Add the stage that sorts a mini-batch's entries by column, by counting, times the factor.

    In the table that it returns ``starts`` are where columns end, and ``columns`` are examples.
    """
    most = table.batch * columns
    ends = lowerer.temporary("ends", (columns,), np.dtype(np.int64), columns)
    examples = lowerer.temporary("examples_by_column", (most,), table.columns.dtype, most)
    values = lowerer.temporary("values_by_column", (most,), table.values.dtype, most)
    column, place = variable("column"), variable("place")
    end = Access(ends, (column,))
    value = Text("⟨0⟩" + (f" * {factor}" if factor else ""), (_entry(table.values),))
    counted: list[Statement] = [_read_column(table), Store(end, Text("⟨0⟩ + 1", (end,)))]
    summed: list[Statement] = [
        Let("after", Text("before + ⟨0⟩", (end,))),
        Store(end, Text("before")),
        Let("before", Text("after")),
    ]
    placed: list[Statement] = [
        _read_column(table),
        Let("place", read(end)),
        Store(end, Text("place + 1")),
        Store(Access(examples, (place,)), Text("i")),
        Store(Access(values, (place,)), value),
    ]
    body = [
        *begin,
        Loop("column", columns, [Store(end, Text("0"))]),
        Loop("i", table.batch, [*_row(table), _entries(counted)]),
        Let("before", Text("0")),
        Loop("column", columns, summed),
        Loop("i", table.batch, [*_row(table), _entries(placed)]),
    ]
    lowerer.add("the mini-batch by columns", (), body, "one")
    return SparseRows(table.batch, ends, examples, values, table.order)


def _add_columns(
    node: Node, table: SparseRows, right: Access, out: Buffer, _: str | None, tile: Tile, *, onto: bool
) -> Iterator[Statement]:
    """Yield what adds up, for each column, the rows of ``right`` of its examples: in a tile of registers."""
    begin, end, width = tile
    zero = literal(node.dtype.type(0), node.dtype)

    def rows(column: Affine) -> list[Statement]:
        target = Address(Access(out, (variable("column"), column)))
        source = Address(entry_of(right, variable("example"), column))
        first = Text(f"load(⟨0⟩, {width})", (target,)) if onto else Text(f"spread({zero}, {width})")
        added = Text(f"multiply_add(⟨0⟩, load(⟨1⟩, {width}), sums0)", (_entry(table.values), source))
        example = Let("example", Text("int64(⟨0⟩)", (_entry(table.columns),)))
        summed: list[Statement] = [
            Let("sums0", first),
            _entries([example, Let("sums0", added)]),
            Do(Text("store(⟨0⟩, sums0)", (target,))),
        ]
        stop = Let("stop", read(Access(table.starts, (variable("column"),))))
        body = [stop, *([If(Text("start < stop"), summed)] if onto else summed), Let("start", Text("stop"))]
        return [Let("start", Text("0")), Loop("column", node.shape[0], body)]

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
