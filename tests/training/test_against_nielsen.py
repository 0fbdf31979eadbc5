"""Mini-batch learning against a plain transcription of the tutorial's algorithm, example by example."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.optimizers import optimizer
from chainrule.training.step import Batches, Interpreted


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


class Transcription:
    """The tutorial's network: examples are columns, weights (n_l, n_{l−1}), biases (n_l, 1)."""

    def __init__(self, weights, biases):
        self.weights, self.biases = weights, biases

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation, activations, zs = x, [x], []
        for b, w in zip(self.biases, self.weights, strict=True):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        delta = (activations[-1] - y) * sigmoid(zs[-1]) * (1 - sigmoid(zs[-1]))
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].T)
        for layer in range(2, len(self.weights) + 1):
            s = sigmoid(zs[-layer])
            delta = np.dot(self.weights[-layer + 1].T, delta) * s * (1 - s)
            nabla_b[-layer] = delta
            nabla_w[-layer] = np.dot(delta, activations[-layer - 1].T)
        return nabla_b, nabla_w

    def update_mini_batch(self, xs, ys, eta):
        sum_b = [np.zeros(b.shape) for b in self.biases]
        sum_w = [np.zeros(w.shape) for w in self.weights]
        for x, y in zip(xs, ys, strict=True):
            nabla_b, nabla_w = self.backprop(x.reshape(-1, 1), y.reshape(-1, 1))
            sum_b = [total + part for total, part in zip(sum_b, nabla_b, strict=True)]
            sum_w = [total + part for total, part in zip(sum_w, nabla_w, strict=True)]
        pairs = zip(self.weights, sum_w, strict=True)
        self.weights = [w - eta / len(xs) * nabla for w, nabla in pairs]
        self.biases = [b - eta / len(xs) * nabla for b, nabla in zip(self.biases, sum_b, strict=True)]

    def parameters(self):
        layers = zip(self.weights, self.biases, strict=True)
        return [array for w, b in layers for array in (w.T, b.ravel())]


def worst_difference(sizes, x, labels, rows, batch_size, eta):
    """Return the largest difference of any parameter after any of the mini-batches."""
    net = cr.Network(sizes, cost="quadratic", initialiser="normal", seed=3, dtype="float64")
    start = list(net.parameters.values())
    reference = Transcription(
        [w.T.copy() for w in start[::2]], [b.reshape(-1, 1).copy() for b in start[1::2]]
    )
    one_hot = np.eye(sizes[-1])[labels]
    run, parameters, worst = Interpreted(net.architecture.cost_graph, optimizer("sgd")), start, []
    batches = Batches(lambda some: (x[some], one_hot[some]), rows, batch_size)
    for step in range(len(batches)):
        _, parameters = run.step(step, parameters, batches, eta)
        chosen = rows[step * batch_size : (step + 1) * batch_size]
        reference.update_mini_batch(x[chosen], one_hot[chosen], eta)
        pairs = zip(parameters, reference.parameters(), strict=True)
        worst.append(max(np.abs(ours - theirs).max() for ours, theirs in pairs))
    as_an_epoch = run(start, batches, eta, lambda *_: None)
    assert all((a == b).all() for a, b in zip(as_an_epoch, parameters, strict=True))
    return len(worst), max(worst)


def test_whole_epoch_of_digits(digits):
    rows = np.random.default_rng(0).permutation(len(digits.x))
    steps, worst = worst_difference([64, 30, 10], digits.x / 16, digits.y, rows, 10, 3.0)
    assert steps == 180  # 1797 examples: the last mini-batch has 7
    assert worst < 1e-10


@pytest.mark.slow
def test_first_500_mini_batches_of_mnist(mnist):
    rows = np.random.default_rng(0).permutation(50_000)[:5_000]
    x = np.zeros((50_000, 784))
    x[rows] = mnist.x[rows] / 255
    steps, worst = worst_difference([784, 30, 10], x, mnist.y[:50_000], rows, 10, 3.0)
    assert steps == 500
    assert worst < 1e-10
