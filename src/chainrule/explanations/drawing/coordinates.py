"""Where the elements of ordered layers stand: linked ones face each other, and none overlap.

The sum of weighted squares of how far linked elements are apart is minimised, one layer after the other. With
its neighbours fixed, the best places in a layer are the means of their neighbours' places, pushed apart where
they are too close: an isotonic regression. At last each chain of elements that a link passes is made straight
as far as there is room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple

SWEEPS = 80


class Extent(NamedTuple):
    """The room that an element takes on either side of its place, its margin included."""

    before: float
    after: float


Weighted = list[tuple[int, float]]


def place(
    layers: Sequence[Sequence[int]],
    links: Mapping[tuple[int, int], float],
    extents: Sequence[Extent],
    chains: Sequence[Sequence[int]] = (),
) -> list[float]:
    """Return the place of each element, across the layers.

    Parameters
    ----------
    layers
        The elements of each layer in order.
    links
        Pairs (source, target) of neighbouring layers, with the weight of keeping them level.
    extents
        The room that each element takes.
    chains
        Elements of successive layers that should stand at one place.

    Examples
    --------
    >>> unit = [Extent(1, 1)] * 3
    >>> [round(x, 3) for x in place([[0, 1], [2]], {(0, 2): 1, (1, 2): 1}, unit)]
    [0.0, 2.0, 1.0]
    """
    before: list[Weighted] = [[] for _ in extents]
    after: list[Weighted] = [[] for _ in extents]
    for (source, target), weight in links.items():
        after[source].append((target, weight))
        before[target].append((source, weight))
    places = [0.0] * len(extents)
    offsets = [_offsets([extents[element] for element in layer]) for layer in layers]
    for layer, offset in zip(layers, offsets, strict=True):
        for element, start in zip(layer, offset, strict=True):
            places[element] = start - offset[-1] / 2
    both = [first + second for first, second in zip(before, after, strict=True)]
    rounds = [(before, 1), (after, -1)] * 4 + [(both, 1), (both, -1)] * (SWEEPS // 2)
    for neighbours, step in rounds:
        for layer, offset in list(zip(layers, offsets, strict=True))[::step]:
            _settle(layer, offset, neighbours, places)
    _straighten(layers, extents, chains, places)
    first = min(places, default=0.0)
    return [value - first for value in places]


def _straighten(
    layers: Sequence[Sequence[int]],
    extents: Sequence[Extent],
    chains: Sequence[Sequence[int]],
    places: list[float],
) -> None:
    """Move the elements of each chain to one place; where others are in the way, part by part."""
    nearest: dict[int, tuple[int | None, int | None]] = {}
    for layer in layers:
        for left, element, right in zip([None, *layer], layer, [*layer[1:], None], strict=False):
            nearest[element] = left, right

    def room(element: int) -> tuple[float, float]:
        left, right = nearest[element]
        low = -inf if left is None else places[left] + extents[left].after + extents[element].before
        high = inf if right is None else places[right] - extents[right].before - extents[element].after
        return low, high

    for chain in sorted(chains, key=len, reverse=True):
        start = 0
        while start < len(chain):
            low, high, end = -inf, inf, start
            while end < len(chain):
                lowest, highest = room(chain[end])
                if max(low, lowest) > min(high, highest):
                    break
                low, high, end = max(low, lowest), min(high, highest), end + 1
            part = chain[start : max(end, start + 1)]
            if end > start:
                mean = sum(places[element] for element in part) / len(part)
                for element in part:
                    places[element] = min(max(mean, low), high)
            start += len(part)


def _offsets(extents: Sequence[Extent]) -> list[float]:
    """Return where the elements of a layer stand, measured from the first, when they are packed."""
    return list(accumulate((one.after + other.before for one, other in pairwise(extents)), initial=0.0))


def _settle(
    layer: Sequence[int], offset: Sequence[float], neighbours: Sequence[Weighted], places: list[float]
) -> None:
    """Move the elements of a layer to their best places, given those of their neighbours."""
    wanted, weights = [], []
    for element, start in zip(layer, offset, strict=True):
        total = sum(weight for _, weight in neighbours[element])
        mean = sum(weight * places[other] for other, weight in neighbours[element]) / total if total else None
        wanted.append((places[element] if mean is None else mean) - start)
        weights.append(total or 1e-3)
    for element, start, value in zip(layer, offset, isotonic(wanted, weights), strict=True):
        places[element] = value + start


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the increasing sequence nearest to the values, in weighted squares.

    Examples
    --------
    >>> isotonic([1, 3, 1], [1, 1, 1])
    [1.0, 2.0, 2.0]
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for value, weight in zip(values, weights, strict=True):
        mean, total, length = float(value), weight, 1
        while blocks and blocks[-1][0] > mean:
            other, more, longer = blocks.pop()
            mean = (mean * total + other * more) / (total + more)
            total, length = total + more, length + longer
        blocks.append((mean, total, length))
    return [mean for mean, _, length in blocks for _ in range(length)]
