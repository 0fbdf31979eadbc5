"""From a graph of arrays to the graph of their entries between one entry and the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import GradientError
from chainrule.gradients import check_scalar
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node
from chainrule.graph.order import ancestors, dependents
from chainrule.paths.dag import Dag
from chainrule.paths.local import Array, Locals
from chainrule.paths.uses import MOST_EDGES, EntrywiseUse, Links, PullbackUse, Use

Entry = tuple[Node, int]


class Expansion(NamedTuple):
    """The entries between a source and the output, and the edges between them.

    ``uses`` holds, for each edge of the graph, by which operation and operand it leads.
    """

    entries: list[Entry]
    values: list[float]
    dag: Dag
    uses: list[Use]


def active_nodes(graph: Graph, source: Node) -> list[Node]:
    """Return the nodes between a source and the output, both included, in topological order."""
    check_scalar(graph)
    if source.dtype.kind != "f":
        raise GradientError("gradient.not_real", name=graph.name, argument=source.label)
    nodes = ancestors(graph.outputs, stop=[source])
    reached = dependents(nodes, [source])
    return [source, *[node for node in nodes if node in reached or node is graph.outputs[0]]]


def flat_index(graph: Graph, source: Node, index: Sequence[int], name: str) -> int:
    """Return the place of an entry in the flat array; raise `GradientError` if there is none."""
    fits = len(index) == source.ndim and all(
        -length <= place < length for place, length in zip(index, source.shape, strict=True)
    )
    if not fits:
        given = f"[{', '.join(map(str, index))}]"
        raise GradientError("paths.entry", name=name, index=given, shape=source.shape, graph=graph.name)
    flat = 0
    for place, length in zip(index, source.shape, strict=True):
        flat = flat * length + place % length
    return flat


def expand(graph: Graph, values: Sequence[Any], source: Node, entry: int) -> Expansion:
    """Return all that lies between an entry of ``source`` and the output.

    Raises
    ------
    GradientError
        If there are more than `MOST_EDGES` edges, or it would take too long to find them.
    """
    order = active_nodes(graph, source)
    computed = compute(graph, order, values)
    uses = list(uses_between(order, computed))
    live = _live(uses, source, entry, graph.outputs[0])
    entries, ids = _numbered(order, live)
    edges = Edges()
    for use in uses:
        if use.source in live and use.consumer in live:
            for links in use.links(live[use.source], live[use.consumer]):
                edges.add(use, links, ids)
                if len(edges.tails) > MOST_EDGES:
                    raise GradientError("paths.many", most=MOST_EDGES)
    kept, dag, edge_uses = edges.on_paths(entries)
    numbers = [float(np.ravel(computed[node])[place]) for node, place in kept]
    return Expansion(kept, numbers, dag, edge_uses)


def compute(graph: Graph, order: Sequence[Node], values: Sequence[Any]) -> dict[Node, Any]:
    """Return the values of nodes and of all their operands."""
    needed = list(dict.fromkeys([*[source for node in order for source in node.inputs], *order]))
    return dict(zip(needed, Program(graph.inputs, needed).run(*graph.convert(values)), strict=True))


def uses_between(order: Sequence[Node], values: Mapping[Node, Any]) -> Iterator[Use]:
    """Yield the uses of the nodes by each other; those by one consumer follow each other."""
    locals_, active = Locals(), set(order)
    for node in order[1:]:
        local = locals_.of(node)
        given = local.values([values[source] for source in node.inputs], values[node])
        kind = EntrywiseUse if local.elementwise else PullbackUse
        for place in local.places:
            if node.inputs[place] in active:
                yield kind(node.inputs[place], node, place, local, given)


def is_used(graph: Graph, values: Sequence[Any], source: Node, index: Sequence[int]) -> bool:
    """Return whether the output is computed from an entry, whatever the local derivatives are here.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda x: x[1] * x[2], np.zeros(3))
    >>> [is_used(graph, [np.zeros(3)], graph.inputs[0], (place,)) for place in range(3)]
    [False, True, True]
    """
    order = active_nodes(graph, source)
    start = np.zeros(source.shape, bool)
    start[tuple(index)] = True
    reached = _reached(list(uses_between(order, compute(graph, order, values))), source, start)
    return bool(np.any(reached.get(graph.outputs[0], False)))


def _live(uses: Sequence[Use], source: Node, entry: int, output: Node) -> dict[Node, Array]:
    """Return the entries that depend on the source's entry and on which the output depends, and these two."""
    start = np.zeros(source.shape, bool)
    start.flat[entry] = True
    reached = _reached(uses, source, start)
    needed = {output: np.ones(output.shape, bool)}
    for use in reversed(uses):
        if use.consumer in needed:
            found = use.backward(needed[use.consumer])
            needed[use.source] = needed[use.source] | found if use.source in needed else found
    live = {node: reached[node] & needed[node] for node in reached if node in needed}
    return {**live, output: np.ones(output.shape, bool), source: start}


def _reached(uses: Sequence[Use], source: Node, start: Array) -> dict[Node, Array]:
    """Return for each array the entries that depend on these entries of the source."""
    reached = {source: start}
    for use in uses:
        if use.source in reached:
            found = use.forward(reached[use.source])
            reached[use.consumer] = reached[use.consumer] | found if use.consumer in reached else found
    return reached


def _numbered(order: Sequence[Node], live: Mapping[Node, Array]) -> tuple[list[Entry], dict[Node, Array]]:
    """Return the live entries in topological order, and for each array the numbers of its entries in it."""
    entries: list[Entry] = []
    ids: dict[Node, Array] = {}
    for node in order:
        if node in live:
            places = np.flatnonzero(live[node])
            ids[node] = np.full(node.size, -1)
            ids[node][places] = np.arange(len(entries), len(entries) + len(places))
            entries += [(node, place) for place in places.tolist()]
    return entries, ids


class Edges:
    """Edges between numbered entries, in topological order."""

    def __init__(self) -> None:
        self.tails: list[int] = []
        self.heads: list[int] = []
        self.locals: list[float] = []
        self.masked: list[bool] = []
        self.uses: list[Use] = []

    def add(self, use: Use, links: Links, ids: Mapping[Node, Array]) -> None:
        """Append the edges of one use; ``ids`` are the numbers of the entries of each array."""
        self.tails += ids[use.source][links.tails].tolist()
        self.heads += ids[use.consumer][links.heads].tolist()
        self.locals += links.locals.tolist()
        self.masked += links.masked.tolist()
        self.uses += [use] * len(links.tails)

    def on_paths(self, entries: Sequence[Entry]) -> tuple[list[Entry], Dag, list[Use]]:
        """Return what lies on a path from the first entry to the last, and these two in any case."""
        ends = {0, len(entries) - 1}
        reached, needed = {min(ends)}, {max(ends)}
        for tail, head in zip(self.tails, self.heads, strict=True):
            if tail in reached:
                reached.add(head)
        for tail, head in zip(reversed(self.tails), reversed(self.heads), strict=True):
            if head in needed:
                needed.add(tail)
        between = reached & needed
        ids = {old: new for new, old in enumerate(sorted(between | ends))}
        ends_of = zip(self.tails, self.heads, strict=True)
        edges = [edge for edge, (tail, head) in enumerate(ends_of) if tail in between and head in between]
        dag = Dag(
            len(ids),
            [ids[self.tails[edge]] for edge in edges],
            [ids[self.heads[edge]] for edge in edges],
            [self.locals[edge] for edge in edges],
            [self.masked[edge] for edge in edges],
        )
        return [entries[old] for old in ids], dag, [self.uses[edge] for edge in edges]
