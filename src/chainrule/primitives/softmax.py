"""Sums of exponentials and their logarithms, done in one step so that nothing overflows."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample, Shape
from chainrule.primitives.define import DType, primitive, probe, translate
from chainrule.primitives.reduce import (
    NUMPY_REDUCTIONS,
    REDUCTIONS,
    Axes,
    kept,
    largest_of,
    non_empty,
    sum_of,
)
from chainrule.primitives.shapes import normal_axes


def stable_logsumexp(xp: Any, x: Any, *, axis: Axes, keepdims: bool) -> Any:
    """Return log Σ exp(x), the largest entry taken out first so that nothing overflows."""
    x = xp.asarray(x)
    top = largest_of(xp, xp.real(x), axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.log(sum_of(xp, xp.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else xp.squeeze(total, axis=axis)


def stable_softmax(xp: Any, x: Any, *, axis: Axes) -> Any:
    """Return exp(x) / Σ exp(x), the largest entry taken out first so that nothing overflows."""
    x = xp.asarray(x)
    shifted = xp.exp(x - largest_of(xp, xp.real(x), axis=axis, keepdims=True))
    return shifted / sum_of(xp, shifted, axis=axis, keepdims=True)


def stable_log_softmax(xp: Any, x: Any, *, axis: Axes) -> Any:
    """Return x − log Σ exp(x), the largest entry taken out first so that nothing overflows."""
    x = xp.asarray(x)
    shifted = x - largest_of(xp, xp.real(x), axis=axis, keepdims=True)
    return shifted - xp.log(sum_of(xp, xp.exp(shifted), axis=axis, keepdims=True))


_real: Any = probe(lambda xp, x: stable_softmax(xp, np.ones(1, np.asarray(x).dtype), axis=(0,)))


def _dtype(kind: Any, **_: Any) -> DType:
    """Dtype rule: what NumPy makes of the exponentials of this dtype."""
    dtype: DType = _real(kind)
    return dtype


def _same(shape: Shape, axis: Axes) -> Shape:
    non_empty(shape, axis)
    return shape


SOFTMAXES = (
    Sample(((4,),), {"axis": (0,)}),
    Sample(((2, 3),), {"axis": (1,)}),
    Sample(((2, 3),), {"axis": (0, 1)}),
    Sample(((2, 3, 2),), {"axis": (0, 2)}),
    Sample(((),), {"axis": ()}),
    Sample(((0, 3),), {"axis": (1,)}),
)

primitive(
    "logsumexp",
    forward=stable_logsumexp,
    shape=non_empty,
    pullback=lambda g, y, x, axis, keepdims: (kept(g, x, axis) * apply("softmax", x, axis=axis),),
    dtype=_dtype,
    text="logsumexp({0})",
    latex=r"\log \sum e^{{{0}}}",
    source="np.logaddexp.reduce({0}, axis={axis})",
    samples=REDUCTIONS,
)
primitive(
    "softmax",
    forward=stable_softmax,
    shape=_same,
    pullback=lambda g, y, x, axis: (y * (g - apply("sum", g * y, axis=axis, keepdims=True)),),
    dtype=_dtype,
    text="softmax({0})",
    latex=r"\operatorname{{softmax}}({0})",
    source="softmax({0}, axis={axis})",
    samples=SOFTMAXES,
)
primitive(
    "log_softmax",
    forward=stable_log_softmax,
    shape=_same,
    pullback=lambda g, y, x, axis: (g - apply("exp", y) * apply("sum", g, axis=axis, keepdims=True),),
    dtype=_dtype,
    text="log_softmax({0})",
    latex=r"\log \operatorname{{softmax}}({0})",
    source="log_softmax({0}, axis={axis})",
    samples=SOFTMAXES,
)


@translate((np.logaddexp, "reduce"), samples=NUMPY_REDUCTIONS, exact=False)
def logaddexp_reduce(array: Any, axis: Any = 0, *, keepdims: bool = False) -> Node:
    """Return log Σ exp along axes."""
    x = lift(array)
    return apply("logsumexp", x, axis=normal_axes(axis, x.ndim), keepdims=bool(keepdims))
