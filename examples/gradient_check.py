"""A backpropagation written by hand, with a mistake in it, and the check that finds it.

cr.check_gradient compares claimed derivatives with the true ones and names the worst entry. Only dW1 and
db1 are wrong here, although they look plausible and the network would learn after a fashion. The check
also knows kinks: at relu's 0 there is no derivative to be right or wrong about.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(20, 3)), RANDOM.normal(size=(20, 1))
START = (RANDOM.normal(size=(3, 4)), np.zeros(4), RANDOM.normal(size=(4, 1)), np.zeros(1))


def cost(W1, b1, W2, b2):
    a1 = np.tanh(X @ W1 + b1)
    return np.mean((a1 @ W2 + b2 - Y) ** 2)


def backprop(W1, b1, W2, b2):
    a1 = np.tanh(X @ W1 + b1)
    d2 = 2 * (a1 @ W2 + b2 - Y) / len(X)
    d1 = d2 @ W2.T * (1 - a1**2)
    return X.T @ d1, d1.sum(axis=0), a1.T @ d2, d2.sum(axis=0)


def backprop_with_a_mistake(W1, b1, W2, b2):
    a1 = np.tanh(X @ W1 + b1)
    d2 = 2 * (a1 @ W2 + b2 - Y) / len(X)
    d1 = d2 @ W2.T * (1 - np.tanh(a1) ** 2)  # a1 is tanh(z1) already: its slope is 1 − a1²
    return X.T @ d1, d1.sum(axis=0), a1.T @ d2, d2.sum(axis=0)


def relu_sum(x):
    return np.sum(np.maximum(x, 0))


def check(gradient):
    return cr.check_gradient(cost, *START, gradient=gradient)


def check_each():
    """Return for each parameter whether the mistaken backpropagation is right about it."""
    found = {}
    for place, name in enumerate(("W1", "b1", "W2", "b2")):
        claimed = list(backprop(*START))
        claimed[place] = backprop_with_a_mistake(*START)[place]
        found[name] = cr.check_gradient(cost, *START, gradient=tuple(claimed)).passed
    return found


def main():
    print("right:", check(backprop))
    print("wrong:", check(backprop_with_a_mistake))
    print("parameter by parameter:", check_each())
    print("relu at −1, 0 and 2:", cr.check_gradient(relu_sum, np.array([-1.0, 0.0, 2.0])))


if __name__ == "__main__":
    main()
