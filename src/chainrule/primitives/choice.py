"""Comparisons, choices between values, and rounding: all that is piecewise.

At a kink the derivative is a convention, published in docs/conventions.md: the mean of both sides for
`maximum` and `minimum`, 0 for `absolute`, the inner side for `clip`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, constant, lift
from chainrule.graph.primitive import translate
from chainrule.primitives.define import elementwise, truth


def _comparison(name: str, function: Any, symbol: str, latex: str) -> Callable[..., Node]:
    return elementwise(
        name,
        forward=lambda xp, x, y: getattr(xp, name)(x, y),
        partials=lambda _, *__: (None, None),
        numpy=(function,),
        dtype=truth,
        text=f"{{0}} {symbol} {{1}}",
        latex=f"{{0}} {latex} {{1}}",
        source=f"({{0}} {symbol} {{1}})",
        differentiable=False,
    )


less = _comparison("less", np.less, "<", "<")
less_equal = _comparison("less_equal", np.less_equal, "<=", r"\le")
greater = _comparison("greater", np.greater, ">", ">")
greater_equal = _comparison("greater_equal", np.greater_equal, ">=", r"\ge")
equal = _comparison("equal", np.equal, "==", "=")
not_equal = _comparison("not_equal", np.not_equal, "!=", r"\ne")


def _logical(name: str, functions: tuple[Any, ...], latex: str, arity: int = 2) -> Callable[..., Node]:
    operands = ", ".join(f"{{{place}}}" for place in range(arity))
    return elementwise(
        name,
        forward=lambda xp, *x: getattr(xp, name)(*x),
        partials=lambda _, *x: (None,) * len(x),
        numpy=functions,
        text=f"{name}({operands})",
        latex=latex,
        source=f"np.{name}({operands})",
        differentiable=False,
    )


logical_and = _logical("logical_and", (np.logical_and,), r"{0} \land {1}")
logical_or = _logical("logical_or", (np.logical_or,), r"{0} \lor {1}")
logical_xor = _logical("logical_xor", (np.logical_xor,), r"{0} \oplus {1}")
logical_not = _logical("logical_not", (np.logical_not,), r"\lnot {0}", arity=1)
bitwise_and = _logical("bitwise_and", (np.bitwise_and,), r"{0} \land {1}")
bitwise_or = _logical("bitwise_or", (np.bitwise_or,), r"{0} \lor {1}")
bitwise_xor = _logical("bitwise_xor", (np.bitwise_xor,), r"{0} \oplus {1}")
invert = _logical("invert", (np.invert,), r"\lnot {0}", arity=1)
isnan = _logical("isnan", (np.isnan,), r"\operatorname{{isnan}}({0})", arity=1)
isinf = _logical("isinf", (np.isinf,), r"\operatorname{{isinf}}({0})", arity=1)
isfinite = _logical("isfinite", (np.isfinite,), r"\operatorname{{isfinite}}({0})", arity=1)


where = elementwise(
    "where",
    forward=lambda xp, condition, x, y: xp.where(condition, x, y),
    partials=lambda _, condition, *__: (None, where(condition, 1, 0), where(condition, 0, 1)),
    text="where({0}, {1}, {2})",
    latex=r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
    source="np.where({0}, {1}, {2})",
    dtype=lambda _, *kinds: _either(kinds),
)


def _either(kinds: tuple[Any, ...]) -> np.dtype[Any]:
    zero = np.zeros((0,), bool)
    values = [kind(1) if isinstance(kind, type) else np.ones((0,), kind) for kind in kinds]
    return np.where(zero, *values).dtype


@translate(np.where)
def _where(condition: Any, x: Any = None, y: Any = None) -> Node:
    if x is None or y is None:
        return lift(condition).nonzero  # refused: the shape would depend on values
    return apply("where", condition, x, y)


maximum = elementwise(
    "maximum",
    forward=lambda xp, x, y: xp.maximum(x, y),
    partials=lambda _, x, y: (_share(x > y, x == y), _share(y > x, x == y)),
    numpy=(np.maximum,),
    text="max({0}, {1})",
    latex=r"\max({0}, {1})",
    source="np.maximum({0}, {1})",
    domain=((-2.0, -0.1), (0.1, 2.0)),
    holomorphic=False,
    kinks=lambda x, y: x - y,
)
minimum = elementwise(
    "minimum",
    forward=lambda xp, x, y: xp.minimum(x, y),
    partials=lambda _, x, y: (_share(x < y, x == y), _share(y < x, x == y)),
    numpy=(np.minimum,),
    text="min({0}, {1})",
    latex=r"\min({0}, {1})",
    source="np.minimum({0}, {1})",
    domain=((-2.0, -0.1), (0.1, 2.0)),
    holomorphic=False,
    kinks=lambda x, y: x - y,
)


def _share(chosen: Node, tie: Node) -> Node:
    """Return 1 where an operand is chosen, one half in a tie, else 0."""
    share: Node = where(chosen, 1.0, where(tie, 0.5, 0.0))
    return share


clip = elementwise(
    "clip",
    forward=lambda xp, x, low, high: xp.clip(x, low, high),
    partials=lambda _, x, low, high: (
        where((x >= low) & (x <= high), 1.0, 0.0),
        where(x < low, 1.0, 0.0),
        where(x > high, 1.0, 0.0),
    ),
    text="clip({0}, {1}, {2})",
    latex=r"\operatorname{{clip}}({0}, {1}, {2})",
    source="np.clip({0}, {1}, {2})",
    domain=((-2.0, 2.0), (-0.9, -0.7), (0.7, 0.9)),
    holomorphic=False,
    kinks=lambda x, low, high: (x - low) * (x - high),
)


@translate(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Node:
    x = lift(a)
    low, high = a_min if min is None else min, a_max if max is None else max
    if x.dtype.kind == "f":
        lowest, highest = -float("inf"), float("inf")
    else:
        lowest, highest = int(np.iinfo(x.dtype).min), int(np.iinfo(x.dtype).max)
    return apply("clip", x, lowest if low is None else low, highest if high is None else high)


absolute = elementwise(
    "absolute",
    forward=lambda xp, x: xp.abs(x),
    partials=lambda _, x: (sign(x),),
    numpy=(np.absolute, np.fabs),
    text="|{0}|",
    latex=r"\left|{0}\right|",
    source="abs({0})",
    domain=(0.3, 2.0),
    holomorphic=False,
    kinks=lambda x: x,
)


def _step_function(name: str, functions: tuple[Any, ...], latex: str) -> Callable[..., Node]:
    return elementwise(
        name,
        forward=lambda xp, x: getattr(xp, name)(x),
        partials=lambda _, __: (0,),
        numpy=functions,
        text=f"{name}({{0}})",
        latex=latex,
        source=f"np.{name}({{0}})",
        domain=(0.1, 0.4),
        holomorphic=False,
    )


sign = _step_function("sign", (np.sign,), r"\operatorname{{sign}}({0})")
floor = _step_function("floor", (np.floor,), r"\lfloor {0} \rfloor")
ceil = _step_function("ceil", (np.ceil,), r"\lceil {0} \rceil")
trunc = _step_function("trunc", (np.trunc,), r"\operatorname{{trunc}}({0})")
rint = _step_function("rint", (np.rint,), r"\operatorname{{round}}({0})")

floor_divide = elementwise(
    "floor_divide",
    forward=lambda xp, x, y: xp.floor_divide(x, y),
    partials=lambda _, __, ___: (0, 0),
    numpy=(np.floor_divide,),
    text="{0} // {1}",
    latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    source="({0} // {1})",
    domain=((4.2, 4.4), (1.8, 2.0)),
    holomorphic=False,
)
remainder = elementwise(
    "remainder",
    forward=lambda xp, x, y: xp.remainder(x, y),
    partials=lambda _, x, y: (1, -floor_divide(x, y)),
    numpy=(np.remainder,),
    text="{0} % {1}",
    latex=r"{0} \bmod {1}",
    source="({0} % {1})",
    domain=((4.2, 4.4), (1.8, 2.0)),
    holomorphic=False,
    kinks=lambda x, y: x / y - rint(x / y),
)


@translate(np.round, samples=())
def _round(a: Any, decimals: int = 0) -> Node:
    factor = 10.0**decimals
    return rint(a) if decimals == 0 else rint(lift(a) * factor) / constant(factor)
