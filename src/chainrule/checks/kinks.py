"""Kinks: entries at which the derivatives from the left and from the right differ."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule.checks.point import Array, Point
from chainrule.checks.report import Kink
from chainrule.functions import Differentiable
from chainrule.graph import context
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, lift
from chainrule.graph.order import dependents

DIFFERENT = 1e-3  # left and right differ by more than this part of the largest entry


class Corner(NamedTuple):
    """An operation that is at a kink: its node, at which of its entries, and the arguments it depends on."""

    node: Node
    entries: Array
    arguments: frozenset[int]


class Kinks:
    """The kinks of a function at a point, found when they are asked for.

    ``traced`` is None where the function cannot be traced; then no operation is known for a kink.
    """

    def __init__(
        self, point: Point, traced: Differentiable | None, claimed: list[Array], scales: list[float]
    ) -> None:
        self._point = point
        self._claimed = claimed
        self._scales = scales
        self._inputs = _inputs(traced)
        self._corners = [] if traced is None else _corners(traced, self._inputs)
        self._users = [] if traced is None else list(traced.graph.nodes)
        self.found: dict[tuple[int, int], Kink] = {}

    def excuses(self, number: int, place: int) -> bool:
        """Return whether an entry is at a kink, and the claim lies between the two sides."""
        kink = self.at(number, place)
        slack = DIFFERENT * self._scales[number]
        if kink is None:
            return False
        low, high = sorted((kink.left, kink.right))
        return low - slack <= kink.claimed <= high + slack

    def at(self, number: int, place: int) -> Kink | None:
        """Return the kink at an entry; None if the function is smooth there."""
        if (number, place) in self.found:
            return self.found[number, place]
        sides = self._point.sides(number, place)
        if not abs(sides.left - sides.right) > max(DIFFERENT * self._scales[number], 4 * sides.error):
            return None
        corner = next((corner for corner in self._corners if number in corner.arguments), None)
        kink = Kink(
            name=self._point.names[number],
            index=index_of(self._point.values[number], place),
            claimed=float(self._claimed[number][place]),
            left=sides.left,
            right=sides.right,
            primitive=corner.node.primitive.name if corner else "",
            line=context.described(corner.node.location) if corner else self.line(number),
        )
        self.found[number, place] = kink
        return kink

    def search(self, number: int) -> None:
        """Find kinks also where the claim is right: at entries that an operation names, or at a sample."""
        corners = [corner for corner in self._corners if number in corner.arguments]
        shape = self._point.values[number].shape
        named = [corner.entries for corner in corners if corner.node.shape == shape]
        places = self._point.sampled(number)
        if named:
            places = np.flatnonzero(np.any(named, axis=0))[: len(places)]
        for place in places if corners else ():
            self.at(number, int(place))

    def line(self, number: int) -> str:
        """Return the line where an argument is first used."""
        if number >= len(self._inputs):
            return "?"
        users = (node for node in self._users if any(part is self._inputs[number] for part in node.inputs))
        first = next(users, None)
        return "?" if first is None else context.described(first.location)


def index_of(value: Array, place: int) -> tuple[int, ...]:
    """Return the index of an entry, given its place in the flat array."""
    return tuple([int(part) for part in np.unravel_index(place, value.shape)])


def _inputs(traced: Differentiable | None) -> list[Node]:
    return [] if traced is None else [node for node in traced.graph.inputs if node.dtype.kind == "f"]


def _corners(traced: Differentiable, inputs: list[Node]) -> list[Corner]:
    """Return the operations that are exactly at a kink."""
    graph = traced.graph
    kinky = [(node, node.primitive.kinks) for node in graph.nodes if node.primitive.kinks is not None]
    quantities: list[Any] = [lift(kinks(*node.inputs)) for node, kinks in kinky]
    values = Program(graph.inputs, quantities).run(*traced.values)
    reached = [dependents(graph.nodes, [source]) for source in inputs]
    return [
        Corner(
            node,
            np.broadcast_to(np.equal(value, 0), node.shape).ravel(),
            frozenset(number for number, nodes in enumerate(reached) if node in nodes),
        )
        for (node, _), value in zip(kinky, values, strict=True)
        if np.any(np.equal(value, 0))
    ]
