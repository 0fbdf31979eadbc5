"""Large drawings fold to few boxes, without cycles, and without losing anything."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from drawn import cards, explained, words
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.explanations.drawing import graph_svg, to_svg
from chainrule.explanations.drawing.folding import fold
from chainrule.explanations.drawing.picture import Box, Link, Picture, picture_of
from chainrule.text import use_language


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    yield
    use_language(None)


@pytest.mark.parametrize("name", ["chain", "deep"])
def test_a_large_graph_folds_to_fewer_than_fifty_boxes_and_loses_nothing(name):
    explanation = explained(name)
    picture = fold(picture_of(explanation))
    assert len(picture.boxes) < 50
    single = [box.name for box in picture.boxes if not box.members]
    members = [member for box in picture.boxes for member in box.members]
    everything = {*explanation.inputs, *[step.name for step in explanation.forward]}
    assert sorted([*single, *members]) == sorted(everything)


def test_layers_fold_to_boxes_with_their_name_size_and_shapes():
    found = words(to_svg(explained("deep")))
    assert [text for text in found if text.startswith("layer")] == [
        f"layer {number}" for number in range(1, 16)
    ]
    assert found.count("5 operations") == 15
    assert "(1, 4), (4, 4) → (1, 4)" in found


def test_the_digits_network_folds_to_its_layers():
    graph = cr.Network([64, 30, 10], seed=0).graph()
    found = words(graph_svg(graph, depth=1))
    assert {"layer 1", "layer 2", "x (1, 64)", "W1 (64, 30)", "b1 (30,)", "W2 (30, 10)", "b2 (10,)"} <= set(
        found
    )


def test_a_scope_that_is_left_and_entered_again_folds_without_a_cycle():
    boxes = [Box("x")]
    boxes += [Box(f"t{n}", formula="…", scope="one" if n % 2 else "two") for n in range(1, 80)]
    links = [Link(n - 1, n) for n in range(1, 80)]
    picture = fold(Picture(tuple(boxes), tuple(links)))
    assert len(picture.boxes) < 50
    assert all(link.source < link.target for link in picture.links)


@settings(max_examples=40, deadline=None)
@given(st.integers(61, 200), st.randoms(use_true_random=False), st.integers(1, 40))
def test_any_large_graph_folds_to_a_graph_without_cycles(count, random, scopes):
    boxes = [Box("x")]
    boxes += [
        Box(f"t{n}", formula="…", scope=random.choice(["", *[f"s{k}/a" for k in range(scopes)], "s0/b"]))
        for n in range(1, count)
    ]
    links = [Link(random.randrange(n), n) for n in range(1, count) for _ in range(2)]
    picture = fold(Picture(tuple(boxes), tuple(links)))
    assert len(picture.boxes) < 50
    assert all(link.source < link.target for link in picture.links)
    assert sum(max(len(box.members), 1) for box in picture.boxes) == count


def test_many_scalar_inputs_fold_too():
    explanation = cr.explain(lambda *w: sum(part**2 for part in w), *np.linspace(0, 1, 120))
    root = ET.fromstring(to_svg(explanation))
    assert len(cards(root)) < 50
