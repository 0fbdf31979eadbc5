"""Drawings of computations: nothing overlaps or is cut off, links avoid boxes, all numbers are there."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from drawn import ALL, FONTS, SVG, cards, curves, explained, inside, overlap, rectangles, texts, within, words
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

import chainrule as cr
from chainrule.errors import UnknownNameError
from chainrule.explanations.drawing import graph_svg, to_svg
from chainrule.explanations.drawing.metrics import text_width
from chainrule.explanations.drawing.svg import DARK, LIGHT
from chainrule.text import use_language


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    yield
    use_language(None)


@pytest.mark.parametrize("name", ALL)
def test_nothing_overlaps_and_nothing_is_cut_off(name):
    root = ET.fromstring(to_svg(explained(name)))
    whole = [float(part) for part in root.get("viewBox").split()]
    boxes, labels, lines = cards(root), rectangles(root, "cr-paper"), texts(root)
    assert not any(overlap(*pair) for pair in combinations([*boxes, *labels], 2))
    assert not any(overlap(*pair) for pair in combinations(lines, 2))
    assert all(inside(place, whole) for place in [*boxes, *labels, *lines])


@pytest.mark.parametrize("name", ALL)
def test_every_text_of_a_box_and_of_a_label_is_within_it(name):
    root = ET.fromstring(to_svg(explained(name)))
    for group in root.iter(f"{SVG}g"):
        (*_, card), lines = rectangles(group, "cr-box"), texts(group)
        assert all(inside(line, card) for line in lines)
    places = [*cards(root), *rectangles(root, "cr-paper")]
    bottom = max(place[1] + place[3] for place in places)
    legend = [line for line in texts(root) if line[1] > bottom]
    assert all(any(inside(line, place) for place in places) for line in texts(root) if line not in legend)


@pytest.mark.parametrize("name", ALL)
def test_no_link_crosses_a_box_or_the_label_of_another(name):
    root = ET.fromstring(to_svg(explained(name)))
    routes = list(curves(root))
    assert not any(within(points, card) for points in routes for card in cards(root))
    assert all(sum(within(points, label) for points in routes) <= 1 for label in rectangles(root, "cr-paper"))


def test_the_drawing_of_a_formula_says_all_its_numbers():
    found = words(to_svg(explained("formula")))
    for text in ("a = 7", "b = 4", "c = 2", "u = 8", "v = 15", "J = 45"):
        assert text in found
    for text in ("dJ/da = 3", "dJ/db = 6", "dJ/dc = 12", "dJ/du = 3", "dJ/dv = 3"):
        assert text in found
    for text in ("∂u/∂b = c = 2", "∂u/∂c = b = 4", "∂v/∂u = 1", "∂v/∂a = 1", "∂J/∂v = 3"):
        assert text in found
    for text in ("b * c", "a + u", "3 * v"):
        assert text in found


def test_each_use_of_a_value_is_a_link_with_its_own_local_derivative():
    svg = to_svg(explained("square"))
    assert len(list(curves(ET.fromstring(svg)))) == 4  # a·a, then u·a: two and two
    assert sum(text.startswith("∂u/∂a") for text in words(svg)) == 2


def marked(svg):
    return svg.count('class="cr-link cr-path"')


def test_all_paths_of_a_named_variable_are_highlighted():
    explanation = explained("shared")
    assert marked(to_svg(explanation)) == 0
    assert marked(to_svg(explanation, paths="b")) == 5  # b→u→v→w→J and b→w
    assert marked(to_svg(explanation, paths="c")) == 3
    assert marked(to_svg(explanation, paths=["c", "a"])) == 5


def test_single_paths_are_highlighted():
    explanation = explained("shared")
    found = explanation.paths("b")
    lengths = sorted(marked(to_svg(explanation, paths=path)) for path in found)
    assert lengths == sorted(len(path.edges) for path in found) == [2, 4]
    assert marked(to_svg(explanation, paths=found)) == 5


def test_the_path_of_an_entry_marks_the_links_between_the_arrays():
    explanation = explained("network")
    path = explanation.paths("W1[0, 1]")[0]
    assert marked(to_svg(explanation, paths=path)) == len(path.edges)
    assert marked(to_svg(explanation, paths="W1[0, 1]")) == marked(to_svg(explanation, paths="W1"))


def test_an_unknown_name_is_refused():
    with pytest.raises(UnknownNameError, match="bb"):
        to_svg(explained("shared"), paths="bb")


def test_light_dark_or_as_the_reader_has_it():
    explanation = explained("formula")
    assert "prefers-color-scheme" in to_svg(explanation)
    for dark, own, other in ((True, DARK, LIGHT), (False, LIGHT, DARK)):
        svg = to_svg(explanation, dark=dark)
        assert own["paper"] in svg
        assert other["paper"] not in svg
        assert "prefers-color-scheme" not in svg


def luminance(colour):
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(colours):
    for text in ("ink", "faint", "value", "slope", "path"):
        for behind in ("paper", "box", "given"):
            low, high = sorted([luminance(colours[text]), luminance(colours[behind])])
            assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG AA


def test_a_drawing_has_a_title_and_a_description_and_escapes_names():
    def scoped(a):
        with cr.scope("<b>&"):
            return np.sum(a * 2)

    svg = graph_svg(cr.trace(scoped, np.ones((2, 2))), depth=1)
    assert "<b>" not in svg.replace("&lt;b&gt;&amp;", "")
    root = ET.fromstring(to_svg(explained("formula")))
    assert "3*(a + b*c)" in root.find(f"{SVG}title").text
    assert all(
        part in root.find(f"{SVG}desc").text for part in ("J = 45", "dJ/da = 3", "dJ/db = 6", "dJ/dc = 12")
    )


def test_a_drawing_is_the_same_in_every_process():
    code = (
        "import numpy as np, chainrule as cr\n"
        "from chainrule.explanations.drawing import graph_svg\n"
        "def f(x, *w):\n"
        "    for n, v in enumerate(w):\n"
        "        with cr.scope(f'layer {n % 7}'):\n"
        "            x = np.tanh(x * v) + x\n"
        "    return x\n"
        "print(graph_svg(cr.trace(f, *range(1, 60))))"
    )
    outputs = set()
    for seed in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "CHAINRULE_LANG": "en",
            "PYTHONIOENCODING": "utf-8",
        }
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1


def test_the_legend_is_in_the_readers_language():
    use_language("zh")
    assert any("局部导数" in text for text in words(to_svg(explained("formula"))))


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40), st.sampled_from([12, 14]))
def test_texts_are_not_wider_than_they_are_taken_to_be(text, size):
    real = ImageFont.truetype(FONTS / "DejaVuSans.ttf", size * 10).getlength(text) / 10
    assert real <= text_width(text, size) + 0.01
