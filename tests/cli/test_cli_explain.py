"""``chainrule explain`` and ``chainrule primitives``."""

import json

import pytest

from chainrule.primitives import PRIMITIVES


def test_explain(cli):
    result = cli("explain", "3*(a + b*c)", "a=7", "b=4", "c=2")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "3*(a + b*c)  at a = 7, b = 4, c = 2"
    assert "  u = b * c = 4 * 2 = 8" in lines
    assert "  dJ/db = dJ/du · ∂u/∂b = dJ/du · c = 3 · 2 = 6" in lines
    assert lines[-3:] == ["  dJ/da = 3", "  dJ/db = 6", "  dJ/dc = 12"]


def test_explain_some_names_in_json(cli):
    result = cli("explain", "3*(a + b*c)", "a=7", "b=4", "c=2", "--wrt", "b", "--wrt=c", "--json")
    assert json.loads(result.out)["gradient"] == {"b": 6, "c": 12}
    assert json.loads(cli("explain", "a*b", "a=7", "b=4", "--wrt", "a,b", "--json").out)["value"] == 28


def test_explain_in_chinese(cli):
    result = cli("explain", "a*b + b", "a=1", "b=2", "--lang", "zh")
    for words in ("前向传播", "反向传播", "链式法则", "梯度"):
        assert words in result.out


@pytest.mark.parametrize("words", [["-a*b", "a=2", "b=-3"], ["--", "-a*b", "b=-3", "a=2"]])
def test_formulas_and_values_may_begin_with_a_minus(cli, words):
    assert "J = u * b = -2 * (-3) = 6" in cli("explain", *words).out


CARET = [
    (["3*(a +", "a=1"], "ends where a value is expected", "  3*(a +\n        ^\n"),
    (["a^2", "a=1"], "Write ** instead", "  a^2\n   ^\n"),
    (["2a", "a=1"], "2 * a", "  2a\n   ^\n"),
    (["a + beta", "a=1", "betta=2"], "Did you mean 'betta'?", "  a + beta\n      ^\n"),
]
ONE_LINE = [
    (["a*b", "a=1", "b=two"], "b=two is not a finite number"),
    (["a*b", "a=1", "b=nan"], "b=nan is not a finite number"),
    (["a*b", "a=1", "b=1e999"], "b=1e999 is not a finite number"),
    (["a*b", "a=1", "b"], "'b' gives no name a value"),
    (["a", "a=1", "a=2"], "a is given a value twice"),
    (["a", "a=1", "b=2"], "given for b, but it does not occur"),
    (["a", "a=1", "--wrt", "b"], "wrt: there is no 'b'"),
    (["a", "a=1", "2b=2"], "'2b' cannot be the name"),
    (["a" * 10_001, "a=1"], "more than 10000"),
]


@pytest.mark.parametrize(("words", "message", "place"), CARET)
def test_faults_in_formulas_have_a_caret(cli, words, message, place):
    result = cli("explain", *words)
    assert (result.code, result.out) == (2, "")
    first, _, rest = result.err.partition("\n")
    assert first.startswith("chainrule: ")
    assert message in first
    assert rest == place


@pytest.mark.parametrize(("words", "message"), ONE_LINE)
def test_wrong_values_are_one_line(cli, words, message):
    result = cli("explain", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


def test_primitives(cli):
    result = cli("primitives")
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) == len(PRIMITIVES)
    assert any("∂/∂x = 1 - y * y" in line for line in result.out.splitlines() if line.startswith("tanh "))
    assert "has a kink" in next(line for line in result.out.splitlines() if line.startswith("relu "))
    rows = {row["name"]: row for row in json.loads(cli("primitives", "--json").out)["primitives"]}
    assert rows["multiply"]["derivatives"] == ["∂/∂a = b", "∂/∂b = a"]
    assert rows["argmax"]["differentiable"] is False
    for name, primitive in PRIMITIVES.items():
        assert bool(rows[name]["derivatives"]) == (primitive.elementwise and primitive.differentiable), name
