"""Weighted edges between numbered vertices: counts and sums over all paths, and the largest paths.

There can be 10³⁰ paths. What concerns all of them is folded from the output back, edge by edge; the largest
are found one after another, without looking at the rest.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

NONE = -math.inf  # log of 0


class Largest(NamedTuple):
    """The largest paths, each the numbers of its edges, and the sum of the products of all other paths."""

    paths: list[list[int]]
    remainder: float


class Detour(NamedTuple):
    """All paths that follow ``path`` up to ``place`` and leave there by its edge of this rank or a later one.

    ``product`` is that of the edges before ``place``, None if one of them is masked; ``reach`` is its
    logarithm. ``order`` is −log |product| of the largest of these paths: a heap hands out the smallest.
    """

    order: float
    birth: int
    path: list[int]
    place: int
    rank: int
    product: float | None
    reach: float


class Dag:
    """A directed acyclic graph in which every vertex lies on a path from the first vertex to the last.

    Parameters
    ----------
    size
        Number of vertices. Vertex 0 is the source, the last one the output.
    tails, heads
        The vertices that each edge leaves and enters, ``tail < head``.
    locals_
        The local derivative on each edge.
    masked
        Whether an edge is a branch that was not taken: then a product is 0 whatever else is in it.
    """

    def __init__(
        self,
        size: int,
        tails: Sequence[int],
        heads: Sequence[int],
        locals_: Sequence[float],
        masked: Sequence[bool],
    ) -> None:
        self.size, self.tails, self.heads = size, tails, heads
        self.locals, self.masked = locals_, masked
        self.leaving: list[list[int]] = [[] for _ in range(size)]
        for edge, tail in enumerate(tails):
            self.leaving[tail].append(edge)
        self._closed = self._without_way_out()

    def _without_way_out(self) -> list[bool]:
        """Return for each edge whether all paths along it are masked, there or later."""
        closed, ends = list(self.masked), [False] * self.size
        for vertex in reversed(range(self.size - 1)):
            for edge in self.leaving[vertex]:
                closed[edge] = closed[edge] or ends[self.heads[edge]]
            ends[vertex] = all(closed[edge] for edge in self.leaving[vertex])
        return closed

    def fold(
        self, at_output: Any, along: Callable[[int, Any], Any], join: Callable[..., Any] = sum
    ) -> list[Any]:
        """Return for each vertex what ``join`` makes of ``along(edge, value at its head)`` over its edges."""
        values: list[Any] = [at_output] * self.size
        for vertex in reversed(range(self.size - 1)):
            values[vertex] = join([along(edge, values[self.heads[edge]]) for edge in self.leaving[vertex]])
        return values

    def times(self, edge: int, factor: float) -> float:
        """Return a factor times the local derivative of an edge; 0 if no way on was taken."""
        return 0.0 if self._closed[edge] else self.locals[edge] * factor

    @cached_property
    def counts(self) -> list[int]:
        """The number of paths from each vertex to the output."""
        return self.fold(1, lambda _, count: count)

    @cached_property
    def totals(self) -> list[float]:
        """The sum of the products of these paths: the derivative of the output by each vertex."""
        return self.fold(1.0, self.times)

    @cached_property
    def absolutes(self) -> list[float]:
        """The sum of the absolute values of these products."""
        return self.fold(1.0, lambda edge, total: abs(self.times(edge, total)))

    def product(self, path: Sequence[int]) -> float:
        """Return the product of the local derivatives along a path, multiplied from the output back."""
        if any(self.masked[edge] for edge in path):
            return 0.0
        return math.prod([self.locals[edge] for edge in reversed(path)])

    @cached_property
    def _best(self) -> list[float]:
        """The logarithm of the largest |product| from each vertex to the output."""
        return self.fold(0.0, lambda edge, size: _plus(self._sizes[edge], size), max)

    @cached_property
    def _sizes(self) -> list[float]:
        return [
            NONE if masked else _log(local) for local, masked in zip(self.locals, self._closed, strict=True)
        ]

    @cached_property
    def _ranked(self) -> list[list[int]]:
        """The edges that leave each vertex, that with the largest product to the output first."""
        sizes, best, heads = self._sizes, self._best, self.heads
        return [
            sorted(edges, key=lambda edge: -_plus(sizes[edge], best[heads[edge]])) for edges in self.leaving
        ]

    def largest(self, most: int) -> Largest:
        r"""Return the ``most`` paths of largest \|product\|, largest first; among equals the shorter first.

        The largest of all follows the best edge at every vertex. Every other path leaves one already found at
        some place by a worse edge; all such detours are kept, so each path costs as many steps as it is long.
        """
        found: list[list[int]] = []
        if not self.counts[0]:
            return Largest(found, 0.0)
        heap = [Detour(-self._best[0], 0, [], 0, 0, 1.0, 0.0)]
        births = 1
        while heap and len(found) < most:
            path, detours = self._followed(heapq.heappop(heap), births)
            found.append(path)
            births += len(detours)
            for detour in detours:
                heapq.heappush(heap, detour)
        keys = {id(path): self._order(path) for path in found}
        found.sort(key=lambda path: keys[id(path)])
        return Largest(found, _sum([self._rest(detour) for detour in heap]))

    def _followed(self, detour: Detour, births: int) -> tuple[list[int], list[Detour]]:
        """Return the best path of a detour, and the detours from it that hold all its other paths."""
        path, detours = detour.path[: detour.place], list[Detour]()
        vertex = self.heads[path[-1]] if path else 0
        rank, product, reach = detour.rank, detour.product, detour.reach
        while vertex < self.size - 1:
            ranked = self._ranked[vertex]
            if rank + 1 < len(ranked):
                onward = self.heads[ranked[rank + 1]]
                size = _plus(_plus(reach, self._sizes[ranked[rank + 1]]), self._best[onward])
                detours.append(
                    Detour(-size, births + len(detours), path, len(path), rank + 1, product, reach)
                )
            edge, rank = ranked[rank], 0
            path.append(edge)
            product = None if product is None or self.masked[edge] else product * self.locals[edge]
            reach = _plus(reach, self._sizes[edge])
            vertex = self.heads[edge]
        return path, detours

    def _rest(self, detour: Detour) -> float:
        """Return the sum of the products of all paths of a detour."""
        if detour.product is None:
            return 0.0
        vertex = self.heads[detour.path[detour.place - 1]] if detour.place else 0
        edges = self._ranked[vertex][detour.rank :]
        return detour.product * sum([self.times(edge, self.totals[self.heads[edge]]) for edge in edges])

    def _order(self, path: list[int]) -> tuple[float, int, list[int]]:
        size = abs(self.product(path))
        return (-math.inf if math.isnan(size) else -size), len(path), path


def _log(value: float) -> float:
    if math.isnan(value):
        return math.inf
    return math.log(abs(value)) if value else NONE


def _plus(first: float, second: float) -> float:
    """Return the logarithm of a product; where a factor is 0 it is that of 0."""
    return NONE if NONE in (first, second) else first + second


def _sum(terms: Sequence[float]) -> float:
    return math.fsum(terms) if all(map(math.isfinite, terms)) else sum(terms)
