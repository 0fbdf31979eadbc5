"""Whether compiled graphs compute what the interpreter does, several graphs joined into one at a time.

Joined, so that arrays of many shapes and dtypes share memory, and since two small graphs compile for little
more time than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.compiled import Machine, compiled_or_reason
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node

TOGETHER = 8  # graphs that are compiled as one: LLVM takes more than twice the time for twice as many
TOLERANCES = {"float64": 1e-12, "float32": 1e-5}


@dataclass(frozen=True)
class Part:
    """A graph, values for its inputs, and what it is called in a complaint."""

    graph: Graph
    values: Sequence[Any]
    note: str


def joined(parts: Sequence[Part]) -> Graph:
    """Return the graph that computes all parts from the inputs of all."""
    inputs = [node for part in parts for node in part.graph.inputs]
    outputs = [node for part in parts for node in part.graph.outputs]
    return Graph(inputs, outputs, name="laws", single=False)


def machine_of(parts: Sequence[Part]) -> Machine:
    """Return the machine code of all parts together; it must be possible."""
    machine, reason = compiled_or_reason(joined(parts))
    assert machine is not None, reason
    return machine


def results_of(parts: Sequence[Part]) -> Iterator[tuple[Part, list[Any]]]:
    """Compute all parts as machine code; yield each with its results."""
    for start in range(0, len(parts), TOGETHER):
        chunk = parts[start : start + TOGETHER]
        results = machine_of(chunk).run([np.asarray(value) for part in chunk for value in part.values])
        assert results is not None
        for part in chunk:
            count = len(part.graph.outputs)
            yield part, results[:count]
            results = results[count:]


def check(parts: Sequence[Part], tally: Any) -> None:
    """Compare what the parts compute as machine code with what the interpreter computes."""
    for part, results in results_of(parts):
        compare(part, results, tally)


def compare(part: Part, results: Sequence[Any], tally: Any) -> None:
    """Compare the results of one part with the interpreter's, float32 with those of float64.

    Errors of floating-point numbers are relative to the largest intermediate value.
    """
    exact = reference(part.graph, part.values)
    largest = max([_largest(value) for value in [*exact.values(), *part.values]], default=0.0)
    for node, result, interpreted in zip(part.graph.outputs, results, part.graph(*part.values), strict=True):
        note = f"{part.note}: {node.primitive.name} in {node.dtype}"
        assert (np.shape(result), np.asarray(result).dtype) == (node.shape, node.dtype), note
        assert isinstance(result, type(interpreted)), note
        if node.dtype.kind == "f":
            expected = np.asarray(exact[node]).astype(node.dtype)
            tally.close(result, expected, TOLERANCES[node.dtype.name], note, least=largest)
        else:
            tally.same(result, interpreted, note)


def _largest(value: Any) -> float:
    array = np.abs(np.asarray(value, dtype="float64"))
    return float(np.max(array[np.isfinite(array)], initial=0.0))


def reference(graph: Graph, values: Sequence[Any]) -> dict[Node, Any]:
    """Return the values of all nodes as NumPy computes them, in float64 where the graph has float32."""
    found = {node: widened(value) for node, value in zip(graph.inputs, values, strict=True)}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            if node.primitive is CONSTANT:
                found[node] = node.value if node.weak else widened(node.value)
                continue
            settings = dict(node.settings)
            if settings.get("dtype") == "float32":
                settings["dtype"] = "float64"
            found[node] = node.primitive.forward(np, *[found[source] for source in node.inputs], **settings)
    return found


def widened(value: Any) -> Any:
    """Return float32 as float64, all else as it is."""
    array = np.asarray(value)
    return array.astype("float64")[()] if array.dtype == np.float32 else array[()]
