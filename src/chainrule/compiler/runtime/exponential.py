"""exp, expm1, sigmoid and tanh as straight lines of instructions, so that LLVM's vectoriser takes them.

x is split into n · log 2 + r with |r| ≤ log 2 / 2; there the series of exp converges so fast that its plain
coefficients 1/k! do. The powers of two are made from their bits.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule.compiler.runtime.instructions import Arithmetic, function_of_one

LOG2_PARTS = (
    (0.693359375, math.log(2) - 0.693359375),
    (6.93147180369123816490e-01, 1.90821492927058770002e-10),
)
"""log 2 as a sum whose first term has so few digits that n times it is exact: for float32, float64."""

_TANH_EDGE = 0.625
_TANH = (
    (
        2.292744816178142e-03,
        -8.343945515839153e-03,
        2.176891865102821e-02,
        -5.395925957720454e-02,
        1.333330355691574e-01,
        -3.333333317214036e-01,
    ),
    (
        6.485163482793113e-06,
        -3.12011014257974e-05,
        9.257116129556769e-05,
        -0.0002375906496055562,
        0.0005896606577757043,
        -0.0014557754120478055,
        0.0035921217511549622,
        -0.008863235103240878,
        0.021869488519008305,
        -0.05396825396789699,
        0.13333333333333042,
        -0.3333333333333333,
    ),
)
"""(tanh(√s)/√s − 1)/s on [0, 0.625²], interpolated in Chebyshev's nodes; the highest power comes first."""


class _Split(NamedTuple):
    """x = n · log 2 + rest + error; ``bits`` are those of n + 1.5 · 2ᵈⁱᵍⁱᵗˢ, whose low part is n."""

    bits: Any
    rest: Any
    error: Any


def _split(a: Arithmetic, x: Any) -> _Split:
    magic = a.number(1.5 * 2.0**a.digits)  # a sum with it has no digits left after the point
    shifted = a.multiply_add(x, a.number(1 / math.log(2)), magic)
    n = a.subtract(shifted, magic)
    high, low = a.pick(*LOG2_PARTS)
    first = a.multiply_add(n, a.number(-high), x)
    second = a.multiply(n, a.number(low))
    rest = a.subtract(first, second)
    error = a.subtract(a.subtract(first, rest), second)
    return _Split(a.bits(shifted), rest, error)


def _whole(a: Arithmetic, bits: Any, added: int) -> Any:
    """Return n + added as an integer."""
    magic = a.pick(0x4B400000, 0x4338000000000000)
    return a.builder.add(bits, a.integer(added - magic))


def _two_to(a: Arithmetic, biased: Any) -> Any:
    """Return 2 to the power of ``biased`` minus the bias."""
    return a.floating(a.builder.shl(biased, a.integer(a.digits)))


def _series(a: Arithmetic, r: Any) -> Any:
    """Return (exp(r) − 1 − r) / r²."""
    terms = a.pick(7, 13)
    return a.polynomial(r, [1 / math.factorial(k) for k in range(terms, 1, -1)])


def _limit(a: Arithmetic, x: Any, low: float, high: float) -> Any:
    """Return x, or the nearer limit outside of them; NaN stays."""
    x = a.choose(a.compare("<", x, a.number(low)), a.number(low), x)
    return a.choose(a.compare(">", x, a.number(high)), a.number(high), x)


def _reduced_power(a: Arithmetic, x: Any) -> tuple[Any, Any]:
    """Return the bits that hold n, and exp(r)."""
    n, r, _ = _split(a, x)
    return n, a.add(a.multiply_add(_series(a, r), a.multiply(r, r), r), a.number(1))


def exp_formula(a: Arithmetic, x: Any) -> Any:
    """Return eˣ."""
    x = _limit(a, x, *a.pick((-104.0, 89.0), (-746.0, 710.0)))
    n, power = _reduced_power(a, x)
    # two factors, for 2ⁿ itself may lie beyond the range of the type where the result does not
    both = _whole(a, n, 2 * a.bias)
    half = a.builder.lshr(both, a.integer(1))
    other = a.builder.sub(both, half)
    return a.multiply(a.multiply(power, _two_to(a, half)), _two_to(a, other))


def expm1_formula(a: Arithmetic, x: Any) -> Any:
    """Return eˣ − 1, accurate near 0 too."""
    limited = _limit(a, x, *a.pick((-20.0, 89.0), (-44.0, 710.0)))
    n, r, error = _split(a, limited)
    tail = a.multiply_add(_series(a, r), a.multiply(r, r), error)
    half = _two_to(a, _whole(a, n, a.bias - 1))  # 2ⁿ itself would overflow before the result does
    head = a.multiply_add(half, r, a.subtract(half, a.number(0.5)))
    value = a.multiply(a.number(2), a.multiply_add(half, tail, head))
    tiny = a.compare("<", a.absolute(x), a.number(a.pick(2.0**-26, 2.0**-55)))
    return a.choose(tiny, x, value)


def sigmoid_formula(a: Arithmetic, x: Any) -> Any:
    """Return 1 / (1 + e⁻ˣ), computed from p = e^−|x| so that nothing overflows.

    For x < 0 it is p / (1 + p), and where p is small p − p · p / (1 + p), which rounds less.
    """
    power = exp_formula(a, a.negative(a.absolute(x)))
    above = a.choose(a.compare(">=", x, a.number(0)), a.number(1), power)
    value = a.divide(above, a.add(a.number(1), power))
    low = a.compare("<", x, a.number(-1))
    return a.choose(low, a.multiply_add(a.negative(power), value, power), value)


def tanh_formula(a: Arithmetic, x: Any) -> Any:
    """Return the hyperbolic tangent: a polynomial near 0, else 1 − 2 / (e²ˣ + 1)."""
    size = a.absolute(x)
    square = a.multiply(x, x)
    series = a.polynomial(square, a.pick(*_TANH))
    near = a.multiply_add(a.multiply(series, square), size, size)
    limited = a.choose(a.compare(">", size, a.number(a.pick(10, 20))), a.number(a.pick(10, 20)), size)
    n, reduced = _reduced_power(a, a.add(limited, limited))
    power = a.multiply(reduced, _two_to(a, _whole(a, n, a.bias)))
    far = a.subtract(a.number(1), a.divide(a.number(2), a.add(power, a.number(1))))
    value = a.choose(a.compare("<", size, a.number(_TANH_EDGE)), near, far)
    return a.call("llvm.copysign", value, x)


exp = function_of_one("exp", exp_formula)
expm1 = function_of_one("expm1", expm1_formula)
sigmoid = function_of_one("sigmoid", sigmoid_formula)
tanh = function_of_one("tanh", tanh_formula)
