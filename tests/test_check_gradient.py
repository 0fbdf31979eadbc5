"""`check_gradient` names the worst entry, excuses kinks, judges float32 by its accuracy, and reports it."""

import math

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(0)
V = np.array([0.5, -1.5, 2.0])


def network(W, b, x=None):
    x = np.linspace(-1, 1, 12).reshape(3, 4) if x is None else x
    return np.mean(np.tanh(x @ W + b) ** 2)


def by_hand(W, b, x=None):
    x = np.linspace(-1, 1, 12).reshape(3, 4) if x is None else x
    a = np.tanh(x @ W + b)
    d = 2 * a * (1 - a * a) / a.size
    return x.T @ d, d.sum(axis=0)


WEIGHTS = RNG.normal(size=(4, 2)), RNG.normal(size=2)


def test_a_right_gradient_passes():
    report = cr.check_gradient(network, *WEIGHTS, gradient=by_hand)
    assert report.passed
    assert report.worst.relative_error < 1e-12
    assert report.kinks == ()
    assert (report.wrong, report.compared, report.entries) == (0, 10, 10)
    assert str(report).startswith("passed: 10 entries, the worst is ")


def test_our_own_gradient_passes():
    report = cr.check_gradient(network, *WEIGHTS)
    assert report.passed
    assert report.worst.relative_error < 1e-7


def test_the_worst_entry_is_named():
    def wrong(W, b):
        dW, db = by_hand(W, b)
        dW[2, 1] *= 1.1
        dW[0, 0] *= 1.001
        return dW, db

    report = cr.check_gradient(network, *WEIGHTS, gradient=wrong)
    true = by_hand(*WEIGHTS)[0]
    assert not report.passed
    assert (report.worst.name, report.worst.index, str(report.worst)) == ("W", (2, 1), "W[2, 1]")
    assert report.worst.true == pytest.approx(true[2, 1], rel=1e-12)
    assert report.worst.claimed == pytest.approx(1.1 * true[2, 1], rel=1e-12)
    assert report.worst.relative_error == pytest.approx(0.1 * abs(true[2, 1]) / np.abs(true).max(), rel=1e-6)
    line = network.__code__.co_firstlineno + 2
    assert report.worst.line.startswith(f"test_check_gradient.py:{line}: `return np.mean(")
    assert report.wrong == 2
    text = str(report)
    assert "FAILED: W[2, 1] is claimed to be" in text
    assert "2 of 10 entries are wrong" in text
    assert f"test_check_gradient.py:{line}" in text


def test_claims_as_arrays_numbers_and_structures():
    assert cr.check_gradient(lambda x: x**2, 3.0, gradient=6.0).passed
    assert cr.check_gradient(lambda x: np.sum(x**2), V, gradient=2 * V).passed
    assert cr.check_gradient(lambda x: np.sum(x**2), V, gradient=list(2 * V)).passed
    assert cr.check_gradient(lambda x: np.sum(x**2), V, gradient=(2 * V,)).passed
    assert cr.check_gradient(lambda x, y: x * y, 3.0, 2.0, gradient=[2.0, 3.0]).passed
    function = lambda p, n, how: p["W"] @ V * p["b"][0] ** n
    arguments = {"W": V, "b": [2.0, "word"]}, 2, "how"
    claim = {"W": 4 * V, "b": [4 * (V @ V), None]}
    assert cr.check_gradient(function, *arguments, gradient=claim).passed
    claim["b"][0] += 1
    assert cr.check_gradient(function, *arguments, gradient=claim).worst.name == "p_b_0"


@pytest.mark.parametrize(
    ("function", "arguments", "gradient", "reason"),
    [
        (lambda x, y: x * y, (1.0, 2.0), lambda x, y: (x, y, 0), "3 parts for 2 arguments"),
        (lambda x: np.sum(x), (V,), np.ones(2), r"by x has shape \(2,\), the argument \(3,\)"),
        (lambda x: np.sum(x), (V,), 1.0, r"shape \(\)"),
        (lambda p: p["a"], ({"a": 1.0},), {"b": 1.0}, "a dict"),
        (lambda p: p["a"], ({"a": 1.0},), 1.0, "a dict"),
        (lambda x: x, ("word",), None, "no real numbers"),
        (lambda x: x, (V,), None, r"cr\.jacobian"),
    ],
)
def test_claims_that_do_not_fit(function, arguments, gradient, reason):
    with pytest.raises(cr.ChainruleError, match=reason):
        cr.check_gradient(function, *arguments, gradient=gradient)


def test_by_which_arguments():
    assert cr.check_gradient(lambda n, x: n * x, 3, 2.0, gradient=3.0).passed
    assert cr.check_gradient(lambda n, m: n * m, 3, 2, gradient=(2.0, 3.0)).passed
    assert cr.check_gradient(lambda x, mask: np.sum(x[mask]), V, V > 0, gradient=(V > 0) * 1.0).passed


# float32.


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_sin_in_float32_is_no_false_alarm(scale):
    x = (RNG.normal(size=50) * scale).astype("float32")
    assert cr.check_gradient(lambda x: np.sum(np.sin(x)), x).passed
    assert cr.check_gradient(lambda x: np.sum(np.sin(x)), x, gradient=np.cos).passed


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_network_in_low_precision(dtype):
    weights = [part.astype(dtype) for part in WEIGHTS]
    data = RNG.normal(size=(3, 4)).astype(dtype)

    def claim(W, b):
        return by_hand(W, b, data)

    assert claim(*weights)[0].dtype == dtype
    assert cr.check_gradient(lambda W, b: network(W, b, data), *weights, gradient=claim).passed
    assert cr.check_gradient(lambda W, b: network(W, b, data), *weights).passed
    wrong = lambda W, b: [part * 1.05 for part in claim(W, b)]
    assert not cr.check_gradient(lambda W, b: network(W, b, data), *weights, gradient=wrong).passed


# Kinks.


def relu_sum(x):
    return np.sum(np.maximum(x, 0))


AT_ZERO = np.array([-1.0, 0.0, 2.0])


@pytest.mark.parametrize("slope", [0.0, 0.3, 0.5, 1.0])
def test_any_value_between_the_sides_of_a_kink_is_right(slope):
    report = cr.check_gradient(relu_sum, AT_ZERO, gradient=lambda x: (x > 0) * 1.0 + (x == 0) * slope)
    assert report.passed
    (kink,) = report.kinks
    assert (kink.name, kink.index, kink.primitive) == ("x", (1,), "maximum")
    assert kink.line.startswith("test_check_gradient.py:")
    assert "np.maximum(x, 0)" in kink.line
    assert (kink.left, kink.right, kink.claimed) == (0.0, pytest.approx(1.0), slope)
    assert "at a kink: x[1], maximum test_check_gradient.py:" in str(report)


@pytest.mark.parametrize("slope", [-0.1, 1.1, np.nan, np.inf])
def test_a_value_outside_is_wrong(slope):
    claim = np.array([0.0, slope, 1.0])
    report = cr.check_gradient(relu_sum, AT_ZERO, gradient=claim)
    assert not report.passed
    assert str(report.worst) == "x[1]"


def test_our_own_conventions_are_no_failures():
    functions = {
        "relu": relu_sum,
        "abs": lambda x: np.sum(np.abs(x)),
        "clip": lambda x: np.sum(np.clip(x, 0, 2)),
        "maximum": lambda x: np.sum(np.maximum(x, x * x)),
        "max": lambda x: np.max(x * x - x),
        "where": lambda x: np.sum(np.where(x > 0, 3 * x, x)),
        "leaky": lambda x: np.sum(cr.leaky_relu(x)),
        "norm": lambda x: np.linalg.norm(x - x[1] + AT_ZERO * 0),
    }
    for name, function in functions.items():
        report = cr.check_gradient(function, AT_ZERO)
        assert report.passed, f"{name}\n{report}"


def test_a_kink_behind_a_matrix():
    W = np.zeros((3, 2))
    report = cr.check_gradient(lambda W: np.sum(np.maximum(V @ W, 0)), W, gradient=lambda W: W * 0)
    assert report.passed
    assert len(report.kinks) == 6
    assert "and 1 more entries at kinks" in str(report)


def test_a_wrong_gradient_near_a_kink_is_still_wrong():
    x = np.array([1e-3, -1e-3, 1.0])
    report = cr.check_gradient(relu_sum, x, gradient=np.array([0.0, 0.0, 1.0]))
    assert not report.passed
    assert str(report.worst) == "x[0]"
    assert report.kinks == ()
    assert cr.check_gradient(relu_sum, x).passed


# Hard cases.


def test_nan_is_a_failure():
    report = cr.check_gradient(lambda x: np.sum(x**2), V, gradient=np.array([1.0, np.nan, 4.0]))
    assert not report.passed
    assert (str(report.worst), report.worst.relative_error) == ("x[1]", np.inf)
    assert "claimed to be nan" in str(report)


def test_a_gradient_that_is_zero():
    assert cr.check_gradient(lambda x: np.sum(x) * 0, V, gradient=np.zeros(3)).passed
    assert not cr.check_gradient(lambda x: np.sum(x) * 0, V, gradient=np.array([0, 1e-3, 0])).passed


def test_rounding_where_one_argument_does_not_matter():
    """Softmax does not change when all inputs move together: that derivative is nothing but rounding."""

    def cost(x, shift):
        return np.log(np.sum(np.exp(x + shift))) - (x[0] + shift)

    def claim(x, shift):
        p = np.exp(x + shift) / np.sum(np.exp(x + shift))
        d = p - np.array([1.0, 0, 0])
        return d, np.sum(d[::-1])

    report = cr.check_gradient(cost, V, 1.0, gradient=claim)
    assert report.passed


def test_errors_count_relative_to_the_largest_entry_of_the_argument():
    function = lambda x: x[0] * 1e9 + x[1] * 1e-3
    claim = np.array([1e9, 2e-3])
    assert cr.check_gradient(function, np.ones(2), gradient=claim).passed
    by_two = lambda x, y: x * 1e9 + y * 1e-3
    assert not cr.check_gradient(by_two, 1.0, 1.0, gradient=(1e9, 2e-3)).passed


def test_functions_that_overflow_are_judged_as_far_as_they_can_be():
    assert cr.check_gradient(lambda x: np.log(1 + np.exp(x)), 800.0).passed
    assert cr.check_gradient(lambda x: np.log(1 + np.exp(x)), 800.0, gradient=1.0).passed
    assert not cr.check_gradient(lambda x: np.log(1 + np.exp(x)), 800.0, gradient=0.0).passed


def test_a_function_that_cannot_be_traced_is_differenced():
    def function(x, y):
        return math.exp(x) * y

    report = cr.check_gradient(function, 0.5, 2.0, gradient=lambda x, y: (math.exp(x) * y, math.exp(x)))
    assert report.passed
    assert "math.exp" in report.untraced
    assert "numerical differences stood in" in str(report)
    assert not cr.check_gradient(function, 0.5, 2.0, gradient=(0.0, 0.0)).passed
    with pytest.raises(cr.ChainruleError, match=r"np\.exp"):
        cr.check_gradient(function, 0.5, 2.0)


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("x", [1e-8, 1e-3, 1.0, 1e5])
def test_no_false_alarm_at_other_scales(x, offset):
    for function in (np.sin, np.sqrt, np.log1p, lambda x: x**3, lambda x: 1 / x):
        assert cr.check_gradient(lambda x: function(x) + offset, x).passed  # noqa: B023


def test_large_arrays_are_compared_where_it_matters():
    W, b = RNG.normal(size=(784, 30)), np.zeros(30)
    data = RNG.normal(size=(10, 784))
    report = cr.check_gradient(lambda W, b: network(W, b, data), W, b)
    assert report.passed
    assert (report.compared, report.entries) == (70, 784 * 30 + 30)
    assert "70 of 23550 entries were compared" in str(report)
    report = cr.check_gradient(
        lambda W, b: network(W, b, data), W, b, gradient=lambda W, b: by_hand(W, b, data)
    )
    assert report.passed
    assert report.compared == report.entries
    wrong = cr.check_gradient(
        lambda W: np.sum(np.maximum(data @ W, 0)), W * 0, gradient=lambda W: W * 0 + 100.0
    )
    assert not wrong.passed


# Very many kinks excuse nothing but themselves.


def absolute_sum(x):
    return np.sum(np.abs(x))


def test_a_wrong_entry_behind_many_kinks_is_found():
    """The error at x = 1, where there is no kink, is smaller than those of the 999 kinks at 0."""
    x, claim = np.zeros(1000), np.full(1000, 0.9)
    x[900], claim[900] = 1.0, 0.5
    report = cr.check_gradient(absolute_sum, x, gradient=claim)
    assert not report.passed
    assert (report.wrong, str(report.worst), report.worst.true) == (1, "x[900]", 1.0)


def test_many_slightly_wrong_entries_behind_many_kinks_are_found():
    x, claim = np.zeros(1000), np.ones(1000)
    x[700:], claim[700:] = 1.0, 1.01
    assert not cr.check_gradient(absolute_sum, x, gradient=claim).passed


def test_any_number_of_kinks_is_excused():
    assert cr.check_gradient(absolute_sum, np.zeros(1000), gradient=np.ones(1000)).passed


def test_a_masked_array_is_refused():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(cr.ChainruleError, match="mask"):
        cr.check_gradient(lambda x: np.sum(x * x), masked, gradient=np.ones(2))
