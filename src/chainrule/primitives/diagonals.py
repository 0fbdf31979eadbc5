"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Array, Sample
from chainrule.primitives.choice import where
from chainrule.primitives.define import translate
from chainrule.primitives.shapes import normal_axis


@translate(
    np.diagonal, samples=(Sample(((3, 4),)), Sample(((2, 3, 3),), {"offset": 1, "axis1": 1, "axis2": 2}))
)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Return a diagonal, along a new last axis."""
    x = lift(a)
    first, second = normal_axis(axis1, x.ndim), normal_axis(axis2, x.ndim)
    order = [axis for axis in range(x.ndim) if axis not in (first, second)] + [first, second]
    moved = x if order == list(range(x.ndim)) else apply("transpose", x, axes=tuple(order))
    length = np.diagonal(np.broadcast_to(np.int8(0), moved.shape[-2:]), offset).shape[0]
    rows, columns = np.arange(length) + max(-offset, 0), np.arange(length) + max(offset, 0)
    return moved[..., rows, columns]


@translate(np.diag, samples=(Sample(((3,),)), Sample(((3,),), {"k": -1}), Sample(((3, 4),), {"k": 1})))
def diag(v: Any, k: int = 0) -> Node:
    """Return the diagonal of a matrix, or the matrix with a vector on its diagonal."""
    x = lift(v)
    if x.ndim != 1:
        return diagonal(x, k)
    length = x.shape[0] + abs(k)
    rows, columns = np.arange(x.shape[0]) + max(-k, 0), np.arange(x.shape[0]) + max(k, 0)
    template = (Array(0), Array(1))
    return apply("add_at", x, rows, columns, template=template, shape=(length, length))


@translate(np.tril, samples=(Sample(((3, 4),)), Sample(((2, 3, 3),), {"k": -1})))
def tril(m: Any, k: int = 0) -> Node:
    """Return the lower triangle, zeros above."""
    x = lift(m)
    return where(_triangle(x, k), x, np.zeros((), x.dtype))


@translate(np.triu, samples=(Sample(((3, 4),)), Sample(((2, 3, 3),), {"k": 1})))
def triu(m: Any, k: int = 0) -> Node:
    """Return the upper triangle, zeros below."""
    x = lift(m)
    return where(_triangle(x, k - 1), np.zeros((), x.dtype), x)


def _triangle(x: Node, k: int) -> np.ndarray[Any, Any]:
    """Return where a matrix of this shape is below its k-th diagonal, or on it."""
    rows, columns = x.shape[-2:]
    return np.tri(rows, columns, k, dtype=bool)
