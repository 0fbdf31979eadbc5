"""What fuse, lower and emit make of some graphs, as text: kept in ``snapshots/``, to be read by people.

After a change that is meant, this writes the texts anew; read the difference before you commit it:

    CHAINRULE_RENEW=1 pytest tests/compiler/test_stages.py
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import graphs_shown
import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.pipeline import stages
from chainrule.rewrites import simplify, stabilise

SNAPSHOTS = Path(__file__).parent / "snapshots"
NUMBER, TABLE = cr.ArraySpec(()), cr.ArraySpec((5, 3))
STAGES = ("fuse", "lower", "emit")


def traced(function, *specs):
    return stages(simplify(stabilise(cr.trace(function, *specs))))


GRAPHS = {
    "neuron": lambda: traced(graphs_shown.neuron, NUMBER, NUMBER),
    "softmax_cross_entropy": lambda: traced(graphs_shown.softmax_cross_entropy, TABLE, TABLE),
    "rosenbrock_gradient": lambda: stages(graphs_shown.rosenbrock_gradient()),
    "pooled": lambda: traced(graphs_shown.pooled, cr.ArraySpec((4, 5, 6)), cr.ArraySpec((3,), "int64")),
    "training_dense": lambda: graphs_shown.training(16),
    "training_sparse": lambda: graphs_shown.training(16, sparse=True),
}


@cache
def texts(name):
    """Return what each stage prints."""
    made = GRAPHS[name]()
    return {"fuse": str(made.fused), "lower": str(made.lowered), "emit": made.source}


@pytest.fixture(autouse=True)
def _plain(monkeypatch):
    monkeypatch.delenv("CHAINRULE_BOUNDSCHECK", raising=False)  # it changes the source


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", GRAPHS)
def test_each_stage_prints_what_it_did(name, stage):
    path = SNAPSHOTS / f"{name}.{stage}.txt"
    text = texts(name)[stage]
    if os.environ.get("CHAINRULE_RENEW"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_there_is_no_text_without_a_graph():
    expected = {f"{name}.{stage}.txt" for name in GRAPHS for stage in STAGES}
    assert {path.name for path in SNAPSHOTS.iterdir()} == expected


@pytest.mark.parametrize("name", GRAPHS)
def test_the_texts_are_the_same_on_every_machine(name):
    """No folder, no address of an object, and nothing that depends on what was traced before."""
    before = texts(name)
    cr.trace(lambda x: np.exp(x) + 1, np.ones(3))
    made = GRAPHS[name]()
    assert [str(made.fused), str(made.lowered), made.source] == list(before.values())
    for text in before.values():
        assert not re.search(r"[/\\]\w+[/\\]|0x[0-9a-f]{6}", text)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_source_is_formatted_python(name):
    source = texts(name)["emit"]
    ast.parse(source)
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "110", "--diff", "-"]
    done = subprocess.run(
        command, input=source, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "rosenbrock_gradient", "pooled"])
def test_the_source_quotes_each_line_of_the_user_that_computes(name):
    function = getattr(graphs_shown, name.removesuffix("_gradient"))
    code = function.__code__
    lines = Path(code.co_filename).read_text(encoding="utf-8").splitlines()[code.co_firstlineno :]
    computing = [
        line.strip() for line in lines[: max(n for *_, n in code.co_lines() if n) - code.co_firstlineno]
    ]
    quoted = texts(name)["emit"]
    assert [line for line in computing if "=" in line and line not in quoted] == []


def test_a_gradient_keeps_the_names_of_the_user():
    graph = cr.trace(cr.value_and_grad(graphs_shown.neuron, wrt=(0, 1)), NUMBER, NUMBER)
    written = str(stages(simplify(graph)).lowered)
    for line in ("a = tanh(t2)", "d_w = d_b * 2.0"):
        assert f"    {line}\n" in written


def named(name):
    """Return a function of this name."""

    def function(x):
        return np.sum(np.exp(x) + np.tanh(x))

    function.__name__ = name
    return function


@pytest.mark.parametrize("name", ["exp", "tanh", "add", "array", "float64", "memory", "step", "length", "x"])
def test_a_function_may_be_called_like_one_that_its_source_uses(name):
    x = np.array([0.5, -1.5, 2.0])
    fast = cr.compile(named(name))
    assert fast(x) == pytest.approx(np.sum(np.exp(x) + np.tanh(x)), rel=1e-14)
    assert fast.reason is None


def test_variables_may_be_called_like_those_of_the_source():
    """Among them the entry ``out_i`` of an array ``out``, and the memory ``w_at`` of a number ``w``."""

    def function(w, w_at, out_i, i, i4, part, total, length):
        out = np.exp(w_at) * out_i
        return np.sum(out * i + part) * w, out + i4, np.sum(length * total)

    random = np.random.default_rng(0)
    arguments = [0.5, *random.normal(size=(7, 6))]
    fast = cr.compile(function)
    for mine, expected in zip(fast(*arguments), function(*arguments), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-13)
    assert fast.reason is None
