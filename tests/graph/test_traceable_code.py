"""What DESIGN.md lists under "What can be traced": plain NumPy code gives the same values as a graph."""

import functools
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])
V = np.array([0.3, -0.4, 2.5])
A = np.arange(6.0).reshape(3, 2) - 2.5


def rebinding(t):
    a = np.zeros(3)
    a += t
    a *= 2.0
    return a


def rebinding_a_traced_value(t):
    t += 1.0
    t **= 2
    return t


def loop(t):
    total = 0.0
    for row in range(3):
        total = total + t[row] * row
    return total


def by_iteration(t):
    return sum(entry * entry for entry in t)


def unpacking(t):
    first, second, third = t
    return first * second - third


def local_function(t):
    scale = 3.0

    def inner(u):
        return u * scale + t

    return inner(inner(t))


OF_A_MATRIX = {
    "array @ t": lambda t: A @ t,
    "t @ array": lambda t: t @ A,
    "array * t": lambda t: np.eye(2, 3) * t,
    "t - array": lambda t: t - np.ones((2, 3)),
    "array / t": lambda t: np.ones((2, 3)) / t,
    "NumPy scalar * t": lambda t: np.float32(2) * t,
    "t * NumPy scalar": lambda t: t * np.float64(2),
    "NumPy int ** t": lambda t: np.int64(2) ** t,
    "list - t": lambda t: [1.0, 2.0, 3.0] - t,
    "t // and %": lambda t: t // 0.7 + t % 0.7,
    "-t, +t, abs(t)": lambda t: -t + abs(+t),
    "comparisons": lambda t: (t > 0) & (t <= 1) | (t != 2) ^ (t == 0.25) & ~(t < -1) | (t >= 2),
    "ufuncs": lambda t: np.tanh(np.exp(t) - np.sin(t)),
    "np functions": lambda t: np.concatenate([np.sum(t, axis=0), np.mean(t, axis=1), np.ravel(t)]),
    "methods": lambda t: t.sum(axis=0) + t.mean() - t.max(axis=0, keepdims=True) + t.T.reshape(2, 3).std(),
    "copy, flatten, astype": lambda t: t.copy().flatten().astype(np.float32).astype(float) + 1,
    ".T": lambda t: t.T,
    ".shape, .ndim, .size, .dtype, len": lambda t: (
        t * t.shape[1] + t.ndim * t.size + len(t) if t.dtype == float else t
    ),
    "index": lambda t: t[1, 0] + t[-1],
    "slice": lambda t: t[:, ::-1][..., None],
    "integer array": lambda t: t[[1, 0, 1], [2, 2, 0]],
    "boolean array": lambda t: t[np.array([True, False])],
    "np.stack": lambda t: np.stack([t[0], t[1] * 2], axis=1),
    "np.where": lambda t: np.where(t > 0, t, 0.1 * t),
    "np.maximum of a number": lambda t: np.maximum(0, t),
    "np.clip": lambda t: np.clip(t, -1, 1),
    "einsum": lambda t: np.einsum("ij,kj->ik", t, t),
    "np.ones_like": lambda t: np.ones_like(t) + np.zeros_like(t) + t,
    "np.shape": lambda t: np.shape(t)[0] * t,
    "a list of results": lambda t: [t[0], (t[1] * 2, t.sum())],
    "a dict of results": lambda t: {"a": t + 1, "b": [t * 2]},
    "a constant result": lambda t: np.ones(3),
}
OF_A_VECTOR = {
    "a += t": rebinding,
    "t += 1": rebinding_a_traced_value,
    "for": loop,
    "iteration": by_iteration,
    "unpacking": unpacking,
    "closure": local_function,
    "lambda": lambda t: t * 2,
    "partial": functools.partial(np.multiply, 2.0),
    "NumPy function": np.exp,
}


def assert_same(found, expected):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_same(*pair)
    else:
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("name", OF_A_MATRIX)
def test_function_of_a_matrix(name):
    function = OF_A_MATRIX[name]
    graph = cr.trace(function, X)
    graph.check()
    assert_same(graph(X), function(X))
    assert_same(graph(2 * X), function(2 * X))


@pytest.mark.parametrize("name", OF_A_VECTOR)
def test_function_of_a_vector(name):
    function = OF_A_VECTOR[name]
    graph = cr.trace(function, V)
    assert_same(graph(V), function(V.copy()))
    assert_same(graph(V + 1), function(V + 1))


class Weights(NamedTuple):
    W: np.ndarray
    b: float


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lambda p: p["W"] @ p["b"][0] + p["b"][1], ({"W": X, "b": [V, 2.0]},)),
        (lambda pair: pair[0] * pair[1][0], ((X, [V]),)),
        (lambda p, x: p.W @ x + p.b, (Weights(X, 0.5), V)),
        (lambda x, power, mode, flag, nothing: x**power if mode == "up" and flag and nothing is None else x,
         (V, 2, "up", True, None)),
    ],
    ids=["dict", "nested", "named tuple", "other objects"],
)  # fmt: skip
def test_structured_arguments(function, arguments):
    graph = cr.trace(function, *arguments)
    assert_same(graph(*arguments), function(*arguments))


def test_a_graph_takes_dicts_in_any_order_of_keys():
    graph = cr.trace(lambda p: p["a"] - p["b"], {"a": 5.0, "b": 3.0})
    assert graph({"b": 1.0, "a": 10.0}) == 9.0


def test_a_graph_refuses_another_structure():
    graph = cr.trace(lambda p: p["a"] - p["b"], {"a": 5.0, "b": 3.0})
    with pytest.raises(cr.ChainruleError, match=r"Argument p must be a dict with \['a', 'b'\]"):
        graph({"a": 1.0, "b": 10.0, "c": 2.0})


def test_a_graph_refuses_another_word_than_it_was_traced_with():
    graph = cr.trace(lambda x, how: x + 1 if how == "up" else x - 1, 1.0, "up")
    assert graph(5.0, "up") == 6.0
    with pytest.raises(cr.ChainruleError, match="'down'"):
        graph(5.0, "down")


def test_keyword_arguments_are_handed_on():
    graph = cr.trace(lambda x, *, count: sum(x**n for n in range(count)), 2.0, count=4)
    assert graph(3.0) == 1 + 3 + 9 + 27


class Model:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, x):
        return self.scale * x

    def cost(self, x):
        return self(x) ** 2


def test_callable_objects_and_bound_methods():
    assert cr.trace(Model(3.0), 2.0)(5.0) == 15.0
    assert cr.trace(Model(3.0).cost, 2.0)(5.0) == 225.0


def test_shapes_alone_are_enough():
    graph = cr.trace(lambda W, x: np.tanh(W @ x), cr.ArraySpec((2, 3)), cr.ArraySpec((3,), "float32"))
    np.testing.assert_allclose(graph(X, V.astype("float32")), np.tanh(X @ V.astype("float32")))


def test_a_truth_array_is_an_input():
    graph = cr.trace(lambda x, mask: np.where(mask, x, 0), V, V > 0)
    np.testing.assert_array_equal(graph(V, np.array([False, True, False])), [0, -0.4, 0])


# Branches on values.


def branching(x):
    if x > 0:
        return x * 2
    return x * 3


def test_a_branch_is_taken_where_values_are_known():
    assert cr.trace(branching, 1.0)(5.0) == 10.0
    assert cr.trace(branching, -1.0)(-5.0) == -15.0
    assert cr.grad(branching)(1.0) == 2.0
    assert cr.grad(branching)(-1.0) == 3.0


def test_a_graph_refuses_values_that_take_another_branch():
    with pytest.raises(cr.ChainruleError, match=r"test_traceable_code\.py:\d+: `if x > 0:`") as caught:
        cr.trace(branching, 1.0)(-5.0)
    assert type(caught.value).__name__ == "GuardError"


def test_the_gradient_of_a_guarded_graph_is_guarded():
    slope = cr.gradient(cr.trace(branching, 1.0))
    assert slope(7.0) == 2.0
    with pytest.raises(cr.ChainruleError, match="branch"):
        slope(-7.0)


@pytest.mark.parametrize(
    "function",
    [
        branching,
        lambda x: x if np.any(x > 0) else -x,
        lambda x: x * 2 if not bool(x) else x,
        lambda x: x if x and True else -x,
        lambda x: max(x, 0.5),
        lambda x: sorted([x, 2 * x])[1],
    ],
    ids=["if", "any", "not", "and", "max", "sorted"],
)
def test_a_branch_on_shapes_alone_is_refused(function):
    with pytest.raises(
        cr.ChainruleError, match=r"test_traceable_code\.py:\d+.*only its shape is known"
    ) as caught:
        cr.trace(function, cr.ArraySpec(()))
    assert type(caught.value).__name__ == "TraceValueError"


def test_while_depends_on_values():
    def halve(x):
        while x > 1:
            x = x / 2
        return x

    assert cr.trace(halve, 40.0)(48.0) == 0.75
    assert cr.grad(halve)(40.0) == 1 / 64
    with pytest.raises(cr.ChainruleError, match="branch"):
        cr.trace(halve, 40.0)(70.0)


def test_the_truth_of_an_array_is_ambiguous():
    with pytest.raises(cr.ChainruleError, match=r"shape \(3,\) is ambiguous"):
        cr.trace(lambda x: x if x > 0 else -x, V)


def test_shapes_that_depend_on_values():
    graph = cr.trace(lambda x: x[x > 0] * 2, V)
    np.testing.assert_array_equal(graph(V + 0.1), (V + 0.1)[V > 0] * 2)
    with pytest.raises(cr.ChainruleError, match="branch"):
        graph(-V)
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(x[x > 0] ** 2))(V), np.where(V > 0, 2 * V, 0))
    with pytest.raises(cr.ChainruleError, match="only its shape is known"):
        cr.trace(lambda x: x[x > 0], cr.ArraySpec((3,)))


def test_a_branch_on_values_of_an_outer_function_guards_the_outer_graph():
    def outer(a):
        return cr.grad(lambda x: x * x if a > 0 else x)(3.0) * a

    graph = cr.trace(outer, 2.0)
    assert graph(5.0) == 30.0
    with pytest.raises(cr.ChainruleError, match="branch"):
        graph(-5.0)


def test_printing_a_traced_value_shows_what_it_is(capsys):
    def verbose(x):
        y = x * 2
        print(y, f"{y}")  # noqa: T201
        return y

    cr.trace(verbose, V)
    assert capsys.readouterr().out == "<Node multiply: float64[3]> <Node multiply: float64[3]>\n"


def test_a_copy_of_a_traced_value_is_that_value():
    import copy

    def copied(x):
        return copy.copy(x) * copy.deepcopy([x])[0]

    assert cr.grad(copied)(3.0) == 6.0


def test_an_array_that_changes_later_does_not_change_the_graph():
    shared = np.ones(3)
    graph = cr.trace(lambda x: x + shared, V)
    shared[:] = 100
    np.testing.assert_array_equal(graph(V), V + 1)
