"""Make the pictures of the pages on explanations: ``python docs/make_explain_pictures.py [FOLDER]``.

Each is an SVG file that follows the reader's setting of light or dark. All numbers are those of the run that
made it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.datasets import load
from chainrule.explanations.drawing import to_svg
from chainrule.text import use_language


def two_paths(a, b, c):
    u = a * b
    v = u + c
    return 2 * (v + b)


def layered(x, w, p1, p2, q1, q2):
    h = w * x
    k1 = p1 * h
    k2 = p2 * h
    return q1 * k1 + q2 * k2


def neuron(w, b, x, y):
    z = w * x + b
    a = cr.sigmoid(z)
    return -(y * np.log(a) + (1 - y) * np.log(1 - a))


def network(x, y, W1, b1, W2, b2):
    z1 = x @ W1 + b1
    a1 = cr.sigmoid(z1)
    z2 = a1 @ W2 + b2
    a2 = cr.sigmoid(z2)
    return np.mean((a2 - y) ** 2)


def classifier(z, y):
    e = np.exp(z)
    s = np.sum(e)
    p = e / s
    return -np.sum(y * np.log(p))


def batch_normalisation(x, gamma, beta, t):
    mu = np.mean(x, axis=0)
    d = x - mu
    var = np.mean(d**2, axis=0)
    s = np.sqrt(var + 1e-5)
    n = d / s
    y = gamma * n + beta
    return np.mean((y - t) ** 2)


def pictures():
    """Return the name and the text of each picture."""
    draw = np.random.default_rng(0).normal
    yield "formula", to_svg(cr.explain("3*(a + b*c)", a=7, b=4, c=2))
    yield "two_paths", to_svg(cr.explain(two_paths, 1.0, 2.0, 3.0), paths="b")
    yield "layered", to_svg(cr.explain(layered, 2.0, 0.5, 3.0, -1.0, 0.25, 4.0), paths="w")
    yield "neuron", to_svg(cr.explain(neuron, 0.5, -0.25, 2.0, 1.0))
    parameters = (draw(size=(2, 2)), np.zeros(2), draw(size=(2, 1)), np.zeros(1))
    x, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    yield "network", to_svg(cr.explain(network, x, y, *parameters), paths="W1")
    yield "softmax", to_svg(cr.explain(classifier, np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0])))
    rows = (draw(size=(8, 3)), np.ones(3), np.zeros(3), draw(size=(8, 3)))
    yield "batch_normalisation", to_svg(cr.explain(batch_normalisation, *rows))
    data = load("digits")
    net = cr.Network([64, 30, 10], seed=0)
    yield "digits", to_svg(net.explain(data.x[:10] / 16, data.y[:10]), depth=1)


def main(folder):
    use_language("en")
    folder.mkdir(exist_ok=True)
    for name, svg in pictures():
        path = folder / f"explain_{name}.svg"
        path.write_text(svg + "\n", encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
