"""Names that emitted source takes from Python, `math` and NumPy: numbers, conversions, the C library."""

from __future__ import annotations

import math
from typing import Any

from chainrule.compiler.runtime.instructions import (
    Arithmetic,
    Call,
    Intrinsic,
    declared,
    function_of_one,
    refuse,
)
from chainrule.compiler.runtime.kinds import (
    FLOAT64,
    NAMED,
    Boolean,
    Float,
    Integer,
    Kind,
    TypeName,
    plain,
)
from chainrule.compiler.runtime.operators import common

CONSTANTS = {"inf": math.inf, "nan": math.nan}
TYPES = {name: TypeName(kind) for name, kind in NAMED.items()}
_OF_LLVM = ("sin", "cos", "log2", "log10")
_OF_ONE = (
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "acosh",
    "atanh",
    "erf",
    "erfc",
    "cbrt",
    "lgamma",
)
_OF_TWO = ("atan2", "hypot", "fmod")


def _llvm(name: str) -> Intrinsic:
    return function_of_one(name, lambda arithmetic, x: arithmetic.call(f"llvm.{name}", x))


def _c_library(name: str, count: int) -> Intrinsic:
    """Return C's function of so many numbers; its name ends in f for float32."""

    def rule(*kinds: Kind) -> Call:
        if len(kinds) != count or not all(isinstance(kind, Float | Integer | Boolean) for kind in kinds):
            raise refuse(name, *kinds)
        met = common(kinds[0], kinds[-1])
        kind = met if isinstance(met, Float) else FLOAT64

        def generate(builder: Any, *values: Any) -> Any:
            type_ = values[0].type
            symbol = name + ("f" if kind.bits == 32 else "")
            return builder.call(declared(builder, symbol, type_, [type_] * count), values)

        return Call(kind, (kind,) * count, generate)

    return Intrinsic(name, rule)


def _extreme(name: str, relation: str) -> Intrinsic:
    """Return Python's min or max of two numbers: the first, unless the second is beyond it."""

    def rule(a: Kind, b: Kind) -> Call:
        kind = common(a, b)
        if not isinstance(kind, Integer):
            raise refuse(name, a, b)

        def generate(builder: Any, x: Any, y: Any) -> Any:
            ask = builder.icmp_signed if kind.signed else builder.icmp_unsigned
            return builder.select(ask(relation, y, x), y, x)

        return Call(kind, (kind, kind), generate)

    return Intrinsic(name, rule)


def _size(kind: Kind) -> Call:
    kind = plain(kind)
    if isinstance(kind, Float):
        return Call(kind, (kind,), lambda builder, x: Arithmetic(builder, x.type).absolute(x))
    if not isinstance(kind, Integer):
        raise refuse("abs", kind)
    kind = Integer(64, kind.signed)
    if not kind.signed:
        return Call(kind, (kind,), lambda _, x: x)

    def generate(builder: Any, x: Any) -> Any:
        return builder.select(builder.icmp_signed("<", x, x.type(0)), builder.neg(x), x)

    return Call(kind, (kind,), generate)


FUNCTIONS = {
    **{name: _llvm(name) for name in _OF_LLVM},
    **{name: _c_library(name, 1) for name in _OF_ONE},
    **{name: _c_library(name, 2) for name in _OF_TWO},
}
BUILT_IN = {"min": _extreme("min", "<"), "max": _extreme("max", ">"), "abs": Intrinsic("abs", _size)}
