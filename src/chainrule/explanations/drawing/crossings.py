"""The order within the layers of a drawing: as few links as possible cross.

Sugiyama's heuristic: sweep over the layers, each time sorting one by the mean place of the neighbours in the
layer before, then exchange neighbours where that saves a crossing.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise

Link = tuple[int, int]
SWEEPS = 24
PATIENCE = 6  # sweeps without a better order


def reduce_crossings(layers: Sequence[Sequence[int]], links: Sequence[Link]) -> list[list[int]]:
    """Return the layers in an order with few crossings.

    Parameters
    ----------
    layers
        The elements of each layer, in the order to begin with.
    links
        Pairs (source, target); the target is in the layer after the source's.

    Examples
    --------
    >>> reduce_crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    [[0, 1], [3, 2]]
    """
    before: dict[int, list[int]] = {element: [] for layer in layers for element in layer}
    after: dict[int, list[int]] = {element: [] for layer in layers for element in layer}
    for source, target in links:
        after[source].append(target)
        before[target].append(source)
    current = [list(layer) for layer in layers]
    best, fewest, waited = [list(layer) for layer in current], crossings(current, after), 0
    for sweep in range(SWEEPS):
        if not fewest or waited > PATIENCE:
            break
        _sweep(current, after if sweep % 2 else before, backwards=bool(sweep % 2))
        _exchange(current, before, after)
        count, waited = crossings(current, after), waited + 1
        if count < fewest:
            best, fewest, waited = [list(layer) for layer in current], count, 0
    return best


def crossings(layers: Sequence[Sequence[int]], after: dict[int, list[int]]) -> int:
    """Return how many pairs of links cross."""
    total = 0
    for layer, following in pairwise(layers):
        place = {element: number for number, element in enumerate(following)}
        ends: list[int] = []
        for element in layer:
            reached = sorted(place[target] for target in after[element])
            total += sum(len(ends) - bisect_right(ends, end) for end in reached)
            for end in reached:
                insort(ends, end)
    return total


def _sweep(layers: list[list[int]], neighbours: dict[int, list[int]], *, backwards: bool) -> None:
    """Sort each layer by the mean place of its neighbours in the layer sorted just before."""
    for fixed, layer in pairwise(reversed(layers) if backwards else layers):
        places = {element: float(number) for number, element in enumerate(fixed)}
        means = {element: float(number) for number, element in enumerate(layer)}
        for element in layer:
            reached = [places[neighbour] for neighbour in neighbours[element]]
            if reached:
                means[element] = sum(reached) / len(reached)
        layer.sort(key=means.__getitem__)


def _exchange(layers: list[list[int]], before: dict[int, list[int]], after: dict[int, list[int]]) -> None:
    """Exchange neighbours in a layer while that saves crossings."""
    place = {element: number for layer in layers for number, element in enumerate(layer)}
    for _ in range(PATIENCE):
        gained = 0
        for layer in layers:
            for number in range(len(layer) - 1):
                left, right = layer[number], layer[number + 1]
                saved = sum(_saved(side[left], side[right], place) for side in (before, after))
                if saved > 0:
                    layer[number], layer[number + 1] = right, left
                    place[left], place[right] = number + 1, number
                    gained += saved
        if not gained:
            return


def _saved(left: list[int], right: list[int], place: dict[int, int]) -> int:
    """Return how many crossings fewer there are if the two neighbours change places."""
    pairs = [(place[a], place[b]) for a in left for b in right]
    return sum((a > b) - (a < b) for a, b in pairs)
