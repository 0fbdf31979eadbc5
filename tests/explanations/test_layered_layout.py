"""The layout of drawings: no overlaps in any graph, few crossings, straight lines."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from drawn import inside, overlap, within
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.explanations.drawing.crossings import crossings, reduce_crossings
from chainrule.explanations.drawing.layout import Size, lay_out

SIZES = st.builds(Size, st.floats(5, 200), st.floats(5, 90))


@st.composite
def drawings(draw):
    count = draw(st.integers(1, 14))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(
        lambda pair: pair[0] < pair[1]
    )
    links = draw(st.lists(pairs, max_size=24)) if count > 1 else []
    boxes = draw(st.lists(SIZES, min_size=count, max_size=count))
    labels = draw(st.lists(st.none() | SIZES, min_size=len(links), max_size=len(links)))
    return boxes, links, labels, draw(st.booleans())


@settings(max_examples=120, deadline=None)
@given(drawings())
def test_a_layout_of_any_graph_has_no_overlaps_and_keeps_links_off_boxes(drawing):
    boxes, links, labels, down = drawing
    layout = lay_out(boxes, links, labels, down=down)
    places = [*layout.boxes, *filter(None, layout.labels)]
    whole = [0, 0, *layout.size]
    assert [place[2:] for place in layout.boxes] == [pytest.approx(tuple(box)) for box in boxes]
    assert not any(overlap(*pair) for pair in combinations(places, 2))
    assert all(inside(place, whole) for place in places)
    t = np.linspace(0, 1, 15)[:, None]
    weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
    for own, route in zip(layout.labels, layout.routes, strict=True):
        numbers = np.array(route)
        for start in range(0, len(numbers) - 1, 3):
            points = sum(weight * numbers[start + place] for place, weight in enumerate(weights))
            assert not any(within(points, place) for place in places if place is not own)
    forward = [place[1 if down else 0] for place in layout.boxes]
    assert all(forward[source] < forward[target] for source, target in links)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(6, 11)), max_size=20))
def test_crossings_are_counted_one_by_one(links):
    after = {number: [end for start, end in links if start == number] for number in range(12)}
    layers = [[3, 1, 4, 0, 5, 2], [8, 6, 11, 9, 7, 10]]
    place = {number: rank for layer in layers for rank, number in enumerate(layer)}
    signs = [(place[a] - place[c]) * (place[b] - place[d]) for (a, b), (c, d) in combinations(links, 2)]
    assert crossings(layers, after) == sum(sign < 0 for sign in signs)


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.permutations(list(range(start, start + 8))) for start in (0, 8, 16)]))
def test_paths_side_by_side_are_untangled(layers):
    links = [(number, number + 8) for number in range(16)]
    after = {number: [number + 8] if number < 16 else [] for number in range(24)}
    assert crossings(reduce_crossings(layers, links), after) == 0


def test_layers_of_a_chain_stand_in_a_straight_line():
    layout = lay_out([Size(40, 20)] * 6, list(pairwise(range(6))), [Size(30, 10)] * 5)
    middles = [place.y + place.height / 2 for place in [*layout.boxes, *layout.labels]]
    assert np.ptp(middles) < 0.01
