"""Where entries lie: the loops over an array in C, and the index of what an entry is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.graph.node import Node
from chainrule.graph.primitive import Slice

Index = Sequence[str]


def squeezed(shape: Sequence[int]) -> list[int]:
    """Return the lengths without those that are 1."""
    return [length for length in shape if length != 1]


def counters(shape: Sequence[int]) -> tuple[list[tuple[str, int]], list[str]]:
    """Return a loop for each axis that is longer than 1, and the index of an entry; j for a single loop."""
    count = len(squeezed(shape))
    letters = iter("j" if count == 1 else "ijklmnpq"[:count])
    index = ["0" if length == 1 else next(letters) for length in shape]
    return [(at, length) for at, length in zip(index, shape, strict=True) if length != 1], index


def fitted(index: Index, shape: Sequence[int]) -> list[str]:
    """Return the index of an operand that is broadcast: counted from the last axis, 0 along length 1."""
    place = index[len(index) - len(shape) :] if shape else []
    return ["0" if length == 1 else at for at, length in zip(place, shape, strict=True)]


def with_gaps(index: Index, axes: Sequence[int]) -> list[str]:
    """Return an index with gaps at the axes that a reduction has dropped."""
    rest = iter(index)
    return ["" if axis in axes else next(rest) for axis in range(len(index) + len(axes))]


def plus(index: str, offset: int) -> str:
    """Return ``j + 3``, or the number where the index is one."""
    if index.isdigit():
        return str(int(index) + offset)
    return f"{index} + {offset}" if offset else index


def moved(node: Node, index: Index) -> list[str]:
    """Return where an entry of a moved array comes from."""
    name, source = node.primitive.name, node.inputs[0]
    if name == "transpose":
        back = dict(zip(node.settings["axes"], index, strict=True))
        return [back[axis] for axis in range(source.ndim)]
    if name == "broadcast_to":
        return fitted(index, source.shape)
    if name == "index":
        return _picked(node.settings["template"], source.shape, index)
    rest = iter([at for at, length in zip(index, node.shape, strict=True) if length != 1])
    return ["0" if length == 1 else next(rest) for length in source.shape]


def _picked(template: Sequence[Any], shape: Sequence[int], index: Index) -> list[str]:
    """Return where ``x[template][index]`` lies in ``x``."""
    named = sum(part is not None and part is not Ellipsis for part in template)
    full = [Slice(None, None, None)] * (len(shape) - named)
    place = list(template).index(Ellipsis) if Ellipsis in template else len(template)
    parts = [*template[:place], *full, *template[place + 1 :]]
    at, lengths = iter(index), iter(shape)
    found: list[str] = []
    for part in parts:
        if part is None:
            next(at)
        elif isinstance(part, Slice):
            reach = range(*slice(*part).indices(next(lengths)))
            found.append(_along(next(at), reach))
        else:
            length = next(lengths)
            found.append(str(part % length))
    return found


def _along(at: str, reach: range) -> str:
    """Return the index of an entry of a slice."""
    if at.isdigit():
        return str(reach[int(at)])
    if reach.step == 1:
        return plus(at, reach.start)
    single = at if at.isidentifier() else f"({at})"
    times = single if reach.step == -1 else f"{abs(reach.step)} * {single}"
    return f"{reach.start} {'+' if reach.step > 0 else '-'} {times}".removeprefix("0 + ")
