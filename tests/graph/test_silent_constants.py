"""What would make a traced value a constant, or an array something else than it was, is refused."""

import contextlib
import functools
import types
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TraceError, TraceValueError

V = np.array([0.3, -0.4, 2.5])
SHARED = np.zeros(3)


# a += t, where the array has another name too.


def two_names(t):
    a = np.zeros(3)
    other = a
    a += t
    return np.sum(other)


def add_into(total, t):
    total += t


def an_array_of_the_caller(t):
    a = np.zeros(3)
    add_into(a, t)
    return np.sum(a)


def an_array_in_a_list(t):
    places = [np.zeros(3), np.zeros(3)]
    for place in places:
        place += t
    return np.sum(places[0])


def one_array_twice(t):
    places = [np.zeros(3)] * 2
    places[0] += t
    return np.sum(places[1])


def an_attribute(t):
    model = types.SimpleNamespace(total=np.zeros(3))
    total = model.total
    total += t
    return np.sum(model.total)


def an_array_with_a_view(t):
    a = np.zeros(3)
    first = a[:1]
    a += t
    return np.sum(first)


def a_default(t, total=np.zeros(3)):  # noqa: B008
    total += t
    return np.sum(total)


def an_array_of_the_module(t):
    total = SHARED
    total += t
    return np.sum(total)


@pytest.mark.parametrize(
    "function",
    [
        two_names,
        an_array_of_the_caller,
        an_array_in_a_list,
        one_array_twice,
        an_attribute,
        an_array_with_a_view,
        a_default,
        an_array_of_the_module,
    ],
)
@pytest.mark.parametrize("derivative", [lambda f: cr.grad(f)(V), lambda f: cr.trace(f, V)])
def test_adding_into_an_array_with_another_name_is_refused(function, derivative):
    with pytest.raises(TraceError, match=r"test_silent_constants\.py:\d+: .* another name"):
        derivative(function)
    assert not SHARED.any()


def a_variable(t):
    a = np.zeros(3)
    for _ in range(3):
        a += t
    return a


def a_variable_of_an_outer_function(t):
    a = np.zeros(3)

    def step():
        nonlocal a
        a += t

    step()
    step()
    step()
    return a


def places_and_attributes(t):
    places, model, table = [np.zeros(3)], types.SimpleNamespace(total=np.zeros(3)), {"a": np.zeros(3)}
    places[0] += t
    model.total += t
    table["a"] += t
    return places[0] + model.total + table["a"]


def other_operators(t):
    a, b, c = np.zeros(3), np.ones(3), np.full(3, 2.0)
    a -= -t
    b *= 2 * t
    c /= 1.0 / t
    c -= t
    return a + b + c - t


def a_fresh_argument(t):
    def added(total):
        total += t
        return total

    return added(np.zeros(3)) + added(total=np.zeros(3)) + added(V * 0)


def a_copy(t):
    a = np.zeros(3)
    other = a
    a = a.copy()
    a += 3 * t
    return a + other


@pytest.mark.parametrize(
    "function",
    [
        a_variable,
        a_variable_of_an_outer_function,
        places_and_attributes,
        other_operators,
        a_fresh_argument,
        a_copy,
    ],
)
def test_adding_into_an_array_with_one_name(function):
    np.testing.assert_allclose(function(V), 3 * V)
    np.testing.assert_allclose(cr.trace(function, V)(2 * V), 6 * V)
    np.testing.assert_allclose(cr.grad(lambda t: np.sum(function(t)))(V), [3, 3, 3])


# Arrays that are more than arrays.

MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
with warnings.catch_warnings(action="ignore"):
    MATRIX = np.asmatrix(np.eye(3))


@pytest.mark.parametrize(
    ("function", "remedy"),
    [
        (lambda t: np.sum(t * MASKED), "filled"),
        (lambda t: np.sum(np.add(MASKED, t)), "filled"),
        (lambda t: np.sum(np.where(t > 0, MASKED, 0.0)), "filled"),
        (lambda t: np.sum(MASKED * t), "derivatives cannot follow"),
        (lambda t: np.sum(t * MATRIX), r"np\.asarray"),
        (lambda t: np.sum(MATRIX * t), r"np\.asarray"),
        (lambda t: np.sum(MATRIX @ t), r"np\.asarray"),
    ],
)
def test_operands_that_would_lose_their_meaning_are_refused(function, remedy):
    with pytest.raises(TraceError, match=rf"test_silent_constants\.py:\d+: .*{remedy}"):
        cr.grad(function)(V)


@pytest.mark.parametrize("argument", [MASKED, MATRIX])
def test_arguments_that_would_lose_their_meaning_are_refused(argument):
    def function(t):
        return np.sum(t * t)

    calls = [cr.grad(function), cr.jacobian(function), functools.partial(cr.trace, function)]
    calls += [cr.trace(function, np.ones(argument.shape)), functools.partial(cr.check_gradient, function)]
    for call in calls:
        with pytest.raises(TraceError, match="cannot be traced"):
            call(argument)


def test_a_memory_map_is_a_plain_array(tmp_path):
    mapped = np.memmap(tmp_path / "numbers", float, "w+", shape=(3,))
    mapped[:] = V
    slope = cr.grad(lambda t: np.sum(t * t * mapped))(mapped)
    np.testing.assert_allclose(slope, 2 * V * V)
    slope += 1
    assert mapped.tolist() == V.tolist()


# A refusal that the function catches.


def number_or_one(t):
    try:
        factor = float(t[0])
    except TypeError:
        factor = 1.0
    return t[0] * factor


def array_or_ones(t):
    with contextlib.suppress(Exception):
        return np.sum(t * np.asarray(t))
    return np.sum(t)


@pytest.mark.parametrize("function", [number_or_one, array_or_ones])
def test_a_refusal_that_is_caught_is_raised_in_the_end(function):
    with pytest.raises(TraceError, match=r"test_silent_constants\.py:\d+: .*derivatives cannot follow"):
        cr.grad(function)(V)


def test_a_branch_on_an_unknown_value_that_is_caught_is_raised_in_the_end():
    def function(t):
        try:
            return t * 2 if t > 0 else t
        except TypeError:
            return t * 3

    assert cr.grad(function)(1.0) == 2
    with pytest.raises(TraceValueError, match="only its shape is known"):
        cr.trace(function, cr.ArraySpec(()))


def test_looking_at_a_traced_value_is_no_refusal():
    def function(t):
        assert all("t" in text for text in (str(t), repr(t), f"{t}", str([t]), f"{t!r}"))
        assert np.shape(t) == (3,)
        assert np.ndim(t) == 1
        assert hasattr(t, "shape")
        assert not hasattr(t, "missing")
        assert not np.isscalar(t)
        assert np.iterable(t)
        return np.sum(t * t)

    np.testing.assert_allclose(cr.grad(function)(V), 2 * V)


# Operators, and errors that say it once.


def test_divmod():
    quotient, rest = cr.trace(lambda t: divmod(t, 2.0), V)(V)
    np.testing.assert_array_equal((quotient, rest), divmod(V, 2.0))
    assert cr.trace(lambda t: divmod(7.0, t), 2.0)(2.0) == (3.0, 1.0)
    assert cr.grad(lambda t: divmod(t, 2.0)[1])(5.0) == 1.0
    assert cr.grad(lambda t: divmod(5.0, t)[1])(2.0) == -2.0


@pytest.mark.parametrize(
    "shift", [lambda t: t << 1, lambda t: 1 << t, lambda t: t >> 1, lambda t: 1 >> t, lambda t: V >> t]
)
def test_shifts_are_refused(shift):
    with pytest.raises(TraceError, match=r"np\.(left|right)_shift is not known"):
        cr.trace(shift, V)


def test_a_refusal_is_not_wrapped_in_another():
    with pytest.raises(TraceError) as caught:
        cr.trace(lambda t: np.max(t, initial=10.0), V)
    assert str(caught.value).count("not with these arguments") == 1
    assert str(caught.value).count("test_silent_constants.py") == 1


@pytest.mark.parametrize("index", [1.0, np.array([0.0, 1.0]), [0.5]])
def test_an_index_that_is_no_whole_number_is_refused(index):
    with pytest.raises(TraceError, match="an index must hold whole numbers"):
        cr.trace(lambda t: t[index], V)


@pytest.mark.parametrize("index", [1.0, np.array([0.0, 1.0])])
def test_a_traced_index_that_is_no_whole_number_is_refused(index):
    with pytest.raises(TraceError, match="an index must hold whole numbers"):
        cr.trace(lambda t, place: t[place], V, index)


def test_clip_where_the_bounds_are_the_wrong_way_round():
    """NumPy's value is the upper bound then, whatever x is."""
    for x in (-5.0, 0.0, 5.0):
        value, slopes = cr.value_and_grad(np.clip, (0, 1, 2))(x, 1.0, -1.0)
        assert (value, slopes) == (-1.0, (0.0, 0.0, 1.0))
