"""All paths between one number and the output of a graph: how many, which are largest, what they sum to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import GradientError, SettingError, nearest_hint
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.paths.entries import expand, flat_index
from chainrule.paths.factored import Factoring, Product
from chainrule.paths.records import Edge, Listing, Route, Vertex, vertex_of

LISTED = 20


@dataclass(frozen=True)
class Path(Route):
    """One path from a number to the output.

    Attributes
    ----------
    edges
        Its edges, from the variable on.
    product
        The product of their local derivatives: what the path contributes to the derivative.
    """

    product: float


@dataclass(frozen=True)
class Paths(Listing[Path]):
    r"""The paths from a number to the output: all of them, or the largest by \|product\|, largest first.

    Attributes
    ----------
    listed
        The paths that are listed; as a sequence, `Paths` has these.
    count
        The number of all paths.
    total
        The sum of all products: the derivative of the output by the variable.
    remainder
        The sum of the products of the paths that are not listed.
    absolute
        The sum of \|product\| over all paths, against which rounding errors of the total are judged.
    """

    total: float
    remainder: float
    absolute: float


class Multiplications(NamedTuple):
    """What the derivative costs in multiplications, by three ways to write it.

    A product of n factors takes n − 1 multiplications, whatever the factors are.

    Attributes
    ----------
    expanded
        As the sum over all paths: for each path, the number of its edges less 1.
    bracketed
        As one formula with common factors outside of brackets, all brackets spelt out.
    backpropagation
        Each value's derivative is computed once: one multiplication for each edge, except those that enter
        the output, where a 1 comes in. So a chain costs the same by all three ways.
    """

    expanded: int
    bracketed: int
    backpropagation: int


class EntryGraph:
    """What lies between one number and the output: the entries on the way, their uses, the local derivatives.

    Parameters
    ----------
    graph
        A graph with one output that is one number.
    values
        The values of its inputs.
    wrt
        The array to differentiate by: an input's name, or any node of the graph, or its name in ``names``.
    index
        The entry of that array; ``()`` for a value without axes.
    names
        Names for nodes; what is not in it is called as in the graph's text form.

    Attributes
    ----------
    vertices
        The numbers on the way in the order of computation, the variable first, the output last.
    values
        The value of each vertex.
    count, total, absolute
        As for `Paths`.

    Raises
    ------
    GradientError
        If the output is not one number, there is no such entry, it holds no real number, or there are more
        than `MOST_EDGES` edges.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> from chainrule.paths import EntryGraph
    >>> graph = cr.trace(lambda x: np.sum(np.tanh(x) * x), np.ones(3))
    >>> between = EntryGraph(graph, [np.array([0.5, 0.0, 1.0])], "x", (0,))
    >>> for path in between.paths():
    ...     print(path, f"{path.product:.4f}")
    x[0] → t2[0] → t3 0.4621
    x[0] → t1[0] → t2[0] → t3 0.3932
    """

    def __init__(
        self,
        graph: Graph,
        values: Sequence[Any],
        wrt: Node | str,
        index: Sequence[int] = (),
        names: Mapping[Node, str] | None = None,
    ) -> None:
        names = {**graph.node_names(), **(names or {})}
        source = node_to_differentiate_by(graph, wrt, names)
        name = vertex_of(source, (), names).name
        entry = flat_index(graph, source, index, name)
        expansion = expand(graph, values, source, entry)
        self._dag, self._uses = expansion.dag, expansion.uses
        self.values = expansion.values
        self.vertices = tuple(
            [
                vertex_of(node, tuple(map(int, np.unravel_index(place, node.shape))), names)
                for node, place in expansion.entries
            ]
        )
        self._edges: dict[int, Edge] = {}

    @property
    def source(self) -> Vertex:
        """The variable."""
        return self.vertices[0]

    @property
    def output(self) -> Vertex:
        """The output."""
        return self.vertices[-1]

    @property
    def count(self) -> int:
        """The number of paths."""
        return self._dag.counts[0]

    @property
    def total(self) -> float:
        """The derivative of the output by the variable."""
        return float(self._dag.totals[0])

    @property
    def absolute(self) -> float:
        r"""The sum of \|product\| over all paths."""
        return float(self._dag.absolutes[0])

    @property
    def slopes(self) -> list[float]:
        """The derivative of the output by each vertex, along what lies between."""
        return [float(total) for total in self._dag.totals]

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, in the order of computation."""
        return tuple([self._edge(number) for number in range(len(self._dag.tails))])

    @cached_property
    def multiplications(self) -> Multiplications:
        """What the derivative costs by the sum over paths, by brackets, and by backpropagation."""
        dag = self._dag
        last, heads, counts = dag.size - 1, dag.heads, dag.counts
        lengths = dag.fold(0, lambda edge, length: length + counts[heads[edge]])
        expanded = lengths[0] - counts[0] if last else 0
        bracketed = self._factoring().multiplications if counts[0] else 0
        return Multiplications(expanded, bracketed, sum(head != last for head in heads))

    def paths(self, limit: int = LISTED) -> Paths:
        r"""Return all paths if they are at most ``limit``, else that many, the largest by \|product\|."""
        check_limit(limit)
        dag = self._dag
        found, remainder = dag.largest(min(limit, dag.counts[0]))
        listed = [Path(tuple([self._edge(edge) for edge in path]), dag.product(path)) for path in found]
        return Paths(tuple(listed), self.count, self.total, remainder, self.absolute)

    def factored(self, depth: int = 3, terms: int = 8) -> Product:
        """Return the derivative with common factors outside of brackets.

        Parameters
        ----------
        depth
            How deep brackets may nest; what is deeper is one derivative, not spelt out.
        terms
            How many terms a bracket may have; the smallest of the others are one remainder.

        Examples
        --------
        >>> import chainrule as cr
        >>> from chainrule.paths import EntryGraph
        >>> graph = cr.trace(lambda a, b, c: 2 * ((a * b + c) + b), 1.0, 2.0, 3.0)
        >>> bracket, outside = EntryGraph(graph, [1.0, 2.0, 3.0], "b").factored().factors
        >>> [term.value for term in bracket.terms], outside.local
        ([1.0, 1.0], 2.0)
        """
        check_limit(depth, "depth")
        check_limit(terms, "terms")
        if not self._dag.counts[0]:
            return Product((), 0.0)
        return self._factoring().product(min(depth, 100), terms)

    def _factoring(self) -> Factoring:
        return Factoring(self._dag, self.vertices.__getitem__, self._edge)

    def _edge(self, number: int) -> Edge:
        edge = self._edges.get(number)
        if edge is None:
            dag = self._dag
            edge = self._edges[number] = Edge(
                self.vertices[dag.tails[number]],
                self.vertices[dag.heads[number]],
                self._uses[number].place,
                dag.locals[number],
                dag.masked[number],
            )
        return edge


def node_to_differentiate_by(graph: Graph, wrt: Node | str, names: Mapping[Node, str]) -> Node:
    """Return an input by its label, any node by its name in ``names``, or the node itself."""
    if isinstance(wrt, Node):
        return wrt
    known = {name: node for node, name in names.items()} | {node.label: node for node in graph.inputs}
    if wrt not in known:
        raise GradientError("gradient.input", name=graph.name, input=wrt, hint=nearest_hint(wrt, known))
    return known[wrt]


def check_limit(limit: Any, setting: str = "limit") -> None:
    """Raise `SettingError` unless a limit is a whole number, 0 or more."""
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise SettingError("setting.not_negative", setting=setting, value=limit)
