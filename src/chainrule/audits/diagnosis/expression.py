"""`Expression`: what a claim's own lines compute, to be computed again with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.audits.points import Points, Values
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors, dependents

MOST_NODES = 400
MISFITS = (ValueError, IndexError, TypeError, AttributeError, OverflowError, ZeroDivisionError)

Action = Callable[[Node, Sequence[Any], int], Any]
"""What a changed node computes: from itself, its operands' values, and the number of the point."""


class Expression:
    """The nodes between a claim and what it is computed from: values of the forward part and other claims.

    Parameters
    ----------
    root
        The claimed derivative.
    given
        The values of what it is computed from, other than the forward part: upstream claims, set right.
    forward
        The nodes of the forward part.
    points
        Where to compute.
    lines
        The script's line of each node.
    proved
        Nodes from which right gradients are computed, which therefore are right themselves.
    """

    def __init__(
        self,
        root: Node,
        given: Mapping[Node, Values],
        forward: Collection[Node],
        points: Points,
        lines: Mapping[Node, int],
        proved: Collection[Node] = frozenset(),
    ) -> None:
        self.root, self.points, self.lines, self.proved = root, points, lines, proved
        cone = ancestors([root], stop=[*given, *forward])
        self.nodes = [node for node in cone if node.inputs][-MOST_NODES:]
        inner = set(self.nodes)
        self.sources = {
            source: given.get(source) or points.of(source)
            for node in self.nodes
            for source in node.inputs
            if source not in inner
        }
        if not self.nodes:
            self.sources[root] = given.get(root) or points.of(root)
        self.changed_last: Node | None = None
        self.effort = 0
        self.known = [self._computed(point) for point in range(len(points))]

    def _computed(self, point: int) -> dict[Node, Any]:
        known = {source: values[point] for source, values in self.sources.items()}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                operands = [known[source] for source in node.inputs]
                try:
                    known[node] = node.primitive.forward(np, *operands, **node.settings)
                except MISFITS:  # true inputs of another shape than the claimed ones
                    known[node] = self.points.of(node)[point]
        return known

    def value(self, node: Node) -> Values:
        """Return the values of one of its nodes or sources."""
        return [known[node] for known in self.known]

    def below(self, root: Node) -> Expression:
        """Return the expression of one of its nodes, from the same sources."""
        return Expression(root, self.sources, (), self.points, self.lines, self.proved)

    def groups(self) -> Iterator[tuple[Node, ...]]:
        """Yield its nodes, last first, those together that a loop made by the same piece of a line."""
        found: dict[Any, list[Node]] = {}
        marks: dict[Node, Any] = {}
        for node in self.nodes:
            marks[node] = self._mark(node, marks)
            if node not in self.proved:
                found.setdefault(marks[node], []).append(node)
        groups = [part for group in found.values() for part in self._apart(group)]
        yield from sorted(groups, key=lambda group: -group[-1].serial)

    def _apart(self, group: list[Node]) -> list[tuple[Node, ...]]:
        """Return a group, or its nodes one by one where a line, and no loop, says the same thing twice."""
        if len(group) > 1 and len({self._reads(node) for node in group}) == 1:
            return [(node,) for node in group]
        return [tuple(group)]

    def _reads(self, node: Node) -> tuple[int, ...]:
        """Return which values of other lines a node reads."""
        line = self.lines.get(node)
        found: list[int] = []
        for source in node.inputs:
            if source.primitive is CONSTANT:
                continue
            if self.lines.get(source) != line or not line:
                found.append(source.serial)
            elif source.primitive is not node.primitive:
                found.extend(self._reads(source))
            else:  # of a long sum or product the next operand is enough
                found.extend(inner.serial for inner in source.inputs if inner.primitive is not CONSTANT)
        return tuple(found)

    def _mark(self, node: Node, marks: Mapping[Node, Any]) -> Any:
        line = self.lines.get(node)
        if not line:
            return node.serial
        parts = []
        for source in node.inputs:
            if source in marks and self.lines.get(source) == line:
                same = source.primitive is node.primitive and source.shape == node.shape
                parts.append("before" if same else marks[source])
            elif source.primitive is CONSTANT and source.shape == node.shape and source.shape:
                parts.append("before")  # zeros, to which a loop adds
            else:
                parts.append((source.primitive.name, source.shape, self.lines.get(source)))
        return line, node.primitive.name, repr(node.settings.get("axis")), *parts

    def changed(self, group: Collection[Node], action: Action) -> Iterator[Any]:
        """Yield the root's value at each point with the nodes of a group computed by an action."""
        chosen = set(group)
        self.changed_last = max(chosen, key=lambda node: node.serial)
        touched = dependents(self.nodes, chosen)
        later = [node for node in self.nodes if node in touched]
        for point, before in enumerate(self.known):
            self.effort += len(later)
            known = dict(before)
            if self.root in chosen and not later:
                known[self.root] = action(self.root, [], point)
            with np.errstate(all="ignore"):
                for node in later:
                    operands = [known[source] for source in node.inputs]
                    known[node] = (action if node in chosen else _unchanged)(node, operands, point)
            yield known[self.root]

    def replaced(self, sources: Mapping[Node, Values]) -> Iterator[Any]:
        """Yield the root's value at each point with other values for some of its sources."""
        readers = [node for node in self.nodes if not set(sources).isdisjoint(node.inputs)]
        self.changed_last = readers[-1] if readers else None
        touched = dependents(self.nodes, sources)
        for point, before in enumerate(self.known):
            self.effort += len(touched)
            known = dict(before)
            known.update((source, values[point]) for source, values in sources.items())
            with np.errstate(all="ignore"):
                for node in self.nodes:
                    if node in touched:
                        known[node] = ordinary(node, [known[source] for source in node.inputs])
            yield known[self.root]


def ordinary(node: Node, operands: Sequence[Any]) -> Any:
    """Return what a node computes from other operands."""
    return node.primitive.forward(np, *operands, **node.settings)


def _unchanged(node: Node, operands: Sequence[Any], _: int) -> Any:
    return ordinary(node, operands)


def using(values: Values) -> Action:
    """Return the action that puts given values in the place of a node's."""
    return lambda _, __, point: values[point]


def keeping(place: int) -> Action:
    """Return the action that keeps one operand and leaves the operation out."""
    return lambda _, operands, __: operands[place]
