"""The engine table: one row for each thing that an engine of derivatives is known to get wrong.

Each row names a function, a place, and the true derivative: a closed form, or mpmath with 50 digits.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
import scipy.special

import chainrule as cr

mpmath.mp.dps = 50
INF, NAN = np.inf, np.nan
V = np.array([0.5, -1.5, 2.0])
Z = np.zeros(3)


class Row(NamedTuple):
    """A derivative: of ``function`` at ``x``, taken by ``of``; errors count relative to its largest entry."""

    name: str
    function: Callable[..., Any]
    x: Any
    true: Any
    of: Callable[..., Any] = cr.grad
    tolerance: float = 1e-14


def second(function):
    return cr.grad(cr.grad(function))


def third(function):
    return cr.grad(second(function))


def fourth(function):
    return cr.grad(third(function))


def precise(function, x, order=1):
    """Return a derivative by mpmath."""
    return float(mpmath.diff(function, mpmath.mpf(x), order))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cross_entropy(z, y):
    a = sigmoid(z)
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


def masked_root(x):
    return np.where(x > 0, np.sqrt(np.where(x >= 0, x, 0)), 0)


def bare_masked_root(x):
    return np.where(x > 0, np.sqrt(x), 0)


def chain(depth):
    def function(x):
        for _ in range(depth // 2):
            x = np.sin(x) * 1.001
        return x

    return function


def chain_slope(depth, x):
    slope = 1.0
    for _ in range(depth // 2):
        slope, x = slope * 1.001 * np.cos(x), np.sin(x) * 1.001
    return slope


def neuron(count):
    w, x = np.random.default_rng(0).normal(size=(2, count)) / count

    def function(w):
        total = 0.0
        for place in range(count):
            total = total + w[place] * x[place]
        return np.tanh(total)

    return Row(f"one neuron with {count} inputs", function, w, (1 - np.tanh(w @ x) ** 2) * x)


def reused(x):
    u = x**2
    return u * u + u


ONES = np.ones(3)
TARGET = np.array([1.0, 2.0, 3.0])
LOGITS = np.array([800.0, 0.0, -800.0])
TIES = np.array([1.0, 3.0, 3.0, 2.0, 3.0])
SMALLEST = 5e-324  # the smallest subnormal number
W0 = np.array([[0.2, -0.4], [0.7, 0.1], [-0.3, 0.5]])


def softmax_slope(x):
    p = scipy.special.softmax(x)
    return np.diag(p) - np.outer(p, p)


ROWS = [
    # Size and sharing.
    Row("5,000 operations deep", chain(5_000), 0.3, chain_slope(5_000, 0.3), tolerance=1e-10),
    neuron(1_000),
    Row("a + a is two edges", lambda a: a + a, 3.0, 2.0),
    Row("a · a is two edges", lambda a: a * a, 3.0, 6.0),
    Row("a used a thousand times", lambda a: sum(a * n for n in range(1_000)), 3.0, 499_500.0),
    Row("a value that is used again (micrograd #2)", reused, 3.0, 4 * 27.0 + 6.0),
    Row("x·x + x (DeZero)", lambda x: x * x + x, 3.0, 7.0),
    Row("a diamond", lambda x: np.sin(x) * np.exp(x) + np.sin(x), 0.5,
        precise(lambda x: mpmath.sin(x) * mpmath.exp(x) + mpmath.sin(x), 0.5)),
    # Powers.
    Row("x**x", lambda x: x**x, 2.0, precise(lambda x: x**x, 2)),
    Row("x**x, second", lambda x: x**x, 2.0, precise(lambda x: x**x, 2, 2), second),
    Row("a**4 (micrograd gives 324 the second time)", lambda a: a**4, 3.0, 108.0),
    Row("x**0 at 0", lambda x: x**0, 0.0, 0.0),
    Row("x**1 at 0", lambda x: x**1, 0.0, 1.0),
    Row("x**2 at 0, second", lambda x: x**2, 0.0, 2.0, second),
    Row("x**3 at 0, third", lambda x: x**3, 0.0, 6.0, third),
    Row("x**0.5 at 0", lambda x: x**0.5, 0.0, INF),
    Row("0**x at 0.5", lambda x: 0.0**x, 0.5, 0.0),
    Row("0**0.5, by both", lambda x: x[0] ** x[1], np.array([0.0, 2.0]), [0.0, 0.0]),
    Row("(−2)**3", lambda x: x**3, -2.0, 12.0),
    Row("(−2)**n by the base, n an array", lambda x: np.sum(x ** np.array([0.0, 1.0, 2.0])), -2.0, -3.0),
    Row("2**x", lambda x: 2**x, 3.0, precise(lambda x: 2**x, 3)),
    Row("√x at 0", np.sqrt, 0.0, INF),
    Row("1/x at 1e-200", lambda x: 1 / x, 1e-150, -1e300),
    # Kinks: the conventions of docs/conventions.md.
    Row("|x| at 0", np.abs, 0.0, 0.0),
    Row("|x| at −2", np.abs, -2.0, -1.0),
    Row("relu at 0", cr.relu, 0.0, 0.0),
    Row("leaky relu at 0", lambda x: cr.leaky_relu(x), 0.0, 0.01),
    Row("max(x, 0) at 0", lambda x: np.maximum(x, 0), 0.0, 0.5),
    Row("max(x, x)", lambda x: np.maximum(x, x), 3.0, 1.0),
    Row("min(x, x)", lambda x: np.minimum(x, x), 3.0, 1.0),
    Row("ties of max share", np.max, TIES, np.array([0, 1, 1, 0, 1]) / 3),
    Row("ties of min share", lambda x: np.min(-x), TIES, -np.array([0, 1, 1, 0, 1]) / 3),
    Row("sign and floor are flat", lambda x: np.sign(x) + np.floor(x), 0.3, 0.0),
    Row("the norm of zeros", np.linalg.norm, Z, Z),
    Row("std of equal entries", np.std, ONES, Z),
    # Masked branches do not poison their neighbours.
    Row("where(x > 0, √x, 0) at 0", bare_masked_root, 0.0, 0.0),
    Row("… in a sum", lambda x: np.sum(bare_masked_root(x)), np.array([0.0, 4.0]), [0, 0.25]),
    Row("… of a sum", lambda x: np.where(np.sum(x) > 0, np.sum(np.sqrt(x)), 0), Z, Z),
    Row("… of a mean", lambda x: np.where(np.sum(x) > 0, np.mean(np.sqrt(x)), 0), Z, Z),
    Row("… broadcast", lambda x: np.sum(bare_masked_root(x) * np.ones((2, 1))), np.array([0.0, 4]), [0, 0.5]),
    Row("… two branches added",
        lambda x: np.sum(bare_masked_root(x) + np.where(x > 1, np.sqrt(x), 0)), np.array([0.0, 4]), [0, 0.5]),
    Row("… the root used by two branches",
        lambda x: (lambda r: np.sum(np.where(x > 0, r, 0) + np.where(x > 1, 2 * r, 0)))(np.sqrt(x)),
        np.array([0.0, 4.0]), [0, 0.75]),
    Row("… through reshape, indexing and transpose",
        lambda x: np.sum(np.where(x > 0, np.sqrt(x.reshape(2, 2).T[::-1].T[:, ::-1].reshape(4)), 0)),
        np.array([0.0, 4, 0, 1]), [0, 0.25, 0, 0.5]),
    Row("… through a product of matrices", lambda x: np.where(x[0] > 0, np.sum(np.sqrt(x) @ W0), 0), Z, Z),
    Row("… through einsum", lambda x: np.where(x[0] > 0, np.einsum("i,ij->", np.sqrt(x), W0), 0), Z, Z),
    Row("… through concatenate and cumsum",
        lambda x: np.where(x[0] > 0, np.sum(np.cumsum(np.concatenate([np.sqrt(x), np.sqrt(x)]))), 0), Z, Z),
    Row("… through a long chain",
        lambda x: np.where(x > 0, functools.reduce(lambda y, _: -y, range(50), np.sqrt(x)) * 1, 0), 0.0, 0.0),
    Row("… the other branch", lambda x: np.where(x <= 0, 0, np.log(x)), 0.0, 0.0),
    Row("… 1/x in it", lambda x: np.where(x == 0, 1, np.sin(x) / x), 0.0, 0.0),
    Row("… second", lambda x: np.where(x > 0, x**1.5, 0), 0.0, 0.0, second),
    Row("… nested", lambda x: np.where(x > 0, np.where(x > 1, np.log(x - 1), 1 / x), 0), 0.0, 0.0),
    # Not "0 in means 0 out".
    Row("Hessian of (x − t)² at x = t", lambda x: np.sum((x - TARGET) ** 2), TARGET,
        2 * np.eye(3), cr.hessian),
    Row("d²(x − t)²/dx² at x = t, by products", lambda x: (x - 2.0) * (x - 2.0), 2.0, 2.0, second),
    Row("0 · ∞ that is no mask", lambda x: 0.0 * np.sqrt(x), 0.0, NAN),
    # Overflow.
    Row("log(1 + eˣ) at 800", lambda x: np.log(1 + np.exp(x)), 800.0, 1.0),
    Row("log(1 + eˣ) at 800, second", lambda x: np.log(1 + np.exp(x)), 800.0, 0.0, second),
    Row("log(1 + eˣ) at −800", lambda x: np.log(1 + np.exp(x)), -800.0, 0.0),
    Row("softplus at 2", lambda x: np.logaddexp(x, 0), 2.0,
        precise(lambda x: mpmath.log(1 + mpmath.exp(x)), 2)),
    Row("σ at −800", sigmoid, -800.0, 0.0),
    Row("σ at 800", sigmoid, 800.0, 0.0),
    Row("σ, third", sigmoid, 0.7, precise(lambda x: 1 / (1 + mpmath.exp(-x)), 0.7, 3), third, 1e-13),
    Row("cross-entropy at 800, y = 1", lambda z: cross_entropy(z, 1.0), 800.0, 0.0),
    Row("cross-entropy at 800, y = 0", lambda z: cross_entropy(z, 0.0), 800.0, 1.0),
    Row("cross-entropy at −800, y = 1", lambda z: cross_entropy(z, 1.0), -800.0, -1.0),
    Row("cross-entropy at −800, y = 0", lambda z: cross_entropy(z, 0.0), -800.0, 0.0),
    Row("log Σ eˣ at 800", lambda x: np.log(np.sum(np.exp(x))), LOGITS, [1.0, 0, 0]),
    Row("log Σ eˣ, Hessian", lambda x: np.log(np.sum(np.exp(x))), V, softmax_slope(V), cr.hessian),
    Row("softmax at 800", lambda x: np.exp(x) / np.sum(np.exp(x)), LOGITS, np.zeros((3, 3)), cr.jacobian),
    Row("softmax", lambda x: np.exp(x) / np.sum(np.exp(x)), V, softmax_slope(V), cr.jacobian),
    Row("log softmax at 800", lambda x: np.log(np.exp(x) / np.sum(np.exp(x)))[1], LOGITS, [-1.0, 1, 0]),
    Row("tanh at 800", np.tanh, 800.0, 0.0),
    Row("log(eˣ) at 800", lambda x: np.log(np.exp(x)), 800.0, 1.0),
    # The ends of the numbers.
    Row("x² at the smallest number", lambda x: x * x, SMALLEST, 2 * SMALLEST),
    Row("3·x at a subnormal", lambda x: 3 * x, 1e-310, 3.0),
    Row("log at a subnormal", np.log, 1e-308, 1e308),
    Row("exp at 709", np.exp, 709.0, float(mpmath.exp(709))),
    Row("exp at ∞", np.exp, INF, INF),
    Row("exp at −∞", np.exp, -INF, 0.0),
    Row("tanh at ∞", np.tanh, INF, 0.0),
    Row("NaN comes through", lambda x: x * x, NAN, NAN),
    Row("NaN stays where it is", lambda x: np.sum(x * x), np.array([1.0, NAN, 3.0]), [2.0, NAN, 6.0]),
    # Higher orders.
    Row("tanh, third", np.tanh, 0.3, precise(mpmath.tanh, 0.3, 3), third, 1e-13),
    Row("log, fourth", np.log, 0.5, -6 / 0.5**4, fourth),
    Row("sin(x²), fourth", lambda x: np.sin(x**2), 0.8,
        precise(lambda x: mpmath.sin(x**2), 0.8, 4), fourth, 1e-13),
    Row("eˣ sin x, third", lambda x: np.exp(x) * np.sin(x), 0.8,
        precise(lambda x: mpmath.exp(x) * mpmath.sin(x), 0.8, 3), third),
    Row("1/(1 + x²), third", lambda x: 1 / (1 + x**2), 0.4,
        precise(lambda x: 1 / (1 + x**2), 0.4, 3), third, 1e-13),
    Row("Γ-like product, Hessian", lambda x: np.prod(x), np.array([2.0, 0.0, 5.0]),
        [[0, 5, 0], [5, 0, 2], [0, 2, 0]], cr.hessian),
    # Broadcasting, dtypes, functions.
    Row("a column plus a row", lambda x: np.sum((x[:, None] - x) ** 2), V, 12 * V - 4 * np.sum(V)),
    Row("a number against an array", lambda a: np.sum(a * V + a), 2.0, np.sum(V) + 3),
    Row("float32", lambda x: np.sum(x * np.float32(2) * V), V.astype("float32"), 2 * V, tolerance=1e-7),
    Row("whole numbers", lambda n: n**3, 2, 12.0),
    Row("an entry read twice", lambda x: np.sum(x[[0, 0, 2]] ** 2), V, [4 * 0.5, 0, 2 * 2.0]),
    Row("erf", lambda x: cr.erf(x), 0.7, precise(mpmath.erf, 0.7)),
    Row("gelu, second", lambda x: cr.gelu(x), 0.7, precise(lambda x: x * mpmath.ncdf(x), 0.7, 2), second),
    Row("arctan2", lambda x: np.arctan2(x, 2.0), 3.0, 2 / 13),
    # The tutorials.
    Row("T0: u = a·b, v = a·b + c, J = 2(v + b)", lambda p: 2 * (p[0] * p[1] + p[2] + p[1]),
        TARGET, [4.0, 4, 2]),
    Row("T1: y = 4a", lambda a: 4 * a, 2.0, 4.0),
    Row("T1: y = a² at 5", lambda a: a**2, 5.0, 10.0),
    Row("T1, T3: J = 3(a + b·c)", lambda p: 3 * (p[0] + p[1] * p[2]), np.array([7.0, 4.0, 2.0]),
        [3.0, 6, 12]),
    Row("T1: dL/dw of a logistic unit", lambda w: cross_entropy(w @ TARGET, 1.0), V,
        (1 / (1 + np.exp(-(V @ TARGET))) - 1) * TARGET, tolerance=1e-13),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row(row):
    found = np.asarray(row.of(row.function)(row.x), dtype=np.float64)
    true = np.asarray(row.true, dtype=np.float64)
    assert found.shape == true.shape
    finite = np.isfinite(true)
    np.testing.assert_array_equal(found[~finite], true[~finite])
    scale = np.max(np.abs(true[finite]), initial=0.0)
    errors = np.abs(found[finite] - true[finite])
    assert np.all(errors <= max(row.tolerance * scale, 0.0)), f"{found} is not {true}"


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_row_again(row):
    """A second time gives the same bits."""
    derivative = row.of(row.function)
    first, again = derivative(row.x), derivative(row.x)
    np.testing.assert_array_equal(first, again, strict=True)


def test_there_are_at_least_forty_rows():
    assert len(ROWS) >= 40
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [
        Row("100,000 operations deep", chain(100_000), 0.3, chain_slope(100_000, 0.3), tolerance=1e-9),
        neuron(5_000),
        Row("a value used 100,000 times", lambda x: sum(x for _ in range(100_000)), 2.0, 100_000.0),
    ],
    ids=lambda row: row.name,
)
def test_large_row(row):
    test_row(row)


@pytest.mark.parametrize("times", [2, 5])
def test_backward_twice_does_not_add_up(times):
    """micrograd and DeZero give 45 for 27 the second time, since each call adds to what is there."""
    graph = cr.trace(lambda x: (x**2) * x, 3.0)
    slope = cr.gradient(graph)
    assert [float(slope(3.0)) for _ in range(times)] == [27.0] * times
    assert cr.gradient(graph) == slope


def test_values_are_finite_where_plain_numpy_is_not():
    value, slope = cr.value_and_grad(lambda x: np.log(1 + np.exp(x)))(800.0)
    assert (value, slope) == (800.0, 1.0)
    value, slope = cr.value_and_grad(lambda x: np.log(np.sum(np.exp(x))))(LOGITS)
    assert value == 800.0
    value, _ = cr.value_and_grad(lambda z: cross_entropy(z, 0.0))(800.0)
    assert value == 800.0


def test_gradient_of_a_traced_graph_is_as_stable():
    graph = cr.trace(lambda x: np.log(1 + np.exp(x)), 0.0)
    assert cr.gradient(graph)(800.0) == 1.0
    assert cr.gradient(cr.gradient(graph))(800.0) == 0.0


def test_a_guarded_root_written_by_hand():
    assert cr.grad(masked_root)(0.0) == 0.0
