"""Which layer each box of a layered drawing stands in: links lead to later layers, and are short."""

from __future__ import annotations

from collections.abc import Sequence

Link = tuple[int, int]


def assign_layers(count: int, links: Sequence[Link]) -> list[int]:
    """Return the layer of each of ``count`` boxes, from 0 on.

    Boxes start as late as their targets allow. Then each moves to where it has more links, as long as this
    shortens them.

    Parameters
    ----------
    count
        How many boxes there are.
    links
        Pairs (source, target), where the source has the smaller number.

    Examples
    --------
    >>> assign_layers(4, [(0, 2), (1, 2), (2, 3), (1, 3)])
    [0, 0, 1, 2]
    """
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        sources[target].append(source)
        targets[source].append(target)
    layer = [0] * count
    for box in reversed(range(count)):
        layer[box] = min((layer[target] - 1 for target in targets[box]), default=0)
    moved = True
    while moved:
        moved = False
        for box in range(count):
            place = layer[box]
            if len(sources[box]) > len(targets[box]):
                place = max(layer[source] for source in sources[box]) + 1
            elif len(sources[box]) < len(targets[box]):
                place = min(layer[target] for target in targets[box]) - 1
            moved = moved or place != layer[box]
            layer[box] = place
    numbers = {old: new for new, old in enumerate(sorted(set(layer)))}
    return [numbers[place] for place in layer]
