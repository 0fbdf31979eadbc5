"""Make the pictures of the README from real runs: ``python docs/make_pictures.py [FOLDER]``.

All numbers in a picture are those of the run that made it. Takes about ten seconds; needs matplotlib,
which the "plot" extra installs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import chainrule as cr
from chainrule.datasets import load, spiral, split

PAPER, INK, FAINT, WRONG = "#fbfaf7", "#2b2b2b", "#8a8a86", "#c8382d"
ARMS = ("#3b6fb6", "#d9822b", "#4a9b6e")
STARTS = {
    "xavier": ("drawn by Xavier's rule", ARMS[0]),
    "normal": ("N(0, 1)", ARMS[1]),
    "zeros": ("zeros", FAINT),
}
STYLE = {
    "font.size": 15,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.facecolor": PAPER,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": PAPER,
    "xtick.color": INK,
    "ytick.color": INK,
}


def digits():
    """Return the small digits: training inputs and labels, test inputs and labels."""
    data = load("digits")
    training, test = split(len(data.x), 0.2, seed=0, stratify=data.y)
    x = data.x / 16
    return x[training], data.y[training], x[test], data.y[test]


def train(start, epochs):
    """Return the network [64, 30, 10] after training from this start; its history has the test accuracy."""
    x, y, x_test, y_test = digits()
    net = cr.Network([64, 30, 10], cost="quadratic", initialiser=start, seed=0, dtype="float64")
    net.fit(x, y, epochs=epochs, batch_size=10, learning_rate=3.0, validation_data=(x_test, y_test))
    return net


def draw_digits(panels, net):
    """Draw test digits and what the network reads, the mistakes (all there are room for) among them."""
    _, _, x, y = digits()
    read = net.predict(x)
    mistakes = np.flatnonzero(read != y)[: panels.size // 4]
    others = np.flatnonzero(read == y)[: panels.size - len(mistakes)]
    chosen = np.random.default_rng(2).permutation([*mistakes, *others])
    shades = mpl.colors.LinearSegmentedColormap.from_list("shades", [PAPER, INK])
    for panel, row in zip(panels.ravel(), chosen, strict=True):
        right = read[row] == y[row]
        panel.imshow(x[row].reshape(8, 8), cmap=shades)
        panel.set_title(read[row], fontsize=16, pad=3, color=INK if right else WRONG, fontweight="bold")
        panel.set(xticks=[], yticks=[])
        for side in panel.spines.values():
            side.set(visible=not right, color=WRONG, linewidth=2)


def draw_learning(panel, histories):
    """Draw the test accuracy after each epoch, a line for each start."""
    ends = {}
    for start, accuracy in histories.items():
        text, colour = STARTS[start]
        panel.plot(range(1, len(accuracy) + 1), np.multiply(accuracy, 100), color=colour, linewidth=2.4)
        ends[start] = 100 * accuracy[-1]
        panel.annotate(
            f"{text}: {ends[start]:.1f} %",
            (len(accuracy), ends[start]),
            (0, 9 if start == "xavier" else -20),
            textcoords="offset points",
            ha="right",
            color=colour,
            fontweight="bold",
        )
    panel.set(xlabel="epoch", ylim=(0, 108), xlim=(1, None), yticks=[0, 25, 50, 75, 100])
    panel.set_title("% right, by the start of the weights", fontsize=15, loc="left", pad=10)


def draw_spiral(panel):
    """Draw three arms of points, and which arm the network sees where."""
    data = spiral(600, noise=0.15)
    net = cr.Network([2, 32, 32, 3], activation="tanh", seed=0)
    net.fit(data.x, data.y, epochs=150, batch_size=20, learning_rate=0.3)
    edge = 1.15
    line = np.linspace(-edge, edge, 300)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    colours = np.array([mpl.colors.to_rgb(colour) for colour in ARMS])
    probabilities = net(plane)
    paper = np.array(mpl.colors.to_rgb(PAPER))
    picture = paper + 0.45 * (probabilities @ colours - paper)
    panel.imshow(picture.reshape(300, 300, 3), extent=(-edge, edge, -edge, edge), origin="lower")
    panel.scatter(*data.x.T, c=colours[data.y], s=16, edgecolors=PAPER, linewidths=0.5)
    panel.set(xticks=[], yticks=[])
    panel.spines[:].set_visible(False)
    score = net.evaluate(data.x, data.y).accuracy
    panel.set_title(f"{100 * score:.1f} % of the points right", fontsize=15, loc="left", pad=10)


def overview(epochs=30):
    """Return the figure at the top of the README."""
    with plt.rc_context(STYLE):
        figure = plt.figure(figsize=(14, 4.6), dpi=120)
        left, middle, right = figure.subfigures(1, 3, width_ratios=[5.4, 5, 4.4])
        for part in (left, middle, right):
            part.set_facecolor(PAPER)
        networks = {start: train(start, epochs) for start in STARTS}
        panels = left.subplots(4, 6, gridspec_kw={"hspace": 0.5, "wspace": 0.15})
        left.subplots_adjust(left=0.04, right=0.96, top=0.84, bottom=0.04)
        _, _, x, y = digits()
        score = networks["xavier"].evaluate(x, y)
        left.suptitle(
            f"{score.correct} of {score.total} test digits right", fontsize=15, x=0.04, y=0.95, ha="left"
        )
        draw_digits(panels, networks["xavier"])
        panel = middle.subplots()
        middle.subplots_adjust(left=0.1, right=0.96, top=0.88, bottom=0.14)
        draw_learning(panel, {start: net.history.validation_accuracy for start, net in networks.items()})
        panel = right.subplots()
        right.subplots_adjust(left=0.04, right=0.98, top=0.88, bottom=0.04)
        draw_spiral(panel)
        return figure


def main(folder):
    figure = overview()
    path = folder / "overview.png"
    figure.savefig(path, metadata={"Software": None})
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
