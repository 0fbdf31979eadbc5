"""All paths between an array and the output, arrays as wholes: what each path contributes to the gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node
from chainrule.paths.between import LISTED, check_limit, node_to_differentiate_by
from chainrule.paths.entries import Edges, active_nodes, compute, uses_between
from chainrule.paths.local import Array
from chainrule.paths.records import Edge, Listing, Route, vertex_of
from chainrule.paths.uses import Links, Use

ONE_EDGE = Links(np.zeros(1, int), np.zeros(1, int), np.full(1, 0.5), np.zeros(1, bool))
"""An edge between arrays. By its weight a path is the smaller the longer it is, so short ones come first."""


@dataclass(frozen=True, eq=False)
class ArrayPath(Route):
    """One path from an array to the output.

    Attributes
    ----------
    edges
        Its edges, from the array on.
    contribution
        What comes back along this path alone, in the array's shape.
    """

    contribution: Array


@dataclass(frozen=True, eq=False)
class ArrayPaths(Listing[ArrayPath]):
    """The paths from an array to the output: all of them, or the shortest.

    Attributes
    ----------
    listed
        The paths that are listed; as a sequence, `ArrayPaths` has these.
    count
        The number of all paths.
    total
        The gradient: the sum of all contributions.
    remainder
        The sum of the contributions of the paths that are not listed.
    """

    total: Array
    remainder: Array


def array_paths(
    graph: Graph,
    values: Sequence[Any],
    wrt: Node | str,
    limit: int = LISTED,
    names: Mapping[Node, str] | None = None,
) -> ArrayPaths:
    """Return the paths from an array to the output, each with what comes back along it alone.

    Parameters
    ----------
    graph
        A graph with one output that is one number.
    values
        The values of its inputs.
    wrt
        The array to differentiate by: an input's name, or any node of the graph, or its name in ``names``.
    limit
        How many paths to list at most; the shortest come first.
    names
        Names for nodes; what is not in it is called as in the graph's text form.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.paths import array_paths
    >>> graph = cr.trace(lambda W, x: np.sum(W @ (W @ x)), np.eye(2), np.ones(2))
    >>> found = array_paths(graph, [np.array([[1.0, 2.0], [0.0, 1.0]]), np.ones(2)], "W")
    >>> for path in found:
    ...     print(path, path.contribution.tolist())
    W → t2 → t3 [[3.0, 1.0], [3.0, 1.0]]
    W → t1 → t2 → t3 [[1.0, 1.0], [3.0, 3.0]]
    >>> found.total.tolist()
    [[4.0, 2.0], [6.0, 4.0]]
    """
    check_limit(limit)
    names = {**graph.node_names(), **(names or {})}
    source = node_to_differentiate_by(graph, wrt, names)
    order = active_nodes(graph, source)
    ids = {node: np.array([number]) for number, node in enumerate(order)}
    edges = Edges()
    for use in uses_between(order, compute(graph, order, values)):
        edges.add(use, ONE_EDGE, ids)
    _, dag, uses = edges.on_paths([(node, 0) for node in order])
    found, _ = dag.largest(min(limit, dag.counts[0]))
    made = {number: _edge(uses[number], names) for path in found for number in path}
    listed = tuple(
        [
            ArrayPath(
                tuple([made[number] for number in path]),
                _contribution(graph.outputs[0], [uses[number] for number in path]),
            )
            for path in found
        ]
    )
    total = _gradient(graph, source, values)
    rest = total - sum([path.contribution for path in listed], np.zeros(source.shape))
    remainder = rest if dag.counts[0] > len(listed) else np.zeros(source.shape)
    return ArrayPaths(listed, dag.counts[0], total, remainder)


def _edge(use: Use, names: Mapping[Node, str]) -> Edge:
    source, consumer = vertex_of(use.source, (), names), vertex_of(use.consumer, (), names)
    return Edge(source, consumer, use.place, use.partial)


def _contribution(output: Node, uses: Sequence[Use]) -> Array:
    """Return what comes back along one path."""
    g = np.ones(output.shape)
    for use in reversed(uses):
        g = use.gradient(g)
    return g


def _gradient(graph: Graph, source: Node, values: Sequence[Any]) -> Array:
    program = Program(graph.inputs, pull_back(graph.outputs[0], [source]))
    return np.asarray(program.run(*graph.convert(values))[0], "float64")
