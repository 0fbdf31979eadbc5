"""Why weights must not start at zero: equal hidden units receive equal derivatives, for ever.

The same network learns from two starts. From zeros all units of the hidden layer stay copies of each
other, so eight of them can do no more than one. (With more units, or in float32, you may see them part
after some epochs all the same: a matrix product may round its columns differently, and learning
magnifies that.)
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.datasets import load, split


def data():
    """Return training inputs and digits, test inputs and digits."""
    digits = load("digits")
    training, test = split(len(digits.x), 0.2, seed=0)
    x = digits.x / 16
    return x[training], digits.y[training], x[test], digits.y[test]


def train(start, epochs=10):
    """Return the network after training from this start, and its accuracy on the test digits."""
    x, y, x_test, y_test = data()
    net = cr.Network([64, 8, 10], activation="sigmoid", initialiser=start, seed=0, dtype="float64")
    net.fit(x, y, epochs=epochs, batch_size=10, learning_rate=0.5)
    return net, net.evaluate(x_test, y_test).accuracy


def spread(net):
    """Return how far the weights of two hidden units differ at most: the columns of W1 are the units."""
    return float(np.ptp(net.parameters["W1"], axis=1).max())


def main():
    for start in ("zeros", "xavier"):
        net, accuracy = train(start)
        print(f"{start:<7} hidden units differ by up to {spread(net):.3g}, {accuracy:.1%} right")


if __name__ == "__main__":
    main()
