"""Operations that compare the entries of a line: positions of the largest and smallest, sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample
from chainrule.primitives.define import primitive, translate, whole
from chainrule.primitives.indexing import take_along_axis
from chainrule.primitives.reduce import non_empty
from chainrule.primitives.shapes import normal_axes, normal_axis, ravel

LINES = (
    Sample(((4,),), {"axis": 0, "keepdims": False}),
    Sample(((2, 3),), {"axis": None, "keepdims": False}),
    Sample(((2, 3),), {"axis": 1, "keepdims": True}),
    Sample(((2, 3, 2),), {"axis": 1, "keepdims": False}),
)


def _position(name: str, function: Any) -> None:
    primitive(
        name,
        forward=lambda xp, x, *, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
        shape=lambda shape, axis, keepdims: non_empty(shape, normal_axes(axis, len(shape)), keepdims),
        pullback=None,
        dtype=whole,
        text=f"{name}({{0}})",
        latex=rf"\arg\{name[3:]} {{0}}",
        source=f"np.{name}({{0}}, axis={{axis}})",
        samples=LINES,
        differentiable=False,
    )

    @translate(function, samples=LINES, differentiable=False)
    def position(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Node:
        return apply(name, a, axis=None if axis is None else int(axis), keepdims=bool(keepdims))


_position("argmax", np.argmax)
_position("argmin", np.argmin)

primitive(
    "argsort",
    forward=lambda xp, x, *, axis, stable: xp.argsort(x, axis=axis, stable=stable),
    shape=lambda shape, axis, stable: shape,
    pullback=None,
    dtype=whole,
    text="argsort({0})",
    latex=r"\operatorname{{argsort}}({0})",
    source="np.argsort({0}, axis={axis})",
    samples=(
        Sample(((4,),), {"axis": 0, "stable": None}),
        Sample(((2, 3),), {"axis": 1, "stable": True}),
        Sample(((2, 3, 2),), {"axis": 1, "stable": None}),
    ),
    differentiable=False,
)

SORTS = (
    Sample(((5,),)),
    Sample(((2, 3),), {"axis": 0}),
    Sample(((2, 3, 2),), {"axis": None}),
    Sample(((2, 3),), {"axis": -1, "stable": True}),
)


@translate(np.argsort, samples=SORTS, differentiable=False)
def argsort(a: Any, axis: int | None = -1, *, stable: bool | None = None) -> Node:
    """Return the positions of the entries in ascending order."""
    x, place = _line(a, axis)
    return apply("argsort", x, axis=place, stable=stable)


@translate(np.sort, samples=SORTS, holomorphic=False)
def sort(a: Any, axis: int | None = -1, *, stable: bool | None = None) -> Node:
    """Return the entries in ascending order; each takes its derivative along."""
    x, place = _line(a, axis)
    return take_along_axis(x, apply("argsort", x, axis=place, stable=stable), place)


def _line(a: Any, axis: int | None) -> tuple[Node, int]:
    """Return the array and the axis from 0; all entries in one line where the axis is None."""
    x = lift(a)
    return (ravel(x), 0) if axis is None else (x, normal_axis(axis, x.ndim))
