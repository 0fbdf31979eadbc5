"""One neuron that learns: sigmoid, binary cross-entropy, gradient descent.

a = σ(x · W + b), and the cost over n examples is the mean of each one's loss: J = −(1/n) Σ [ y log a +
(1 − y) log(1 − a) ]. Each step moves W and b against their derivatives.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr


def cost(W, b, x, y):
    a = cr.sigmoid(x @ W + b)
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))


def points(n=200, seed=0):
    """Return two clouds of points in the plane, x of shape (n, 2), and which cloud each belongs to."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    centres = np.array([[-1.0, -0.5], [1.0, 0.5]])
    return centres[y] + 0.7 * random.normal(size=(n, 2)), y


def learn(x, y, iterations=100, learning_rate=1.0):
    """Return W, b and the cost before every step."""
    W, b, costs = np.zeros(2), 0.0, []
    cost_and_slopes = cr.value_and_grad(cost, wrt=(0, 1))
    for _ in range(iterations):
        J, (dW, db) = cost_and_slopes(W, b, x, y)
        W = W - learning_rate * dW
        b = b - learning_rate * db
        costs.append(float(J))
    return W, b, costs


def main():
    x, y = points()
    W, b, costs = learn(x, y)
    for iteration in range(0, len(costs), 20):
        print(f"iteration {iteration:3}: J = {costs[iteration]:.4f}")
    right = np.mean((x @ W + b > 0) == y)
    print(f"W = {np.round(W, 3)}, b = {b:.3f}, {right:.1%} of the points on the right side")


if __name__ == "__main__":
    main()
