"""What an explanation is asked further: paths, nudges, the sum behind an entry, why a gradient is zero."""

import json
import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GuardError, SettingError, UnknownNameError
from chainrule.text import use_language


@pytest.fixture
def chinese():
    use_language("zh")
    yield
    use_language(None)


def small_graph(a, b, c):
    u = a * b
    v = u + c
    return 2 * (v + b)


def logistic(W, b, X, Y):
    A = 1 / (1 + np.exp(-(W.T @ X + b)))
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


LOGISTIC = (
    np.array([[0.3], [-0.8]]),
    np.array([[0.2]]),
    np.array([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0]]),
    np.array([[1.0, 0.0, 1.0]]),
)


# Steps and edges.


def test_rules_have_names():
    e = cr.explain("a*b + a/b + 2*a + a**3 + 2**a + sin(a) - a", a=1.5, b=2.0)
    rules = {(edge.source, edge.rule.operation): str(edge.rule) for edge in e.edges}
    assert rules["a", "divide"] == "quotient rule"
    assert rules["a", "sin"] == "derivative of sin"
    names = {str(edge.rule) for edge in e.edges}
    assert {"product rule", "sum rule", "constant factor rule", "power rule", "exponential rule"} <= names


@pytest.mark.usefixtures("chinese")
def test_rules_have_chinese_names():
    text = str(cr.explain("a*b + sin(a/b)", a=1.5, b=2.0))
    for words in ("乘积法则", "加法法则", "商法则", "sin 的导数"):
        assert words in text


def test_edges_are_all_uses():
    e = cr.explain(small_graph, 1, 2, 3)
    (to_product,) = [edge for edge in e.edges if (edge.source, edge.through) == ("b", "u")]
    assert (to_product.local, to_product.local_value, to_product.incoming, to_product.value) == ("a", 1, 2, 2)
    for step in e.backward:
        total = sum(edge.value for edge in e.edges if edge.source == step.name)
        assert total == step.value


def test_scopes_are_headings():
    def f(x, w):
        with cr.scope("layer 1"):
            z = w * x
        with cr.scope("squashing"):
            return np.tanh(z)

    e = cr.explain(f, 0.5, 2.0)
    assert [step.scope for step in e.forward] == ["layer 1", "squashing"]
    assert {step.name: step.scope for step in e.backward}["w"] == "layer 1"
    lines = str(e).splitlines()
    assert lines.count("  Layer 1") == 2
    assert "  squashing" in lines


# Paths.


def test_the_two_paths_of_the_tutorial():
    paths = cr.explain(small_graph, 1, 2, 3).paths("b")
    assert [str(path) for path in paths] == ["b → w → J", "b → u → v → w → J"]
    assert [path.product for path in paths] == [2, 2]
    assert (paths.total, paths.count, paths.remainder, len(paths)) == (4, 2, 0, 2)
    assert [edge.local for edge in paths[1].edges] == ["a", "1", "1", "2"]
    text = paths.to_text()
    assert cr.explain(small_graph, 1, 2, 3).to_text(paths="b").endswith(text)
    assert "dJ/db = 2 + 2 = 4" in text
    assert "2 · (a + 1)" in text
    assert "2 · (1 + 1) = 4" in text


def test_the_factored_form_of_a_layered_network_costs_less():
    """Three layers of three units: 27 paths, each of products; with brackets each factor is written once."""
    layers = [np.arange(1.0, 10.0).reshape(3, 3) / 10 for _ in range(3)]

    def network(w, x):
        a = x * w
        for matrix in layers:
            a = np.tanh(a @ matrix)
        return np.sum(a)

    e = cr.explain(network, np.ones(3), np.array([0.1, 0.2, 0.3]))
    paths = e.paths("w[1]")
    assert paths.count == 27
    cost = paths.multiplications
    assert cost.backpropagation < cost.bracketed < cost.expanded
    assert paths.total == pytest.approx(e.gradient["w"][1], rel=1e-12)
    assert "(" in paths.factored.symbols


@pytest.mark.parametrize("name", ["W[0, 0]", "W[1, 0]", "b[0, 0]", "X[1, 2]"])
def test_paths_sum_to_reverse_mode(name):
    e = cr.explain(logistic, *LOGISTIC)
    paths = e.paths(name, most=1000)
    products = [path.product for path in paths]
    assert len(products) == paths.count
    bound = 1e-12 * sum(map(abs, products))
    assert abs(math.fsum(products) - e.gradient[name]) <= bound
    assert abs(paths.total - e.gradient[name]) <= bound
    for path in paths:
        assert math.prod(edge.local_value for edge in path.edges) == pytest.approx(path.product, rel=1e-12)


def test_the_largest_paths_and_one_remainder():
    e = cr.explain(lambda x: np.sum(np.outer(np.exp(x), x) @ np.sin(x)), np.array([0.5, 1.0, -2.0]))
    few, every = e.paths("x[1]", most=3), e.paths("x[1]", most=1000)
    assert len(few) == 3 < few.count == len(every)
    sizes = [abs(path.product) for path in every]
    assert sorted(sizes, reverse=True)[:3] == pytest.approx([abs(path.product) for path in few])
    assert sum(path.product for path in few) + few.remainder == pytest.approx(e.gradient["x"][1], rel=1e-12)
    assert f"and {few.count - 3} more paths" in few.to_text()


def test_paths_of_a_whole_array():
    e = cr.explain(lambda W, x: np.sum(W @ (W @ x)), np.array([[1.0, 2.0], [0.0, 1.0]]), np.ones(2))
    paths = e.paths("W")
    assert paths.count == 2
    np.testing.assert_allclose(sum(path.product for path in paths), e.gradient["W"], rtol=1e-14)
    assert "Paths from W" in str(paths)


def test_no_path():
    paths = cr.explain("floor(x)*2", x=1.5).paths("x")
    assert (paths.total, len([path for path in paths if path.product])) == (0, 0)
    assert str(paths)


# Nudges.


def test_the_nudges_of_the_tutorial():
    first = cr.explain("4*a", a=2).nudge("a", 0.001)
    assert first.moved == pytest.approx(2.001)
    assert first.predicted == pytest.approx(0.004, rel=1e-12)
    assert first.change == pytest.approx(0.004, rel=1e-9)
    square = cr.explain("a**2", a=2).nudge("a", 0.001)
    assert square.output_moved == pytest.approx(4.004001, rel=1e-12)
    assert square.predicted == pytest.approx(0.004, rel=1e-12)
    assert square.difference == pytest.approx(1e-6, rel=1e-6)
    assert cr.explain("a**2", a=5).nudge("a", 0.001).output_moved == pytest.approx(25.010001, rel=1e-12)
    text = str(square)
    for words in ("from 2 to 2.001", "from 4 to 4.004001", "4 · 0.001 = 0.004"):
        assert words in text


def test_three_ways_to_the_same_derivative():
    e = cr.explain(logistic, *LOGISTIC)
    moved = e.nudge("W[1, 0]", 1e-4)
    W, b, X, Y = LOGISTIC
    A = 1 / (1 + np.exp(-(W.T @ X + b)))
    true = float((X @ (A - Y).T / 3)[1, 0])
    assert moved.gradient == pytest.approx(true, rel=1e-12)
    assert moved.central_difference == pytest.approx(true, rel=1e-8)
    assert moved.complex_step == pytest.approx(true, rel=1e-12)


def test_no_complex_step_through_what_is_not_holomorphic():
    moved = cr.explain("relu(a)*b", a=2, b=3).nudge("a")
    assert (moved.complex_step, moved.central_difference) == (None, pytest.approx(3, rel=1e-8))
    assert cr.explain("relu(a)*b", a=2, b=3).nudge("b").complex_step == 2
    assert "complex step: not possible here" in str(moved)


def test_a_nudge_across_a_branch_is_refused():
    def f(x):
        return x * x if x > 1 else x

    e = cr.explain(f, 1.0005)
    with pytest.raises(GuardError):
        e.nudge("x", -0.001)
    assert e.nudge("x", 0.001).gradient == pytest.approx(2.001)


@pytest.mark.parametrize(
    ("name", "size", "error", "words"),
    [
        ("d", 0.1, UnknownNameError, "no 'd'"),
        ("W", 0.1, SettingError, r"such as W\[0, 0\]"),
        ("W[2, 0]", 0.1, SettingError, "outside"),
        ("W[0]", 0.1, SettingError, r"shape \(2, 1\)"),
        ("W[0.5, 1]", 0.1, SettingError, "names no entry"),
        ("W[0, 0]", 0, SettingError, "other than 0"),
        ("W[0, 0]", math.nan, SettingError, "other than 0"),
    ],
)
def test_what_cannot_be_nudged(name, size, error, words):
    with pytest.raises(error, match=words):
        cr.explain(logistic, *LOGISTIC).nudge(name, size)


# The sum behind an entry.


def test_an_entry_of_a_matrix_is_a_sum_over_examples():
    e = cr.explain(logistic, *LOGISTIC, wrt=["W", "b"])
    W, b, X, Y = LOGISTIC
    dZ = (1 / (1 + np.exp(-(W.T @ X + b))) - Y) / 3
    expansion = e.expand("W[1, 0]")
    assert expansion.gradient == pytest.approx(float((X @ dZ.T)[1, 0]), rel=1e-12)
    (part,) = expansion.sums
    assert sum(term.value for term in part.terms) == pytest.approx(expansion.gradient, rel=1e-12)
    assert part.rule.key in ("matrix_product", "rearrangement")
    assert e.gradient["W[1, 0]"] == e.gradient["W"][1, 0]


def test_terms_of_a_matrix_product():
    x, W = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 0.0]]), np.array([[0.1, 0.2], [0.3, 0.4]])
    e = cr.explain(lambda x, W: np.sum(np.tanh(x @ W)), x, W)
    delta = 1 - np.tanh(x @ W) ** 2
    (part,) = e.expand("W[1, 0]").sums
    assert [term.local for term in part.terms] == ["x[0, 1]", "x[1, 1]", "x[2, 1]"]
    np.testing.assert_allclose([term.value for term in part.terms], x[:, 1] * delta[:, 0], rtol=1e-12)
    assert part.count == 3  # the zero input counts: it is there for other values
    assert part.by_example
    assert part.formula.startswith("Σ_i x[i, 1] · ")
    assert "of the same form for every example" in str(e.expand("W[1, 0]"))
    (left,) = e.expand("x[2, 0]").sums
    assert [term.local for term in left.terms] == ["W[0, 0]", "W[0, 1]"]


def test_broadcasting_is_a_sum_too():
    e = cr.explain(lambda x, b: np.sum((x + b) ** 2), np.arange(6.0).reshape(3, 2), np.array([1.0, -1.0]))
    (part,) = e.expand("b[1]").sums
    assert (part.count, part.value) == (3, 2 * (0 + 2 + 4))
    assert [term.value for term in part.terms] == [0.0, 4.0, 8.0]


def test_only_the_largest_terms_are_listed():
    x = np.linspace(-1, 1, 100)
    e = cr.explain(lambda w, x: np.sum((w * x) ** 3), 2.0, x)
    (part,) = e.expand("w", most=5).sums
    assert (part.count, len(part.terms)) == (100, 5)
    listed = sum(term.value for term in part.terms)
    assert listed + part.rest == pytest.approx(part.value, rel=1e-12)
    assert part.value == pytest.approx(np.sum(3 * 4 * x**3 * 1.0), abs=1e-9)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(np.sort(x) * np.arange(3.0)),
        lambda x: np.sum(np.cumsum(x) ** 2),
        lambda x: np.prod(x),
        lambda x: np.sum(x[::-1] * np.array([1.0, 2.0, 3.0])),
        lambda x: np.max(x) * np.mean(x),
        lambda x: np.sum(np.exp(x) / np.sum(np.exp(x)) * np.array([1.0, 0.0, 2.0])),
        lambda x: np.sum(np.einsum("i,j->ij", x, x) @ x),
        lambda x: np.linalg.norm(np.concatenate([x, x * x])),
    ],
)
def test_any_operation_is_expanded(function):
    x = np.array([0.5, -1.5, 2.0])
    e = cr.explain(function, x)
    for place in range(3):
        expansion = e.expand(f"x[{place}]")
        total = sum(part.value for part in expansion.sums)
        assert total == pytest.approx(e.gradient["x"][place], rel=1e-12, abs=1e-12)
        assert str(expansion)


# Why is it zero?


ZEROS = [
    ("relu(w*x - 5)", {"w": 2, "x": 1}, "w", "dead_relu", "v"),
    ("tanh(w*x)", {"w": 10, "x": 2}, "w", "saturated", "u"),
    ("sigmoid(w*x)", {"w": -20, "x": 2}, "x", "saturated", "u"),
    ("tanh(w*x)", {"w": 1, "x": 0}, "w", "zero_input", "x"),
    ("tanh(w*x)", {"w": 0, "x": 2}, "x", "zero_weight", "w"),
    ("floor(x)*y", {"x": 1.5, "y": 2}, "x", "broken_path", "u"),
    ("max(x, y)*2", {"x": 1, "y": 2}, "x", "not_chosen", "x"),
    ("x*y - x*z", {"x": 3, "y": 2, "z": 2}, "x", "cancellation", "x"),
    ("x**3 + y", {"x": 0, "y": 1}, "x", "flat", "x"),
]


@pytest.mark.parametrize(("formula", "values", "name", "kind", "at"), ZEROS)
def test_why_a_gradient_is_zero(formula, values, name, kind, at):
    e = cr.explain(formula, at=values)
    why = e.why_zero(name)
    assert why.is_small
    assert (why.reasons[0].kind, why.reasons[0].at) == (kind, at)
    assert str(why.reasons[0]) in str(e)
    assert why.gradient == e.gradient[name]


def test_the_numbers_of_a_saturated_sigmoid():
    why = cr.explain("sigmoid(w*x + b)", w=2, x=10, b=1).why_zero("w")
    (reason,) = why.reasons
    s = 1 / (1 + math.exp(-21))
    assert (reason.at, reason.value, reason.operation) == ("v", 21, "sigmoid")
    assert reason.factor == pytest.approx(s * (1 - s), rel=1e-6)
    assert math.prod(part.value for part in why.path) == pytest.approx(why.gradient, rel=1e-12)


def test_a_value_that_is_not_used():
    why = cr.explain(lambda x, y: np.sum(x), np.ones(2), 1.0).why_zero("y")
    assert why.reasons[0].kind == "unused"


def test_a_comparison_breaks_the_path():
    def f(x, y):
        return np.sum(np.where(x > 0, y, -y))

    (reason,) = cr.explain(f, np.array([1.0, -1.0]), np.ones(2)).why_zero("x[0]").reasons
    assert (reason.kind, reason.operation) == ("broken_path", "greater")


def test_nothing_is_said_of_gradients_that_are_not_small():
    e = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    assert not e.why_zero("b").is_small
    assert e.why_zero("b").reasons == ()
    assert "Why" not in str(e)
    assert "Why" not in str(cr.explain("2*x*x/10000 * 0.0001", x=1.0))


@pytest.mark.usefixtures("chinese")
def test_all_of_it_in_chinese():
    e = cr.explain("relu(w*x - 5) + floor(x)*w", w=2, x=1)
    text = e.to_text(paths=["w"], nudges={"w": 0.001})
    for words in ("路径", "微扰", "反向传播", "中心差分", "乘法次数"):
        assert words in text
    for words in ("path", "Nudge", "reverse", "rule"):
        assert words not in text
    assert "失活" in cr.explain("relu(w*x - 5)", w=2, x=1).to_text()


def test_paths_from_a_computed_value():
    e = cr.explain(small_graph, 1, 2, 3)
    assert [str(path) for path in e.paths("u")] == ["u → v → w → J"]
    assert e.paths("v").total == 2


def test_an_entry_can_be_looked_at_in_any_function():
    x, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.eye(2)
    e = cr.explain(lambda x, W: np.sum(np.tanh(x @ W)), x, W, wrt="W[1,0]")
    assert (e.focus, list(e.gradient)) == ("W[1, 0]", ["W"])
    text = str(e)
    assert "W[1, 0], entry by entry" in text
    assert "Paths from W[1, 0]" in text
    with pytest.raises(SettingError, match="outside"):
        cr.explain(lambda x, W: np.sum(np.tanh(x @ W)), x, W, wrt="W[2, 0]")
    with pytest.raises(UnknownNameError, match="wrt"):
        cr.explain(lambda x, W: np.sum(np.tanh(x @ W)), x, W, wrt="V[2, 0]")


def test_an_output_of_shape_one_by_one():
    e = cr.explain(lambda w, x: w @ x, np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    assert e.nudge("w[0, 1]", 0.5).change == 2
    assert e.paths("w[0, 1]").total == 4
    assert [term.value for term in e.expand("x[0, 0]").terms] == [1]
    assert e.to_text(paths=["w[0, 0]"], nudges={"w[0, 0]": 1})
    assert json.loads(e.to_json())["value"] == [[11]]


def test_zeros_in_arrays_are_counted():
    text = str(cr.explain(lambda x: np.sum(np.maximum(x, 0)), np.array([-1.0, 2.0, -3.0])))
    assert "entries that are 0: 2, such as x[0]" in text
