"""What a newcomer stumbled over: names, reasons for zeros, arguments, long forms."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError


def cross_entropy(z, y):
    e = np.exp(z - np.max(z))
    p = e / np.sum(e)
    logs = np.log(p)
    return -np.sum(y * logs) / 3


LOGITS, LABELS = np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, 0.0])


def test_a_variable_called_e_is_not_eulers_number():
    latex = cr.explain(cross_entropy, LOGITS, LABELS).to_latex()
    assert r"e &= \exp\left(" in latex
    assert "e^" not in latex
    assert "e^{x}" in cr.explain("exp(x)", x=1).to_latex()


def test_products_entry_by_entry_are_written_alike_forward_and_back():
    latex = cr.explain(cross_entropy, LOGITS, LABELS).to_latex()
    assert r"y \odot \mathrm{logs}" in latex
    assert r"y \cdot" not in latex
    assert r"a \cdot b" in cr.explain("a*b", a=1, b=2).to_latex()


def test_vectors_are_columns_beside_matrices_and_rows_before_them():
    columns = cr.explain(lambda W, x: np.sum(W @ x), np.ones((2, 2)), np.array([3.0, 4.0])).to_latex()
    assert r"x &= \begin{bmatrix} 3 & 4 \end{bmatrix}^T" in columns
    assert "{x}^T" in columns
    rows = cr.explain(lambda W, x: np.sum(x @ W), np.ones((2, 2)), np.array([3.0, 4.0])).to_latex()
    assert r"x &= \begin{bmatrix} 3 & 4 \end{bmatrix} \\" in rows
    assert r"x \otimes" in rows
    assert r"v \cdot w" in cr.explain(lambda v, w: v @ w, np.ones(2), np.ones(2)).to_latex()


def test_infinite_sums_are_not_rounding_and_cancelled_ones_are():
    def powers(x, y):
        return x**y + y**x + x**0.5 + 2**x

    with np.errstate(all="ignore"):
        assert "rounding" not in str(cr.explain(powers, 0.0, 2.0))
    lines = [
        line for line in str(cr.explain(cross_entropy, LOGITS, LABELS)).splitlines() if "rounding" in line
    ]
    assert len(lines) <= 1
    assert all("summed to shape ()" in line for line in lines)


@pytest.mark.parametrize(
    ("function", "arguments", "name", "kind", "words"),
    [
        (lambda v: np.max(v) * 2, ([1, 3, 2],), "v[0]", "not_chosen", "max does not choose v[0] = 1"),
        (lambda v: np.max(v[:2]) * 2, ([1, 3, 2],), "v[0]", "not_chosen", "max does not choose"),
        (lambda v: np.max(v[1:]) * 2, ([1, 3, 2],), "v[0]", "unused", "not used"),
        (
            lambda w: np.maximum(0, w * 2),
            (-1.0,),
            "w",
            "dead_relu",
            "= -2, not above 0, the slope of maximum is 0",
        ),
        (lambda w: np.maximum(w * 2, 1), (-1.0,), "w", "not_chosen", "maximum does not choose"),
        (lambda w: np.where(w > 0, w, 0) * 2, (-1.0,), "w", "dead_relu", "dead relu: at w = -1"),
        (lambda w: np.where(w < 0, w, 0) * 2, (1.0,), "w", "not_chosen", "where does not choose w = 1"),
        (lambda w: np.tanh(w * 20), (1.0,), "w", "saturated", "0 to all 16 digits"),
        (lambda x, y: 1 + y**x, (0.0, 2.0), "y", "zero_input", "x = 0 in the power"),
        (lambda x: 1 + x**2, (0.0,), "x", "flat", "power is flat: at x = 0"),
    ],
)
def test_the_reason_for_a_zero_is_what_killed_it(function, arguments, name, kind, words):
    why = cr.explain(function, *arguments).why_zero(name)
    assert why.gradient == pytest.approx(0, abs=1e-15)
    assert [reason.kind for reason in why.reasons] == [kind]
    assert words in str(why)


def test_the_formula_of_a_power_stays_where_it_is_zero():
    steps = cr.explain(lambda x, y: 1 + y**x, 0.0, 2.0).backward
    (local,) = [use.local for step in steps if step.name == "y" for use in step.uses]
    assert local == "where(x == 0, 0, x * y ** (x - 1))"


def test_among_numbers_stand_numbers():
    assert "log(2) +" not in str(cr.explain("ln(x) + abs(x)", x=2))


def norm(v):
    return np.sqrt(np.sum(v**2))


@pytest.mark.parametrize("vector", [[3, 4], (3.0, 4.0), np.array([3.0, 4.0])])
def test_lists_of_numbers_are_arrays(vector):
    np.testing.assert_allclose(cr.explain(norm, vector).gradient["v"], [0.6, 0.8], rtol=1e-15)


def test_lists_of_arrays_stay_lists():
    e = cr.explain(lambda layers: np.sum(layers[0] @ layers[1]), [np.ones((2, 2)), [1, 2]])
    assert [np.shape(slope) for slope in e.gradient.values()] == [(2, 2), (2,)]
    uneven = cr.explain(lambda rows: rows[0][1] * np.sum(rows[1]), [[1, 2], [3, 4, 5]])
    assert uneven.value == 24


def test_a_nudge_by_keyword():
    e = cr.explain("a*b", a=2, b=3)
    assert e.nudge(a=0.5) == e.nudge("a", 0.5)
    for wrong in ({}, {"a": 1, "b": 1}):
        with pytest.raises(SettingError, match="one name and one step"):
            e.nudge(**wrong)
    with pytest.raises(TypeError, match=r"Explanation\.paths"):
        e.paths(b=1)


def test_a_nudge_has_the_same_digits_in_latex_as_in_text():
    moved = cr.explain("exp(a)", a=1).nudge("a", 0.001)
    assert f"{np.exp(1.001):.10g} - {np.exp(1):.10g}" in moved.to_latex()


def test_forms_that_say_nothing_are_left_out():
    def deep(x, W):
        for _ in range(3):
            x = W @ np.tanh(x)
        return np.sum(x)

    alive = cr.explain(deep, np.arange(4.0), np.full((4, 4), 0.1)).paths("x[1]").to_text()
    assert "left out" in alive
    assert max(map(len, alive.splitlines())) < 1000
    dead = cr.explain(deep, np.arange(4.0), np.zeros((4, 4))).paths("x[1]").to_text()
    assert "the product along each of them is 0, so dJ/dx[1] = 0" in dead
    assert len(dead.splitlines()) == 2
    nothing_common = cr.explain("a*b + a*c", a=1, b=2, c=3).paths("a").to_text()
    assert "brackets:" not in nothing_common


def test_folded_matrices_have_the_brackets_of_matrices():
    text = str(cr.explain(lambda W: np.sum(W**2), np.arange(60.0).reshape(10, 6)))
    assert "W = [[0, 1, 2, 3, …], …]" in text


def test_softmax_entry_by_entry_has_its_formula():
    weights = np.array([[1.0, -2.0, 3.0]])
    e = cr.explain(lambda z: np.sum(weights * cr.softmax(z, axis=1)), np.array([[0.1, 0.2, 0.3]]))
    expansion = e.expand("z[0, 1]")
    soft = np.exp([0.1, 0.2, 0.3]) / np.sum(np.exp([0.1, 0.2, 0.3]))
    expected = [-soft[0] * soft[1], soft[1] * (1 - soft[1]), -soft[2] * soft[1]]
    np.testing.assert_allclose([term.local_value for term in expansion.terms], expected, rtol=1e-12)
    names = [term.local for term in expansion.terms]
    assert names == ["-u[0, 0] * u[0, 1]", "u[0, 1] * (1 - u[0, 1])", "-u[0, 2] * u[0, 1]"]
    assert "Σ_i (u[0, i] * ((i == 1) - u[0, 1]))" in str(expansion)


def test_a_mean_is_a_division():
    x, y = np.arange(6.0).reshape(3, 2), np.eye(3)
    steps = cr.Network([2, 3], seed=0, dtype="float64").explain(x, y).forward
    assert steps[-1].formula.endswith(" / 3")
    assert "0.25" in cr.explain("0.25 * a", a=1).forward[0].formula


def test_a_step_far_beyond_the_tangent_is_said_to_be_one():
    x, y = np.arange(6.0).reshape(3, 2), np.eye(3)
    net = cr.Network([2, 3], seed=0, dtype="float64")
    assert "far apart" in str(net.explain_update(x, y, "W1[0, 0]", learning_rate=1000.0))
    assert "far apart" in net.explain_update(x, y, "W1[0, 0]", learning_rate=1000.0).to_html()
    assert "far apart" not in str(net.explain_update(x, y, "W1[0, 0]", learning_rate=1e-4))


def test_names_that_would_look_alike_are_told_apart():
    e = cr.explain(lambda x2, x_2: x2 * x_2, 1.5, 2.0)
    assert r"x_{2} \cdot \mathrm{x\_2}" in e.to_latex()
    assert r"{\mathrm{d}\mathrm{x\_2}}" in e.to_latex()
    assert "x_2" in e.to_html()


def test_a_sign_after_an_equal_sign_is_set_as_one():
    page = cr.explain("a*b", a=1, b=2).nudge(a=-0.5).to_html()
    assert '<mo form="prefix">&#x02212;</mo><mn>' in page
