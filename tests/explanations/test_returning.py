"""What comes back through operations on whole arrays: as mathematics, and meaning what it says."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.text import use_language

A = np.arange(6.0).reshape(2, 3) / 7 + 0.1
V, U = np.array([0.3, 0.5, 0.9]), np.array([0.2, 0.4])


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    yield
    use_language(None)


def sum_over_rows(x):
    s = np.sum(x, axis=0)
    return np.sum(s**2)


def sum_over_columns(x):
    s = np.sum(x, axis=1)
    return np.sum(s**2)


def columns_kept(x):
    s = np.sum(x, axis=1, keepdims=True)
    return np.sum(s**2)


def mean(x):
    s = np.mean(x)
    return s**2


def matrix_and_vector(x):
    s = x @ V
    return np.sum(s)


def vector_and_matrix(x):
    s = U @ x
    return np.sum(s)


def dot_product(x):
    s = np.dot(x[0], V)
    return s**2


def transposed(x):
    s = x.T
    return np.sum(s @ np.ones((2, 2)))


def new_axis(x):
    s = x[None]
    return np.sum(s**2)


def entry(x):
    s = x[1, 2]
    return s**2


def product_of_all(x):
    s = np.prod(x)
    return s**2


WRITTEN = {
    sum_over_rows: ("outer(ones(2), dJ/ds)", lambda g: np.outer(np.ones(2), g)),
    sum_over_columns: ("outer(dJ/ds, ones(3))", lambda g: np.outer(g, np.ones(3))),
    columns_kept: ("dJ/ds @ ones(1, 3)", lambda g: g @ np.ones((1, 3))),
    mean: ("dJ/ds / 6 * ones(2, 3)", lambda g: g / 6 * np.ones((2, 3))),
    matrix_and_vector: ("outer(dJ/ds, [0.3, 0.5, 0.9])", lambda g: np.outer(g, V)),
    vector_and_matrix: ("outer([0.2, 0.4], dJ/ds)", lambda g: np.outer(U, g)),
    dot_product: ("dJ/ds * [0.3, 0.5, 0.9]", lambda g: g * V),
    transposed: ("(dJ/ds)ᵀ", lambda g: g.T),
    new_axis: ("dJ/ds", lambda g: g[0]),
    entry: ("zeros((2, 3))[1, 2] += dJ/ds", lambda g: g * np.array([[0, 0, 0], [0, 0, 1]])),
    product_of_all: ("vjp(prod, x, dJ/ds)", lambda g: g * np.prod(A) / A),
}


@pytest.mark.parametrize("function", WRITTEN)
def test_what_comes_back_is_mathematics_and_means_what_it_says(function):
    text, value = WRITTEN[function]
    (edge,) = [edge for edge in cr.explain(function, A).edges if edge.through == "s"]
    assert edge.local == text
    np.testing.assert_allclose(edge.value, value(edge.incoming), rtol=1e-12)


def test_the_factors_of_a_matrix_product():
    e = cr.explain(lambda X, W: np.sum((X @ W) ** 2), A, A.T)
    assert {edge.source: edge.local for edge in e.edges if edge.rule.key == "matrix_product"} == {
        "X": "dJ/du @ Wᵀ",
        "W": "Xᵀ @ dJ/du",
    }


def layer(x, W, b, m):
    z = x @ W + b
    return np.sum((z * m) ** 2)


def test_sums_over_examples_and_columns_are_written():
    e = cr.explain(layer, np.ones((4, 2)), np.ones((2, 3)), np.zeros(3), np.ones((4, 1)))
    uses = {step.name: step.uses[0] for step in e.backward}
    assert uses["b"].running == ("i",)
    assert uses["m"].running == ("j",)
    assert uses["z"].running == ()
    text = e.to_text()
    assert "dJ/db = Σ_i (dJ/dz ∗ ∂z/∂b)" in text
    assert "dJ/dm = Σ_j (" in text
    assert r"\sum_{i} \frac{\mathrm{d}J}{\mathrm{d}z} \odot \frac{\partial z}{\partial b}" in e.to_latex()


SETTLED = {
    "power": ("x**y", {"x": 2.0, "y": 3.0}, {"x": "y * x ** (y - 1)", "y": "J * log(x)"}),
    "hypot": ("hypot(x, y)", {"x": 3.0, "y": 4.0}, {"x": "x / J", "y": "y / J"}),
    "larger": ("max(x, y)", {"x": 2.0, "y": 1.0}, {"x": "where(x > y, 1, 0)", "y": "where(y > x, 1, 0)"}),
    "relu": ("relu(x)", {"x": 2.0}, {"x": "where(x > 0, 1, 0)"}),
    "squares": ("tanh(x)", {"x": 0.5}, {"x": "1 - J²"}),
    "known numbers": ("2**x", {"x": 3.0}, {"x": "J * log(2)"}),
}


@pytest.mark.parametrize("name", SETTLED)
def test_exceptions_that_do_not_occur_are_left_out(name):
    text, at, wanted = SETTLED[name]
    assert {edge.source: edge.local for edge in cr.explain(text, at=at).edges} == wanted


def test_exceptions_that_occur_are_what_is_shown():
    e = cr.explain("x**y", x=2.0, y=0.0)
    assert {edge.source: (edge.local, edge.local_value) for edge in e.edges} == {
        "x": ("where(y == 0, 0, y * x ** (y - 1))", 0.0),
        "y": ("J * log(x)", pytest.approx(np.log(2))),
    }
    (edge, _) = cr.explain("max(x, y)", x=1.0, y=1.0).edges
    assert "0.5" in edge.local


def test_where_an_exception_holds_for_some_entries_it_stays():
    e = cr.explain(lambda x, y: np.sum(x**y), V, np.array([0.0, 1, 2]))
    (edge,) = [edge for edge in e.edges if edge.source == "x"]
    assert edge.local == "where(y == 0, 0, y * x ** where(y == 0, 1, y - 1))"
    np.testing.assert_allclose(edge.local_value, [0, 1, 2 * V[2]])


def test_entries_put_in_their_places_are_said_in_words():
    e = cr.explain(lambda x: x[0] * x[2], V)
    assert "dJ/du added at [0], 0 elsewhere" in e.to_text()
    assert "[0]: dJ/du" in e.to_svg()
    use_language("zh")
    assert "dJ/du 加在 [0] 处，其余为 0" in e.to_text()


def test_what_cancels_is_called_rounding():
    def log_sum_exp(z):
        m = np.max(z)
        return m + np.log(np.sum(np.exp(z - m)))

    line = next(
        line for line in str(cr.explain(log_sum_exp, np.array([1.0, 2, 3]))).splitlines() if "dm = " in line
    )
    assert "0 up to rounding" in line or line.endswith("= 0")
