"""Formulas in steps that the user names, and long lines in a terminal."""

from __future__ import annotations

import math
import unicodedata

import pytest

import chainrule as cr
from chainrule.errors import ExpressionError
from chainrule.explanations.wrapping import wrapped


def test_the_user_names_the_steps_of_a_formula():
    e = cr.explain("z = w*x + b; a = tanh(z); (a - y)**2", w=1, x=0.5, b=0.1, y=1)
    assert [step.name for step in e.forward if step.name in ("z", "a")] == ["z", "a"]
    a = math.tanh(0.6)
    assert e.value == pytest.approx((a - 1) ** 2)
    assert e.gradient["w"] == pytest.approx(2 * (a - 1) * (1 - a * a) * 0.5)
    assert e.gradient["y"] == pytest.approx(-2 * (a - 1))
    assert e.paths("z").total == pytest.approx(2 * (a - 1) * (1 - a * a))


@pytest.mark.parametrize(
    ("text", "output", "value"),
    [
        ("z = 2*a", "z", 6.0),
        ("z = 2*a;", "z", 6.0),
        ("z = a\ny = z*z", "y", 9.0),
        ("z ＝ a*a；z + 1", "J", 10.0),
        ("z = a*a; z = z*z; z + 1", "J", 82.0),
        ("c = 2; c*a", "J", 6.0),
        ("e = 2*a; e + 1", "J", 7.0),
    ],
)
def test_forms_of_steps(text, output, value):
    e = cr.explain(text, a=3)
    assert (e.output, e.value) == (output, value)


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("a*2; b", {"a": 1, "b": 2}, "has no name"),
        ("a = 2*b; a", {"a": 2, "b": 1}, "a has a value already"),
        ("z = 2*q; z", {"a": 2}, "q has no value"),
        ("z = 2*a", {"a": 2, "b": 3}, "given for b"),
        ("z = y + a; y = a; z", {"a": 2}, "y has no value"),
        ("z = ; z", {"a": 2}, "expression"),
        ("z == a", {"a": 2}, "'='"),
    ],
)
def test_what_is_no_step_is_refused(text, values, message):
    with pytest.raises(ExpressionError, match=message):
        cr.explain(text, at=values)


@pytest.mark.parametrize("width", [40, 60, 100])
@pytest.mark.parametrize("sign", ["a", "梯"])
def test_long_lines_fit_and_nothing_is_lost(width, sign):
    lines = [
        f"  d{sign}/dw = d{sign}/da ∗ ∂a/∂w = [0.1, 0.2, 0.3] ∗ [1, 2, 3] = [0.1, 0.4, 0.9]  [product rule]",
        "    " + " → ".join(f"{sign}{place}" for place in range(40)) + ": 1 · 2 · 3 = 6",
        "short",
    ]
    text = wrapped("\n".join(lines), width)
    assert "".join(text.split()) == "".join("".join(lines).split())
    for line in text.splitlines():
        assert sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line) <= width
    assert text.splitlines()[-1] == "short"


def test_a_line_without_a_place_to_break_stays_whole():
    assert wrapped("x" * 200, 40) == "x" * 200
