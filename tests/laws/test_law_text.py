"""The text form of everything: reading it back gives the same graph, and executing it the same values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from law_cases import SUBJECTS, Case, Subject

from chainrule.errors import ChainruleError
from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.reader import read_graph

DTYPES = ("float64", "float32", "int64")


def _graphs(subject: Subject, case: Case, values: list[Any]) -> list[Graph]:
    """Return the graph of the operation and, in float64 and where there is one, that of its derivatives."""
    graph = subject.graph(case, values)
    sources = [node for node in graph.inputs if node.dtype == "float64"]
    outputs = [node for node in graph.outputs if node.dtype.kind == "f"]
    if not (subject.differentiable and sources and outputs):
        return [graph]
    parts = [part for output in outputs for part in pull_back(output, sources)]
    return [graph, Graph(graph.inputs, parts, name="derivative", single=False)]


def _executed(text: str, name: str, values: list[Any]) -> Any:
    names: dict[str, Any] = {}
    exec(text, names)
    with np.errstate(all="ignore"):
        return names[name](*values)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_text_form(subject: Subject, tally: Any) -> None:
    for case in subject.cases():
        if case.layout == "C":
            taken = [_check(subject, case, case.arrays(dtype), tally) for dtype in DTYPES]
            assert any(taken), f"{subject}, {case}"


def _check(subject: Subject, case: Case, values: list[Any], tally: Any) -> bool:
    """Compare graph and text; return whether the operation takes such arguments at all."""
    try:
        graphs = _graphs(subject, case, values)
    except (ChainruleError, TypeError):
        return False
    for graph in graphs:
        text = graph.to_text()
        assert read_graph(text) == graph, text
        _compare(graph, text, values, tally)
    return True


def _compare(graph: Graph, text: str, values: list[Any], tally: Any) -> None:
    try:
        expected = graph(*values)
    except ValueError:  # whole numbers to negative powers
        with pytest.raises(ValueError, match="negative integer powers"):
            _executed(text, graph.name, values)
        return
    for ours, reference in zip(_executed(text, graph.name, values), expected, strict=True):
        tally.same(ours, reference, text)
