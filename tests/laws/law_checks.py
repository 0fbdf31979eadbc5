"""The laws themselves: each compares one operation, in one case, with what it must equal.

The reference of a derivative needs no derivative rule. Where a function continues to complex numbers it is
the complex step, Im f(x + ih) / h: without cancellation, so it proves a derivative to the last digits.
Elsewhere it is the central difference.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from law_cases import Case, Subject

from chainrule.errors import ChainruleError
from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, constant, input_node
from chainrule.rewrites import simplify, stabilise

ROUNDING = 8.0
COMPLEX_STEP = 1e-30
STEP = 1e-5

Function = Callable[..., list[Any]]


def _sources(graph: Graph) -> list[Node]:
    return [node for node in graph.inputs if node.dtype.kind == "f"]


def _program(inputs: Sequence[Node], outputs: Sequence[Node]) -> Program:
    graph = simplify(Graph(inputs, outputs, single=False))
    return Program(graph.inputs, graph.outputs)


def _weights(graph: Graph, case: Case) -> list[np.ndarray]:
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    return [rng.uniform(0.5, 1.5, node.shape).astype("float32") for node in graph.outputs]


def _gradient_of_weighted_sum(graph: Graph, case: Case) -> list[Node]:
    """Return the gradient nodes of the sum of all entries of all outputs, each with a random weight."""
    parts = [
        pull_back(node, _sources(graph), constant(weights.astype(node.dtype)))
        for node, weights in zip(graph.outputs, _weights(graph, case), strict=True)
    ]
    return [sum(uses[1:], uses[0]) for uses in zip(*parts, strict=True)]


def _by_rows(inputs: Sequence[Node], output: Node, sources: Sequence[Node], values: Sequence[Any]) -> Any:
    """Return the Jacobian of one output by all entries of all sources, row after row, by our own rules."""
    seed = input_node(output.shape, output.dtype, "seed")
    program = _program([*inputs, seed], pull_back(output, sources, seed))
    rows = [program.run(*values, unit) for unit in np.eye(output.size).reshape(output.size, *output.shape)]
    flat = [np.concatenate([np.ravel(part) for part in row]) for row in rows]
    return np.array(flat).reshape(output.size, sum(source.size for source in sources))


def _by_columns(
    function: Function, values: Sequence[Any], places: Sequence[int], *, holomorphic: bool
) -> Any:
    """Return the derivatives of all entries of a function's values, column after column, by differencing."""
    columns = []
    for place in places:
        for entry in range(np.size(values[place])):
            columns.append(_column(function, values, place, entry, holomorphic=holomorphic))
    return np.array(columns).T if columns else None


def _column(function: Function, values: Sequence[Any], place: int, entry: int, *, holomorphic: bool) -> Any:
    def moved(step: complex) -> Any:
        point = np.array(values[place], dtype=complex if holomorphic else float)
        point.flat[entry] += step
        results = function(*[point[()] if at == place else value for at, value in enumerate(values)])
        return np.concatenate([np.ravel(result) for result in results])

    if holomorphic:
        return moved(1j * COMPLEX_STEP).imag / COMPLEX_STEP
    return (moved(STEP) - moved(-STEP)) / (2 * STEP)


def _reals(graph: Graph) -> list[int]:
    return [place for place, node in enumerate(graph.inputs) if node.dtype.kind == "f"]


def check_values(subject: Subject, case: Case, values: list[Any], tally: Any) -> bool:
    """Compare the graph with plain NumPy; return whether NumPy takes such arguments at all."""
    note = f"{subject}, {[np.asarray(value).dtype.name for value in values]}, {case}"
    try:
        expected = subject.expected(case, values)
    except (TypeError, ValueError):  # so must we: with our own error, or at run time with NumPy's
        with pytest.raises((ChainruleError, TypeError, ValueError)):
            subject.graph(case, values)(*_arrays(values))
        return False
    try:
        graph = subject.graph(case, values)
    except ChainruleError:
        if not subject.exact and any(np.asarray(value).dtype == bool for value in values):
            return True  # a formula of our own need not take truth values for numbers
        raise
    graph.check()
    results = graph(*_arrays(values))
    for output, result, reference in zip(graph.outputs, results, expected, strict=True):
        assert (output.shape, output.dtype) == (reference.shape, reference.dtype), f"at birth: {note}"
        if subject.exact or reference.dtype.kind != "f":
            tally.same(result, reference, note)
        else:
            assert np.asarray(result).dtype == reference.dtype, note
            tally.close(result, reference, ROUNDING * np.finfo(reference.dtype).eps, note, least=1.0)
    return True


def _arrays(values: list[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, np.ndarray | np.generic)]


def check_first_derivatives(subject: Subject, case: Case, tally: Any) -> None:
    """Compare the whole Jacobian in float64."""
    note = f"{subject}, float64, {case}"
    values = case.arrays("float64")
    graph = subject.graph(case, values)
    stable = stabilise(graph)
    ours = [_by_rows(stable.inputs, output, _sources(stable), values) for output in stable.outputs]
    program = Program(graph.inputs, graph.outputs)
    reference = _by_columns(program.run, values, _reals(graph), holomorphic=subject.holomorphic)
    if reference is not None:
        tolerance = {"tolerance": 1e-12} if subject.holomorphic else {"tolerance": 1e-7, "least": 1.0}
        tally.close(np.concatenate(ours), reference, note=note, **tolerance)


def check_float32_gradients(subject: Subject, case: Case, tally: Any) -> None:
    """Compare the gradient of a weighted sum in float32 with that in float64.

    Where the operation stays in float32, so must all of its gradient: no detour through float64.
    """
    low = case.arrays("float32")
    high = [value.astype("float64") if value.dtype == np.float32 else value for value in low]
    gradients = []
    for values, dtype in ((low, "float32"), (high, "float64")):
        graph = stabilise(subject.graph(case, values))
        program = _program(graph.inputs, _gradient_of_weighted_sum(graph, case))
        gradients.append(program.run(*values))
        if all(node.dtype == dtype for node in graph.outputs):
            detours = [node for node in program.nodes if node.dtype.kind == "f" and node.dtype != dtype]
            assert not detours, f"{detours} in the gradient of {subject}, {case}"
    for ours, reference in zip(*gradients, strict=True):
        note = f"{subject}, float32, {case}"
        assert np.asarray(ours).dtype == np.float32, note
        tally.close(ours, reference, 1e-5, note, least=1.0)


def check_second_derivatives(subject: Subject, case: Case, tally: Any) -> None:
    """Compare the Jacobian of the gradient of a weighted sum in float64."""
    note = f"{subject}, second derivative, float64, {case}"
    values = case.arrays("float64")
    graph = stabilise(subject.graph(case, values))
    gradient = _gradient_of_weighted_sum(graph, case)
    sources = _sources(graph)
    ours = [_by_rows(graph.inputs, part, sources, values) for part in gradient]
    program = Program(graph.inputs, gradient)
    reference = _by_columns(program.run, values, _reals(graph), holomorphic=subject.holomorphic)
    if reference is not None:
        tally.close(np.concatenate(ours), reference, 1e-6, note, least=1.0)
