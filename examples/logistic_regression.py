"""Logistic regression: derived by hand for one example, then by a loop over all, then without a loop.

Examples are columns here: X has shape (n, m), W (n, 1), so Z = WᵀX + b has shape (1, m). The three give
the same derivatives, and cr.grad agrees with them. The loop is only slower.
"""

from __future__ import annotations

import math
import time

import numpy as np

import chainrule as cr


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_example(w1, w2, b, x1, x2, y):
    """Return the derivatives of L = −y log a − (1 − y) log(1 − a) for one example, step by step."""
    a = 1 / (1 + math.exp(-(w1 * x1 + w2 * x2 + b)))
    da = -y / a + (1 - y) / (1 - a)
    dz = da * a * (1 - a)  # = a − y
    return {"a": a, "da": da, "dz": dz, "dw1": dz * x1, "dw2": dz * x2, "db": dz}


def loss_of_one(w1, w2, b, x1, x2, y):
    a = sigmoid(w1 * x1 + w2 * x2 + b)
    return -(y * np.log(a)) - (1 - y) * np.log(1 - a)


def by_loop(W, b, X, Y):
    """Return J, dW, db, adding up example by example and dividing by m at the end."""
    J = dw1 = dw2 = db = 0.0
    m = X.shape[1]
    for i in range(m):
        x1, x2, y = X[0, i], X[1, i], Y[0, i]
        z = W[0, 0] * x1 + W[1, 0] * x2 + b
        a = 1 / (1 + math.exp(-z))
        J += -(y * math.log(a) + (1 - y) * math.log(1 - a))
        dz = a - y
        dw1 += dz * x1
        dw2 += dz * x2
        db += dz
    return J / m, np.array([[dw1], [dw2]]) / m, db / m


def vectorised(W, b, X, Y):
    """Return the same, all examples at once."""
    m = X.shape[1]
    A = sigmoid(W.T @ X + b)
    J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = A - Y
    dW = X @ dZ.T / m
    db = np.sum(dZ) / m
    return J, dW, db


def cost(W, b, X, Y):
    A = sigmoid(W.T @ X + b)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def by_graph(W, b, X, Y):
    """Return the same; only the cost is written down."""
    J, (dW, db) = cr.value_and_grad(cost, wrt=(0, 1))(W, b, X, Y)
    return J, dW, db


def points(m=500, seed=1):
    """Return X of shape (2, m) and Y of shape (1, m): which side of a line, with some noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(2, m))
    Y = (X[0] - 2 * X[1] + 0.5 + 0.3 * random.normal(size=m) > 0).astype(float)
    return X, Y.reshape(1, m)


def learn(derivatives, X, Y, iterations=200, alpha=1.0):
    """Return W, b and the cost before each step of gradient descent."""
    W, b, costs = np.zeros((2, 1)), 0.0, []
    for _ in range(iterations):
        J, dW, db = derivatives(W, b, X, Y)
        W = W - alpha * dW
        b = b - alpha * db
        costs.append(float(J))
    return W, b, costs


def loop_dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def time_dot(count=100_000, seed=0):
    """Return a dot product of random numbers by a for loop and by np.dot, and the best time of each."""
    a, b = np.random.default_rng(seed).random((2, count))
    results = []
    for dot, repetitions in ((loop_dot, 3), (np.dot, 100)):
        seconds = []
        for _ in range(repetitions):
            began = time.perf_counter()
            value = dot(a, b)
            seconds.append(time.perf_counter() - began)
        results.append((value, min(seconds)))
    return results


def main():
    hand = one_example(0.5, -0.25, 0.1, x1=1.0, x2=2.0, y=1.0)
    print("one example: " + ", ".join(f"{name} = {value:.4f}" for name, value in hand.items()))
    X, Y = points()
    for name, derivatives in (("loop", by_loop), ("vectorised", vectorised), ("cr.grad", by_graph)):
        began = time.perf_counter()
        W, b, costs = learn(derivatives, X, Y, iterations=20)
        seconds = time.perf_counter() - began
        print(
            f"{name:<10} 20 steps: J {costs[0]:.4f} → {costs[-1]:.4f}, "
            f"W = {W.ravel().round(4)}, b = {b:.4f}, "
            f"{1000 * seconds:.1f} ms"
        )
    W, b, costs = learn(vectorised, X, Y)
    right = np.mean((W.T @ X + b > 0) == Y)
    print(f"200 steps: J = {costs[-1]:.4f}, {right:.1%} right")
    (looped, slow), (dotted, fast) = time_dot()
    print(
        f"dot product of 100,000 numbers: loop {looped:.3f} in {1000 * slow:.2f} ms, "
        f"np.dot {dotted:.3f} in {1000 * fast:.3f} ms"
    )


if __name__ == "__main__":
    main()
