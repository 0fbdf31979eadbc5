"""Explanations: every number in them, and that they agree with the gradient."""

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ExpressionError, GradientError, SettingError, TraceError, UnknownNameError
from chainrule.text import use_language


@pytest.fixture
def chinese():
    use_language("zh")
    yield
    use_language(None)


def test_the_formula_of_the_tutorials():
    e = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    assert e.value == 45
    assert e.gradient == {"a": 3, "b": 6, "c": 12}
    assert [(step.name, step.formula, step.numbers, step.value) for step in e.forward] == [
        ("u", "b * c", "4 * 2", 8),
        ("v", "a + u", "7 + 8", 15),
        ("J", "3 * v", "3 * 15", 45),
    ]
    assert [step.name for step in e.backward] == ["v", "u", "a", "b", "c"]
    (use,) = e.backward[-1].uses
    assert (use.through, use.local, use.local_value, use.incoming, use.value) == ("u", "b", 4, 3, 12)
    assert e.steps == (*e.forward, *e.backward)


def test_a_value_used_twice_shows_the_sum_over_its_uses():
    def J(a, b, c):
        u = a * b
        v = u + c
        return 2 * (v + b)

    e = cr.explain(J, 1, 2, 3)
    assert e.value == 14
    assert e.gradient == {"a": 4, "b": 4, "c": 2}
    lines = e.to_text().splitlines()
    assert "  b is used 2 times, so what comes back is added up:" in lines
    assert "    through u: dJ/du · ∂u/∂b = dJ/du · a = 2 · 1 = 2  [product rule]" in lines
    assert "  dJ/db = 2 (through w) + 2 (through u) = 4" in lines
    assert [step.name for step in e.forward] == ["u", "v", "w", "J"]
    assert e.forward[0].line.startswith("test_explain.py:")


def test_text_in_full():
    assert str(cr.explain("x*x - y", x=-3, y=2)) == "\n".join(
        [
            "x*x - y  at x = -3, y = 2",
            "",
            "Forward: the value of each step",
            "  u = x * x = -3 * (-3) = 9",
            "  J = u - y = 9 - 2 = 7",
            "",
            "Backward: the chain rule, from J back",
            "  dJ/du = ∂J/∂u = 1  [sum rule]",
            "  x is used 2 times, so what comes back is added up:",
            "    through u: dJ/du · ∂u/∂x = dJ/du · x = 1 · (-3) = -3  [product rule]",
            "    through u: dJ/du · ∂u/∂x = dJ/du · x = 1 · (-3) = -3  [product rule]",
            "  dJ/dx = (-3) (through u) + (-3) (through u) = -6",
            "  dJ/dy = ∂J/∂y = -1  [sum rule]",
            "",
            "Gradient",
            "  dJ/dx = -6",
            "  dJ/dy = -1",
        ]
    )


@pytest.mark.usefixtures("chinese")
def test_chinese_text():
    text = cr.explain("a*b + b", a=2, b=3).to_text()
    for words in ("前向传播", "计算图", "反向传播", "链式法则", "梯度", "b 被使用 2 次", "2（经 u）"):
        assert words in text
    for words in ("Forward", "Backward", "through", "used"):
        assert words not in text
    assert "(" not in text.replace("(经", "（经")


FUNCTIONS = [
    (lambda x: np.sum(np.exp(x) * x), (np.array([0.5, -1.0, 2.0]),)),
    (
        lambda W, x, y: np.mean((np.tanh(W @ x) - y) ** 2),
        (np.arange(6.0).reshape(2, 3) / 5, np.ones(3), np.array([0.0, 1.0])),
    ),
    (
        lambda X, w, b: np.mean(np.log(1 + np.exp(-(X @ w + b)))),
        (np.arange(8.0).reshape(4, 2) - 3, np.array([0.3, -0.2]), 0.1),
    ),
    (lambda x, y: np.sum(np.maximum(x, y) / (1 + x**2)), (np.array([[1.0, -2.0]]), np.array([[0.5], [3.0]]))),
    (lambda a: np.prod(np.concatenate([a, a[::-1] * 2]))[None].sum(), (np.array([1.5, 0.5]),)),
    (lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x)), (np.array([4.0, -1.0]),)),
]


@pytest.mark.parametrize(("function", "arguments"), FUNCTIONS)
def test_gradient_agrees_with_grad(function, arguments):
    e = cr.explain(function, *arguments)
    expected = cr.grad(function, wrt=tuple(range(len(arguments))))(*arguments)
    for slope, other in zip(e.gradient.values(), expected, strict=True):
        assert np.shape(slope) == np.shape(other)
        np.testing.assert_allclose(slope, other, rtol=1e-12, atol=1e-14)
    for step in e.backward:
        total = sum(np.asarray(use.value) for use in step.uses)
        np.testing.assert_allclose(total, step.value, rtol=1e-12, atol=1e-14)
    assert e.to_text()


def test_each_use_is_the_product_of_what_comes_in_and_the_local_derivative():
    e = cr.explain("exp(a*b) / (1 + a**2) - max(a, b)*sin(a)", a=0.7, b=-1.2)
    uses = [use for step in e.backward for use in step.uses]
    assert len(uses) > 10
    for use in uses:
        assert use.value == pytest.approx(use.incoming * use.local_value, rel=1e-14)


def test_only_some_names():
    e = cr.explain("a*b*c", a=1, b=2, c=3, wrt="b")
    assert e.gradient == {"b": 3}
    assert "dJ/da" not in e.to_text()
    assert cr.explain("a*b*c", a=1, b=2, c=3, wrt=["c", "a"]).gradient == {"c": 2, "a": 6}
    with pytest.raises(UnknownNameError, match=r"no 'bet'.*Did you mean 'beta'"):
        cr.explain("alpha*beta", alpha=1, beta=2, wrt="bet")


def test_names_that_explain_uses_itself_go_by_at():
    assert cr.explain("wrt*at", at={"wrt": 2, "at": 3}).gradient == {"wrt": 3, "at": 2}


def test_names_that_are_taken_are_not_given_to_steps():
    e = cr.explain("(u + v)*w - J*y*f*out", at=dict.fromkeys(["u", "v", "w", "J", "y", "f", "out"], 1.0))
    names = [*e.inputs, *(step.name for step in e.forward)]
    assert len(set(names)) == len(names)


def test_what_is_not_finite_is_explained_in_its_stable_form():
    e = cr.explain("log(1 + exp(x))", x=800)
    assert (e.value, e.gradient["x"], e.stabilised) == (800, 1, True)
    assert "equivalent form" in e.to_text()
    plain = cr.explain("log(1 + exp(x))", x=0)
    assert not plain.stabilised
    assert len(plain.forward) == 3


def test_where_no_derivative_comes_back():
    e = cr.explain("floor(x)*2", x=1.5)
    assert e.gradient == {"x": 0}
    assert "no derivative comes back to x" in e.to_text()


def test_formulas_without_steps():
    assert "J = 5" in cr.explain("2 + 3").to_text()
    assert cr.explain("x", x=4).gradient == {"x": 1}


def test_infinite_values_are_shown_and_written_as_json():
    e = cr.explain("1 / x", x=0)
    assert e.value == np.inf
    assert json.loads(e.to_json())["value"] == "inf"


def test_json_holds_everything():
    e = cr.explain(lambda x, b: np.sum(x * b), np.array([1, 2]), 3)
    found = json.loads(e.to_json())
    assert found["inputs"] == {"x": [1, 2], "b": 3}
    assert found["gradient"] == {"x": [3, 3], "b": 3}
    assert found["forward"][0]["formula"] == "x * b"
    assert found["backward"][-1]["uses"][0]["summed"] is True


def test_keyword_arguments_defaults_and_nested_arguments():
    def f(parameters, x=2.0, *, power=2):
        return parameters["w"] * x**power + parameters["b"]

    e = cr.explain(f, {"w": 3.0, "b": 1.0}, x=4.0)
    assert e.gradient == {"w": 16, "b": 1, "x": 24}


def test_a_large_graph_is_explained_without_recursion():
    e = cr.explain("+".join(["a*a"] * 300), a=1)
    assert e.gradient == {"a": 600}
    assert e.to_text()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: cr.explain("a*b", 1, 2), ExpressionError, "by name"),
        (lambda: cr.explain("a*b", a=1, b="x"), ExpressionError, "b=x is not a finite number"),
        (lambda: cr.explain("a*b", a=1, b=np.ones(2)), ExpressionError, "not a finite number"),
        (lambda: cr.explain("a", a=np.nan), ExpressionError, "a=nan"),
        (lambda: cr.explain("a", a=None), ExpressionError, "a=None"),
        (lambda: cr.explain("a + "), ExpressionError, "ends where"),
        (lambda: cr.explain(3), SettingError, "not int"),
        (lambda: cr.explain(lambda x: x), SettingError, "missing a required argument"),
        (lambda: cr.explain(lambda x: x, 1.0, y=2), SettingError, "unexpected keyword"),
        (lambda: cr.explain(lambda x: x * 2, np.ones(3)), GradientError, "3"),
        (lambda: cr.explain(lambda x: "word", 1.0), TraceError, "str"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_local_derivative_is_written_with_the_names_of_the_steps():
    """No rewrite looks behind u, though (−a)·2 could be a·(−2)."""
    text = str(cr.explain("(-a)**2", a=3))
    assert "dJ/du = ∂J/∂u = 2 * u = -6" in text


def test_an_index_that_became_a_real_number_is_refused():
    with pytest.raises(TraceError, match="an index must hold whole numbers"):
        cr.explain(lambda i, x: x[i], 1, np.ones(3))
    assert cr.explain(lambda i, x: x[i.astype(int)] ** 2, 1, np.full(3, 2.0)).value == 4.0


def test_a_masked_array_is_refused():
    with pytest.raises(TraceError, match="mask"):
        cr.explain(lambda x: np.sum(x * x), np.ma.array([1, 2], mask=[0, 1]))


@pytest.mark.parametrize(
    ("formula", "x", "step"),
    [
        ("log(x)", -1, "J"),
        ("1/x", 0, "J"),
        ("2*log(x) + 1", -1, "u"),
        ("sqrt(x)", 0, "dJ/dx"),
        ("x*x", 3, None),
    ],
)
def test_what_is_not_defined_is_said(formula, x, step):
    explained = cr.explain(formula, x=x)
    assert explained.undefined == step
    assert ("Not defined here" in str(explained)) == (step is not None)


def test_indices_are_shown():
    def f(w):
        return w[0] ** 2 + w[2] * 3

    text = str(cr.explain(f, np.array([1.0, 2.0, 3.0])))
    assert "w[0]" in text
    assert "w[2]" in text
    assert "…" not in text


def test_a_constant_to_a_power_has_a_plain_derivative():
    text = str(cr.explain("e**x", x=1))
    assert "where" not in text
    assert cr.explain("e**x", x=1).gradient["x"] == pytest.approx(np.e, rel=1e-15)


@pytest.mark.parametrize("name", ["t1", "log", "J", "u"])
def test_any_name_is_kept(name):
    explained = cr.explain(f"{name}*x", at={name: 2, "x": 3})
    assert list(explained.inputs) == [name, "x"]
    assert explained.gradient == {name: 3, "x": 2}
    assert explained.output in ("J", "y")
    assert explained.output != name


def test_no_step_is_called_like_a_variable_that_is_something_else():
    def J(a, b, c):
        u = a * c  # noqa: F841 - the cost does not use it
        v = a * b + c
        return 2 * (v + b)

    e = cr.explain(J, 1, 2, 3)
    assert "u" not in [step.name for step in e.forward]
    assert next(step for step in e.forward if step.name == "v").value == 5
