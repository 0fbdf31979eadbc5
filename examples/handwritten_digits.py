"""A network that reads handwritten digits, with the interface of a well-known tutorial.

    python examples/handwritten_digits.py            digits of 8 × 8 pixels: installed with the library
    python examples/handwritten_digits.py mnist      MNIST, 28 × 28: downloaded once (11 MB), a minute or two

With CHAINRULE_DATA naming a folder that holds mnist/, the second is the default and downloads nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.datasets import load, split


class Network:
    """Layers of sigmoids and the quadratic cost: ``Network([784, 30, 10])``.

    The tutorial draws the first weights from N(0, 1): ``start="normal"``. From some seeds a digit is then
    never learned; "xavier" draws smaller weights for neurons with more inputs, and does better.
    """

    def __init__(self, sizes, start="xavier", seed=0):
        self.net = cr.Network(sizes, activation="sigmoid", cost="quadratic", initialiser=start, seed=seed)

    def feedforward(self, a):
        """Return the outputs for one input or for inputs in rows."""
        return self.net(a)

    def SGD(self, training_data, epochs, mini_batch_size, eta, test_data=None):  # noqa: N802 - its usual name
        """Learn from (x, y) by mini-batches; print ``Epoch 3: 9412 / 10000``, or ``Epoch 3 complete``."""
        x, y = training_data
        self.net.fit(
            x,
            y,
            epochs=epochs,
            batch_size=mini_batch_size,
            learning_rate=eta,
            validation_data=test_data,
            progress=True,
        )

    def backprop(self, x, y):
        """Return the derivatives of the cost of one example: (nabla_b, nabla_w), one array a layer."""
        found = self.net.gradients(np.atleast_2d(x), np.atleast_1d(y))
        layers = range(1, len(found) // 2 + 1)
        return [found[f"b{n}"] for n in layers], [found[f"W{n}"] for n in layers]

    def evaluate(self, test_data):
        """Return for how many examples the largest output is that of the right digit."""
        x, y = test_data
        return int(np.sum(self.net.predict(x) == y))


def small():
    """Return training and test data of the 1,797 small digits, pixels from 0 to 1."""
    digits = load("digits")
    training, test = split(len(digits.x), 0.2, seed=0)
    x = digits.x / 16
    return (x[training], digits.y[training]), (x[test], digits.y[test])


def large():
    """Return 50,000 training and 10,000 test examples of MNIST, pixels from 0 to 1."""
    mnist = load("mnist")
    x, y = mnist.x[:50_000] / 255, mnist.y[:50_000]
    return (x, y), (mnist.x_test / 255, mnist.y_test)


def mnist_is_here():
    folder = os.environ.get("CHAINRULE_DATA")
    return bool(folder) and (Path(folder) / "mnist").is_dir()


def main(name, epochs=30):
    training_data, test_data = large() if name == "mnist" else small()
    inputs = training_data[0].shape[1]
    net = Network([inputs, 30, 10])
    net.SGD(training_data, epochs, mini_batch_size=10, eta=3.0, test_data=test_data)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ("mnist" if mnist_is_here() else "digits"))
