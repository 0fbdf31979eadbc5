"""Arithmetic, powers and roots: for each the author writes the local derivative, and nothing else.

The driver in `chainrule.gradients` multiplies it by what comes in. In all of this, the first argument of
``partials`` is the operation's own value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample
from chainrule.primitives.choice import where
from chainrule.primitives.define import elementwise, translate

add = elementwise(
    "add",
    forward=lambda xp, x, y: xp.add(x, y),
    partials=lambda _, __, ___: (1, 1),
    numpy=(np.add,),
    text="{0} + {1}",
    latex="{0} + {1}",
    source="({0} + {1})",
)
subtract = elementwise(
    "subtract",
    forward=lambda xp, x, y: xp.subtract(x, y),
    partials=lambda _, __, ___: (1, -1),
    numpy=(np.subtract,),
    text="{0} - {1}",
    latex="{0} - {1}",
    source="({0} - {1})",
)
multiply = elementwise(
    "multiply",
    forward=lambda xp, x, y: xp.multiply(x, y),
    partials=lambda _, x, y: (y, x),
    numpy=(np.multiply,),
    text="{0} * {1}",
    latex=r"{0} \cdot {1}",
    source="({0} * {1})",
)
divide = elementwise(
    "divide",
    forward=lambda xp, x, y: xp.divide(x, y),
    partials=lambda z, _, y: (1 / y, -z / y),
    numpy=(np.divide,),
    text="{0} / {1}",
    latex=r"\frac{{{0}}}{{{1}}}",
    source="({0} / {1})",
    domain=((-2.0, 2.0), (0.4, 2.0)),
)
negative = elementwise(
    "negative",
    forward=lambda xp, x: xp.negative(x),
    partials=lambda _, __: (-1,),
    numpy=(np.negative,),
    text="-{0}",
    latex="-{0}",
    source="(-{0})",
)
positive = elementwise(
    "positive",
    forward=lambda xp, x: xp.positive(x),
    partials=lambda _, __: (1,),
    numpy=(np.positive,),
    text="{0}",
    latex="{0}",
    source="(+{0})",
)


def _power_by_base(x: Node, n: Node) -> Any:
    """Return n·xⁿ⁻¹; 0 where n is 0, also at x = 0."""
    if n.weak:
        short = {0: 0, 1: 1, 2: 2 * x}
        return short.get(n.value, n.value * x ** (n.value - 1))
    return where(n == 0, 0, n * x ** where(n == 0, 1, n - 1))


def _power_by_exponent(y: Node, x: Node, n: Node) -> Any:
    """Return xⁿ·log x; 0 where x is 0."""
    if n.weak:
        return None
    if x.weak and x.value > 0:
        return y * apply("log", x)
    return where(x == 0, 0, y * apply("log", x))


power = elementwise(
    "power",
    forward=lambda xp, x, n: xp.power(x, n),
    partials=lambda y, x, n: (_power_by_base(x, n), _power_by_exponent(y, x, n)),
    numpy=(np.power,),
    text="{0} ** {1}",
    latex="{{{0}}}^{{{1}}}",
    source="({0} ** {1})",
    domain=((0.5, 2.5), (-2.0, 2.0)),
)
square = elementwise(
    "square",
    forward=lambda xp, x: xp.square(x),
    partials=lambda _, x: (2 * x,),
    numpy=(np.square,),
    text="{0}²",
    latex="{{{0}}}^2",
    source="({0} * {0})",
)
sqrt = elementwise(
    "sqrt",
    forward=lambda xp, x: xp.sqrt(x),
    partials=lambda y, _: (0.5 / y,),
    numpy=(np.sqrt,),
    text="sqrt({0})",
    latex=r"\sqrt{{{0}}}",
    source="math.sqrt({0})",
    domain=(0.5, 3.0),
)
cbrt = elementwise(
    "cbrt",
    forward=lambda xp, x: xp.cbrt(x),
    partials=lambda y, _: (1 / (3 * y * y),),
    numpy=(np.cbrt,),
    text="cbrt({0})",
    latex=r"\sqrt[3]{{{0}}}",
    source="math.cbrt({0})",
    domain=(0.5, 3.0),
    holomorphic=False,
)
reciprocal = elementwise(
    "reciprocal",
    forward=lambda xp, x: xp.reciprocal(x),
    partials=lambda y, _: (-y * y,),
    numpy=(np.reciprocal,),
    text="1 / {0}",
    latex=r"\frac{{1}}{{{0}}}",
    source="(1 / {0})",
    domain=(0.5, 3.0),
)


def _direction(x: Node, length: Node) -> Node:
    """Return x / length, and 0 (a subgradient) at the origin, where the length is 0."""
    slope: Node = where(length == 0, 0, x / where(length == 0, 1, length))
    return slope


hypot = elementwise(
    "hypot",
    forward=lambda xp, x, y: xp.hypot(x, y),
    partials=lambda r, x, y: (_direction(x, r), _direction(y, r)),
    numpy=(np.hypot,),
    text="hypot({0}, {1})",
    latex=r"\sqrt{{{{{0}}}^2 + {{{1}}}^2}}",
    source="math.hypot({0}, {1})",
    domain=(0.4, 2.0),
    holomorphic=False,
)


convert = elementwise(
    "convert",
    forward=lambda xp, x, *, dtype: xp.asarray(x).astype(dtype),
    partials=lambda _, x, dtype: (1 if np.dtype(dtype).kind == "f" and x.dtype.kind == "f" else None,),
    dtype=lambda _, dtype: np.dtype(dtype),
    text="{dtype}({0})",
    latex=r"{0}",
    source="np.{dtype}({0})",
    samples=(Sample(((),), {"dtype": "float64"}),),
    holomorphic=False,
)


@translate(
    "astype",
    *([np.astype] if hasattr(np, "astype") else []),
    samples=(Sample(((2, 3),), {"dtype": "float64"}), Sample(((4,),), {"dtype": "float64", "copy": False})),
    holomorphic=False,
)
def astype(x: Any, dtype: Any, *, copy: bool = True) -> Node:
    """Return ``x`` converted to another dtype; ``copy`` is NumPy's business."""
    del copy
    return convert(lift(x), dtype=np.dtype(dtype).name)


@translate(np.copy, samples=(Sample(((2, 3),)), Sample(((),))))
def copy(a: Any) -> Node:
    """Return ``a``: nothing can change it, so it needs no copy."""
    return lift(a)


@translate(np.fabs, samples=(Sample(((2, 3),), domain=(0.3, 2.0)),), holomorphic=False)
def fabs(x: Any) -> Node:
    """Return |x| as a real number, also of a whole one."""
    node = lift(x)
    return apply("absolute", astype(node, np.fabs(np.empty(0, node.dtype)).dtype))
