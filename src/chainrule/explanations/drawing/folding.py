"""Large pictures folded to a few boxes: to layers and other named scopes, else to stretches of the way.

A folded picture is again without cycles: a scope that is left and entered again is several boxes where one
would close a circle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush

from chainrule.explanations.drawing.picture import Box, Link, Picture
from chainrule.text import say

OPEN = 60  # boxes that are drawn without folding
MOST = 36  # boxes of a folded picture
STRETCHES = 16  # boxes for what no scope folds
ALIKE = 6  # inputs used by the same boxes; more of them are folded into one
NAMED = 3  # inputs that are named one by one
SHAPES = 2  # different shapes that a folded box names
Group = Hashable


def fold(picture: Picture, depth: int | None = None) -> Picture:
    """Return the picture folded to scopes of this depth; by itself only if it has more than 60 boxes.

    Examples
    --------
    >>> boxes = (Box("x"), Box("u", formula="x²"), *[Box(f"t{n}", formula="u") for n in range(100)])
    >>> len(fold(Picture(boxes, (Link(0, 1), *[Link(1, n) for n in range(2, 102)]))).boxes) < 50
    True
    """
    if depth is not None:
        return _contracted(picture, _by_scope(picture, depth, ALIKE), depth)
    if len(picture.boxes) <= OPEN:
        return picture
    deepest = max(len(_parts(box.scope)) for box in picture.boxes)
    for alike in (ALIKE, 1):
        for level in range(deepest, 0, -1):
            groups = _by_scope(picture, level, alike)
            if len(set(groups)) <= MOST:
                return _contracted(picture, groups, level)
    return _contracted(picture, _by_stretch(picture, _by_scope(picture, 1, 1)), deepest)


def _parts(scope: str) -> list[str]:
    return scope.split("/") if scope else []


def _by_scope(picture: Picture, depth: int, alike: int) -> list[Group]:
    """Return the group of each box: its scope down to this depth, as often as cycles demand."""
    scopes: list[Group] = [
        "/".join(_parts(box.scope)[:depth]) or number for number, box in enumerate(picture.boxes)
    ]
    levels = [0] * len(scopes)
    for link in sorted(picture.links, key=lambda link: link.target):
        source, target = link.source, link.target
        levels[target] = max(levels[target], levels[source] + (scopes[source] != scopes[target]))
    parts = list(zip(scopes, levels, strict=True))
    groups: list[Group] = list(parts)
    split = [scope for scope, count in Counter(scope for scope, _ in set(parts)).items() if count > 1]
    for scope in sorted(split, key=scopes.index):
        whole: list[Group] = [
            (scope,) if own == scope else group for own, group in zip(scopes, groups, strict=True)
        ]
        if len(_order(picture, whole)) == len(set(whole)):
            groups = whole
    return _inputs_joined(picture, groups, alike)


def _inputs_joined(picture: Picture, groups: list[Group], most: int) -> list[Group]:
    """Return the groups with inputs that are used by the same groups in one, if more than ``most``."""
    users: dict[int, set[Group]] = {}
    for link in picture.links:
        if picture.boxes[link.source].is_input:
            users.setdefault(link.source, set()).add(groups[link.target])
    alike: dict[frozenset[Group], list[int]] = {}
    for number, found in users.items():
        alike.setdefault(frozenset(found), []).append(number)
    joined = list(groups)
    for key, numbers in alike.items():
        if len(numbers) > most:
            for number in numbers:
                joined[number] = ("inputs", key)
    return joined


def _order(picture: Picture, groups: Sequence[Group]) -> list[Group]:
    """Return the groups in an order in which they can be computed; fewer than all if there is a cycle."""
    first: dict[Group, int] = {}
    for number, group in enumerate(groups):
        first.setdefault(group, number)
    pairs = {(groups[link.source], groups[link.target]) for link in picture.links}
    after: dict[Group, list[Group]] = {group: [] for group in first}
    waiting = dict.fromkeys(first, 0)
    for source, target in pairs:
        if source != target:
            after[source].append(target)
            waiting[target] += 1
    ready = [first[group] for group, count in waiting.items() if not count]
    heapify(ready)
    order: list[Group] = []
    while ready:
        group = groups[heappop(ready)]
        order.append(group)
        for target in after[group]:
            waiting[target] -= 1
            if not waiting[target]:
                heappush(ready, first[target])
    return order


def _by_stretch(picture: Picture, groups: list[Group]) -> list[Group]:
    """Return the groups joined to stretches of the computation; inputs and outputs stand for themselves."""
    inputs = {groups[number] for number, box in enumerate(picture.boxes) if box.is_input}
    if len(inputs) > MOST - STRETCHES - 1:
        groups = [
            ("inputs",) if box.is_input else group for box, group in zip(picture.boxes, groups, strict=True)
        ]
        inputs = {("inputs",)}
    outputs = {group for box, group in zip(picture.boxes, groups, strict=True) if box.is_output}
    outputs = outputs if len(outputs) == 1 else set()
    inner = [group for group in _order(picture, groups) if group not in inputs | outputs]
    stretch: dict[Group, Group] = {}
    start = 0
    for end in _cuts(picture, groups, inner):
        stretch.update(dict.fromkeys(inner[start:end], ("stretch", start)))
        start = end
    return [stretch.get(group, group) for group in groups]


def _cuts(picture: Picture, groups: Sequence[Group], inner: Sequence[Group]) -> list[int]:
    """Return where to cut an ordered list into stretches of similar length: where few links are cut."""
    place = {group: number for number, group in enumerate(inner)}
    change = [0] * (len(inner) + 1)
    for link in picture.links:
        start, end = place.get(groups[link.source]), place.get(groups[link.target])
        if start is not None and end is not None and start < end:
            change[start + 1] += 1
            change[end + 1] -= 1
    crossing = [sum(change[: cut + 1]) for cut in range(len(change))]
    length = len(inner) / STRETCHES
    reach = max(int(length / 4), 0)
    cuts = []
    for number in range(1, STRETCHES):
        middle = round(number * length)
        window = range(max(middle - reach, 1), min(middle + reach, len(inner) - 1) + 1)
        cuts.append(min(window, key=lambda cut: (crossing[cut], abs(cut - middle)), default=middle))
    return [*dict.fromkeys(cuts), len(inner)]


def _contracted(picture: Picture, groups: Sequence[Group], depth: int) -> Picture:
    """Return the picture with one box for each group."""
    order = _order(picture, groups)
    place = {group: number for number, group in enumerate(order)}
    members: list[list[int]] = [[] for _ in order]
    for number, group in enumerate(groups):
        members[place[group]].append(number)
    boxes = [
        picture.boxes[inside[0]] if len(inside) == 1 else _folded(picture, inside, depth)
        for inside in members
    ]
    links: dict[object, Link] = {}
    for number, link in enumerate(picture.links):
        source, target = place[groups[link.source]], place[groups[link.target]]
        if source == target:
            continue
        plain = not (boxes[source].members or boxes[target].members)
        key: object = number if plain else (source, target)
        chosen = link.chosen or (key in links and links[key].chosen)
        links[key] = Link(source, target, link.label if plain else (), chosen)
    return Picture(tuple(boxes), tuple(links.values()))


def _folded(picture: Picture, inside: list[int], depth: int) -> Box:
    boxes = [picture.boxes[number] for number in inside]
    within = set(inside)
    incoming = [link.source for link in picture.links if link.target in within and link.source not in within]
    outgoing = [link.source for link in picture.links if link.source in within and link.target not in within]
    outgoing = outgoing or [number for number in inside if picture.boxes[number].is_output] or inside[-1:]
    scopes = list(dict.fromkeys(box.scope for box in boxes))
    inputs = all(box.is_input for box in boxes)
    key = "drawing.inputs" if inputs else "drawing.operations"
    notes = [say(key, count=len(boxes))]
    shapes = [_shapes(picture, numbers) for numbers in ([] if inputs else incoming, outgoing)]
    if any(shapes):
        notes.append(" → ".join(shape or "()" for shape in shapes) if not inputs else shapes[1])
    notes += [f"{box.name} {box.value}" for box in boxes if box.is_output]
    notes += [note for box in boxes if box.entry for note in (f"{box.entry} {box.value}", box.slope)]
    named = "/".join(_common(scopes)[:depth])
    names = [box.name for box in boxes]
    span = ", ".join(names) if len(names) <= NAMED else f"{names[0]} … {names[-1]}"
    return Box(
        name=named if named and not inputs else span,
        shape=picture.boxes[outgoing[0]].shape,
        scope=named,
        members=tuple(names),
        notes=tuple(notes),
        is_output=any(box.is_output for box in boxes),
    )


def _common(scopes: Sequence[str]) -> list[str]:
    """Return the parts of the scope that holds all of these."""
    parts = [_parts(scope) for scope in scopes]
    common = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        common.append(level[0])
    return common


def _shapes(picture: Picture, numbers: Sequence[int]) -> str:
    """Return the shapes of values, each once; of numbers nothing is said."""
    shapes = list(
        dict.fromkeys(str(picture.boxes[number].shape) for number in numbers if picture.boxes[number].shape)
    )
    more = [", …"] if len(shapes) > SHAPES else []
    return ", ".join(shapes[:SHAPES]) + "".join(more)


def opened(picture: Picture, box: Box) -> Picture:
    """Return the part of a picture that was folded into a box, and the values that come into it."""
    members = set(box.members)
    within = {number for number, inner in enumerate(picture.boxes) if inner.name in members}
    links = [link for link in picture.links if link.target in within]
    numbers = sorted(within | {link.source for link in links})
    place = {old: new for new, old in enumerate(numbers)}
    boxes = [
        picture.boxes[number] if number in within else replace(picture.boxes[number], formula="", scope="")
        for number in numbers
    ]
    moved = [replace(link, source=place[link.source], target=place[link.target]) for link in links]
    return Picture(tuple(boxes), tuple(moved))
