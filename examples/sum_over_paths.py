"""The derivative by an early weight as a sum over all paths, and why nobody computes it like that.

In a layered network w_n[i, j] is the weight of layer n from neuron i to neuron j of the next layer. The
derivative of the output by w_1[i, j] is a common factor times a bracket: one term for each neuron of the
next layer, each again a product along its path, and so on to the output. Written out, the number of
terms is that of the paths, which is multiplied with every layer. Backpropagation computes each factor
once.

All multiplications below are counted by numbers that count, not by a formula.
"""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

import chainrule as cr

NETWORKS = ([3, 4, 1], [3, 4, 4, 1], [3, 4, 4, 4, 1], [3, 4, 4, 4, 4, 1], [3, 4, 4, 4, 4, 4, 1])


class Counted:
    """A number that counts how often numbers of its kind are multiplied."""

    multiplications = 0

    def __init__(self, value):
        self.value = float(value)

    def __mul__(self, other):
        Counted.multiplications += 1
        return Counted(self.value * other.value)

    def __add__(self, other):
        return Counted(self.value + other.value)


def count(function, *arguments):
    """Return what a function returns, and the number of multiplications that it took."""
    before = Counted.multiplications
    result = function(*arguments)
    return result, Counted.multiplications - before


def start(sizes, seed=0):
    """Return random weights w_n of shape (n_l, n_{l+1}) and an input."""
    random = np.random.default_rng(seed)
    return [random.normal(size=shape) for shape in pairwise(sizes)], random.normal(size=sizes[0])


def output(weights, x):
    """Return the network's output: every neuron is tanh of the weighted sum of the layer before."""
    for w in weights:
        x = np.tanh(x @ w)
    return x[0]


def forward(weights, x):
    """Return, as numbers that count, the weights, all activations, and the slope 1 − a² at every neuron."""
    activations, slopes = [x], []
    for w in weights:
        x = np.tanh(x @ w)
        activations.append(x)
        slopes.append(1 - x**2)
    counted = np.vectorize(Counted, otypes=[object])
    return [counted(w) for w in weights], [counted(a) for a in activations], [counted(s) for s in slopes]


def one_path(network, layer, i, path):
    """Return the product along one path: the neuron's output, then slope, weight, slope … to the end."""
    weights, activations, slopes = network
    term = activations[layer][i] * slopes[layer][path[0]]
    for step, (here, there) in enumerate(pairwise(path), start=layer + 1):
        term = term * weights[step][here, there] * slopes[step][there]
    return term


def expanded(network, layer, i, j):
    """Return d output / d w_layer[i, j] as the sum over all paths from neuron j to the output."""
    widths = [len(slope) for slope in network[2][layer + 1 :]]
    paths = product([j], *(range(width) for width in widths))
    terms = [one_path(network, layer, i, path) for path in paths]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def all_expanded(network):
    """Return the derivatives by all weights, each as its own sum over paths."""
    return [
        [[expanded(network, layer, i, j).value for j in range(w.shape[1])] for i in range(w.shape[0])]
        for layer, w in enumerate(network[0])
    ]


def backpropagation(network):
    """Return the derivatives by all weights: δ of a layer from the δ of the next one, each computed once."""
    weights, activations, slopes = network
    delta, found = slopes[-1], []
    for layer in reversed(range(len(weights))):
        found.append([[(a * d).value for d in delta] for a in activations[layer]])
        if layer:
            arriving = [sum_of([w * d for w, d in zip(row, delta, strict=True)]) for row in weights[layer]]
            delta = [d * slope for d, slope in zip(arriving, slopes[layer - 1], strict=True)]
    return found[::-1]


def sum_of(terms):
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def table(networks=NETWORKS):
    """Return for each network: its paths from one first weight, and the multiplications of the three ways."""
    rows = []
    for sizes in networks:
        weights, x = start(sizes)
        network = forward(weights, x)
        one, for_one = count(expanded, network, 0, 0, 0)
        every, for_every = count(all_expanded, network)
        ours, for_ours = count(backpropagation, network)
        true = cr.grad(output)(weights, x)
        for by_paths, by_layers, right in zip(every, ours, true, strict=True):
            assert np.allclose(by_paths, right, rtol=1e-12, atol=1e-14)
            assert np.allclose(by_layers, right, rtol=1e-12, atol=1e-14)
        assert np.isclose(one.value, true[0][0, 0], rtol=1e-12)
        paths = int(np.prod(sizes[2:]))
        rows.append((sizes, paths, for_one, for_every, for_ours))
    return rows


def steepest(seed=0, directions=1000, step=1e-4):
    """Return how far the output falls along −gradient, and the most it falls along any of many directions."""
    weights, x = start([3, 4, 1], seed)
    gradient = np.concatenate([part.ravel() for part in cr.grad(output)(weights, x)])
    random = np.random.default_rng(seed)

    def fall(direction):
        unit = step * direction / np.linalg.norm(direction)
        first, second = np.split(unit, [weights[0].size])
        moved = [weights[0] + first.reshape(3, 4), weights[1] + second.reshape(4, 1)]
        return float(output(weights, x) - output(moved, x))

    return fall(-gradient), max(fall(random.normal(size=gradient.size)) for _ in range(directions))


def main():
    along, others = steepest()
    print(
        "The gradient is a vector. A step of length 0.0001 against it lowers the output by "
        f"{along:.3e};\nof 1,000 steps in other directions the best lowers it by {others:.3e}.\n"
    )
    print("Multiplications for derivatives of the output by weights (all three give what cr.grad gives):\n")
    print(f"{'network':<24} {'paths':>6} {'one weight,':>12} {'all weights,':>13} {'all weights,':>16}")
    print(f"{'':<24} {'':>6} {'by paths':>12} {'by paths':>13} {'backpropagation':>16}")
    for sizes, paths, one, every, ours in table():
        print(f"{sizes!s:<24} {paths:>6,} {one:>12,} {every:>13,} {ours:>16,}")


if __name__ == "__main__":
    main()
