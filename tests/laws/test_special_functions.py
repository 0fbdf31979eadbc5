"""The functions that NumPy lacks, against mpmath at 50 digits, on arrays, numbers and traced values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ShapeError

ROUNDING = 256.0  # in exp(−x²/2) the rounding of x counts x² times
POINTS = [-12.0, -3.0, -0.4, 0.0, 1e-9, 0.7, 2.0, 25.0, 600.0]
EXACT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else x / 100,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "erf": mpmath.erf,
}


def _exact(name: str, x: float) -> float:
    with mpmath.workdps(50):
        return float(EXACT[name](mpmath.mpf(float(x))))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", EXACT)
def test_against_mpmath(name: str, dtype: str, tally: Any) -> None:
    function = getattr(cr, name)
    x = np.array(POINTS, dtype)
    reference = np.array([_exact(name, entry) for entry in x])
    values = function(x)
    assert values.dtype == x.dtype
    tally.close(
        values / np.where(reference == 0, 1, reference),
        np.sign(reference) ** 2,
        ROUNDING * np.finfo(dtype).eps,
        name,
    )
    traced = cr.trace(function, x)
    tally.same(traced(x), values, name)
    tally.same(function(float(x[1])), np.float64(function(x.astype(float))[1]), name)


@pytest.mark.parametrize("x", [-708.0, -709.7, -710.0, -745.0, -800.0])
def test_sigmoid_underflows_to_zero(x: float) -> None:
    value, true = float(cr.sigmoid(x)), _exact("sigmoid", x)
    assert value == pytest.approx(true, rel=1e-12) if x > -709.78 else value == 0.0
    assert abs(value - true) < np.finfo(float).tiny


@pytest.mark.parametrize("x", [-87.0, -88.7, -89.0, -104.0])
def test_sigmoid_underflows_to_zero_in_float32(x: float) -> None:
    value = cr.sigmoid(np.float32(x))
    assert value.dtype == np.float32
    assert abs(float(value) - _exact("sigmoid", x)) < np.finfo(np.float32).tiny
    assert x > -88.72 or value == 0.0


@pytest.mark.parametrize("x", [-40.0, -300.0, -700.0, -745.0])
def test_softplus_keeps_its_digits_far_below_zero(x: float) -> None:
    true = _exact("softplus", x)
    assert abs(float(cr.softplus(x)) - true) <= 1e-14 * true + 5e-324


def test_exponentials_do_not_overflow() -> None:
    x = np.array([[800.0, 800.0, -800.0], [-np.inf, 0.0, 0.0]])
    log2 = float(mpmath.log(2))
    np.testing.assert_array_equal(cr.softmax(x), [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]])
    np.testing.assert_allclose(cr.logsumexp(x, axis=1), [800 + log2, log2], rtol=1e-15)
    np.testing.assert_allclose(cr.log_softmax(x)[0], [-log2, -log2, -1600 - log2], rtol=1e-12)
    assert cr.logsumexp(x, axis=(0, 1), keepdims=True).shape == (1, 1)
    assert cr.logsumexp(np.full(3, -np.inf)) == -np.inf


def test_log_softmax_keeps_its_digits_far_from_zero() -> None:
    offset = cr.log_softmax(np.array([1e8, 1e8 + 1.0]))
    np.testing.assert_allclose(offset, cr.log_softmax(np.array([0.0, 1.0])), rtol=1e-15)


def test_whole_numbers_and_lists() -> None:
    assert cr.relu(np.array([-1, 2])).dtype == np.int64
    assert cr.sigmoid(np.array([0, 1])).dtype == np.float64
    np.testing.assert_array_equal(cr.softmax([0.0, 0.0]), [0.5, 0.5])


def test_settings_reach_the_derivative() -> None:
    assert cr.grad(lambda x: cr.leaky_relu(x, slope=0.3))(-1.0) == 0.3
    assert cr.grad(lambda x: cr.elu(x, alpha=2.0))(-1.0) == pytest.approx(
        2 * float(mpmath.exp(-1)), rel=1e-15
    )
    weights = np.array([1.0, 2.0])
    assert cr.grad(lambda x: weights @ cr.softmax(x, axis=None))(np.zeros(2)) == pytest.approx([-0.25, 0.25])


@pytest.mark.parametrize("function", [cr.softmax, cr.log_softmax, cr.logsumexp])
def test_a_wrong_axis_is_our_own_error(function: Callable[..., Any]) -> None:
    with pytest.raises(ShapeError):
        function(np.zeros((2, 3)), axis=2)
    with pytest.raises(ShapeError):
        cr.trace(lambda x: function(x, axis=2), np.zeros((2, 3)))
