"""Random graphs as machine code compute what the interpreter does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import TOLERANCES, Part, reference, results_of
from hypothesis import HealthCheck, Phase, given, seed, settings
from random_graphs import parts

GRAPHS = 25  # in each test, so that workers share them
PHASES = [Phase.generate]  # not to make an example smaller, which takes many minutes
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def check(part: Part, tally: Any) -> None:
    """Compare results with wide arithmetic, relative to the largest intermediate value.

    Where float32 itself loses more, in the interpreter's hands, no more than eight times that may be lost.
    """
    exact = reference(part.graph, part.values)
    largest = max(
        [float(np.max(np.abs(np.asarray(v, float)), initial=0.0)) for v in exact.values()], default=0.0
    )
    ((_, results),) = results_of([part])
    for node, result, interpreted in zip(part.graph.outputs, results, part.graph(*part.values), strict=True):
        assert (np.shape(result), np.asarray(result).dtype) == (node.shape, node.dtype), part.note
        if node.dtype.kind != "f":
            tally.same(result, interpreted, part.note)
            continue
        expected = np.asarray(exact[node])
        lost = 8 * float(np.max(np.abs(np.asarray(interpreted, float) - expected), initial=0.0))
        tolerance = TOLERANCES["float32" if _is_narrow(part) else "float64"]
        scale = max(largest, 1e-300)
        tally.close(np.asarray(result, float), expected, max(tolerance, lost / scale), part.note, least=scale)


def _is_narrow(part: Part) -> bool:
    return any(node.dtype == np.float32 for node in (*part.graph.nodes, *part.graph.inputs))


def try_graphs(start: int, tally: Any) -> None:
    @seed(start)
    @settings(max_examples=GRAPHS, deadline=None, database=None, suppress_health_check=QUIET, phases=PHASES)
    @given(part=parts())
    def every(part: Part) -> None:
        check(part, tally)

    every()


@pytest.mark.parametrize("start", range(8))
def test_random_graphs(start: int, tally: Any) -> None:
    try_graphs(start, tally)


@pytest.mark.exhaustive
@pytest.mark.parametrize("start", range(100, 132))
def test_many_random_graphs(start: int, tally: Any) -> None:
    try_graphs(start, tally)
