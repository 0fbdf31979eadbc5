"""`grad`, `value_and_grad`, `jacobian`, `hessian` as a caller meets them."""

import functools
import threading
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule import derived
from chainrule.errors import GradientError

V = np.array([0.5, -1.5, 2.0])
M = np.array([[0.5, -1.5, 2.0], [1.0, 0.25, -0.75]])


def test_value_and_gradient():
    value, slope = cr.value_and_grad(lambda a: a**2)(5.0)
    assert (value, slope) == (25.0, 10.0)


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [(0, 6.0), (1, 5.0), (-1, 9.0), (np.int64(1), 5.0), ((0, 2), (6.0, 9.0)), ([-1], (9.0,))],
)
def test_wrt(wrt, expected):
    assert cr.grad(lambda a, b, c: a * b + c * a + 4 * c, wrt=wrt)(5.0, 2.0, 4.0) == expected


@pytest.mark.parametrize("wrt", [1, -2, (0, 3)])
def test_wrt_that_names_no_argument(wrt):
    with pytest.raises(GradientError, match="there is no argument"):
        cr.grad(lambda x: x, wrt=wrt)(1.0)


@pytest.mark.parametrize("wrt", ["x", "xy", 0.5, None, True, (), ("x",), (0, 1.0)])
def test_wrt_that_is_no_position(wrt):
    with pytest.raises(GradientError, match="positions, counted from 0"):
        cr.grad(lambda x, y: x * y, wrt=wrt)(1.0, 2.0)


@pytest.mark.parametrize("wrt", [(0, 0), (0, -2), (0, 1, -1)])
@pytest.mark.parametrize("derivative", [cr.grad, cr.jacobian, cr.hessian])
def test_wrt_that_names_an_argument_twice(derivative, wrt):
    with pytest.raises(GradientError, match="twice"):
        derivative(lambda x, y: x * y, wrt=wrt)(1.0, 2.0)


def test_what_is_given_by_keyword_is_not_differentiated():
    with pytest.raises(GradientError, match=r"1 were given by position, and y, z by keyword"):
        cr.grad(lambda x, y, z: x * y * z, wrt=1)(1.0, y=2.0, z=3.0)


def test_keyword_arguments():
    def power(x, n=2, *, scale=1.0):
        return scale * x**n

    assert cr.grad(power)(3.0) == 6.0
    assert cr.grad(power)(3.0, n=3, scale=2.0) == 54.0
    with pytest.raises(cr.ChainruleError, match="0 were given"):
        cr.grad(power)(x=3.0)


def test_other_arguments_stay_what_they_are():
    def function(x, flag, word, nothing, count, table):
        assert isinstance(flag, bool)
        assert isinstance(table, np.ndarray)
        total = x
        for _ in range(count):
            total = total * (2.0 if flag and word == "double" and nothing is None else 1.0)
        return total * table[1]

    assert cr.grad(function)(1.0, True, "double", None, 3, np.array([1.0, 5.0])) == 40.0


class Layer(NamedTuple):
    W: np.ndarray
    b: float


def test_structured_arguments():
    def cost(p):
        return np.sum(p["layer"].W @ V * 2.0) + p["more"][0] ** 2 + p["more"][1][0] * 3 + p["layer"].b

    p = {"layer": Layer(M, 1.0), "more": [3.0, (4.0, "a word")], "mask": np.array([True]), "flag": True}
    slope = cr.grad(cost)(p)
    assert list(slope) == ["layer", "more", "mask", "flag"]
    assert isinstance(slope["layer"], Layer)
    np.testing.assert_array_equal(slope["layer"].W, np.tile(2 * V, (2, 1)))
    assert slope["layer"].b == 1.0
    assert slope["more"] == [6.0, (3.0, None)]
    assert (slope["mask"], slope["flag"]) == (None, None)


def test_whole_numbers_count_as_float64():
    slope = cr.grad(lambda n: np.sum(n**2))(np.array([1, 2, 3], dtype=np.int32))
    assert slope.dtype == np.float64
    assert slope.tolist() == [2, 4, 6]
    assert cr.grad(lambda n: n * n)(3) == 6.0
    assert cr.grad(lambda p: p["n"] * p["x"])({"n": 3, "x": 0.5}) == {"n": 0.5, "x": 3.0}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
def test_the_gradient_has_the_dtype_of_its_argument(dtype):
    x = np.array([0.5, 1.5], dtype)
    slope = cr.grad(lambda x, y: np.sum(np.exp(x) * y))(x, np.array([1.0, 2.0]))
    assert slope.dtype == np.dtype(dtype)
    np.testing.assert_allclose(slope, np.exp(x) * np.array([1, 2]), rtol=1e-2 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        (lambda x: x * 2, (V,), r"cr\.jacobian"),
        (lambda x: (x, x), (1.0,), "there are 2 outputs"),
        (lambda x: x > 0, (1.0,), "bool"),
        (lambda x: x, ("word",), "no real numbers"),
        (lambda x: x, (None,), "no real numbers"),
        (lambda x: x, ([],), "no real numbers"),
        (lambda x: x, (np.array([True]),), "no real numbers"),
        (lambda x: x, (cr.ArraySpec(()),), "instead of ArraySpec"),
        (lambda x: x, (), "0 were given"),
    ],
)
def test_no_gradient(function, arguments, reason):
    with pytest.raises(cr.ChainruleError, match=reason) as caught:
        cr.grad(function)(*arguments)
    assert type(caught.value).__name__ == "GradientError"


def test_arrays_with_one_entry_count_as_numbers():
    assert cr.grad(lambda x: (x**2).sum(keepdims=True))(np.array([[3.0]])).tolist() == [[6.0]]


def test_functions_of_all_kinds():
    class Curve:
        power = 3

        def __call__(self, x):
            return x**self.power

        def method(self, x):
            return self(x)

        @classmethod
        def of_class(cls, x):
            return x**cls.power

    curves = [
        Curve(),
        Curve().method,
        Curve.of_class,
        functools.partial(lambda n, x: x**n, 3),
        lambda x: x**3,
    ]
    for curve in curves:
        assert cr.grad(curve)(2.0) == 12.0
    assert cr.grad(np.exp)(0.0) == 1.0


def test_the_derivative_is_named_like_its_function():
    def cost(x):
        """What it costs."""
        return x

    assert cr.grad(cost).__name__ == "cost"
    assert cr.grad(cost).__doc__ == "What it costs."


def test_no_path_means_zeros():
    np.testing.assert_array_equal(cr.grad(lambda x: 3.0)(V), np.zeros(3), strict=True)
    np.testing.assert_array_equal(cr.grad(lambda x, y: y, wrt=(0, 1))(V, 2.0)[0], np.zeros(3))
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(np.sign(x) + np.floor(x)))(V), np.zeros(3))
    np.testing.assert_array_equal(cr.grad(lambda x: np.argmax(x) * 1.0)(V), np.zeros(3))


# Derivatives of derivatives.


def test_derivatives_of_any_order():
    function = lambda x: x**5
    expected = [32.0, 80.0, 160.0, 240.0, 240.0, 120.0, 0.0]
    for value in expected:
        assert function(2.0) == value
        function = cr.grad(function)


def test_perturbations_are_not_confused():
    """d/dx [x · d/dy (x + y)] = 1: the inner derivative must not see the outer one's x as its own."""
    assert cr.grad(lambda x: x * cr.grad(lambda y: x + y)(2.0))(3.0) == 1.0
    assert cr.grad(lambda x: x * cr.grad(lambda y: x * y)(x))(3.0) == 6.0
    assert cr.grad(lambda x: cr.grad(lambda y: cr.grad(lambda z: x * y * z)(1.0))(1.0))(5.0) == 1.0
    assert cr.grad(lambda x: cr.grad(lambda y: x * y**2)(x) * x)(2.0) == 24.0


def test_a_gradient_within_a_function_of_arrays():
    def penalty(W, x):
        slope = cr.grad(lambda u: np.sum(np.tanh(W @ u)))(x)
        return np.sum(slope**2)

    h, numeric = 1e-6, np.zeros_like(M)
    for place in np.ndindex(M.shape):
        up, down = M.copy(), M.copy()
        up[place] += h
        down[place] -= h
        numeric[place] = (penalty(up, V) - penalty(down, V)) / (2 * h)
    np.testing.assert_allclose(cr.grad(penalty)(M, V), numeric, rtol=1e-7, atol=1e-8)


def test_a_jacobian_within_a_gradient():
    found = cr.grad(lambda x: np.sum(cr.jacobian(lambda u: u**2)(x) ** 2))(V)
    np.testing.assert_allclose(found, 8 * V)


def test_jacobian_shapes():
    jacobian = cr.jacobian(lambda x: x[:, None] * x)(V)
    assert jacobian.shape == (3, 3, 3)
    eye = np.eye(3)
    np.testing.assert_allclose(jacobian, eye[:, None, :] * V[None, :, None] + V[:, None, None] * eye[None])
    assert cr.jacobian(lambda x: x**2)(3.0) == 6.0
    assert cr.jacobian(lambda x: x[:0])(V).shape == (0, 3)
    assert cr.jacobian(lambda x: np.argmax(x))(V).tolist() == [0, 0, 0]
    assert cr.jacobian(lambda x: np.float32(2) * x)(V.astype("float32")).dtype == np.float32


def test_jacobian_of_structures():
    found = cr.jacobian(lambda p: {"u": p["a"] * p["b"], "v": [p["a"] ** 2]})({"a": V, "b": 2.0})
    np.testing.assert_array_equal(found["u"]["a"], 2 * np.eye(3))
    np.testing.assert_array_equal(found["u"]["b"], V)
    np.testing.assert_array_equal(found["v"][0]["a"], np.diag(2 * V))
    np.testing.assert_array_equal(found["v"][0]["b"], np.zeros(3))


def test_jacobian_by_several_arguments():
    by_matrix, by_vector = cr.jacobian(lambda W, x: W @ x, wrt=(0, 1))(M, V)
    np.testing.assert_array_equal(by_vector, M)
    np.testing.assert_array_equal(by_matrix, np.einsum("ik,j->ikj", np.eye(2), V))


def test_hessian():
    np.testing.assert_array_equal(
        cr.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0])), [[10, 6], [6, 0]]
    )
    np.testing.assert_allclose(cr.hessian(lambda x: x @ np.diag(V) @ x)(V), 2 * np.diag(V))
    assert cr.hessian(lambda x: x**3)(2.0) == 12.0


def test_hessian_of_structures():
    found = cr.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": 3.0, "b": 5.0})
    assert found == {"a": {"a": 10.0, "b": 6.0}, "b": {"a": 6.0, "b": 0.0}}


# What is remembered from call to call.


@pytest.fixture
def programs(monkeypatch):
    fresh = type(derived._programs)()
    monkeypatch.setattr(derived, "_programs", fresh)
    return fresh


def test_a_second_call_finds_the_program_ready(programs):
    slope = cr.grad(lambda x: np.sum(np.sin(x) * 2.0))
    np.testing.assert_allclose(slope(V), 2 * np.cos(V))
    np.testing.assert_allclose(slope(2 * V), 2 * np.cos(2 * V))
    assert len(programs) == 1


def test_equal_structure_with_other_data():
    def slope(data, scale):
        return cr.grad(lambda w: np.sum((data @ w) ** 2) * scale)(V)

    for data, scale in [(M, 1.0), (M + 1, 1.0), (M, 2.0), (np.zeros((2, 3)), 1.0), (np.ones((2, 3)), 1.0)]:
        np.testing.assert_allclose(slope(data, scale), 2 * scale * data.T @ (data @ V))


@pytest.mark.parametrize("other", [0.0, -0.0, 1, 1.0, True, np.float32(1), np.array([1.0, 1.0, 1.0])])
def test_constants_that_look_alike(other):
    """What differs in type or sign is another program, even where Python finds it equal."""
    for value in (1.0, other, 0.0, other):
        slope = cr.grad(lambda x: np.sum(np.where(x > value, x * value, value - x)))(V)  # noqa: B023
        np.testing.assert_array_equal(slope, np.where(value < V, value, -1) * np.ones(3))


def test_masked_data_stays_masked(programs):
    """A branch of zeros keeps 0·∞ out whether the zeros are an array, or a number."""
    for zeros in (np.zeros(3), 0, 0.0, np.zeros(())):
        with np.errstate(invalid="ignore"):
            slope = cr.grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), zeros)))(np.array([0.0, 4.0, -1.0]))  # noqa: B023
        assert slope.tolist() == [0, 0.25, 0]


def test_memory_is_bounded(programs, monkeypatch):
    monkeypatch.setattr(derived, "MOST_PROGRAMS", 5)
    for power in range(2, 20):
        assert cr.grad(lambda x: x**power)(1.0) == power  # noqa: B023
    assert len(programs) == 5
    monkeypatch.setattr(derived, "MOST_STEPS", 3)
    cr.grad(lambda x: np.sin(np.cos(np.sin(np.cos(x)))))(1.0)
    assert len(programs) == 5


def test_branches_are_retraced():
    slope = cr.grad(lambda x: x**2 if x > 0 else -x)
    assert [slope(3.0), slope(-3.0), slope(1.0)] == [6.0, -1.0, 2.0]


def test_threads_share_programs(programs):
    results = {1.0: [], 2.0: []}

    def work():
        for n, found in results.items():
            found.extend(cr.grad(lambda x: np.sum(np.exp(x * n)))(V) for _ in range(20))  # noqa: B023

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(programs) == 2
    for n, found in results.items():
        assert len(found) == 80
        for slope in found:
            np.testing.assert_allclose(slope, n * np.exp(n * V))


def test_importing_the_package_is_light():
    import subprocess
    import sys

    code = "import sys, chainrule; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", cr.__all__)
def test_every_public_name_works_first(name):
    """Each public name can be the first that a program asks for."""
    import subprocess
    import sys

    if name not in ("trace", "read_graph", "Graph", "gradient", "grad", "check_gradient"):
        assert getattr(cr, name) is not None
        return
    code = (
        f"import chainrule; first = chainrule.{name}; graph = chainrule.trace(lambda x: x * x, 3.0);"
        "assert chainrule.read_graph(graph.to_text()) == graph"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
