"""Operations that move entries without changing them: reshape, transpose, broadcast, concatenate, pad …."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample, Shape
from chainrule.primitives.define import primitive, translate, untraced

ANY_SHAPE = (Sample(((),)), Sample(((2, 3),)), Sample(((0, 3),)))


def normal_axis(axis: int, rank: int) -> int:
    """Return an axis counted from 0; raise NumPy's AxisError if there is no such axis."""
    if not -rank <= axis < rank:
        raise np.exceptions.AxisError(axis, rank)
    return int(axis) % rank


def normal_axes(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return axes as a tuple counted from 0; None means all of them."""
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int | np.integer) else tuple(axis)
    normal = tuple(normal_axis(int(entry), rank) for entry in axes)
    if len(set(normal)) < len(normal):
        raise ValueError("duplicate value in 'axis'")
    return normal


reshape_ = primitive(
    "reshape",
    forward=lambda xp, x, *, shape: xp.reshape(x, shape),
    shape=lambda old, shape: _same_size(old, shape),
    pullback=lambda g, _, x, **__: (apply("reshape", g, shape=x.shape),),
    text="reshape({0}, {shape})",
    latex=r"\operatorname{{reshape}}({0})",
    source="np.reshape({0}, {shape})",
    samples=(
        Sample(((2, 3),), {"shape": (3, 2)}),
        Sample(((2, 3, 4),), {"shape": (4, 6)}),
        Sample(((),), {"shape": (1, 1)}),
        Sample(((1, 4),), {"shape": (4,)}),
        Sample(((0, 3),), {"shape": (3, 0)}),
    ),
)


def _same_size(old: Shape, shape: Shape) -> Shape:
    if math.prod(old) != math.prod(shape):
        raise ValueError(f"cannot reshape {old} into {shape}")
    return shape


@translate(
    np.reshape,
    samples=(
        Sample(((2, 6),), {"shape": (3, -1)}),
        Sample(((2, 6),), {"shape": -1}),
        Sample(((2, 3, 2),), {"shape": (4, 3)}),
    ),
)
def reshape(a: Any, *lengths: Any, shape: Any = None, order: str = "C") -> Node:
    """Return the entries of ``a`` in another shape; one length may be −1."""
    x = lift(a)
    if lengths and isinstance(lengths[-1], str):  # np.reshape(a, shape, "C")
        lengths, order = lengths[:-1], lengths[-1]
    _check_order("reshape", order)
    wanted = shape
    if wanted is None:
        wanted = lengths[0] if len(lengths) == 1 else lengths
    full = tuple(int(n) for n in ((wanted,) if isinstance(wanted, int | np.integer) else wanted))
    if -1 in full:
        rest = math.prod(n for n in full if n != -1)
        if full.count(-1) > 1 or rest == 0 or x.size % rest:
            raise ValueError(f"cannot reshape {x.shape} into {full}")
        full = tuple(x.size // rest if n == -1 else n for n in full)
    return x if full == x.shape else apply("reshape", x, shape=full)


def _check_order(name: str, order: str) -> None:
    if order != "C":
        raise untraced(name, f"order={order!r}; only 'C'")


@translate(np.ravel, samples=(Sample(((2, 3),)), Sample(((),)), Sample(((2, 1, 3),)), Sample(((0, 3),))))
def ravel(a: Any, order: str = "C") -> Node:
    """Return the entries in one row."""
    _check_order("ravel", order)
    return reshape(a, (lift(a).size,))


@translate(np.squeeze, samples=(Sample(((1, 3, 1),)), Sample(((1, 3, 1),), {"axis": 0})))
def squeeze(a: Any, axis: Any = None) -> Node:
    """Drop axes of length 1."""
    x = lift(a)
    axes = normal_axes(axis, x.ndim)
    if axis is None:
        axes = tuple(place for place in axes if x.shape[place] == 1)
    if any(x.shape[place] != 1 for place in axes):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return reshape(x, tuple(n for place, n in enumerate(x.shape) if place not in axes))


@translate(np.expand_dims, samples=(Sample(((2, 3),), {"axis": 1}), Sample(((2,),), {"axis": (0, -1)})))
def expand_dims(a: Any, axis: Any) -> Node:
    """Insert axes of length 1."""
    x = lift(a)
    count = 1 if isinstance(axis, int | np.integer) else len(axis)
    new = set(normal_axes(axis, x.ndim + count))
    old = iter(x.shape)
    return reshape(x, tuple(1 if place in new else next(old) for place in range(x.ndim + count)))


@translate(np.atleast_1d, samples=(Sample(((),)), Sample(((2,),))))
def atleast_1d(a: Any) -> Node:
    """Return ``a`` with at least one axis."""
    x = lift(a)
    return x if x.ndim else reshape(x, (1,))


@translate(np.atleast_2d, samples=(Sample(((),)), Sample(((3,),)), Sample(((2, 3),))))
def atleast_2d(a: Any) -> Node:
    """Return ``a`` with at least two axes; a vector becomes a row."""
    x = lift(a)
    return reshape(x, (1,) * (2 - x.ndim) + x.shape)


@translate(np.atleast_3d, samples=(Sample(((),)), Sample(((3,),)), Sample(((2, 3),)), Sample(((1, 2, 3),))))
def atleast_3d(a: Any) -> Node:
    """Return ``a`` with at least three axes; a vector comes to lie in the middle one."""
    x = lift(a)
    full = {0: (1, 1, 1), 1: (1, *x.shape, 1), 2: (*x.shape, 1)}
    return reshape(x, full.get(x.ndim, x.shape))


transpose_ = primitive(
    "transpose",
    forward=lambda xp, x, *, axes: x.T if axes == (1, 0) else xp.transpose(x, axes),
    shape=lambda old, axes: tuple(old[axis] for axis in axes),
    pullback=lambda g, _, __, axes: (apply("transpose", g, axes=tuple(int(n) for n in np.argsort(axes))),),
    text="transpose({0})",
    latex="{0}^T",
    source="np.transpose({0}, {axes})",
    samples=(
        Sample(((2, 3),), {"axes": (1, 0)}),
        Sample(((2, 3, 4),), {"axes": (2, 0, 1)}),
        Sample(((),), {"axes": ()}),
        Sample(((0, 3),), {"axes": (1, 0)}),
        Sample(((1, 2, 3),), {"axes": (1, 2, 0)}),
    ),
)


@translate(
    np.transpose,
    samples=(Sample(((2, 3, 4),)), Sample(((2, 3, 4),), {"axes": (1, -1, 0)})),
)
def transpose(a: Any, axes: Any = None, *more: int) -> Node:
    """Permute the axes; without ``axes``, reverse them."""
    x = lift(a)
    if more:
        axes = (axes, *more)
    full = tuple(reversed(range(x.ndim))) if axes is None else normal_axes(axes, x.ndim)
    if len(full) != x.ndim:
        raise ValueError("axes don't match array")
    return x if full == tuple(range(x.ndim)) else apply("transpose", x, axes=full)


@translate(np.swapaxes, samples=(Sample(((2, 3, 4),), {"axis1": 0, "axis2": -1}),))
def swapaxes(a: Any, axis1: int, axis2: int) -> Node:
    """Exchange two axes."""
    x = lift(a)
    axes = list(range(x.ndim))
    first, second = normal_axis(axis1, x.ndim), normal_axis(axis2, x.ndim)
    axes[first], axes[second] = second, first
    return transpose(x, axes)


@translate(np.moveaxis, samples=(Sample(((2, 3, 4),), {"source": 0, "destination": -1}),))
def moveaxis(a: Any, source: Any, destination: Any) -> Node:
    """Move axes to other places, the rest keep their order."""
    x = lift(a)
    sources, targets = normal_axes(source, x.ndim), normal_axes(destination, x.ndim)
    order = [axis for axis in range(x.ndim) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return transpose(x, order)


def _broadcastable(old: Shape, shape: Shape) -> Shape:
    if np.broadcast_shapes(old, shape) != shape:
        raise ValueError(f"cannot broadcast {old} to {shape}")
    return shape


broadcast_to_ = primitive(
    "broadcast_to",
    forward=lambda xp, x, *, shape: xp.broadcast_to(x, shape),
    shape=_broadcastable,
    pullback=lambda g, *_, **__: (g,),  # the driver sums it back, as for every operation that broadcasts
    text="broadcast({0}, {shape})",
    latex="{0}",
    source="np.broadcast_to({0}, {shape})",
    samples=(
        Sample(((3,),), {"shape": (2, 3)}),
        Sample(((2, 1),), {"shape": (2, 3)}),
        Sample(((),), {"shape": (2, 2)}),
        Sample(((1, 3),), {"shape": (0, 3)}),
        Sample(((0, 1),), {"shape": (2, 0, 1)}),
    ),
)


@translate(np.broadcast_to, samples=(Sample(((3,),), {"shape": (2, 3)}),))
def broadcast_to(array: Any, shape: Any) -> Node:
    """Repeat entries along new axes and axes of length 1."""
    x = lift(array)
    full = (int(shape),) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    return x if full == x.shape else apply("broadcast_to", x, shape=full)


def _joined(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    for shape in shapes:
        if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :] or len(shape) != len(first):
            raise ValueError("all dimensions but the joined one must agree")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _cut(g: Node, lengths: Sequence[int], axis: int) -> tuple[Node, ...]:
    """Return the consecutive pieces of these lengths along an axis."""
    pieces, start = [], 0
    for length in lengths:
        pieces.append(g[(slice(None),) * axis + (slice(start, start + length),)])
        start += length
    return tuple(pieces)


concatenate_ = primitive(
    "concatenate",
    forward=lambda xp, *x, axis: xp.concatenate(x, axis=axis),
    shape=_joined,
    pullback=lambda g, _, *x, axis: _cut(g, [node.shape[axis] for node in x], axis),
    text="concatenate(…)",
    latex=r"\operatorname{{concatenate}}(\ldots)",
    source="np.concatenate(…)",
    samples=(
        Sample(((2, 3), (1, 3)), {"axis": 0}),
        Sample(((2, 3), (2, 1), (2, 2)), {"axis": 1}),
        Sample(((0, 2), (3, 2)), {"axis": 0}),
    ),
)


@translate(
    np.concatenate,
    samples=(Sample(((2, 3), (4, 3)), listed=True), Sample(((2,), (3, 2)), {"axis": None}, listed=True)),
)
def concatenate(arrays: Any, axis: int | None = 0) -> Node:
    """Join arrays along an axis."""
    parts = [lift(array) for array in arrays]
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    return apply("concatenate", *parts, axis=normal_axis(axis, parts[0].ndim))


@translate(np.stack, samples=(Sample(((2, 3), (2, 3)), {"axis": -1}, listed=True),))
def stack(arrays: Any, axis: int = 0) -> Node:
    """Join arrays along a new axis."""
    parts = [lift(array) for array in arrays]
    place = normal_axis(axis, parts[0].ndim + 1)
    return concatenate([expand_dims(part, place) for part in parts], place)


@translate(np.vstack, samples=(Sample(((3,), (2, 3)), listed=True),))
def vstack(tup: Any) -> Node:
    """Join rows on top of each other."""
    return concatenate([atleast_2d(array) for array in tup], 0)


@translate(np.hstack, samples=(Sample(((3,), (2,)), listed=True), Sample(((2, 3), (2, 1)), listed=True)))
def hstack(tup: Any) -> Node:
    """Join arrays side by side."""
    parts = [atleast_1d(array) for array in tup]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@translate(np.dstack, samples=(Sample(((3,), (3,)), listed=True), Sample(((2, 3), (2, 3, 2)), listed=True)))
def dstack(tup: Any) -> Node:
    """Join arrays along the third axis."""
    return concatenate([atleast_3d(array) for array in tup], 2)


@translate(np.append, samples=(Sample(((2, 3), (2,))), Sample(((2, 3), (1, 3)), {"axis": 0})))
def append(arr: Any, values: Any, axis: int | None = None) -> Node:
    """Join two arrays, by default as two rows of entries."""
    return concatenate([arr, values], axis)


@translate(np.column_stack, samples=(Sample(((3,), (3, 2)), listed=True),))
def column_stack(tup: Any) -> Node:
    """Join vectors as columns."""
    parts = [lift(array) for array in tup]
    return concatenate([reshape(part, (-1, 1)) if part.ndim == 1 else part for part in parts], 1)


SPLITS = (
    Sample(((4, 3),), {"indices_or_sections": 2}),
    Sample(((2, 3),), {"indices_or_sections": [1], "axis": 1}),
    Sample(((5,),), {"indices_or_sections": [2, 2, 4]}),
)


@translate(np.array_split, samples=(*SPLITS, Sample(((5, 2),), {"indices_or_sections": 3})))
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    """Cut into pieces of (nearly) equal length, or at the given places."""
    x = lift(ary)
    place = normal_axis(axis, x.ndim)
    pieces = np.array_split(np.arange(x.shape[place]), indices_or_sections)
    before = (slice(None),) * place
    return [x[(*before, slice(piece[0], piece[-1] + 1) if len(piece) else slice(0, 0))] for piece in pieces]


@translate(np.split, samples=SPLITS)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    """Cut into pieces of equal length, or at the given places."""
    x, count = lift(ary), indices_or_sections
    if isinstance(count, int | np.integer) and x.shape[normal_axis(axis, x.ndim)] % count:
        raise ValueError("array split does not result in an equal division")
    return array_split(x, count, axis)


@translate(np.vsplit, samples=(Sample(((4, 3),), {"indices_or_sections": 2}),))
def vsplit(ary: Any, indices_or_sections: Any) -> list[Node]:
    """Cut along the first axis."""
    return split(ary, indices_or_sections, 0)


@translate(np.hsplit, samples=(Sample(((2, 4),), {"indices_or_sections": 2}),))
def hsplit(ary: Any, indices_or_sections: Any) -> list[Node]:
    """Cut side by side: along the second axis, or the only one."""
    return split(ary, indices_or_sections, 1 if lift(ary).ndim > 1 else 0)


@translate(np.zeros_like, samples=ANY_SHAPE, differentiable=False)
def zeros_like(a: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """Return an array of zeros: a constant, of the node's shape and dtype."""
    return np.zeros(a.shape, dtype or a.dtype)


@translate(np.ones_like, samples=ANY_SHAPE, differentiable=False)
def ones_like(a: Any, dtype: Any = None) -> np.ndarray[Any, Any]:
    """Return an array of ones: a constant, of the node's shape and dtype."""
    return np.ones(a.shape, dtype or a.dtype)


@translate(np.full_like, samples=(Sample(((2, 3),), {"fill_value": 2}),), differentiable=False)
def full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return ``fill_value`` (which may be traced) in the shape of ``a``."""
    filled = broadcast_to(fill_value, np.shape(a))
    return apply("convert", filled, dtype=np.dtype(dtype or lift(a).dtype).name)


@translate(np.shape, samples=ANY_SHAPE, differentiable=False)
def shape(a: Any) -> Shape:
    """Return the shape: known while tracing."""
    return tuple(lift(a).shape)


@translate(np.ndim, samples=ANY_SHAPE, differentiable=False)
def ndim(a: Any) -> int:
    """Return the number of axes: known while tracing."""
    return len(lift(a).shape)


@translate(np.size, samples=(*ANY_SHAPE, Sample(((2, 3),), {"axis": 1})), differentiable=False)
def size(a: Any, axis: int | None = None) -> int:
    """Return the number of entries: known while tracing."""
    return lift(a).size if axis is None else lift(a).shape[axis]
