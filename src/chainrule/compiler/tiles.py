"""What all products of matrices share: operands as they must lie in memory, tiles of columns, updates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chainrule.compiler.entries import Body
from chainrule.compiler.fuse import Kernel
from chainrule.compiler.layout import CACHE_LINE, memory_row, nest, padded_row, wrapped
from chainrule.compiler.loops import Access, Buffer, Let, Loop, Operand, Statement, Store, Text, joined
from chainrule.compiler.lower import Lowerer
from chainrule.compiler.places import Affine, variable
from chainrule.graph.node import Node


def right_operand(lowerer: Lowerer, source: Node) -> Access:
    """Return entry k, j of a right operand as it lies in memory, copied if its rows do not lie so."""
    index = (variable("k"), variable("j"))
    found = Body(lowerer).value(source, index).operands
    if len(found) == 1 and isinstance(found[0], Access):
        access = found[0]
        place = access.place
        factors = dict(place.terms)
        row = factors.get("k", 0)
        # A register must not run over the last row's end, which may be the end of the caller's memory.
        whole = row > 0 and place.constant % row + padded_row(source.shape[1], source.dtype) <= row
        if factors.get("j", int(source.shape[1] == 1)) == 1 and whole:
            return access
    return Access(packed(lowerer, source, memory_row(source.shape[1], source.dtype)), index)


def packed(lowerer: Lowerer, source: Node, row: int) -> Buffer:
    """Return a copy of an operand, made in a stage of its own, row after row."""
    name = f"{lowerer.names.get(source) or 'constant'}_rows"
    buffer = lowerer.temporary(name, source.shape, source.dtype, row)
    place, loops = nest(source.shape)
    inside = Body(lowerer)
    entry = inside.value(source, place)
    inside.statements.append(Store(Access(buffer, place), entry))
    made = wrapped(loops, inside.statements)
    if len(loops) == 2 and any(_down_columns(operand) for operand in entry.operands):
        made = list(_in_lines(loops, inside.statements, CACHE_LINE // source.dtype.itemsize))
    lowerer.add(name, (), made, "rows")
    return buffer


def _down_columns(operand: Operand) -> bool:
    """Return whether the next row of what is copied lies next to this one, and the next column far away."""
    factors = dict(operand.place.terms) if isinstance(operand, Access) else {}
    return factors.get("i") == 1 and factors.get("j", 0) > 1


def _in_lines(loops: list[tuple[str, int]], body: list[Statement], wide: int) -> Iterator[Statement]:
    """Yield the loops over a transposed copy: as many rows at a time as a line of the cache holds."""
    (row, rows), (column, columns) = loops
    whole = rows // wide * wide
    if whole:
        inner = Loop(row, "stop", body, start="start")
        bounds = [Let("start", Text("i0")), Let("stop", Text(f"i0 + {wide}"))]
        yield Loop("i0", whole, [*bounds, Loop(column, columns, [inner])], step=wide)
    if whole < rows:
        yield Loop(column, columns, [Loop(row, rows, body, start=whole, short=True)])


def destination(lowerer: Lowerer, kernel: Kernel) -> tuple[Buffer, str]:
    """Return the memory that a product writes, or whose update it is part of; and a title."""
    (node,) = kernel.nodes
    if kernel.onto is None:
        return lowerer.output_buffer(node, kernel, padded=True), lowerer.title([node])
    out = lowerer.buffers[kernel.onto.new] = lowerer.buffer(kernel.onto.target)
    return out, lowerer.title([kernel.onto.new])


def update_factor(lowerer: Lowerer, kernel: Kernel, body: list[Statement]) -> str | None:
    """Append what the factor of an update is; return its name."""
    if kernel.onto is None:
        return None
    sign = "-" if kernel.onto.sign < 0 else ""
    operands = Body(lowerer).value(kernel.onto.factor, ())
    body.append(Let("factor", joined(f"{sign}⟨0⟩", operands)))
    return "factor"


def tiles_of(
    begin: int, end: int, width: int, make: Callable[[Affine], list[Statement]]
) -> Iterator[Statement]:
    """Yield the loop over tiles of columns; no loop for a single one."""
    if end - begin == width:
        yield from make(Affine(begin))
    else:
        yield Loop("j", end, make(variable("j")), start=begin, step=width)


def entry_of(right: Access, row: Affine, column: Affine) -> Access:
    """Return an entry of the right operand, which is known by its entry k, j."""
    return Access(right.buffer, tuple([part.replaced(k=row, j=column) for part in right.index]), right.flat)
