"""log and log1p as straight lines of instructions, so that LLVM's vectoriser takes them.

The argument is split into 2ᵉ · (1 + f) with 1 + f between √½ and √2, and log(1 + f) is the series of
log((1 + s) / (1 − s)) with s = f / (2 + f).
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.compiler.runtime.exponential import LOG2_PARTS
from chainrule.compiler.runtime.instructions import Arithmetic, function_of_one


def _split(a: Arithmetic, x: Any) -> tuple[Any, Any]:
    """Return the exponent e, as a floating-point number, and f; for normal x > 0."""
    root = a.pick(0x3F3504F3, 0x3FE6A09E667F3BCD)  # the bits of √½
    builder, digits = a.builder, a.integer(a.digits)
    bits = a.bits(x)
    biased = builder.lshr(builder.add(bits, a.integer((a.bias << a.digits) - root)), digits)
    unbiased = builder.sub(biased, a.integer(a.bias))
    f = a.subtract(a.floating(builder.sub(bits, builder.shl(unbiased, digits))), a.number(1))
    magic = a.pick(0x4B400000, 0x4338000000000000)  # 1.5 · 2ᵈⁱᵍⁱᵗˢ: whole numbers lie in its last bits
    exponent = a.floating(builder.add(unbiased, a.integer(magic)))
    return a.subtract(exponent, a.number(1.5 * 2.0**a.digits)), f


def _join(a: Arithmetic, exponent: Any, f: Any, error: Any) -> Any:
    """Return exponent · log 2 + log(1 + f) + error."""
    high, low = a.pick(*LOG2_PARTS)
    s = a.divide(f, a.add(f, a.number(2)))
    square = a.multiply(s, s)
    terms = a.pick(5, 11)
    series = a.polynomial(square, [2 / (2 * k + 1) for k in range(terms, 0, -1)])
    half_square = a.multiply(a.multiply(a.number(0.5), f), f)
    small = a.multiply_add(exponent, a.number(low), error)
    small = a.multiply_add(s, a.multiply_add(square, series, half_square), small)
    rest = a.subtract(f, a.subtract(half_square, small))
    return a.multiply_add(exponent, a.number(high), rest)


def _with_limits(a: Arithmetic, x: Any, value: Any, pole: float) -> Any:
    """Return the value above the pole, −∞ at it, NaN below it; ∞ and NaN as they are."""
    value = a.choose(a.compare("<", x, a.number(math.inf)), value, x)
    value = a.choose(a.compare("==", x, a.number(pole)), a.number(-math.inf), value)
    return a.choose(a.compare("<", x, a.number(pole)), a.number(math.nan), value)


def log_formula(a: Arithmetic, x: Any) -> Any:
    """Return the natural logarithm: −∞ at 0, NaN below."""
    subnormal = a.compare("<", x, a.number(a.pick(2.0**-126, 2.0**-1022)))
    raised = a.choose(subnormal, a.multiply(x, a.number(2.0 ** (a.digits + 2))), x)
    exponent, f = _split(a, raised)
    shift = a.choose(subnormal, a.number(-a.digits - 2), a.number(0))
    return _with_limits(a, x, _join(a, a.add(exponent, shift), f, a.number(0)), 0.0)


def log1p_formula(a: Arithmetic, x: Any) -> Any:
    """Return log(1 + x), accurate near 0 too: −∞ at −1, NaN below."""
    one = a.number(1)
    u = a.add(one, x)
    exponent, f = _split(a, u)
    # what 1 + x lost in rounding; from the larger of both the other is subtracted exactly
    large = a.compare(">", u, a.number(2))
    lost = a.choose(large, a.subtract(one, a.subtract(u, x)), a.subtract(x, a.subtract(u, one)))
    near = a.compare("==", exponent, a.number(0))
    f = a.choose(near, x, f)
    error = a.choose(near, a.number(0), a.divide(lost, u))
    value = _join(a, exponent, f, error)
    tiny = a.compare("<", a.absolute(x), a.number(a.pick(2.0**-26, 2.0**-55)))
    return _with_limits(a, x, a.choose(tiny, x, value), -1.0)


log = function_of_one("log", log_formula)
log1p = function_of_one("log1p", log1p_formula)
