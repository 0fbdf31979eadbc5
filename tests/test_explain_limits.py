"""What explanations say where there is much, where numbers are lost, and where nothing can be said."""

import json
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError, SettingError, UnknownNameError
from chainrule.text import use_language

RNG = np.random.default_rng(0)


def explained(sizes, rows, parameter="W1[3, 12]"):
    x, y = RNG.random((rows, sizes[0])), RNG.integers(0, sizes[-1], rows)
    return cr.Network(sizes, seed=0).explain(x, y, parameter=parameter)


@pytest.fixture(scope="module")
def large():
    return explained([64, 200, 200, 200, 10], 5)


@pytest.fixture(scope="module")
def many():
    return explained([16, 14, 4], 40)


# Paths that are too many, or those of one example.


def test_too_many_paths_are_left_out_with_a_sentence(large):
    sentence = "The paths from W1[3, 12] to C are left out: between the two lie more than 200000 edges."
    assert sentence in large.to_text()
    assert sentence in large.to_html()
    assert large._repr_html_() == large.to_html()
    found = json.loads(large.to_json())
    assert (found["paths"], found["paths_note"]) == ([], sentence)
    with pytest.raises(GradientError, match="at most 200000 edges"):
        large.paths("W1[3, 12]")


def test_the_paths_of_one_of_many_examples_say_so(many):
    gradient = many.gradient["W1"][3, 12]
    terms = many.expand("W1[3, 12]", 40).terms
    largest = max(terms, key=lambda term: abs(term.value))
    (sentence,) = [line for line in many.to_text().splitlines() if "sum over 40 examples" in line]
    assert f"dC/dW1[3, 12] = {gradient:.7g} is" in sentence
    assert f"{largest.value:.7g} ({100 * largest.value / gradient:.3g} %)" in sentence
    assert f"start at {largest.through}" in sentence
    assert sentence in many.to_html()
    found = json.loads(many.to_json())
    assert found["paths"][0]["name"] == largest.through
    assert found["paths_note"] == sentence


def test_all_paths_of_few_examples_are_shown():
    e = explained([16, 14, 4], 2)
    found = json.loads(e.to_json())
    assert (found["paths_note"], found["paths"][0]["name"]) == ("", "W1[3, 12]")
    assert found["paths"][0]["total"] == pytest.approx(e.gradient["W1"][3, 12], rel=1e-9)


def test_the_page_of_a_long_computation_lists_the_paths_from_an_entry():
    def repeated(w):
        for _ in range(110):
            w = 0.9 * np.tanh(w)
        return np.sum(w)

    page = cr.explain(repeated, np.array([0.5, 1.0]), wrt="w[1]").to_html()
    assert "from w[1]: 1 path(s)" in page


# Entries by name.


def test_entries_can_be_asked_for_like_names(many):
    gradient = many.gradient
    assert "W1[3, 12]" in gradient
    assert gradient.get("W1[3,12]") == gradient["W1"][3, 12] == gradient["W1[3, 12]"]
    assert gradient.get("W1") is gradient["W1"]
    for name in ("W1[99, 0]", "W1[3]", "W9[0]", "W9", "W1[x]", 3):
        assert name not in gradient
        assert gradient.get(name, 7) == 7
    with pytest.raises(SettingError):
        gradient["W1[99, 0]"]
    with pytest.raises(UnknownNameError):
        gradient["W9"]


def test_the_entry_comes_first_in_the_gradient(many):
    value = f"{many.gradient['W1'][3, 12]:.7g}"
    lines = many.to_text().partition("\nGradient\n")[2].splitlines()
    assert lines[0] == f"  dC/dW1[3, 12] = {value}"
    assert lines[1].startswith("  dC/dW1 = [")
    section = many.to_html().partition("<h2>Gradient</h2>")[2]
    assert section.index(value) < section.index("(16, 14)")


def test_the_picture_shows_the_entry(many):
    drawing = many.to_svg()
    assert "W1[3, 12]" in drawing
    assert f"= {many.inputs['W1'][3, 12]:.4g}" in drawing
    assert f"dC/dW1[3, 12] = {many.gradient['W1'][3, 12]:.4g}" in drawing


# Why is it zero?


@pytest.mark.parametrize("formula", ["sqrt(x)", "log(x)", "x**0.5 - x**0.5"])
def test_what_is_not_finite_is_not_small(formula):
    e = cr.explain(formula, x=0)
    assert not math.isfinite(e.gradient["x"])
    why = e.why_zero("x")
    assert (why.is_small, why.reasons) == (False, ())
    assert "Not small" in str(why)
    assert "Why" not in str(e)


def test_an_infinite_entry_makes_no_other_small():
    e = cr.explain(lambda x: np.sum(np.sqrt(x)), np.array([0.0, 4.0]))
    why = e.why_zero("x[1]")
    assert (why.is_small, why.largest) == (False, 0.25)


def test_an_entry_that_is_not_used():
    (reason,) = cr.explain(lambda x: x[1] ** 2, np.array([1.0, 2.0])).why_zero("x[0]").reasons
    assert (reason.kind, reason.at) == ("unused", "x[0]")
    assert str(reason).startswith("x[0] is not used")
    (reason,) = cr.explain(np.prod, np.array([0.0, 0.0, 2.0])).why_zero("a[2]").reasons
    assert (reason.kind, reason.operation) == ("flat", "prod")


def test_a_kink_is_not_flat():
    (reason,) = cr.explain("abs(x)", x=0).why_zero("x").reasons
    assert (reason.kind, reason.value) == ("kink", 0)


# Nudges: the same derivative, or none.


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize(
    ("formula", "x", "slope"),
    [
        ("1/x", 1e-6, -1e12),
        ("log(x)", 1e-9, 1e9),
        ("sin(x)", 1e8, math.cos(1e8)),
        ("sigmoid(1e7*x)", 1e-8, 1e7 * sigmoid(0.1) * (1 - sigmoid(0.1))),
        ("relu(x)", 1e-9, 1),
        ("relu(x)", -1e-9, 0),
        ("x**2", 0, 0),
        ("cos(x)", 0, 0),
        ("x**3 - x", 2, 11),
        ("x + 1e6", 1e-6, 1),
        ("2*x", 1e300, 2),
    ],
)
def test_central_differences_are_the_same_derivative(formula, x, slope):
    found = cr.explain(formula, x=x).nudge("x", x / 8 or 0.001).central_difference
    assert found == pytest.approx(slope, rel=1e-5, abs=1e-300)


@pytest.mark.parametrize(
    ("formula", "x"), [("relu(x)", 0), ("abs(x)", 0), ("abs(x - 3) + x", 3), ("sin(x)", 1e16), ("sqrt(x)", 0)]
)
def test_central_differences_are_none_where_they_say_nothing(formula, x):
    moved = cr.explain(formula, x=x).nudge("x", 0.001)
    assert moved.central_difference is None
    assert "by central differences: not possible here: at a kink" in str(moved)


def test_a_nudge_shows_as_many_digits_as_it_takes():
    text = str(cr.explain("2*x", x=1e10).nudge("x", 1e-3))
    assert "from 10000000000.0 to 10000000000.001" in text
    assert "lost" not in text


def test_a_step_that_is_lost_in_rounding_says_so():
    text = str(cr.explain("2*x", x=1e10).nudge("x", 1e-9))
    assert f"near x = 1e+10, numbers are {np.spacing(1e10):.7g} apart" in text
    text = str(cr.explain("x + 1e9", x=1).nudge("x", 1e-9))
    assert f"near J = 1000000001, numbers are {np.spacing(1e9):.7g} apart" in text


def test_a_variable_that_is_not_differentiated_by_can_be_nudged():
    moved = cr.explain("x*y", x=2, y=3, wrt="x").nudge("y", 0.5)
    assert (moved.gradient, moved.predicted, moved.change) == (2, 1, 1)


# What is said of steps.


def test_a_branch_not_taken_counts_0():
    e = cr.explain(lambda x: np.sum(np.where(x > 0, np.log(x), 0)), np.array([1.0, 0.0, 2.0]))
    assert e.gradient["x"].tolist() == [1, 0, 0.5]
    assert e.undefined is None
    text = str(e)
    assert "Not defined" not in text
    (line,) = [line for line in text.splitlines() if "branch not taken: counts 0" in line]
    assert line.startswith(f"  d{e.output}/dx = ")
    assert "branch not taken: counts 0" in e.to_html()


def test_what_is_not_defined_has_a_name():
    assert cr.explain("log(x) * 0", x=0).undefined is not None
    assert cr.explain("sqrt(x)", x=0).undefined == "dJ/dx"


def test_what_comes_back_is_named_by_the_value_it_comes_through():
    def recurrent(W, U, x):
        h = np.zeros(2)
        for row in x:
            h = np.tanh(W @ h + U @ row)
        return np.sum(h**2)

    e = cr.explain(recurrent, np.eye(2) / 2, np.ones((2, 2)), np.ones((3, 2)) / 10)
    products = [edge for edge in e.edges if not edge.elementwise and "dJ/d" in edge.local]
    assert len(products) >= 9
    for edge in products:
        assert f"dJ/d{edge.through}" in edge.local


def test_a_fresh_state_starts_at_0():
    x, y = RNG.random((4, 3)), RNG.integers(0, 2, 4)
    text = str(cr.Network([3, 4, 2], seed=0).explain_update(x, y, "W1[0, 0]", optimizer="adam"))
    assert "  t starts at 0" in text
    assert "remembered" not in text


def test_answers_show_themselves_in_notebooks():
    e = cr.explain("a*b", a=2, b=3)
    x, y = RNG.random((4, 3)), RNG.integers(0, 2, 4)
    update = cr.Network([3, 4, 2], seed=0).explain_update(x, y, "b1[0]")
    for answer in (e.paths("a"), e.nudge("a"), e.why_zero("a"), e.expand("a"), update):
        assert answer._repr_html_().startswith(("<pre>", "<!DOCTYPE html>"))
        assert str(answer).splitlines()[0] in answer._repr_html_()
        assert len(repr(answer)) < 120
        assert "\n" not in repr(answer)
    assert repr(e) == "<Explanation of a*b: J=6, derivatives by a, b>"


def test_pages_in_chinese_have_no_english_branches():
    use_language("zh")
    try:
        page = cr.explain(lambda x: np.sum(np.where(x > 0, x * x, x)), np.array([1.0, -1.0])).to_html()
    finally:
        use_language(None)
    assert "otherwise" not in page
    assert "其他情形" in page
