"""What the tests of drawings share: computations to draw, and how to read a drawing."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
from PIL import ImageFont

import chainrule as cr

SVG = "{http://www.w3.org/2000/svg}"
FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"


# The computations that are drawn.


def shared(a, b, c):
    u = a * b
    v = u + c
    return 2 * (v + b)


def layered(w11, w12, w21, w22, v1, v2, x1, x2):
    h1 = np.tanh(w11 * x1 + w21 * x2)
    h2 = np.tanh(w12 * x1 + w22 * x2)
    return v1 * h1 + v2 * h2


def neuron(w1, w2, b, x1, x2, y):
    z = w1 * x1 + w2 * x2 + b
    a = 1 / (1 + np.exp(-z))
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


def network(x, y, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    return np.mean((z2 - y) ** 2)


def softmax_cross_entropy(z, y):
    p = np.exp(z) / np.sum(np.exp(z))
    return -np.sum(y * np.log(p))


def batch_normalisation(x, gamma, beta, t):
    mu = np.mean(x, axis=0)
    xc = x - mu
    var = np.mean(xc**2, axis=0)
    xh = xc / np.sqrt(var + 1e-5)
    return np.mean((gamma * xh + beta - t) ** 2)


def chain(x):
    for _ in range(1000):
        x = 1.01 * np.sin(x) + 0.1
    return x


def long_names(a_very_long_name_of_a_variable_that_goes_on, another_one):
    scaled = a_very_long_name_of_a_variable_that_goes_on / (1 + another_one**2)
    return np.exp(-scaled) * (a_very_long_name_of_a_variable_that_goes_on + another_one + 12345.678912)


def deep(x, *weights):
    for number, weight in enumerate(weights, start=1):
        with cr.scope(f"layer {number}"):
            with cr.scope("affine"):
                x = x @ weight
            with cr.scope("activation"):
                x = 1.5 * np.tanh(x) - 0.1 * x
    with cr.scope("cost"):
        return np.sum(x**2)


def explained(name):
    draw = np.random.default_rng(0).normal
    cases = {
        "formula": lambda: cr.explain("3*(a + b*c)", a=7, b=4, c=2),
        "shared": lambda: cr.explain(shared, 1.0, 2.0, 3.0),
        "square": lambda: cr.explain("a*a*a", a=2),
        "layered": lambda: cr.explain(layered, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0, 2.0),
        "neuron": lambda: cr.explain(neuron, 0.5, -0.3, 0.1, 1.0, 2.0, 1.0),
        "network": lambda: cr.explain(
            network,
            draw(size=(3, 2)),
            draw(size=(3, 1)),
            draw(size=(2, 2)),
            np.zeros(2),
            draw(size=(2, 1)),
            np.zeros(1),
        ),
        "softmax": lambda: cr.explain(softmax_cross_entropy, np.arange(3.0), np.eye(3)[2]),
        "batch": lambda: cr.explain(
            batch_normalisation, draw(size=(4, 3)), np.ones(3), np.zeros(3), draw(size=(4, 3))
        ),
        "chain": lambda: cr.explain(chain, 0.3),
        "long": lambda: cr.explain(long_names, 0.3, 0.4),
        "deep": lambda: cr.explain(deep, draw(size=(1, 4)), *[draw(size=(4, 4)) for _ in range(15)]),
        "chinese": lambda: cr.explain("3*(权重 + 偏置*c)", at={"权重": 7, "偏置": 4, "c": 2}),
        "constant": lambda: cr.explain("3"),
        "input": lambda: cr.explain("a", a=2),
    }
    return cases[name]()


SMALL = ("formula", "shared", "square", "layered", "neuron", "network", "softmax", "batch", "long", "chinese")
ALL = (*SMALL, "chain", "deep", "constant", "input")


# What is read from a drawing.


def rectangles(root, kind):
    places = []
    for rect in root.iter(f"{SVG}rect"):
        if kind in rect.get("class", "").split() and rect.get("height") != "100%":
            places.append([float(rect.get(key)) for key in ("x", "y", "width", "height")])
    return places


def cards(root):
    """The front sheets of the boxes."""
    fronts = []
    for group in root.iter(f"{SVG}g"):
        fronts.append(rectangles(group, "cr-box")[-1])
    return fronts


def texts(root):
    """The place that each line of text takes, measured with a real font."""
    found = []
    for text in root.iter(f"{SVG}text"):
        size = float(text.get("font-size", 12))
        pieces = [(text.get("class", ""), text.text or "")]
        pieces += [(span.get("class", ""), span.text or "") for span in text]
        width = 0.0
        for kind, piece in pieces:
            name = "DejaVuSans-Bold.ttf" if "cr-name" in kind else "DejaVuSans.ttf"
            width += ImageFont.truetype(FONTS / name, size * 10).getlength(piece) / 10
        x, base = float(text.get("x")), float(text.get("y"))
        left = x - width / 2 if text.get("text-anchor") == "middle" else x
        found.append([left, base - 0.8 * size, width, size])
    return found


def overlap(one, other):
    x = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    y = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return x > 0.2 and y > 0.2


def inside(one, other):
    return (
        one[0] >= other[0] - 0.2
        and one[1] >= other[1] - 0.2
        and one[0] + one[2] <= other[0] + other[2] + 0.2
        and one[1] + one[3] <= other[1] + other[3] + 0.2
    )


def curves(root):
    """Points along each link."""
    t = np.linspace(0, 1, 25)[:, None]
    weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
    for path in root.iter(f"{SVG}path"):
        if "cr-link" in path.get("class", "").split():
            numbers = np.array(re.findall(r"-?[\d.]+", path.get("d")), float).reshape(-1, 2)
            yield np.concatenate(
                [
                    sum(weight * numbers[start + place] for place, weight in enumerate(weights))
                    for start in range(0, len(numbers) - 1, 3)
                ]
            )


def within(points, place, margin=0.5):
    x, y, width, height = place
    return (
        (points[:, 0] > x + margin)
        & (points[:, 0] < x + width - margin)
        & (points[:, 1] > y + margin)
        & (points[:, 1] < y + height - margin)
    ).any()


def words(svg):
    root = ET.fromstring(svg)
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
