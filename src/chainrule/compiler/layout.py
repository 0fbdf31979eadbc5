"""How rows lie in memory, and loops over all entries of an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.loops import Access, Let, Loop, Statement, Store, Text, accesses
from chainrule.compiler.naming import VARIABLES
from chainrule.compiler.places import ZERO, Affine, Index, variable
from chainrule.graph.primitive import Shape

REGISTER = 32  # bytes of a vector register
CACHE_LINE = 64  # bytes
SLACK = 256  # bytes behind an array that a vector register may touch, never to be used
LONG_ROW = 16  # cache lines
TINY = 8  # entries up to which a loop is written out rather than vectorised


@dataclass(frozen=True)
class Layout:
    """How arrays lie in memory, and who computes them.

    ``pad_inputs``: the inputs' rows are padded to whole registers. ``shared``: the work is cut in two shares
    of fixed bounds, for one thread or two; so the result has the same bits with either.
    """

    pad_inputs: bool = False
    shared: bool = False


def padded_row(length: int, dtype: np.dtype[Any]) -> int:
    """Return the entries of a row in whole vector registers."""
    per_register = REGISTER // dtype.itemsize
    return -(-length // per_register) * per_register


def memory_row(length: int, dtype: np.dtype[Any]) -> int:
    """Return the entries from one row to the next: whole registers; for long rows not a power of two.

    Rows that lie 4096 bytes apart compete for the same few lines of the caches.
    """
    row = padded_row(length, dtype)
    lines = row * dtype.itemsize / CACHE_LINE
    return row + CACHE_LINE // dtype.itemsize if lines >= LONG_ROW and lines % 2 == 0 else row


def nest(shape: Shape) -> tuple[Index, list[tuple[str, int]]]:
    """Return the index of an entry, and the loops over all entries: a variable and a length each."""
    index: list[Affine] = []
    loops: list[tuple[str, int]] = []
    for length in shape:
        if length == 1:
            index.append(ZERO)
            continue
        name = VARIABLES[len(loops)] if len(loops) < len(VARIABLES) else f"i{len(loops)}"
        loops.append((name, length))
        index.append(variable(name))
    return tuple(index), loops


def wrapped(loops: Sequence[tuple[str, int]], body: list[Statement]) -> list[Statement]:
    """Return the body inside loops, the first outermost; an innermost loop that is tiny is written out."""
    for place, (name, length) in enumerate(reversed(loops)):
        body = [Loop(name, length, body, short=place == 0 and length <= TINY)]
    return body


def rounded(layout: Layout, loops: list[tuple[str, int]], body: Sequence[Statement]) -> list[tuple[str, int]]:
    """Return the loops, the innermost over whole vector registers if all its arrays have room for that.

    What is computed in the padding is never read as an entry.
    """
    if not layout.pad_inputs or not loops or not all(isinstance(s, Let | Store) for s in body):
        return loops
    name, length = loops[-1]
    found = [access for access, _ in accesses(body)]
    last = variable(name)
    wide = max([padded_row(length, access.buffer.dtype) for access in found], default=length)
    for access in found:
        if any(name == term for part in access.index[:-1] for term, _ in part.terms):
            return loops
        if not access.index or not any(name == term for term, _ in access.index[-1].terms):
            continue
        narrow = len(access.buffer.shape) > 1 and access.buffer.row < wide
        if access.index[-1] != last or access.buffer.slot or narrow or access.buffer.shape[-1] != length:
            return loops
    return [*loops[:-1], (name, wide)]


def flattened(
    layout: Layout, body: list[Statement], index: Index, shape: Shape, loops: list[tuple[str, int]]
) -> list[Statement]:
    """Return a body in its loops, in one loop if every array is read and written place by place."""
    found = [access for access, _ in accesses(body)]
    layouts = {(access.buffer.shape, access.buffer.row) for access in found}
    simple = all(isinstance(statement, Let | Store) for statement in body)
    if len(loops) < 1 or not simple or len(layouts) != 1 or not found or next(iter(layouts))[0] != shape:
        return wrapped(rounded(layout, loops, body), body)
    if any(access.index != index for access in found):
        return wrapped(rounded(layout, loops, body), body)
    place = (variable("i"),)

    def flat(text: Text) -> Text:
        operands = [Access(o.buffer, place, flat=True) if isinstance(o, Access) else o for o in text.operands]
        return Text(text.template, tuple(operands))

    inner: list[Statement] = []
    for statement in body:
        if isinstance(statement, Let):
            inner.append(Let(statement.name, flat(statement.text), statement.node))
        elif isinstance(statement, Store):
            inner.append(Store(Access(statement.access.buffer, place, flat=True), flat(statement.text)))
    if len(shape) == 1:
        return wrapped([("i", length) for _, length in rounded(layout, loops, body)], inner)
    return wrapped([("i", found[0].buffer.entries)], inner)
