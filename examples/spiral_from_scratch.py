"""A network in twenty lines of NumPy: write the forward pass, let cr.grad do the rest.

Three arms of a spiral, which no straight line separates. Nothing here but NumPy and one call: the
parameters are a plain dict, the layers are plain functions, the update is a plain loop.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import chainrule as cr
from chainrule.datasets import spiral


def scores(p, x):
    hidden = np.tanh(x @ p["W1"] + p["b1"])
    hidden = np.tanh(hidden @ p["W2"] + p["b2"])
    return hidden @ p["W3"] + p["b3"]


def cost(p, x, y):
    s = scores(p, x)
    log_probabilities = s - np.log(np.sum(np.exp(s), axis=1, keepdims=True))
    return -np.mean(log_probabilities[np.arange(len(y)), y])


def start(sizes, seed=0):
    random, p = np.random.default_rng(seed), {}
    for n, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        p[f"W{n}"] = random.normal(size=(inputs, outputs)) / np.sqrt(inputs)
        p[f"b{n}"] = np.zeros(outputs)
    return p


def learn(p, x, y, steps=600, learning_rate=1.0):
    costs = []
    for _ in range(steps):
        J, slopes = cr.value_and_grad(cost)(p, x, y)
        p = {name: value - learning_rate * slopes[name] for name, value in p.items()}
        costs.append(float(J))
    return p, costs


def accuracy(p, x, y):
    return float(np.mean(np.argmax(scores(p, x), axis=1) == y))


def main():
    points = spiral(300, noise=0.1)
    p, costs = learn(start([2, 16, 16, 3]), points.x, points.y)
    for step in range(0, len(costs), 100):
        print(f"step {step:3}: J = {costs[step]:.4f}")
    print(f"J = {costs[-1]:.4f}, {accuracy(p, points.x, points.y):.1%} of the points are right")


if __name__ == "__main__":
    main()
