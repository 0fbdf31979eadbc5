"""Functions for which the machine has an instruction; sums and extremes that may be reordered."""

from __future__ import annotations

from typing import Any

from chainrule.compiler.runtime.instructions import (
    Arithmetic,
    Call,
    Intrinsic,
    function_of_one,
    intrinsic,
    is_floating,
    refuse,
)
from chainrule.compiler.runtime.kinds import BOOLEAN, INT64, Integer, Kind, Number
from chainrule.compiler.runtime.operators import common


def _instruction(name: str, doc: str, llvm: str | None = None) -> Any:
    def formula(arithmetic: Arithmetic, x: Any) -> Any:
        return arithmetic.call(llvm or f"llvm.{name}", x)

    formula.__doc__ = doc
    return function_of_one(name, formula)


sqrt = _instruction("sqrt", "Return the square root, rounded as IEEE 754 demands; NaN below 0.")
absolute = _instruction("absolute", "Return |x|.", "llvm.fabs")
floor = _instruction("floor", "Return the largest whole number ≤ x.")
ceil = _instruction("ceil", "Return the smallest whole number ≥ x.")
trunc = _instruction("trunc", "Return x without its fraction.")
rint = _instruction("rint", "Return the nearest whole number; of two, the even one.")
exp2 = _instruction("exp2", "Return 2 to the power x, by the C library.")


def _nan(arithmetic: Arithmetic, x: Any) -> Any:
    """Return whether x is NaN."""
    return arithmetic.builder.fcmp_unordered("uno", x, x)


def _finite(arithmetic: Arithmetic, x: Any) -> Any:
    """Return whether x is neither NaN nor infinite."""
    return arithmetic.compare("<", arithmetic.absolute(x), arithmetic.number(float("inf")))


def _infinite(arithmetic: Arithmetic, x: Any) -> Any:
    """Return whether x is ∞ or −∞."""
    return arithmetic.compare("==", arithmetic.absolute(x), arithmetic.number(float("inf")))


is_nan = function_of_one("is_nan", _nan, result=BOOLEAN)
is_finite = function_of_one("is_finite", _finite, result=BOOLEAN)
is_inf = function_of_one("is_inf", _infinite, result=BOOLEAN)


def _function_of_two(name: str, formula: Any) -> Intrinsic:
    """Return a function of two numbers of one kind, or of two vectors of one kind."""

    def rule(a: Kind, b: Kind) -> Call:
        if not is_floating(a) or a != b:
            raise refuse(name, a, b)
        return Call(a, (a, b), lambda builder, x, y: formula(Arithmetic(builder, x.type), x, y))

    return Intrinsic(name, rule, formula.__doc__)


def _copysign(arithmetic: Arithmetic, a: Any, b: Any) -> Any:
    """Return |a| with the sign of b."""
    return arithmetic.call("llvm.copysign", a, b)


def _add(arithmetic: Arithmetic, a: Any, b: Any) -> Any:
    """Return a + b for ``s = add(s, x)`` in a loop: the terms may be added in another order.

    The permission is this instruction's alone, so that the loop keeps partial sums in vector registers
    and NaN and infinities still arrive.
    """
    return arithmetic.builder.fadd(a, b, flags=("reassoc", "contract"))


def _largest(arithmetic: Arithmetic, a: Any, b: Any) -> Any:
    """Return the larger number, NaN if one of them is."""
    return arithmetic.call("llvm.maximum", a, b)


def _smallest(arithmetic: Arithmetic, a: Any, b: Any) -> Any:
    """Return the smaller number, NaN if one of them is."""
    return arithmetic.call("llvm.minimum", a, b)


copysign = _function_of_two("copysign", _copysign)
add = _function_of_two("add", _add)
largest = _function_of_two("largest", _largest)
smallest = _function_of_two("smallest", _smallest)


@intrinsic
def where(condition: Kind, a: Kind, b: Kind) -> Call:
    """Return a where the condition holds, else b; both are computed, so that no loop has to branch."""
    if not all(isinstance(kind, Number) for kind in (condition, a, b)):
        raise refuse("where", condition, a, b)
    kind = common(a, b)
    return Call(kind, (BOOLEAN, kind, kind), lambda builder, *values: builder.select(*values))


@intrinsic
def integer_power(a: Kind, exponent: Kind) -> Call:
    """Return a to a whole power ≥ 0, wrapped around as whole numbers are."""
    if not isinstance(a, Integer) or not isinstance(exponent, Integer):
        raise refuse("integer_power", a, exponent)
    return Call(INT64, (INT64, INT64), _power)


def _power(builder: Any, base: Any, exponent: Any) -> Any:
    """Append the loop of `integer_power`: squares, multiplied where the exponent's bit is 1."""
    one, zero = base.type(1), base.type(0)
    start = builder.block
    look, step, done = (builder.append_basic_block(f"power.{name}") for name in ("look", "step", "done"))
    builder.branch(look)
    builder.position_at_end(look)
    result, square, left = (builder.phi(base.type) for _ in range(3))
    for value, first in ((result, one), (square, base), (left, exponent)):
        value.add_incoming(first, start)
    builder.cbranch(builder.icmp_unsigned("!=", left, zero), step, done)
    builder.position_at_end(step)
    odd = builder.icmp_signed("==", builder.and_(left, one), one)
    result.add_incoming(builder.mul(result, builder.select(odd, square, one)), step)
    square.add_incoming(builder.mul(square, square), step)
    left.add_incoming(builder.lshr(left, one), step)
    builder.branch(look)
    builder.position_at_end(done)
    return result
