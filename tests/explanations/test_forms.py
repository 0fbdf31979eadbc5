"""Nudges and updates as LaTeX and pages; Adam as in its paper; rows that break; what is small."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.explanations.breaking import pieces, width
from chainrule.text import use_language

X = np.array([[0.5, -1.0, 0.25, 1.0], [1.0, 0.5, -0.5, 0.0]])
LABELS = [0, 1]


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    yield
    use_language(None)


def network():
    return cr.Network([4, 3, 2], activation="tanh", cost="quadratic", seed=0, dtype="float64")


def update(optimizer="adam", net=None):
    return (net or network()).explain_update(X, LABELS, "W1[3, 1]", optimizer=optimizer, learning_rate=0.01)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_is_shown_with_corrected_averages(optimizer):
    net = network()
    net.fit(X, LABELS, epochs=3, batch_size=2, optimizer=optimizer, learning_rate=0.01)
    step = update(optimizer, net)
    values = {part.name: part.value for part in step.formula}
    state = {part.name: part for part in step.state}
    t = state["t"].after
    assert t == 4
    m = 0.9 * state["m"].before + 0.1 * step.gradient
    v = 0.999 * state["v"].before + 0.001 * step.gradient**2
    assert values["m\u0302"] == pytest.approx(m / (1 - 0.9**t), rel=1e-12)
    assert values["v\u0302"] == pytest.approx(v / (1 - 0.999**t), rel=1e-12)
    decay = 0.01 if optimizer == "adamw" else 0.0
    kept = step.before * (1 - 0.01 * decay)
    moved = kept - 0.01 * values["m\u0302"] / (np.sqrt(values["v\u0302"]) + 1e-8)
    assert step.after == pytest.approx(moved, rel=1e-12)
    assert step.formula[-1].formula.endswith("- η * m\u0302 / (sqrt(v\u0302) + 1e-08)")


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop"])
def test_others_stay_as_they_are(optimizer):
    assert not any("\u0302" in part.name for part in update(optimizer).formula)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda: update("sgd"),
        update,
        lambda: cr.explain("a**2", a=2).nudge("a"),
        lambda: cr.explain("abs(a)", a=0).nudge("a"),
    ],
)
def test_pages_are_self_contained(answer, language):
    use_language(language)
    page = answer().to_html()
    assert page.startswith("<!DOCTYPE html>")
    root = ET.fromstring(page.removeprefix("<!DOCTYPE html>").replace('<meta charset="utf-8">', ""))
    assert root.get("lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert "<math>" in page
    assert "http" not in page
    assert "\\" not in "".join(root.find("body").itertext())
    assert answer()._repr_html_() == page


def test_the_latex_of_an_update():
    latex = update()._repr_latex_()
    assert r"\hat{m} &= \frac{m'}{1 - {0.9}^{t'}} = " in latex
    assert r"\theta' &= \theta - \frac{\eta \cdot \hat{m}}{\sqrt{\hat{v}} + 10^{-8}}" in latex
    assert latex.count(r"\begin{align*}") == 2
    plain = update("sgd").to_latex()
    assert r"-\eta \left\|g\right\|^2" in plain
    assert r"\Delta C" in plain


def test_the_latex_of_a_nudge():
    latex = cr.explain("a**2", a=2).nudge("a", 0.001).to_latex()
    assert r"\frac{\mathrm{d}J}{\mathrm{d}a} \cdot \varepsilon &= 4 \cdot 0.001 = 0.004" in latex
    assert "4.004001 - 4 = 0.004001" in latex
    assert r"\left(-0.5\right)" in cr.explain("a**2", a=2).nudge("a", -0.5).to_latex()


def test_the_entry_that_is_looked_at_comes_first_in_latex():
    e = network().explain(X, LABELS, parameter="W1[3, 1]")
    first = e.to_latex().partition(r"\end{align*}")[0]
    assert r"\frac{\mathrm{d}C}{\mathrm{d}W_{1}[3,\,1]} &= \sum_{i} " in first
    assert f"{e.gradient['W1[3, 1]']:.7g}" in first


ROWS = (
    "a + b - c",
    r"\frac{a}{b} \cdot \left(c + d\right) + e^{x + y}",
    r"x \odot \left(1 - y \cdot \left(a + b\right)\right) \cdot z",
    r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix} + -3 \cdot \left(-2\right)",
)


@pytest.mark.parametrize("latex", ROWS)
@pytest.mark.parametrize("room", [1.0, 40.0, 1000.0])
def test_pieces_make_up_the_formula_again(latex, room):
    parts = list(pieces(latex, room))
    joined = " ".join(parts).replace(r"\Bigl", r"\left").replace(r"\Bigr", r"\right")
    assert joined.split() == latex.split()
    for part in parts:
        assert part.count("{") == part.count("}")
        assert part.count(r"\left") == part.count(r"\right")
        assert part.count(r"\begin") == part.count(r"\end")


def test_formulas_that_look_wider_are_wider():
    widths = [
        width(text)
        for text in ("x", r"\frac{x}{y}", "x + y", r"\sum_{i} x \cdot y", r"x + \frac{a + b + c}{d}")
    ]
    assert widths == sorted(widths)
    assert width(r"\frac{a + b}{c}") < width("a + b + c")


def logistic(w, x):
    z = w * x
    return 1 / (1 + np.exp(-z))


def test_a_small_factor_that_another_makes_good_for_is_no_reason():
    e = cr.explain(logistic, 1.0, 5.0)
    slope = 5 * np.exp(-5) / (1 + np.exp(-5)) ** 2
    assert e.gradient["w"] == pytest.approx(slope)
    assert not e.why_zero("w").is_small
    assert "Why" not in str(e)


def test_the_same_factor_without_the_other_is_one():
    why = cr.explain(logistic, 1.0, 20.0).why_zero("w")
    assert why.is_small
    assert re.search("so small", str(why))


def test_a_factor_that_is_the_number_zero():
    e = cr.explain("0*x + y", x=2, y=1)
    assert "it is multiplied by the number 0" in str(e)
