"""``chainrule explain`` of a function in a file, and of update steps in all their forms."""

from __future__ import annotations

import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.datasets import load

FILE = """
import numpy as np

def logistic(z):
    return 1 / (1 + np.exp(-z))

def loss(w, x, y, b=0.0):
    a = logistic(np.dot(x, w) + b)
    return np.mean((a - y) ** 2)
"""


def test_a_function_of_a_file_is_explained(cli, tmp_path):
    place = tmp_path / "model.py"
    place.write_text(FILE, encoding="utf-8")
    words = ["w=1,2", "x=[[1, 2], [3, -4]]", "y=0, 1"]
    result = cli("explain", f"{place}:loss", *words, "--wrt", "w[1]")
    assert (result.code, result.err) == (0, "")
    x, w, y = np.array([[1.0, 2], [3, -4]]), np.array([1.0, 2]), np.array([0.0, 1])
    a = 1 / (1 + np.exp(-x @ w))
    slope = (2 * (a - y) * a * (1 - a) / 2) @ x
    assert f"dJ/dw[1] = {slope[1]:.7g}" in result.out
    assert "\n  a = 1 / " in result.out
    assert "dJ/dw[1] = Σ_i" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{}:los", "w=1"], "Did you mean 'loss'?"),
        (["{}:loss", "w=1"], "missing a required argument: 'x'"),
        (["{}:loss", "w=1,a", "x=1", "y=1"], "w"),
        (["a*b", "a=1,2", "b=1"], "for arrays"),
    ],
)
def test_wrong_words_about_functions_are_one_line(cli, tmp_path, words, message):
    place = tmp_path / "model.py"
    place.write_text(FILE, encoding="utf-8")
    result = cli("explain", *[word.format(place) for word in words])
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_only_a_terminal_gets_broken_lines(cli):
    words = ["a*b*c*d*f + a", *[f"{name}={number / 7}" for number, name in enumerate("abcdf", start=1)]]
    assert max(map(len, cli("explain", *words).out.splitlines())) > 80


def test_the_command_line_writes_updates(cli, tmp_path):
    saved = tmp_path / "net.safetensors"
    net = cr.Network([64, 10], seed=0)
    data = load("digits")
    net.fit(data.x[:50] / 16, data.y[:50], epochs=1)
    net.save(saved)
    words = ["--model", str(saved), "--data", "digits", "--parameter", "b1[0]", "--optimizer", "adam"]
    assert r"\hat{m}" in cli("explain", *words, "--format", "latex").out
    assert cli("explain", *words, "--format", "html").out.startswith("<!DOCTYPE html>")
    assert json.loads(cli("explain", *words, "--json").out)["kind"] == "update"
    assert cli("explain", *words, "--format", "svg").code == 2
