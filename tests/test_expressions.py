"""Formulas as text: what they mean, and what is said about those that mean nothing."""

import math
import pickle
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import ExpressionError
from chainrule.expressions import read_expression
from chainrule.expressions.reading import ALIASES, functions
from chainrule.primitives import PRIMITIVES
from chainrule.text import use_language

ALPHABET = "abxyπ0123456789.+-*/()^ ,eE_=<>[]{}'\"²√×÷−（）\n\t\x00#@:;!&|~\\中"


def value_of(text, **values):
    return float(read_expression(text, list(values))(*values.values()))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("3*(a + b*c)", {"a": 7, "b": 4, "c": 2}, 45),
        ("2**3**2", {}, 512),
        ("-2**2", {}, -4),
        ("2**-1", {}, 0.5),
        ("1 - 2 - 3", {}, -4),
        ("8 / 4 / 2", {}, 1),
        ("- - +a", {"a": 3}, 3),
        (".5 + 1. + 1e-1 + 2E+0", {}, 3.6),
        ("007 + 010", {}, 17),
        ("pi * e", {}, math.pi * math.e),
        ("pi", {"pi": 3}, 3),
        ("e**x", {"x": 1}, math.e),
        ("abs(-a) + max(a, b, 9) + min(a, b)", {"a": 1, "b": 2}, 11),
        ("ln(e) + pow(a, 2)", {"a": 3}, 10),
        ("clip(x, 0, 1) + relu(x)", {"x": 5}, 6),
        ("exp + 1", {"exp": 2}, 3),
        ("学习率 * 梯度", {"学习率": 0.5, "梯度": 4}, 2),
        ("２×（ａ＋１）−ａ÷２", {"a": 4}, 8),
        ("  a\n +\t1 ", {"a": 1}, 2),
        ("9**9**9**9", {}, math.inf),
    ],
)
def test_value(text, values, expected):
    assert value_of(text, **values) == pytest.approx(expected, rel=1e-15)


def test_every_elementwise_function_of_the_registry_can_be_called():
    known = functions()
    assert set(ALIASES) <= set(known)
    callable_names = {
        name for name, primitive in PRIMITIVES.items() if primitive.elementwise and primitive.differentiable
    }
    assert callable_names - set(known) == {"where", "convert", "positive"}
    for name, (least, _) in known.items():
        arguments = ["0.6", "0.2", "0.9"][:least]
        primitive = PRIMITIVES[ALIASES.get(name, name)]
        with np.errstate(invalid="ignore"):
            expected = primitive.forward(np, *[np.float64(part) for part in arguments])
        assert value_of(f"{name}({', '.join(arguments)})") == pytest.approx(float(expected), nan_ok=True)


def test_names_are_found_in_the_order_in_which_they_occur():
    graph = read_expression("exp(b) * a + b * pi")
    assert [node.label for node in graph.inputs] == ["b", "a"]
    assert [node.primitive.name for node in graph.nodes if node.inputs] == [
        "exp",
        "multiply",
        "multiply",
        "add",
    ]


FAULTS = [
    ("2a", 1, "2 * a"),
    ("a(b + c)", 1, "a * (…)"),
    ("(a)(b)", 3, "operator is missing"),
    ("a b", 2, "a * b"),
    ("2 3", 2, "operator is missing"),
    ("a^2", 1, "Write ** instead"),
    ("a²", 1, "Write ** 2 instead"),
    ("a < b", 2, "'<'"),
    ("a == b", 2, "'='"),
    ("a.b", 1, "'.'"),
    ("a[0]", 1, "'['"),
    ("'a'", 0, "cannot stand"),
    ("{a}", 0, "cannot stand"),
    ("a # b", 2, "'#'"),
    ("a; b", 1, "';'"),
    ("a\\b", 1, "cannot stand"),
    ("lambda", 0, "grammar"),
    ("a if b else c", 2, "grammar"),
    ("not a", 0, "grammar"),
    ("None", 0, "grammar"),
    ("", 0, "empty"),
    ("a +", 3, "ends where"),
    ("* a", 0, "expected before '*'"),
    ("a * / b", 4, "expected before '/'"),
    ("(a", 0, "never closed"),
    ("a)", 1, "never opened"),
    ("()", 1, "expected before ')'"),
    ("exp()", 4, "expected before ')'"),
    ("0,5", 1, "0.5"),
    ("(a, b)", 2, "comma"),
    ("sigmod(a)", 0, "'sigmoid'"),
    ("exp(a, b)", 0, "exp takes 1"),
    ("max(a)", 0, "at least 2"),
    ("sin + a", 0, "is a function"),
    ("1e999 * a", 0, "too large"),
    ("__import__('os')", 11, "cannot stand"),
    ("a.__class__", 1, "cannot stand"),
]


@pytest.mark.parametrize(("text", "position", "words"), FAULTS)
def test_fault_is_named_at_its_column(text, position, words):
    with pytest.raises(ExpressionError) as caught:
        read_expression(text, ["a", "b", "c"])
    error = caught.value
    assert error.position == position
    message, shown, caret = str(error).split("\n")
    assert words in message
    assert shown == f"  {text}"
    assert caret == " " * (2 + position) + "^"


@pytest.mark.parametrize("text", [text for text, *_ in FAULTS])
def test_fault_in_chinese_holds_no_english_sentence(text):
    use_language("zh")
    try:
        with pytest.raises(ExpressionError) as caught:
            read_expression(text, ["a", "b", "c"])
    finally:
        use_language(None)
    message = str(caught.value).split("\n")[0]
    assert any("一" <= sign <= "鿿" for sign in message)
    assert "Write" not in message
    assert "expected" not in message


def test_caret_stands_under_wide_characters_and_in_long_formulas():
    with pytest.raises(ExpressionError) as caught:
        read_expression("学习率 ^ 2")
    assert str(caught.value).endswith("\n  学习率 ^ 2\n  " + " " * 7 + "^")
    with pytest.raises(ExpressionError) as caught:
        read_expression("+".join("a" * 300) + "^2")
    _, shown, caret = str(caught.value).split("\n")
    assert shown[len(caret) - 1] == "^"
    assert len(shown) < 80


def test_missing_and_unused_names():
    with pytest.raises(ExpressionError, match=r"beta has no value\. Did you mean 'betta'\?") as caught:
        read_expression("alpha + beta", ["alpha", "betta"])
    assert caught.value.position == 8
    with pytest.raises(ExpressionError, match=r"b has no value\. Give it one: b=1"):
        read_expression("a + b", ["a"])
    with pytest.raises(ExpressionError, match="given for c, but it does not occur"):
        read_expression("a + b", ["a", "b", "c"])
    with pytest.raises(ExpressionError, match="Leave it out"):
        read_expression("1 + 2", ["c"])
    with pytest.raises(ExpressionError, match="cannot be the name"):
        read_expression("a", ["a b"])


def test_errors_survive_pickling():
    with pytest.raises(ExpressionError) as caught:
        read_expression("a^2")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.position) == (str(caught.value), 1)


WORST = [
    "a" * 10_001,
    "(" * 10_000,
    "(" * 5_000 + ")" * 5_000,
    "-" * 9_999 + "a",
    "a" + "+a" * 4_999,
    "a" + "**a" * 3_000,
    "9" + "**9" * 3_000,
    "exp(" * 2_500,
    "max(" + "a," * 4_900 + "a)",
    "9" * 10_000,
    "1." * 5_000,
    "a " * 5_000,
    "1e" + "9" * 5_000,
    "," * 10_000,
    "²" * 10_000,
]


@pytest.mark.parametrize("text", WORST, ids=lambda text: text[:8])
def test_work_is_bounded(text):
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(ExpressionError):
        read_expression(text)
    seconds, peak = time.perf_counter() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 60  # a bound against hanging, not a claim of speed
    assert peak < 50e6


def test_the_largest_allowed_formulas_are_read():
    assert value_of("+".join(["a"] * 1_001), a=1) == 1_001
    assert value_of("(" * 100 + "a" + ")" * 100, a=1) == 1
    assert value_of("-" * 1_000 + "a", a=1) == 1
    assert value_of("**".join(["a"] * 1_001), a=1) == 1


@given(st.one_of(st.text(max_size=60), st.text(ALPHABET, max_size=60)))
@example("1_000")
@example("0x1F")
@example("ﬁ + a")
@example("a\u2028b")
@example("\ud800")
@settings(max_examples=300, deadline=None)
def test_only_our_errors_come_out(text):
    error = fault_of(text)
    assert error is None or len(str(error)) < 1_000


def fault_of(text):
    """Return our error about a formula; None if it can be read. Any other error passes."""
    try:
        graph = read_expression(text)
    except ExpressionError as error:
        return error
    return graph.check()


NAMES = ("a", "b", "c")
SMOOTH = ("sin", "cos", "tanh", "sigmoid", "exp", "arctan", "softplus", "square")
leaves = st.one_of(
    st.sampled_from(NAMES),
    st.floats(0.1, 3).map(lambda number: f"{number:.3f}"),
)


def _larger(inner):
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", " ** "]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(st.sampled_from(SMOOTH), inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
    )


formulas = st.recursive(leaves, _larger, max_leaves=8)
NUMPY = {
    **{name: getattr(np, name) for name in ("sin", "cos", "tanh", "exp", "arctan", "square")},
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "__builtins__": {},
}


def by_python(text, values):
    """Return the value by Python's own evaluation, NaN where it has none."""
    try:
        with np.errstate(all="ignore"):
            value = eval(text, NUMPY, {name: np.float64(value) for name, value in values.items()})
    except ArithmeticError:
        return math.nan
    return math.nan if isinstance(value, complex) else float(value)


@given(formulas, st.lists(st.floats(-2, 2), min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_value_is_that_of_python(text, numbers):
    values = dict(zip(NAMES, numbers, strict=True))
    expected = by_python(text, values)
    assume(not math.isnan(expected))
    used = {name: value for name, value in values.items() if name in set(_names(text))}
    assert value_of(text, **used) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(formulas, st.lists(st.floats(0.2, 1.5), min_size=3, max_size=3))
@settings(max_examples=100, deadline=None)
def test_gradient_is_that_of_central_differences(text, numbers):
    values = dict(zip(NAMES, numbers, strict=True))
    used = {name: value for name, value in values.items() if name in set(_names(text))}
    assume(used)
    explanation = cr.explain(text, at=used)
    assume(np.isfinite(explanation.value) and abs(explanation.value) < 1e3)
    for name in used:
        coarse, fine = (_difference(text, used, name, step) for step in (2e-4, 1e-4))
        better = (4 * fine - coarse) / 3
        assume(abs(coarse - fine) < 1e-5 * (1 + abs(better)))
        assert explanation.gradient[name] == pytest.approx(better, rel=1e-5, abs=1e-6)


def _difference(text, values, name, step):
    up, down = ({**values, name: values[name] + sign * step} for sign in (1, -1))
    difference = (by_python(text, up) - by_python(text, down)) / (2 * step)
    assume(np.isfinite(difference))
    return difference


def _names(text):
    return [sign for sign in NAMES if sign in _without_functions(text)]


def _without_functions(text):
    for name in sorted(SMOOTH, key=len, reverse=True):
        text = text.replace(f"{name}(", "(")
    return text
