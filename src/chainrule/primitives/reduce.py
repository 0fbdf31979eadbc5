"""Operations that gather entries along axes: sum, mean, prod, max, min, var, std, cumsum, all, any."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample, Shape
from chainrule.primitives.define import primitive, probe, translate, truth
from chainrule.primitives.indexing import flip
from chainrule.primitives.shapes import (
    broadcast_to,
    concatenate,
    normal_axes,
    normal_axis,
    ravel,
    reshape,
    transpose,
)

Axes = tuple[int, ...]

REDUCTIONS = (
    Sample(((),), {"axis": (), "keepdims": False}),
    Sample(((4,),), {"axis": (0,), "keepdims": False}),
    Sample(((2, 3),), {"axis": (0, 1), "keepdims": False}),
    Sample(((2, 3),), {"axis": (1,), "keepdims": True}),
    Sample(((2, 3, 4),), {"axis": (0, 2), "keepdims": False}),
    Sample(((1, 3),), {"axis": (0,), "keepdims": False}),
    Sample(((0, 3),), {"axis": (1,), "keepdims": False}),
)
NUMPY_REDUCTIONS = (
    Sample(((2, 3),)),
    Sample(((2, 3),), {"axis": -1}),
    Sample(((2, 3, 2),), {"axis": (0, -1), "keepdims": True}),
)


def reduced(shape: Shape, axis: Axes, keepdims: bool = False) -> Shape:
    """Shape rule of reductions."""
    if keepdims:
        return tuple(1 if place in axis else n for place, n in enumerate(shape))
    return tuple(n for place, n in enumerate(shape) if place not in axis)


def non_empty(shape: Shape, axis: Axes, keepdims: bool = False) -> Shape:
    """Shape rule of reductions that need an entry, such as the largest."""
    if any(shape[place] == 0 for place in axis):
        raise ValueError("zero-size array to reduction operation which has no identity")
    return reduced(shape, axis, keepdims)


def kept(value: Any, x: Node, axis: Axes) -> Node:
    """Return a reduction's result (or its gradient) with the reduced axes put back, of length 1.

    A single number stays as it is: it fits everywhere.
    """
    node = lift(value)
    return reshape(node, reduced(x.shape, axis, keepdims=True)) if node.shape else node


def _dtype(name: str) -> Callable[..., Any]:
    """Dtype rule of a NumPy reduction: what NumPy makes of one entry."""
    return probe(lambda xp, x, **_: getattr(xp, name)(np.ones(1, np.asarray(x).dtype)))


# np.sum and np.max are these reductions behind two calls in Python, which cost as much as a small sum itself.


def sum_of(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return the sum along axes, by an array namespace."""
    add_up: Any = np.add.reduce if xp is np else xp.sum
    return add_up(x, axis=axis, keepdims=keepdims)


def largest_of(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return the largest entry along axes, by an array namespace."""
    find: Any = np.maximum.reduce if xp is np else xp.max
    return find(x, axis=axis, keepdims=keepdims)


sum_ = primitive(
    "sum",
    forward=sum_of,
    shape=reduced,
    pullback=lambda g, _, x, axis, keepdims: (broadcast_to(kept(g, x, axis), x.shape),),
    dtype=_dtype("sum"),
    text="sum({0})",
    latex=r"\sum {0}",
    source="np.sum({0}, axis={axis}, keepdims={keepdims})",
    samples=REDUCTIONS,
)


@translate(np.sum, samples=NUMPY_REDUCTIONS)
def sum(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Add up entries along axes."""
    x = lift(a)
    return apply("sum", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))


mean_ = primitive(
    "mean",
    forward=lambda xp, x, *, axis, keepdims: xp.mean(x, axis=axis, keepdims=keepdims),
    shape=reduced,
    pullback=lambda g, _, x, axis, keepdims: (
        broadcast_to(kept(g / math.prod(x.shape[place] for place in axis), x, axis), x.shape),
    ),
    dtype=_dtype("mean"),
    text="mean({0})",
    latex=r"\operatorname{{mean}}({0})",
    source="np.mean({0}, axis={axis}, keepdims={keepdims})",
    samples=REDUCTIONS,
)


@translate(np.mean, samples=NUMPY_REDUCTIONS)
def mean(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Return the mean along axes."""
    x = lift(a)
    return apply("mean", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))


def _product_pullback(g: Node, x: Node, axis: Axes) -> Node:
    """Return g times the product of all *other* entries, by a tree of products: exact also at 0.

    Going up, neighbours are multiplied in pairs until one product is left; going down, each of a pair
    receives what its parent received times its neighbour.
    """
    rest = tuple(place for place in range(x.ndim) if place not in axis)
    order = (*axis, *rest)
    count = math.prod(x.shape[place] for place in axis)
    lines = reshape(transpose(x, order), (count, *[x.shape[place] for place in rest]))
    levels = [lines]
    while levels[-1].shape[0] > 1:
        level, half = levels[-1], levels[-1].shape[0] // 2
        products = level[:half] * level[half : 2 * half]
        levels.append(concatenate([products, level[2 * half :]]) if level.shape[0] % 2 else products)
    others = broadcast_to(reshape(g, (1, *lines.shape[1:])), levels[-1].shape)
    for level in reversed(levels[:-1]):
        half = level.shape[0] // 2
        first, second, incoming = level[:half], level[half : 2 * half], others[:half]
        parts = [incoming * second, incoming * first]
        others = concatenate([*parts, others[half:]] if level.shape[0] % 2 else parts)
    back = tuple(int(place) for place in np.argsort(order))
    return transpose(reshape(others, tuple(x.shape[place] for place in order)), back)


prod_ = primitive(
    "prod",
    forward=lambda xp, x, *, axis, keepdims: xp.prod(x, axis=axis, keepdims=keepdims),
    shape=reduced,
    pullback=lambda g, _, x, axis, keepdims: (_product_pullback(g, x, axis),),
    dtype=_dtype("prod"),
    text="prod({0})",
    latex=r"\prod {0}",
    source="np.prod({0}, axis={axis}, keepdims={keepdims})",
    samples=REDUCTIONS,
)


@translate(np.prod, samples=NUMPY_REDUCTIONS)
def prod(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Multiply entries along axes."""
    x = lift(a)
    return apply("prod", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))


def _share_of_extreme(g: Node, y: Node, x: Node, axis: Axes) -> Node:
    """Return g where an entry is the extreme one; entries that tie share it equally."""
    chosen = x == kept(y, x, axis)
    ties = kept(apply("sum", chosen, axis=axis, keepdims=False), x, axis)
    return apply("where", chosen, kept(g, x, axis) / apply("convert", ties, dtype=x.dtype.name), 0)


def _extreme(name: str) -> Callable[..., Any]:
    return primitive(
        name,
        forward=lambda xp, x, *, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
        shape=non_empty,
        pullback=lambda g, y, x, axis, keepdims: (_share_of_extreme(g, y, x, axis),),
        text=f"{name}({{0}})",
        latex=rf"\{name} {{0}}",
        source=f"np.{name}({{0}}, axis={{axis}}, keepdims={{keepdims}})",
        samples=REDUCTIONS,
        holomorphic=False,
    )


max_ = _extreme("max")
min_ = _extreme("min")


@translate(np.max, np.amax, samples=NUMPY_REDUCTIONS, holomorphic=False)
def max(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Return the largest entry along axes."""
    x = lift(a)
    return apply("max", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))


@translate(np.min, np.amin, samples=NUMPY_REDUCTIONS, holomorphic=False)
def min(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Return the smallest entry along axes."""
    x = lift(a)
    return apply("min", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))


@translate(np.var, samples=(*NUMPY_REDUCTIONS, Sample(((2, 3),), {"axis": 0, "ddof": 1})))
def var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Node:
    """Return the variance along axes: the mean of the squared distances from the mean."""
    x = lift(a)
    axes = normal_axes(axis, x.ndim)
    count = math.prod(x.shape[place] for place in axes)
    squares = apply("square", x - mean(x, axes, keepdims=True))
    return sum(squares, axes, keepdims=keepdims) / (count - ddof if ddof < count else 0.0)


@translate(np.std, samples=(*NUMPY_REDUCTIONS, Sample(((2, 3),), {"axis": 0, "ddof": 1})))
def std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Node:
    """Return the standard deviation along axes; its derivative where all entries are equal is 0."""
    return root(var(a, axis, ddof=ddof, keepdims=keepdims))


def root(x: Node) -> Node:
    """Return √x with derivative 0 (a subgradient of the length whose square is x) at 0."""
    return apply("where", x == 0, 0, apply("sqrt", apply("where", x == 0, 1, x)))


cumsum_ = primitive(
    "cumsum",
    forward=lambda xp, x, *, axis: xp.cumsum(x, axis=axis),
    shape=lambda shape, **_: shape,
    pullback=lambda g, _, __, axis: (flip(apply("cumsum", flip(g, axis), axis=axis), axis),),
    dtype=probe(lambda xp, x, **_: xp.cumsum(x)),
    text="cumsum({0})",
    latex=r"\operatorname{{cumsum}}({0})",
    source="np.cumsum({0}, axis={axis})",
    samples=(
        Sample(((4,),), {"axis": 0}),
        Sample(((2, 3),), {"axis": 1}),
        Sample(((2, 3, 2),), {"axis": 0}),
        Sample(((0, 3),), {"axis": 0}),
    ),
)


@translate(
    np.cumsum,
    samples=(Sample(((2, 3),)), Sample(((2, 3),), {"axis": -1}), Sample(((2, 3, 2),), {"axis": 1})),
)
def cumsum(a: Any, axis: int | None = None) -> Node:
    """Return running sums."""
    x = lift(a)
    if axis is None:
        x, axis = ravel(x), 0
    return apply("cumsum", x, axis=normal_axis(axis, x.ndim))


@translate((np.add, "accumulate"), samples=(Sample(((2, 3),)), Sample(((2, 3),), {"axis": 1})))
def add_accumulate(array: Any, axis: int = 0) -> Node:
    """Return running sums, along the first axis by default."""
    return cumsum(array, axis)


def _truth_of(name: str, function: Any) -> Callable[..., Node]:
    primitive(
        name,
        forward=lambda xp, x, *, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
        shape=reduced,
        pullback=None,
        dtype=truth,
        text=f"{name}({{0}})",
        latex=rf"\operatorname{{{{{name}}}}}({{0}})",
        source=f"np.{name}({{0}}, axis={{axis}})",
        samples=REDUCTIONS,
        differentiable=False,
    )

    @translate(function, samples=NUMPY_REDUCTIONS, differentiable=False)
    def over(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
        return apply(name, a, axis=normal_axes(axis, lift(a).ndim), keepdims=bool(keepdims))

    return over


all_ = _truth_of("all", np.all)
any_ = _truth_of("any", np.any)


@translate(np.count_nonzero, samples=NUMPY_REDUCTIONS, differentiable=False)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Count the entries that are not 0."""
    return sum(lift(a) != 0, axis, keepdims=keepdims)


def _reduce_by(ufunc: np.ufunc, function: Callable[..., Node], **properties: Any) -> None:
    """Enter ``ufunc.reduce``: a reduction whose axis is the first one by default."""

    @translate((ufunc, "reduce"), samples=NUMPY_REDUCTIONS, **properties)
    def reduce(array: Any, axis: Any = 0, *, keepdims: bool = False) -> Node:
        return function(array, axis, keepdims=keepdims)


_reduce_by(np.add, sum)
_reduce_by(np.multiply, prod)
_reduce_by(np.maximum, max, holomorphic=False)
_reduce_by(np.minimum, min, holomorphic=False)
_reduce_by(np.logical_and, all_, differentiable=False)
_reduce_by(np.logical_or, any_, differentiable=False)


@translate(np.ptp, samples=NUMPY_REDUCTIONS, holomorphic=False)
def ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Node:
    """Return the largest entry less the smallest along axes."""
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


@translate(
    np.average,
    samples=(
        *NUMPY_REDUCTIONS,
        Sample(((2, 3),), {"axis": 1, "weights": [1.0, 2.0, 4.0]}),
        Sample(((2, 3),), {"weights": [[1.0, 2.0, 4.0], [0.5, 0.0, 3.0]], "keepdims": True}),
    ),
)
def average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Node:
    """Return the mean along axes, entries counted by their weights."""
    if weights is None:
        return mean(a, axis, keepdims=keepdims)
    x, w = lift(a), lift(weights)
    axes = normal_axes(axis, x.ndim)
    if w.shape != x.shape:
        if w.shape != tuple(x.shape[place] for place in axes):
            raise ValueError(f"weights of shape {w.shape} along axes {axes}")
        order = tuple(int(place) for place in np.argsort(axes))
        w = reshape(transpose(w, order), tuple(n if p in axes else 1 for p, n in enumerate(x.shape)))
    if x.dtype.kind != "f":
        x = x * 1.0
    return sum(x * w, axes, keepdims=keepdims) / sum(w, axes, keepdims=keepdims)
