"""Plain vectorised NumPy: the step as a person would write it by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from peers.base import Peer
from peers.settings import Problem

B1, B2, EPSILON = 0.9, 0.999, 1e-8


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


class NumpyPeer(Peer):
    """Forward pass, backward pass and update in NumPy; in float64 it is what others are held to."""

    def __init__(self, threads: int | None, dtype: str = "float32") -> None:
        super().__init__(threads)
        self.dtype = dtype

    def versions(self) -> dict[str, str]:
        """Return the version of NumPy."""
        return {"NumPy": np.__version__}

    def prepare(self, problem: Problem) -> None:
        """Take a problem."""
        self.setting = problem.setting
        self.x, self.target = problem.x.astype(self.dtype), problem.target.astype(self.dtype)
        self.P = [np.array(value, self.dtype) for value in problem.parameters]
        self.m, self.v = ([np.zeros_like(p) for p in self.P] for _ in range(2))
        self.t = 0

    def run(self, order: np.ndarray) -> float:
        """Learn from the rows in this order."""
        batch, total = self.setting.batch, 0.0
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            total += self.step(self.x[rows], self.target[rows])
        return total / (len(order) / batch)

    def step(self, x: np.ndarray, target: np.ndarray) -> float:
        """Take one step; return its cost."""
        activations = [x]
        for W, b in zip(self.P[:-2:2], self.P[1:-2:2], strict=True):
            z = activations[-1] @ W + b
            activations.append(sigmoid(z) if self.setting.activation == "sigmoid" else np.maximum(z, 0))
        cost, delta = self.output(activations[-1] @ self.P[-2] + self.P[-1], target)
        delta /= len(x)
        gradients: list[np.ndarray] = []
        for layer in reversed(range(len(activations))):
            a = activations[layer]
            gradients[:0] = [a.T @ delta, delta.sum(axis=0)]
            if layer:
                slope = a * (1 - a) if self.setting.activation == "sigmoid" else a > 0
                delta = (delta @ self.P[2 * layer].T) * slope
        self.update(gradients)
        return cost

    def output(self, z: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean cost, and its derivative by z times the number of examples."""
        if self.setting.cost == "quadratic":
            a = sigmoid(z)
            difference = a - target
            return 0.5 * np.sum(difference * difference) / len(z), difference * a * (1 - a)
        z -= z.max(axis=1, keepdims=True)
        exponentials = np.exp(z)
        sums = exponentials.sum(axis=1, keepdims=True)
        return -np.sum(target * (z - np.log(sums))) / len(z), exponentials / sums - target

    def update(self, gradients: list[np.ndarray]) -> None:
        """Move the parameters."""
        rate = self.setting.rate
        if self.setting.optimizer == "sgd":
            for p, g in zip(self.P, gradients, strict=True):
                g *= rate
                p -= g
            return
        self.t += 1
        step, widening = rate / (1 - B1**self.t), 1 / float(np.sqrt(1 - B2**self.t))
        for p, g, m, v in zip(self.P, gradients, self.m, self.v, strict=True):
            m *= B1
            m += (1 - B1) * g
            v *= B2
            v += (1 - B2) * g * g
            p -= step * m / (np.sqrt(v) * widening + EPSILON)

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from one row to probabilities."""
        W1, b1, W2, b2 = parameters

        def probabilities(x: np.ndarray) -> np.ndarray:
            exponentials = np.exp(sigmoid(x @ W1 + b1) @ W2 + b2)
            return exponentials / exponentials.sum()

        return probabilities
