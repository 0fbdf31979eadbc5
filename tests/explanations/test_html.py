"""Pages of explanations: self-contained, in both languages, with everything that was explained."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.explanations.html import to_html
from chainrule.text import use_language

VOID = {"meta", "br", "hr", "img", "link", "input"}
MATHML = {"{http://www.w3.org/1998/Math/MathML}math", "math"}


@pytest.fixture(autouse=True)
def _english():
    use_language("en")
    yield
    use_language(None)


class Reader(HTMLParser):
    """Checks that tags are closed in order; collects attributes, and text outside of styles."""

    def __init__(self, page):
        super().__init__()
        self.open, self.attributes, self.texts, self.tags = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


def shared(a, b, c):
    u = a * b
    v = u + c
    return 2 * (v + b)


def network(x, y, W1, b1, W2, b2):
    a1 = np.tanh(x @ W1 + b1)
    return np.mean((a1 @ W2 + b2 - y) ** 2)


def network_explained():
    draw = np.random.default_rng(0).normal
    shapes = ((30, 2), (30, 1), (2, 4), (4,), (4, 1), (1,))
    return cr.explain(network, *[draw(size=shape) for shape in shapes])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("case", [lambda: cr.explain(shared, 1.0, 2.0, 3.0), network_explained])
def test_a_page_is_one_file_that_asks_for_nothing(case, language):
    use_language(language)
    page = to_html(case())
    read = Reader(page)
    assert page.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(read.tags)
    loading = [
        entry for entry in read.attributes if entry[1] in ("src", "href", "xlink:href", "srcset", "action")
    ]
    assert not loading
    assert not any(entry[1].startswith("on") for entry in read.attributes)
    assert "url(" not in page
    assert "@import" not in page
    assert set(re.findall(r"https?://[^\"'\s<]*", page)) <= {"http://www.w3.org/2000/svg"}
    assert ("html", "lang", {"en": "en", "zh": "zh-CN"}[language]) in read.attributes
    assert ("meta", "name", "viewport") in read.attributes
    assert ("meta", "charset", "utf-8") in read.attributes


def test_a_page_shows_values_local_derivatives_products_and_sums():
    read = Reader(to_html(cr.explain(shared, 1.0, 2.0, 3.0)))
    assert {"svg", "math", "mfrac", "table", "details"} <= set(read.tags)
    for text in (
        "∂u/∂b = a = 1",
        "dJ/db = 4",
        "sum over 2 uses",
        "product rule",
        "b → u → v → w → J",
        "b → w → J",
    ):
        assert text in read.text


def test_all_steps_are_in_the_page():
    explanation = network_explained()
    page = to_html(explanation)
    rows = page.count("<tr>")
    assert rows >= len(explanation.forward) + len(explanation.edges) + len(explanation.gradient)
    assert "(30, 2)" in page


def test_chinese_pages_speak_chinese():
    use_language("zh")
    read = Reader(to_html(cr.explain(shared, 1.0, 2.0, 3.0)))
    for term in ("链式法则", "反向传播", "梯度", "局部导数", "前向传播"):
        assert term in read.text
    assert not re.search(r"\b(Forward|Backward|Gradient|Value|Formula|Paths)\b", read.text)


def test_names_cannot_break_out_of_the_page():
    def scoped(a):
        with cr.scope('</title><b onclick="x">&'):
            return a * 2 + a**2

    scoped.__name__ = "<i>f</i>"
    read = Reader(to_html(cr.explain(scoped, 1.5)))
    assert not {"b", "i"} & set(read.tags)
    assert "<i>f</i>" in read.text


def test_a_long_computation_makes_a_page_of_reasonable_size():
    def chain(x):
        for _ in range(700):
            x = 1.01 * np.sin(x)
        return x

    explanation = cr.explain(chain, 0.3)
    page = to_html(explanation)
    Reader(page)
    assert page.count("<tr>") > 2800
    assert len(page) < 3_000_000


def test_folded_layers_can_be_opened():
    def deep(x, *weights):
        for number, weight in enumerate(weights, start=1):
            with cr.scope(f"layer {number}"):
                x = 1.5 * np.tanh(x @ weight) - 0.1 * x
        return np.sum(x)

    draw = np.random.default_rng(0).normal
    page = to_html(cr.explain(deep, draw(size=(1, 3)), *[draw(size=(3, 3)) for _ in range(12)]))
    inside = re.findall(
        r"<details><summary>(layer \d+): 5 operations.*?</summary>(.*?)</details>", page, re.DOTALL
    )
    assert [name for name, _ in inside] == [f"layer {number}" for number in range(1, 13)]
    assert all("<svg" in drawing and "tanh(" in drawing for _, drawing in inside)


def test_the_page_of_an_entry_shows_the_sum_behind_it():
    net = cr.Network([4, 3, 2], seed=0, dtype="float64")
    explanation = net.explain(np.arange(8.0).reshape(2, 4), [0, 1], parameter="W1[3, 2]")
    text = Reader(to_html(explanation)).text
    terms = explanation.expand("W1[3, 2]").terms
    assert "The sum behind the derivative by W1[3, 2]" in text
    assert all(term.through in text for term in terms)


def test_a_page_says_why_a_derivative_is_zero():
    page = Reader(to_html(cr.explain("relu(w*x - 5)", w=2, x=1))).text
    assert "dead relu" in page


def test_the_mathematics_of_a_page_is_well_formed():
    page = to_html(network_explained())
    formulas = re.findall(r"<math>.*?</math>", page)
    assert len(formulas) > 30
    for formula in formulas:
        text = "".join(ET.fromstring(formula).itertext())
        assert "\\" not in text
        assert "{" not in text


def test_what_is_undefined_is_said_at_the_top():
    page = to_html(cr.explain("log(x) * 0", x=0))
    assert "Not defined here" in Reader(page).text
