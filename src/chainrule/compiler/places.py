"""Places of entries: indices that are affine in loop variables, and how views of arrays change them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.primitive import Array, Shape, Slice

Index = tuple["Affine", ...]


@dataclass(frozen=True, slots=True)
class Affine:
    """A whole number that depends on loop variables: ``constant + Σ factor · variable``."""

    constant: int = 0
    terms: tuple[tuple[str, int], ...] = ()

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.constant + other, self.terms)
        factors = dict(self.terms)
        for name, factor in other.terms:
            factors[name] = factors.get(name, 0) + factor
        return Affine(self.constant + other.constant, tuple((n, f) for n, f in factors.items() if f))

    def __mul__(self, factor: int) -> Affine:
        if not factor:
            return ZERO
        return Affine(self.constant * factor, tuple((n, f * factor) for n, f in self.terms))

    def replaced(self, **places: Affine) -> Affine:
        """Return the place with variables replaced by other places."""
        result = Affine(self.constant)
        for name, factor in self.terms:
            result = result + places.get(name, Affine(0, ((name, 1),))) * factor
        return result

    def __str__(self) -> str:
        parts: list[str] = []
        for name, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            term = name if abs(factor) == 1 else f"{name} * {abs(factor)}"
            parts.append(f" {sign} {term}" if parts else term if sign == "+" else f"-{term}")
        if self.constant or not parts:
            sign = "-" if self.constant < 0 else "+"
            parts.append(f" {sign} {abs(self.constant)}" if parts else str(self.constant))
        return "".join(parts)


ZERO = Affine()


def variable(name: str) -> Affine:
    """Return a loop variable as a place."""
    return Affine(0, ((name, 1),))


def broadcast_index(index: Index, shape: Shape) -> Index:
    """Return where an operand of ``shape`` is read for an entry of what it is broadcast to."""
    if not shape:
        return ()
    return tuple([ZERO if n == 1 else place for n, place in zip(shape, index[-len(shape) :], strict=True)])


def through_view(node: Node, index: Index) -> Index | None:
    """Return which entry of its operand an entry of a view is; None if the node is no view.

    Views are transpose, broadcast_to, index without index arrays, and reshape that only adds or drops axes of
    length 1.
    """
    name, shape = node.primitive.name, node.inputs[0].shape if node.inputs else ()
    if name == "transpose":
        axes = node.settings["axes"]
        return tuple([index[axes.index(axis)] for axis in range(len(shape))])
    if name == "broadcast_to":
        return broadcast_index(index, shape)
    if name == "reshape":
        return _through_units(node.shape, shape, index)
    if name == "index" and len(node.inputs) == 1:
        return through_template(node.settings["template"], shape, index)
    return None


def is_view(node: Node) -> bool:
    """Return whether a node only shows entries of its operand in other places."""
    return bool(node.inputs) and through_view(node, (ZERO,) * len(node.shape)) is not None


def _through_units(new: Shape, old: Shape, index: Index) -> Index | None:
    if [n for n in new if n != 1] != [n for n in old if n != 1]:
        return None
    real = iter([place for n, place in zip(new, index, strict=True) if n != 1])
    return tuple([ZERO if n == 1 else next(real) for n in old])


def through_template(template: Sequence[Any], shape: Shape, index: Index) -> Index:
    """Return which entry of an array of ``shape`` an entry of ``x[template]`` is."""
    places, _ = gathered(template, shape, index, 0)
    return tuple([place for place in places if isinstance(place, Affine)])


def spelled(template: Sequence[Any], shape: Shape) -> list[tuple[Any, int]]:
    """Return the parts of an index, none left out, each with the length of the axis it is for (None: 0)."""
    missing = len(shape) - sum(part is not None and part is not Ellipsis for part in template)
    full = [Slice(None, None, None)] * missing
    if Ellipsis in template:
        place = list(template).index(Ellipsis)
        parts = [*template[:place], *full, *template[place + 1 :]]
    else:
        parts = [*template, *full]
    lengths = iter(shape)
    return [(part, 0 if part is None else next(lengths)) for part in parts]


def may_point_outside(node: Node) -> bool:
    """Return whether index arrays, whose entries are not known or not all in range, pick entries."""
    if node.primitive.name not in ("index", "add_at"):
        return False
    source, *arrays = node.inputs
    shape = node.settings["shape"] if node.primitive.name == "add_at" else source.shape
    for part, length in spelled(node.settings["template"], shape):
        if isinstance(part, Array):
            array = arrays[part.position]
            if array.primitive is not CONSTANT:
                return True
            if array.size and not (-length <= array.value.min() and array.value.max() < length):
                return True
    return False


def gathered(
    template: Sequence[Any], shape: Shape, index: Index, index_rank: int
) -> tuple[list[Affine | tuple[Array, int]], Index]:
    """Return, for ``x[index]`` with index arrays, the place in each axis of x, and in the index arrays.

    A place is affine, or says which index array holds it, with the axis's length. ``index`` is the entry of
    the result, ``index_rank`` the number of axes that the index arrays broadcast to.
    """
    picking = [
        place
        for place, part in enumerate(template)
        if part is not None and part is not Ellipsis and not isinstance(part, Slice)
    ]
    together = all(b - a == 1 for a, b in pairwise(picking))
    parts = spelled(template, shape)
    before = 0
    if together:
        for part, _ in parts:
            if part is not None and not isinstance(part, Slice):
                break
            before += 1
    inner = index[before : before + index_rank]
    rest = iter((*index[:before], *index[before + index_rank :]))
    result: list[Affine | tuple[Array, int]] = []
    for part, length in parts:
        if part is None:
            next(rest)
        elif isinstance(part, Slice):
            start, _, step = slice(*part).indices(length)
            result.append(next(rest) * step + start)
        elif isinstance(part, Array):
            result.append((part, length))
        else:
            result.append(Affine(part % length))
    return result, inner
