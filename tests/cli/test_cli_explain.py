"""``chainrule explain`` and ``chainrule primitives``."""

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.primitives import PRIMITIVES


def test_explain(cli):
    result = cli("explain", "3*(a + b*c)", "a=7", "b=4", "c=2")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == "3*(a + b*c)  at a = 7, b = 4, c = 2"
    assert "  u = b * c = 4 * 2 = 8" in lines
    assert "  dJ/db = dJ/du · ∂u/∂b = dJ/du · c = 3 · 2 = 6  [product rule]" in lines
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
    assert any("∂/∂x = 1 - y²" in line for line in result.out.splitlines() if line.startswith("tanh "))
    assert "has a kink" in next(line for line in result.out.splitlines() if line.startswith("relu "))
    rows = {row["name"]: row for row in json.loads(cli("primitives", "--json").out)["primitives"]}
    assert rows["multiply"]["derivatives"] == ["∂/∂a = b", "∂/∂b = a"]
    assert rows["argmax"]["differentiable"] is False
    for name, primitive in PRIMITIVES.items():
        assert bool(rows[name]["derivatives"]) == (primitive.elementwise and primitive.differentiable), name


# Forms, files, paths and nudges.


def test_paths_and_nudges(cli):
    words = ["3*(a + b*c)", "a=7", "b=4", "c=2", "--paths", "b,c", "--nudge", "a=0.001"]
    lines = cli("explain", *words).out.splitlines()
    assert "  b → u → v → J: ∂u/∂b · ∂v/∂u · ∂J/∂v = c · 1 · 3 = 2 · 1 · 3 = 6" in lines
    assert "  dJ/dc = 12" in lines
    assert "Nudge: a from 7 to 7.001" in lines
    found = json.loads(cli("explain", *words, "--format", "json").out)
    assert [paths["total"] for paths in found["paths"]] == [6, 12]
    assert found["nudges"][0]["predicted"] == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("text", "Backward"),
        ("latex", "\\frac"),
        ("svg", "<svg"),
        ("html", "<!DOCTYPE html>"),
        ("json", '"version": 1'),
    ],
)
def test_forms_and_files(cli, tmp_path, form, words):
    printed = cli("explain", "a*b", "a=2", "b=3", "--format", form)
    assert (printed.code, printed.err) == (0, "")
    assert words in printed.out
    written = cli("explain", "a*b", "a=2", "b=3", "--format", form, "--out", "result")
    assert (written.code, written.out) == (0, "Written to result.\n")
    assert (tmp_path / "result").read_text(encoding="utf-8") == printed.out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.svg", "<svg"),
        ("a.HTML", "<!DOCTYPE html>"),
        ("a.json", "{"),
        ("a.tex", "\\begin{align*}"),
        ("a.txt", "a*b  at a = 2"),
        ("a", "a*b  at a = 2"),
    ],
)
def test_the_suffix_of_the_file_chooses_the_form(cli, tmp_path, name, words):
    assert cli("explain", "a*b", "a=2", "b=3", "--out", name).code == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(words)


def test_an_option_wins_over_the_suffix(cli, tmp_path):
    assert cli("explain", "a*b", "a=2", "b=3", "--out", "a.svg", "--format", "text").code == 0
    assert (tmp_path / "a.svg").read_text(encoding="utf-8").startswith("a*b  at")
    assert cli("explain", "a*b", "a=2", "b=3", "--out", "a.svg", "--json", "--format", "json").code == 0
    assert json.loads((tmp_path / "a.svg").read_text(encoding="utf-8"))["value"] == 6


def test_what_is_not_differentiated_by_can_be_nudged(cli):
    result = cli("explain", "a*b", "a=2", "b=3", "--wrt", "a", "--nudge", "b=0.5")
    assert (result.code, result.err) == (0, "")
    assert "  predicted change: dJ/db · ε = 2 · 0.5 = 1" in result.out.splitlines()


def test_a_model(cli, flowers, flower_model):
    model = ["--model", flower_model, "--data", flowers]
    result = cli("explain", *model, "--sample", 4, "--parameter", "W1[1,3]")
    assert (result.code, result.err) == (0, "")
    assert "Paths from W1[1, 3] to C" in result.out
    found = json.loads(cli("explain", *model, "--sample", 4, "--parameter", "W1[1,3]", "--json").out)
    net, data = cr.load(flower_model), np.loadtxt(flowers, str, delimiter=",", skiprows=1)
    row = data[4:5]
    slope = net.gradients(row[:, :2].astype(float), row[:, 2])["W1"][1, 3]
    assert found["expansions"][0]["gradient"] == pytest.approx(float(slope), rel=1e-3)
    whole = cli("explain", *model)
    assert "Layer 1" in whole.out
    assert "第 1 层" in cli("explain", *model, "--lang", "zh").out


def test_an_update_step(cli, flowers, flower_model):
    words = ["--model", flower_model, "--data", flowers, "--parameter", "b1[0]", "--optimizer", "adam"]
    lines = cli("explain", *words, "--learning-rate", 0.5).out.splitlines()
    assert lines[0] == "One step of adam for b1[0], with learning rate η = 0.5"
    found = json.loads(cli("explain", *words, "--json").out)
    assert (found["kind"], found["learning_rate"], found["optimizer"]) == ("update", 0.1, "adam")


UNUSABLE = [
    ([], "Missing argument EXPRESSION"),
    (["a", "a=1", "--format", "xml"], "--format: there is no 'xml'"),
    (["a", "a=1", "--nudge", "a"], "'a' does not say what to move"),
    (["a", "a=1", "--nudge", "a=x"], "must be a finite number"),
    (["a", "a=1", "--nudge", "b=1"], "there is no 'b'"),
    (["a", "a=1", "--paths", "b"], "there is no 'b'"),
    (["a", "a=1", "--paths", "a", "--format", "latex"], "--paths cannot be written as latex"),
    (["a", "a=1", "--nudge", "a=1", "--format", "svg"], "--nudge cannot be written as svg"),
    (["a", "a=1", "--sample", "0"], "--sample is for a network"),
    (["a", "a=1", "--out", "no/folder/file"], "no/folder"),
    (["a", "--model", "m.safetensors", "--data", "digits"], "there is no formula, so 'a'"),
    (["--wrt", "W1", "--model", "m.safetensors", "--data", "digits"], "by --parameter W1"),
    (["a", "a=1", "--json", "--format", "svg"], "--json and --format svg ask for two forms"),
    (["--model", "m.safetensors"], "Name it with --data"),
    (["--model", "m.safetensors", "--data", "digits"], "m.safetensors"),
]


@pytest.mark.parametrize(("words", "message"), UNUSABLE)
def test_unusable_words(cli, words, message):
    result = cli("explain", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert message in result.err


def test_unusable_words_about_a_model(cli, flowers, flower_model):
    for words, message in [
        (["--sample", 90], "has 90 rows, so there is no row 90"),
        (["--parameter", "W9"], "--parameter: there is no 'W9'"),
        (["--parameter", "W1[9,9]"], "outside of W1"),
        (["--optimizer", "adm"], "Did you mean 'adam'"),
        (["--learning-rate", "x"], "--learning-rate"),
        (["--learning-rate", "1", "--format", "svg"], "cannot be written as svg"),
        (["--learning-rate", "1", "--nudge", "b1[0]=1"], "not an update step"),
    ]:
        result = cli("explain", "--model", flower_model, "--data", flowers, *words)
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), words
        assert message in result.err
