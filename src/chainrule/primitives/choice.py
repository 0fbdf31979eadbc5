"""Comparisons, choices between values, and rounding: all that is piecewise.

At a kink the derivative is a convention, published in docs/conventions.md: the mean of both sides for
`maximum` and `minimum`, 0 for `absolute`, the inner side for `clip`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, constant, lift
from chainrule.graph.primitive import Sample
from chainrule.primitives.define import elementwise, translate, truth, untraced

BOTH_SIDES = (Sample(((),), domain=(0.2, 2.0)), Sample(((),), domain=(-2.0, -0.2)))
ORDERED = (
    Sample(((), ()), domain=((-2.0, -0.1), (0.1, 2.0))),
    Sample(((), ()), domain=((0.1, 2.0), (-2.0, -0.1))),
)


def number(value: float, like: Node) -> Node:
    """Return a number of a node's dtype, for choices between numbers: alone they would be float64."""
    return constant(np.asarray(value, like.dtype))


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
    of_one: Callable[..., Any] = lambda xp, x: getattr(xp, name)(x)  # noqa: E731 - like all forwards
    of_two: Callable[..., Any] = lambda xp, x, y: getattr(xp, name)(x, y)  # noqa: E731
    return elementwise(
        name,
        forward=of_one if arity == 1 else of_two,
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


where: Callable[..., Node] = elementwise(
    "where",
    forward=lambda xp, condition, x, y: xp.where(condition, x, y),
    partials=lambda _, condition, *__: (None, where(condition, 1, 0), where(condition, 0, 1)),
    text="where({0}, {1}, {2})",
    latex=r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
    source="np.where({0}, {1}, {2})",
    dtype=lambda _, *kinds: _either(kinds),
    samples=(Sample(((), (), ()), integers=(0,), domain=((0, 2), (-2.0, 2.0), (-2.0, 2.0))),),
)


def _either(kinds: tuple[Any, ...]) -> np.dtype[Any]:
    zero = np.zeros((0,), bool)
    first, second = [kind(1) if isinstance(kind, type) else np.ones((0,), kind) for kind in kinds]
    return np.where(zero, first, second).dtype


CHOICES = (
    Sample(((2, 3), (3,), ()), integers=(0,), domain=((0, 2), (-2.0, 2.0), (-2.0, 2.0))),
    Sample(((3,), (2, 1), (2, 3)), integers=(0,), domain=((0, 2), (-2.0, 2.0), (-2.0, 2.0))),
    Sample(((), (), (2,)), integers=(0,), domain=((0, 2), (-2.0, 2.0), (-2.0, 2.0))),
)


@translate(np.where, samples=CHOICES)
def _where(condition: Any, x: Any = None, y: Any = None) -> Node:
    if x is None or y is None:
        raise untraced("where", "the shape would depend on values")
    return apply("where", condition, x, y)


maximum = elementwise(
    "maximum",
    forward=lambda xp, x, y: xp.maximum(x, y),
    partials=lambda z, x, y: (_share(z, x > y, x == y), _share(z, y > x, x == y)),
    numpy=(np.maximum,),
    text="max({0}, {1})",
    latex=r"\max({0}, {1})",
    source="np.maximum({0}, {1})",
    samples=ORDERED,
    holomorphic=False,
    kinks=lambda x, y: x - y,
)
minimum = elementwise(
    "minimum",
    forward=lambda xp, x, y: xp.minimum(x, y),
    partials=lambda z, x, y: (_share(z, x < y, x == y), _share(z, y < x, x == y)),
    numpy=(np.minimum,),
    text="min({0}, {1})",
    latex=r"\min({0}, {1})",
    source="np.minimum({0}, {1})",
    samples=ORDERED,
    holomorphic=False,
    kinks=lambda x, y: x - y,
)


def _share(z: Node, chosen: Node, tie: Node) -> Node:
    """Return 1 where an operand is chosen, one half in a tie, else 0."""
    return where(chosen, number(1, z), where(tie, number(0.5, z), 0))


clip = elementwise(
    "clip",
    forward=lambda xp, x, low, high: xp.clip(x, low, high),
    partials=lambda _, x, low, high: (
        where((x >= low) & (x <= high), 1.0, 0.0),
        where((x < low) & (low <= high), 1.0, 0.0),
        where((x > high) | (low > high), 1.0, 0.0),  # where low > high, NumPy's value is high
    ),
    text="clip({0}, {1}, {2})",
    latex=r"\operatorname{{clip}}({0}, {1}, {2})",
    source="np.clip({0}, {1}, {2})",
    samples=tuple(
        Sample(((), (), ()), domain=(interval, (-0.9, -0.7), (0.7, 0.9)))
        for interval in ((-2.0, -1.1), (-0.6, 0.6), (1.1, 2.0))
    )
    + tuple(
        Sample(((), (), ()), domain=(interval, (0.7, 0.9), (-0.9, -0.7)))
        for interval in ((-2.0, -1.1), (-0.6, 0.6), (1.1, 2.0))
    ),
    holomorphic=False,
    kinks=lambda x, low, high: (x - low) * (x - high),
)


@translate(
    np.clip,
    samples=(
        Sample(((2, 3),), {"a_min": -3.0, "a_max": 3.0}),
        Sample(((2, 3),), {"min": 0.0}, domain=(0.1, 2.0)),
        Sample(((4,),), {"a_min": None, "a_max": 0.0}, domain=(0.1, 2.0)),
    ),
    holomorphic=False,
)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Node:
    x = lift(a)
    low, high = a_min if min is None else min, a_max if max is None else max
    lowest, highest = _range(x.dtype)
    return apply("clip", x, lowest if low is None else low, highest if high is None else high)


def _range(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the numbers between which all numbers of a dtype lie."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return (False, True) if dtype.kind == "b" else (-float("inf"), float("inf"))


absolute = elementwise(
    "absolute",
    forward=lambda xp, x: xp.abs(x),
    partials=lambda _, x: (sign(x),),
    numpy=(np.absolute,),
    text="|{0}|",
    latex=r"\left|{0}\right|",
    source="abs({0})",
    samples=BOTH_SIDES,
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
        samples=(Sample(((),), domain=(0.1, 0.4)), Sample(((),), domain=(-0.4, -0.1))),
        holomorphic=False,
    )


sign: Callable[..., Node] = _step_function("sign", (np.sign,), r"\operatorname{{sign}}({0})")
floor = _step_function("floor", (np.floor,), r"\lfloor {0} \rfloor")
ceil = _step_function("ceil", (np.ceil,), r"\lceil {0} \rceil")
trunc = _step_function("trunc", (np.trunc,), r"\operatorname{{trunc}}({0})")
rint = _step_function("rint", (np.rint,), r"\operatorname{{round}}({0})")

heaviside = elementwise(
    "heaviside",
    forward=lambda xp, x, at_zero: xp.heaviside(x, at_zero),
    partials=lambda _, x, __: (0, where(x == 0, 1, 0)),
    numpy=(np.heaviside,),
    text="heaviside({0}, {1})",
    latex=r"\operatorname{{heaviside}}({0}, {1})",
    source="np.heaviside({0}, {1})",
    samples=ORDERED,
    holomorphic=False,
    kinks=lambda x, _: x,
)
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


@translate(
    np.round,
    np.around,
    samples=(
        Sample(((2, 3),), domain=(0.1, 0.4)),
        Sample(((2, 3),), {"decimals": 1}, domain=(0.11, 0.14)),
        Sample(((2, 3),), {"decimals": -1}, domain=(6.0, 9.0)),
    ),
    holomorphic=False,
)
def _round(a: Any, decimals: int = 0) -> Node:
    x = lift(a)
    if x.dtype.kind in "iu" and decimals >= 0:
        return x
    if x.dtype.kind == "b" and decimals:
        raise untraced("round", "decimals of truth values")
    factor = 10.0 ** abs(decimals)
    if decimals < 0:
        rounded = rint(x / factor) * factor
        return rounded if x.dtype.kind == "f" else apply("convert", rounded, dtype=x.dtype.name)
    return rint(x) if decimals == 0 else rint(x * factor) / factor


@translate(
    np.nan_to_num,
    samples=(Sample(((2, 3),)), Sample(((),), {"nan": 1.0, "posinf": 2.0})),
    holomorphic=False,
)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Node:
    """Return ``x`` with NaN and infinities replaced by numbers, the largest ones by default."""
    del copy
    node = lift(x)
    if node.dtype.kind != "f":
        return node
    lowest, highest = float(np.finfo(node.dtype).min), float(np.finfo(node.dtype).max)
    infinity = float("inf")
    for found, replacement in (
        (isnan(node), nan),
        (node == infinity, highest if posinf is None else posinf),
        (node == -infinity, lowest if neginf is None else neginf),
    ):
        node = apply("where", found, replacement, node)
    return node
