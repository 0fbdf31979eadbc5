"""What leaves the library is the caller's own; and what is remembered from call to call stays small."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import derived

LARGE = 1_000_000


def results(found):
    """Return all arrays in a nested result."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list | tuple):
        return [array for part in found for array in results(part)]
    return [found]


def assert_own(found, *given):
    arrays = [array for array in results(found) if isinstance(array, np.ndarray)]
    assert arrays
    for place, array in enumerate(arrays):
        assert array.flags.writeable
        others = [*given, *arrays[:place]]
        assert not any(np.shares_memory(array, other) for other in others)
        array += 1.0  # and no two of its entries are one


def test_a_step_along_one_gradient_changes_nothing_else():
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    by_x, by_y = cr.grad(lambda x, y: np.sum(x * y), (0, 1))(x, y)
    by_x *= -0.1
    assert (x.tolist(), y.tolist(), by_y.tolist()) == ([1, 2], [3, 4], [1, 2])
    np.testing.assert_allclose(by_x, [-0.3, -0.4])


DATA = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: np.sum(x),
        lambda x, y: np.sum(x * y),
        lambda x, y: np.sum(x + y),
        lambda x, y: np.sum(x * DATA) + np.sum(y * DATA),
        lambda x, y: np.sum(x.reshape(3, 1) * y),
        lambda x, y: x @ np.full(3, 2.0),
    ],
)
@pytest.mark.parametrize("derivative", [cr.grad, cr.value_and_grad, cr.jacobian, cr.hessian])
def test_derivatives_have_memory_of_their_own(function, derivative):
    x, y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    before = derivative(function, (0, 1))(x, y)
    again = derivative(function, (0, 1))(x, y)
    assert_own(again, x, y, DATA)
    assert (x.tolist(), y.tolist(), DATA.tolist()) == ([1, 2, 3], [4, 5, 6], [1, 2, 3])
    third = derivative(function, (0, 1))(x, y)
    for first, last in zip(results(before), results(third), strict=True):
        np.testing.assert_array_equal(first, last)


def test_a_value_that_is_the_argument_is_copied():
    x = np.array([1.0])
    value, _ = cr.value_and_grad(lambda x: x)(x)
    assert_own(value, x)
    assert x == 1.0


@pytest.mark.parametrize(
    "function", [lambda x: x, lambda x: (x, x), lambda x: x.T, lambda x: (x[1:], DATA), lambda x: np.ones(2)]
)
def test_a_called_graph_returns_memory_of_its_own(function):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert_own(cr.trace(function, x)(x), x, DATA)
    assert x.tolist() == [[1, 2], [3, 4]]


def test_a_called_gradient_graph_returns_memory_of_its_own():
    x = np.ones(3)
    assert_own(cr.gradient(cr.trace(np.sum, x))(x), x)


# What is remembered.


@pytest.fixture
def programs(monkeypatch):
    fresh = type(derived._programs)()
    monkeypatch.setattr(derived, "_programs", fresh)
    return fresh


def kept(programs):
    """Return how many bytes the programs and their keys hold in arrays and byte strings."""

    def of(key):
        if isinstance(key, tuple):
            return sum(map(of, key))
        return len(key) if isinstance(key, bytes) else 0

    return sum(of(key) + program.constant_bytes for key, program in programs.items())


def test_large_constants_are_not_remembered(programs):
    for extra in range(3):
        data, x = np.full(LARGE + extra, 2.0), np.ones(LARGE + extra)
        for _ in range(2):
            slope = cr.grad(lambda x: np.sum(x * data))(x)  # noqa: B023
        assert slope[0] == slope[-1] == 2
    assert len(programs) == 3
    assert kept(programs) < 10_000


def test_large_constants_of_other_value_are_other_programs(programs):
    x = np.ones(5000)
    for value in (2.0, 3.0, 0.0, 1.0, -1.0, 2.0):
        data = np.full(5000, value)
        np.testing.assert_array_equal(cr.grad(lambda x: np.sum(x * data))(x), data)  # noqa: B023
    assert len(programs) == 5


def test_large_zeros_still_mask():
    """A branch of zeros keeps 0·∞ out, however many they are."""
    zeros, x = np.zeros(5000), np.full(5000, -1.0)
    x[0], x[1] = 4.0, 0.0
    with np.errstate(invalid="ignore"):
        slope = cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), zeros)))(x)
    assert slope[:2].tolist() == [0.25, 0]
    assert not slope[2:].any()


def test_what_is_remembered_is_bounded_in_bytes(programs, monkeypatch):
    monkeypatch.setattr(derived, "MOST_BYTES", 20_000)
    for size in range(500, 520):
        data = np.full(size, 2.0)
        cr.grad(lambda x: np.sum(x * data))(np.ones(size))  # noqa: B023
    assert 1 < len(programs) < 10
    assert sum(map(derived.size, programs.values())) <= 20_000


def test_a_program_that_is_too_large_is_not_remembered(programs, monkeypatch):
    monkeypatch.setattr(derived, "MOST_BYTES", 5_000)
    data = np.full(1000, 2.0)
    assert cr.grad(lambda x: np.sum(x * data))(np.ones(1000)).tolist() == [2.0] * 1000
    assert not programs
