"""Python's operators on values of known kinds.

Whole numbers of up to 64 bits are computed with in 64 and wrap around; Python's rounding towards −∞ holds in
``//`` and ``%``, and by a whole 0 both are 0. Two kinds of floating-point numbers meet in the wider one, a
number and a vector in the vector.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from chainrule.compiler.runtime.instructions import Arithmetic, declared
from chainrule.compiler.runtime.kinds import (
    BOOLEAN,
    FLOAT64,
    INT64,
    Boolean,
    Float,
    Integer,
    Kind,
    Literal,
    Number,
    Vector,
    convert,
    llvm_type,
    plain,
)

Typed = tuple[Kind, Any]
"""A value with its kind."""

FLOATING = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
WHOLE = {"+": "add", "-": "sub", "*": "mul", "&": "and_", "|": "or_", "^": "xor"}
FOLDED: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def common(a: Kind, b: Kind) -> Kind:
    """Return the kind in which two kinds meet.

    Raises
    ------
    TypeError
        If there is none.
    """
    a, b = plain(a), plain(b)
    if a == b:
        return a
    if isinstance(a, Vector) and isinstance(b, Number):
        return a
    if isinstance(b, Vector) and isinstance(a, Number):
        return b
    if isinstance(a, Float) and isinstance(b, Float):
        return FLOAT64
    if isinstance(a, Float | Boolean | Integer) and isinstance(b, Float | Boolean | Integer):
        if isinstance(a, Float) or isinstance(b, Float):
            return FLOAT64
        return _whole(a, b)
    raise TypeError(f"{a} and {b} have no common kind")


def _whole(a: Boolean | Integer, b: Boolean | Integer) -> Kind:
    unsigned = [isinstance(kind, Boolean) or not kind.signed for kind in (a, b)]
    widest = max(kind.bits if isinstance(kind, Integer) else 1 for kind in (a, b))
    if all(unsigned):
        return Integer(signed=False)
    if widest == 64 and any(kind == Integer(signed=False) for kind in (a, b)):
        raise TypeError(f"{a} and {b} have no common kind")
    return INT64


def binary(builder: Any, sign: str, left: Typed, right: Typed) -> Typed:
    """Return ``left sign right`` for an arithmetic operator, ``**`` too.

    Raises
    ------
    TypeError
        If the operator has no meaning for the kinds.
    """
    (a, x), (b, y) = left, right
    if isinstance(a, Literal) and isinstance(b, Literal) and sign in FOLDED:
        return whole_number(FOLDED[sign](a.value, b.value))
    kind = _meeting(sign, a, b)
    x, y = convert(builder, x, a, kind), convert(builder, y, b, kind)
    if isinstance(kind, Float | Vector):
        return kind, _floating(builder, sign, kind, x, y)
    if sign in WHOLE and not (isinstance(kind, Boolean) and sign in FLOATING):
        return kind, getattr(builder, WHOLE[sign])(x, y)
    if isinstance(kind, Integer) and sign in ("//", "%"):
        return kind, _divided(builder, sign, kind, x, y)
    raise TypeError(f"{a} {sign} {b}")


def _meeting(sign: str, a: Kind, b: Kind) -> Kind:
    kind = common(a, b)
    if sign == "/" and isinstance(kind, Integer | Boolean):
        return FLOAT64
    if isinstance(kind, Integer):
        return Integer(64, kind.signed)
    if isinstance(kind, Boolean) and sign not in ("&", "|", "^"):
        return INT64
    return kind


def whole_number(value: int) -> Typed:
    """Return a whole number that is written out in the source.

    Raises
    ------
    TypeError
        If it has more than 64 bits.
    """
    if not -(1 << 63) <= value < 1 << 64:
        raise TypeError(f"{value} has more than 64 bits")
    return Literal(value=value), llvm_type(INT64)(value)


def _floating(builder: Any, sign: str, kind: Float | Vector, x: Any, y: Any) -> Any:
    arithmetic = Arithmetic(builder, x.type)
    if sign in FLOATING:
        return getattr(arithmetic, FLOATING[sign])(x, y)
    if sign == "**":
        return arithmetic.call("llvm.pow", x, y)
    if sign in ("//", "%") and isinstance(kind, Float):
        quotient, rest = _floor_division(arithmetic, x, y)
        return quotient if sign == "//" else rest
    raise TypeError(f"{kind} {sign} {kind}")


def _floor_division(a: Arithmetic, x: Any, y: Any) -> tuple[Any, Any]:
    """Return ⌊x / y⌋ and x − y · ⌊x / y⌋ as NumPy computes them, from C's fmod."""
    builder, zero = a.builder, a.number(0.0)
    function = declared(builder, "fmodf" if a.single else "fmod", a.kind, [a.kind, a.kind])
    rest = builder.call(function, [x, y])
    quotient = builder.fdiv(builder.fsub(x, rest), y)
    off = builder.and_(
        builder.fcmp_unordered("!=", rest, zero),
        builder.xor(a.compare("<", rest, zero), a.compare("<", y, zero)),
    )
    quotient = a.choose(off, builder.fsub(quotient, a.number(1.0)), quotient)
    whole = a.call("llvm.floor", quotient)
    up = a.compare(">", builder.fsub(quotient, whole), a.number(0.5))
    whole = a.choose(up, builder.fadd(whole, a.number(1.0)), whole)
    signed_zero = a.call("llvm.copysign", zero, builder.fdiv(x, y))
    whole = a.choose(a.compare("==", quotient, zero), signed_zero, whole)
    adjusted = a.choose(off, builder.fadd(rest, y), rest)
    adjusted = a.choose(a.compare("==", rest, zero), a.call("llvm.copysign", zero, y), adjusted)
    by_zero = a.compare("==", y, zero)
    return a.choose(by_zero, builder.fdiv(x, y), whole), a.choose(by_zero, rest, adjusted)


def _divided(builder: Any, sign: str, kind: Integer, x: Any, y: Any) -> Any:
    """Return the quotient or the rest of whole numbers, rounded down; 0 where they are divided by 0."""
    zero, one = x.type(0), x.type(1)
    by_zero = builder.icmp_signed("==", y, zero)
    divisor = builder.select(by_zero, one, y)
    if not kind.signed:
        value = (builder.udiv if sign == "//" else builder.urem)(x, divisor)
        return builder.select(by_zero, zero, value)
    wraps = builder.icmp_signed("==", divisor, x.type(-1))  # the lowest number by −1 is a trap
    safe = builder.select(wraps, one, divisor)
    rest = builder.select(wraps, zero, builder.srem(x, safe))
    off = builder.and_(
        builder.icmp_signed("!=", rest, zero),
        builder.xor(builder.icmp_signed("<", rest, zero), builder.icmp_signed("<", divisor, zero)),
    )
    if sign == "%":
        value = builder.select(off, builder.add(rest, divisor), rest)
    else:
        quotient = builder.select(wraps, builder.sub(zero, x), builder.sdiv(x, safe))
        value = builder.select(off, builder.sub(quotient, one), quotient)
    return builder.select(by_zero, zero, value)


def compare(builder: Any, relation: str, left: Typed, right: Typed) -> Typed:
    """Return the truth of ``left relation right``; with NaN only ``!=`` holds."""
    (a, x), (b, y) = ((plain(kind), value) for kind, value in (left, right))
    mixed = {a, b} & {Integer(signed=False)} and any(isinstance(k, Integer) and k.signed for k in (a, b))
    kind = Integer(128) if mixed else common(a, b)
    x, y = convert(builder, x, a, kind), convert(builder, y, b, kind)
    if isinstance(kind, Float):
        ask = builder.fcmp_unordered if relation == "!=" else builder.fcmp_ordered
        return BOOLEAN, ask(relation, x, y)
    if isinstance(kind, Boolean | Integer):
        signed = isinstance(kind, Integer) and kind.signed
        return BOOLEAN, (builder.icmp_signed if signed else builder.icmp_unsigned)(relation, x, y)
    raise TypeError(f"{a} {relation} {b}")


def unary(builder: Any, sign: str, operand: Typed) -> Typed:
    """Return ``sign operand`` for -, +, ~ and not."""
    kind, value = operand
    if sign == "not":
        return BOOLEAN, builder.not_(convert(builder, value, kind, BOOLEAN))
    if isinstance(kind, Literal) and sign == "-":
        return whole_number(-kind.value)
    if isinstance(kind, Float | Vector) and sign in "-+":
        return kind, Arithmetic(builder, value.type).negative(value) if sign == "-" else value
    if isinstance(kind, Boolean | Integer):
        wide = Integer(64, isinstance(kind, Boolean) or kind.signed)
        value = convert(builder, value, kind, wide)
        append = {"-": builder.neg, "~": builder.not_, "+": lambda number: number}
        return wide, append[sign](value)
    raise TypeError(f"{sign} {kind}")
