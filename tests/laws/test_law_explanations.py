"""The law of explanations: for each operation, the sum behind an entry is its derivative; so say all ways."""

import numpy as np
import pytest
from law_cases import DIFFERENTIABLE

from chainrule.explanations.explaining import explain_graph
from chainrule.graph.graph import Graph


def largest_case(subject):
    cases = [case for case in subject.cases() if case.layout == "C"]
    return max(cases, key=lambda case: sum(int(np.prod(shape)) for shape in case.shapes))


@pytest.mark.parametrize("subject", DIFFERENTIABLE, ids=str)
def test_the_sum_behind_an_entry_is_its_derivative(subject):
    case = largest_case(subject)
    values = case.arrays("float64")
    graph = subject.graph(case, values)
    result = graph.outputs[0]
    rng = np.random.default_rng(0)
    total = (result * rng.uniform(0.5, 1.5, result.shape)).sum() if result.shape else result * 1.3
    e = explain_graph(Graph(graph.inputs, [total]), values, "f")
    assert e.to_text()
    for name, slope in e.gradient.items():
        if not np.size(slope):
            continue
        index = tuple(int(rng.integers(length)) for length in np.shape(slope))
        entry = f"{name}[{', '.join(map(str, index))}]" if index else name
        true = pytest.approx(float(np.asarray(slope)[index]), rel=1e-10, abs=1e-12)
        expansion = e.expand(entry, most=10_000)
        assert sum(part.value for part in expansion.sums) == true
        assert sum(term.value for term in expansion.terms) == true
        moved = e.nudge(entry, 1e-4)
        assert moved.gradient == true
        assert moved.complex_step is None or moved.complex_step == true
