"""The derivative as people write it: common factors outside, in the brackets one term for each way on.

Some vertices are on every path: there the paths meet. What lies between two such vertices is one edge, a
common factor; or several ways, a bracket.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.paths.dag import Dag
from chainrule.paths.records import Edge, Vertex

MOST_FACTORS = 40  # of one product
MOST_PRODUCTS = 500  # of all brackets together

Join = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Slope:
    """A derivative that is not spelt out further: d``of`` / d``by``.

    Attributes
    ----------
    of, by
        The values between which the paths run.
    count
        Number of these paths.
    value
        The sum of their products.
    """

    of: Vertex
    by: Vertex
    count: int
    value: float


@dataclass(frozen=True)
class Bracket:
    """A sum in brackets: one term for each way on from a value to where all ways have met again.

    Attributes
    ----------
    terms
        The terms that are written, in the order of the entries they go through.
    more
        Number of terms that are left out: those of smallest absolute value.
    remainder
        The sum of the terms left out.
    value
        The sum of all terms.
    """

    terms: tuple[Product, ...]
    more: int
    remainder: float
    value: float


@dataclass(frozen=True)
class Product:
    """A product of local derivatives, brackets, and derivatives not spelt out, from the variable on.

    Attributes
    ----------
    factors
        The factors in the order of the edges.
    value
        Their product.
    """

    factors: tuple[Edge | Bracket | Slope, ...]
    value: float


class Factoring:
    """The making of a `Product` from the edges between a variable and the output.

    Parameters
    ----------
    dag
        The edges.
    vertex, edge
        Return the vertex, and the edge, of a number.
    """

    def __init__(self, dag: Dag, vertex: Callable[[int], Vertex], edge: Callable[[int], Edge]) -> None:
        self._dag, self._vertex, self._edge = dag, vertex, edge
        self._left = MOST_PRODUCTS

    def product(self, depth: int, terms: int) -> Product:
        """Return the derivative of the output by the variable."""
        self._left = MOST_PRODUCTS
        return self._product([], float(self._dag.totals[0]), 0, self._dag.size - 1, depth, terms)

    def _product(
        self,
        factors: list[Edge | Bracket | Slope],
        value: float,
        start: int,
        end: int,
        depth: int,
        terms: int,
    ) -> Product:
        """Return the factors, and those on the way from a vertex to a later one that all paths go through."""
        vertex = start
        while vertex != end:
            meeting = self._meetings[vertex]
            if len(factors) >= MOST_FACTORS:
                factors.append(self._slope(vertex, end))
                break
            leaving = self._dag.leaving[vertex]
            if len(leaving) == 1:
                factors.append(self._edge(leaving[0]))
            elif depth and self._left >= len(leaving[:terms]):
                factors.append(self._bracket(vertex, meeting, depth - 1, terms))
            else:
                factors.append(self._slope(vertex, meeting))
            vertex = meeting
        return Product(tuple(factors), value)

    def _bracket(self, start: int, end: int, depth: int, terms: int) -> Bracket:
        dag = self._dag
        leaving = dag.leaving[start]
        values = {edge: dag.times(edge, onward) for edge, onward in self._ways(start, self._values)}
        largest = set(sorted(leaving, key=lambda edge: -abs(values[edge]))[:terms])
        shown = [edge for edge in leaving if edge in largest]
        self._left -= len(shown)
        products = [
            self._product([self._edge(edge)], values[edge], dag.heads[edge], end, depth, terms)
            for edge in shown
        ]
        rest = sum(values[edge] for edge in leaving if edge not in largest)
        return Bracket(tuple(products), len(leaving) - len(shown), rest, self._values[start])

    def _slope(self, start: int, end: int) -> Slope:
        count = self._along(self._counts, start, end)
        value = self._along(self._values, start, end)
        return Slope(self._vertex(end), self._vertex(start), count, value)

    def _along(
        self, sections: list[Any], start: int, end: int, join: Join = operator.mul, none: int = 1
    ) -> Any:
        """Return what the sections from a vertex to a later one that all paths go through make together."""
        vertex, joined = start, none
        while vertex != end:
            joined = join(joined, sections[vertex])
            vertex = self._meetings[vertex]
        return joined

    @cached_property
    def _meetings(self) -> list[int]:
        """For each vertex the first later one that all paths from it go through."""
        dag = self._dag
        meetings = [dag.size - 1] * dag.size
        for vertex in reversed(range(dag.size - 1)):
            heads = [dag.heads[edge] for edge in dag.leaving[vertex]]
            meeting = heads[0]
            for head in heads[1:]:
                while meeting != head:
                    meeting, head = sorted((meeting, head))
                    meeting = meetings[meeting]
            meetings[vertex] = meeting
        return meetings

    @cached_property
    def multiplications(self) -> int:
        """The number of multiplications in the product, with all brackets spelt out."""
        # Each factor counts for the sign before it, too; the first has none.
        sections = self._sections(lambda _, onward: onward, operator.add, 0, 1)
        return max(0, int(self._along(sections, 0, self._dag.size - 1, operator.add, 0)) - 1)

    @cached_property
    def _values(self) -> list[float]:
        """For each vertex the derivative by it of the value where all paths from it meet."""
        return self._sections(self._dag.times)

    @cached_property
    def _counts(self) -> list[int]:
        """For each vertex the number of paths to where they all meet."""
        return self._sections(lambda _, count: count)

    def _sections(
        self, along: Callable[[int, Any], Any], join: Join = operator.mul, none: int = 1, own: int = 0
    ) -> list[Any]:
        sections: list[Any] = [none] * self._dag.size
        for vertex in reversed(range(self._dag.size - 1)):
            ways = self._ways(vertex, sections, join, none)
            sections[vertex] = sum([along(edge, onward) for edge, onward in ways]) + own
        return sections

    def _ways(
        self, vertex: int, sections: list[Any], join: Join = operator.mul, none: int = 1
    ) -> list[tuple[int, Any]]:
        """Return the edges that leave a vertex, each with what its sections up to the meeting make."""
        known = {self._meetings[vertex]: none}
        ways = []
        for edge in self._dag.leaving[vertex]:
            passed, onward = [], self._dag.heads[edge]
            while onward not in known:
                passed.append(onward)
                onward = self._meetings[onward]
            joined = known[onward]
            for place in reversed(passed):
                joined = known[place] = join(joined, sections[place])
            ways.append((edge, joined))
        return ways
