"""Functions for which the machine has an instruction; sums and extremes that may be reordered."""

from __future__ import annotations

from typing import Any

from numba import types

from chainrule.compiler.runtime.instructions import (
    Arithmetic,
    function_of_one,
    intrinsic,
    is_floating,
    refuse,
)


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


is_nan = function_of_one("is_nan", _nan, result=types.boolean)
is_finite = function_of_one("is_finite", _finite, result=types.boolean)
is_inf = function_of_one("is_inf", _infinite, result=types.boolean)


def _function_of_two(name: str, formula: Any) -> Any:
    """Return a function of two numbers of one type, or of two vectors of one type."""

    def typed(_: Any, a: Any, b: Any) -> Any:
        if not is_floating(a) or a != b:
            raise refuse(name, a, b)

        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return formula(Arithmetic(builder, arguments[0].type), *arguments)

        return a(a, b), generate

    typed.__name__ = typed.__qualname__ = name
    typed.__doc__ = formula.__doc__
    return intrinsic(typed)


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
def where(context: Any, condition: Any, a: Any, b: Any) -> Any:
    """Return a where the condition holds, else b; both are computed, so that no loop has to branch."""
    numbers = types.Number | types.Boolean
    kind = context.unify_types(a, b) if isinstance(a, numbers) and isinstance(b, numbers) else None
    if not isinstance(kind, numbers) or not isinstance(condition, numbers):
        raise refuse("where", condition, a, b)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wanted = (types.boolean, kind, kind)
        held, left, right = map(context.cast, [builder] * 3, arguments, signature.args, wanted)
        return builder.select(held, left, right)

    return kind(condition, a, b), generate


@intrinsic
def integer_power(_: Any, a: Any, exponent: Any) -> Any:
    """Return a to a whole power ≥ 0, wrapped around as whole numbers are.

    Numba's own power can raise an exception, for which the code would need all of numba's run time.
    """
    if not isinstance(a, types.Integer) or not isinstance(exponent, types.Integer):
        raise refuse("integer_power", a, exponent)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wanted = (types.int64, types.int64)
        base, left = map(context.cast, [builder] * 2, arguments, signature.args, wanted)
        return _power(builder, base, left)

    return types.int64(a, exponent), generate


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
