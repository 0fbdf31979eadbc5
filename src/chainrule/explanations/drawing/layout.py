"""A layered layout of boxes, links and the labels on links: nothing overlaps, and no link crosses a box.

A link over several layers gets an empty element in each layer that it passes, its label one of the label's
size. So links cross layers only where room is kept for them, and bend only between layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from chainrule.explanations.drawing.coordinates import Extent, place
from chainrule.explanations.drawing.crossings import reduce_crossings
from chainrule.explanations.drawing.layers import assign_layers

MARGIN = 12.0  # around the whole
APART = 16.0  # between the boxes of a layer
STRAIGHT, MAIN = (
    48.0,
    16.0,
)  # how much more it matters that a link is level within itself; that of a computed value
LANE = 6.0  # on either side of a link that passes a layer
GAP, WIDER, WIDEST = 26.0, 0.22, 80.0  # between layers: at least, more for a steep link, at most


class Size(NamedTuple):
    """Width and height."""

    width: float
    height: float


class Point(NamedTuple):
    """A place in the drawing."""

    x: float
    y: float


class Rectangle(NamedTuple):
    """A box or label in the drawing: its upper left corner, and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Parameters
    ----------
    boxes
        A rectangle for each box.
    labels
        A rectangle for each link that has a label; None for the others.
    routes
        For each link its points: a start, then three for each cubic Bézier curve.
    size
        Of the whole.
    """

    boxes: tuple[Rectangle, ...]
    labels: tuple[Rectangle | None, ...]
    routes: tuple[tuple[Point, ...], ...]
    size: Size


@dataclass
class _Element:
    """A box, a label, or an empty place where a link passes a layer; sizes along and across the layers."""

    layer: int
    length: float
    breadth: float
    passes: bool = False
    along: float = 0.0
    across: float = 0.0


def lay_out(
    boxes: Sequence[Size],
    links: Sequence[tuple[int, int]],
    labels: Sequence[Size | None],
    *,
    down: bool = False,
) -> Layout:
    """Return the layout of a drawing from left to right, or from the top down.

    Parameters
    ----------
    boxes
        The sizes of the boxes.
    links
        Pairs (source, target) of boxes; the source has the smaller number.
    labels
        The sizes of the links' labels; None where there is none.
    down
        Whether it goes from the top down.

    Examples
    --------
    >>> layout = lay_out([Size(40, 20), Size(40, 20)], [(0, 1)], [None])
    >>> layout.boxes[1].x > layout.boxes[0].x + 40, layout.boxes[1].y == layout.boxes[0].y
    (True, True)
    """
    if down:
        turned = lay_out(
            [_turned(box) for box in boxes], links, [label and _turned(label) for label in labels]
        )
        return Layout(
            tuple([Rectangle(y, x, height, width) for x, y, width, height in turned.boxes]),
            tuple([label and Rectangle(label[1], label[0], label[3], label[2]) for label in turned.labels]),
            tuple([tuple([Point(y, x) for x, y in route]) for route in turned.routes]),
            _turned(turned.size),
        )
    return _Drawing(boxes, links, labels).layout()


def _turned(size: Size) -> Size:
    return Size(size.height, size.width)


class _Drawing:
    """The elements of a drawing, layer by layer; a link is the chain of elements that it runs through."""

    def __init__(
        self, boxes: Sequence[Size], links: Sequence[tuple[int, int]], labels: Sequence[Size | None]
    ) -> None:
        place_of = assign_layers(len(boxes), links)
        self.elements = [
            _Element(2 * layer, box.width, box.height) for layer, box in zip(place_of, boxes, strict=True)
        ]
        self.boxes = len(boxes)
        labelled = {
            2 * place_of[target] - 1 for (_, target), label in zip(links, labels, strict=True) if label
        }
        used = sorted({element.layer for element in self.elements} | labelled)
        self.number = {layer: number for number, layer in enumerate(used)}
        for element in self.elements:
            element.layer = self.number[element.layer]
        self.labels: list[int | None] = []
        self.chains = [
            self._chain(source, target, label) for (source, target), label in zip(links, labels, strict=True)
        ]
        self.segments = [segment for chain in self.chains for segment in pairwise(chain)]
        self.layers: list[list[int]] = [[] for _ in used]
        for number, element in enumerate(self.elements):
            self.layers[element.layer].append(number)

    def _chain(self, source: int, target: int, label: Size | None) -> list[int]:
        first, last = self.elements[source].layer, self.elements[target].layer
        chain = [source]
        for layer in range(first + 1, last):
            chain.append(len(self.elements))
            if label and layer == last - 1:
                self.elements.append(_Element(layer, label.width, label.height))
            else:
                self.elements.append(_Element(layer, 0.0, 0.0, passes=True))
        self.labels.append(chain[-1] if label else None)
        return [*chain, target]

    def layout(self) -> Layout:
        """Return where everything is."""
        self.layers = reduce_crossings(self.layers, self.segments)
        self._place_across()
        self._place_along()
        starts = self._ports([(chain[0], chain[1]) for chain in self.chains])
        ends = self._ports([(chain[-1], chain[-2]) for chain in self.chains])
        routes = tuple([self._route(*parts) for parts in zip(self.chains, starts, ends, strict=True)])
        boxes = tuple([self._rectangle(number) for number in range(self.boxes)])
        labels = tuple([None if number is None else self._rectangle(number) for number in self.labels])
        right = max((box.x + box.width for box in boxes), default=0.0)
        taken = [(element.across + element.breadth / 2) for element in self.elements]
        return Layout(boxes, labels, routes, Size(right + MARGIN, max(taken, default=0.0) + MARGIN))

    def _place_across(self) -> None:
        extents = []
        for element in self.elements:
            room = LANE if element.passes else element.breadth / 2 + APART / 2
            extents.append(Extent(room, room))
        weights: dict[tuple[int, int], float] = {}
        sources = Counter(chain[0] for chain in self.chains)
        computed = {chain[-1] for chain in self.chains}
        for chain in self.chains:
            main = chain[0] in computed or sources[chain[0]] > 1
            for pair in pairwise(chain):
                weight = STRAIGHT if min(pair) >= self.boxes else MAIN if main else 1.0
                weights[pair] = weights.get(pair, 0.0) + weight
        places = place(self.layers, weights, extents, [chain[1:-1] for chain in self.chains])
        upper = min(
            (at - element.breadth / 2 for at, element in zip(places, self.elements, strict=True)), default=0.0
        )
        for element, across in zip(self.elements, places, strict=True):
            element.across = across - upper + MARGIN

    def _ports(self, ends: Sequence[tuple[int, int]]) -> list[float]:
        """Return where links meet their boxes, spread over the side in the order of what is opposite."""
        sides: dict[int, list[tuple[float, int]]] = {}
        for number, (box, opposite) in enumerate(ends):
            sides.setdefault(box, []).append((self.elements[opposite].across, number))
        ports = [0.0] * len(ends)
        for box, found in sides.items():
            element = self.elements[box]
            step = min(10.0, 0.7 * element.breadth / len(found))
            for rank, (_, number) in enumerate(sorted(found)):
                ports[number] = element.across + (rank - (len(found) - 1) / 2) * step
        return ports

    def _place_along(self) -> None:
        """Place the layers one after the other, further apart where links between them are steep."""
        steepest = [0.0] * len(self.layers)
        for source, target in self.segments:
            rise = abs(self.elements[target].across - self.elements[source].across)
            number = self.elements[source].layer
            steepest[number] = max(steepest[number], rise)
        start = MARGIN
        self.starts, self.ends = [], []
        for layer, rise in zip(self.layers, steepest, strict=True):
            length = max(self.elements[element].length for element in layer)
            for element in layer:
                self.elements[element].along = start + length / 2
            self.starts.append(start)
            self.ends.append(start + length)
            start += length + min(GAP + WIDER * rise, WIDEST)

    def _rectangle(self, number: int) -> Rectangle:
        element = self.elements[number]
        return Rectangle(
            element.along - element.length / 2,
            element.across - element.breadth / 2,
            element.length,
            element.breadth,
        )

    def _route(self, chain: list[int], begin: float, end: float) -> tuple[Point, ...]:
        """Return the points of a link: level within layers, curved between them."""
        across = [begin, *[self.elements[element].across for element in chain[1:-1]], end]
        first, last = self.elements[chain[0]], self.elements[chain[-1]]
        points = [Point(first.along + first.length / 2, begin)]
        for (source, target), (start, stop) in zip(pairwise(chain), pairwise(across), strict=True):
            left, right = self.ends[self.elements[source].layer], self.starts[self.elements[target].layer]
            points += _straight(points[-1], left)
            half = (right - left) / 2
            points += [Point(left + half, start), Point(right - half, stop), Point(right, stop)]
        points += _straight(points[-1], last.along - last.length / 2)
        return tuple(points)


def _straight(start: Point, end: float) -> list[Point]:
    """Return a level line as a Bézier curve; nothing if it has no length."""
    if end - start.x < 1e-9:
        return []
    third = (end - start.x) / 3
    return [Point(start.x + third, start.y), Point(end - third, start.y), Point(end, start.y)]
