"""A network with one hidden layer: four equations forward, six backward, checked against cr.grad.

Examples are columns: X (n0, m), W1 (n1, n0), b1 (n1, 1), W2 (n2, n1), b2 (n2, 1), Y (n2, m). Also shown:
why sums over examples keep their dimension (keepdims), and why parameters must not start equal.
"""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.datasets import moons


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def start(n0, n1, n2, seed=0):
    """Return small random weights and zero biases."""
    random = np.random.default_rng(seed)
    return {
        "W1": random.normal(size=(n1, n0)),
        "b1": np.zeros((n1, 1)),
        "W2": random.normal(size=(n2, n1)),
        "b2": np.zeros((n2, 1)),
    }


def start_equal(n0, n1, n2, value=0.0):
    """Return a start with all weights equal: nothing will ever tell the hidden units apart."""
    shapes = {"W1": (n1, n0), "b1": (n1, 1), "W2": (n2, n1), "b2": (n2, 1)}
    return {name: np.full(shape, value) for name, shape in shapes.items()}


def forward(p, X):
    """Return Z1, A1, Z2, A2."""
    Z1 = p["W1"] @ X + p["b1"]
    A1 = np.tanh(Z1)
    Z2 = p["W2"] @ A1 + p["b2"]
    A2 = sigmoid(Z2)
    return Z1, A1, Z2, A2


def check_shapes(p, X, Y):
    """Return the shapes of all arrays; raise AssertionError if one of them is not what the equations say."""
    (n1, n0), (n2, m) = p["W1"].shape, Y.shape
    Z1, A1, Z2, A2 = forward(p, X)
    assert X.shape == (n0, m)
    assert p["b1"].shape == (n1, 1)
    assert p["W2"].shape == (n2, n1)
    assert p["b2"].shape == (n2, 1)
    assert Z1.shape == A1.shape == (n1, m)
    assert Z2.shape == A2.shape == (n2, m)
    arrays = {"X": X, **p, "Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2, "Y": Y}
    return {name: array.shape for name, array in arrays.items()}


def cost(p, X, Y):
    A2 = forward(p, X)[3]
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]


def backward(p, X, Y):
    """Return the six equations: dZ2, dW2, db2, dZ1, dW1, db1."""
    _, A1, _, A2 = forward(p, X)
    m = Y.shape[1]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = p["W2"].T @ dZ2 * (1 - A1**2)  # g1 is tanh: g1′(Z1) = 1 − A1²
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


def without_keepdims(p, X, Y):
    """Return the shape that b2 takes after one update if the sum over examples drops its dimension."""
    dZ2 = forward(p, X)[3] - Y
    db2 = np.sum(dZ2, axis=1) / Y.shape[1]  # (n2,) and not (n2, 1)
    return (p["b2"] - 0.1 * db2).shape


def learn(p, X, Y, iterations=1000, learning_rate=1.0):
    """Return the parameters after gradient descent over all examples, and the cost before each step."""
    costs = []
    for _ in range(iterations):
        d = backward(p, X, Y)
        costs.append(float(cost(p, X, Y)))
        p = {name: value - learning_rate * d[name] for name, value in p.items()}
    return p, costs


def accuracy(p, X, Y):
    return float(np.mean((forward(p, X)[3] > 0.5) == Y))


def data():
    """Return X of shape (2, 400) and Y of shape (1, 400)."""
    points = moons(400, noise=0.1)
    return points.x.T, points.y.reshape(1, -1).astype(float)


def main():
    X, Y = data()
    p = start(2, 4, 1)
    for name, shape in check_shapes(p, X, Y).items():
        print(f"{name:<2} {shape}")
    found = cr.grad(cost)(p, X, Y)
    for name, derivative in backward(p, X, Y).items():
        error = np.abs(derivative - found[name]).max()
        print(f"d{name}: largest difference between the equations and cr.grad {error:.1e}")
    two = {**start(2, 4, 2), "W1": p["W1"]}
    print(f"b2 of shape (2, 1) becomes {without_keepdims(two, X, np.vstack([Y, 1 - Y]))} without keepdims")
    starts = {"random": p, "zeros": start_equal(2, 4, 1), "all 0.5": start_equal(2, 4, 1, 0.5)}
    for name, first in starts.items():
        last, costs = learn(first, X, Y)
        equal = bool(np.all(last["W1"] == last["W1"][0]))
        print(
            f"start {name:<8} J = {costs[-1]:.4f}, {accuracy(last, X, Y):.1%} right, "
            f"hidden units {'all equal' if equal else 'different'}"
        )


if __name__ == "__main__":
    main()
