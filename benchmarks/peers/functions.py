"""Functions as users write them, on any array namespace: their gradients are measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

LOG_TWO_PI = math.log(2 * math.pi)  # half of it for each of two dimensions


@dataclass(frozen=True)
class UserFunction:
    """A function of arguments, and the positions of those to differentiate by."""

    function: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]
    wrt: tuple[int, ...]


def functions(xp: Any, logsumexp: Callable[..., Any]) -> dict[str, UserFunction]:
    """Return the functions; ``xp`` is NumPy or what stands for it."""

    def rosenbrock(x: Any) -> Any:
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    def mixture(weights: Any, means: Any, scales: Any, points: Any) -> Any:
        """Return the log-likelihood of points (n, d) under k Gaussians with diagonal covariance."""
        z = (points[:, None, :] - means) * xp.exp(-scales)
        log_densities = -0.5 * xp.sum(z * z, axis=2) - xp.sum(scales, axis=1) - LOG_TWO_PI
        return xp.sum(logsumexp(log_densities + weights - logsumexp(weights), axis=1))

    def planar(W1: Any, b1: Any, W2: Any, b2: Any, x: Any, y: Any) -> Any:
        """Return the mean cross-entropy of the planar two-layer net: 2 inputs, tanh, one probability."""
        z = xp.tanh(x @ W1 + b1) @ W2 + b2
        return xp.mean(xp.logaddexp(0.0, z) - y * z)

    r = np.random.default_rng(1)

    def normal(*shape: int) -> np.ndarray:
        return r.standard_normal(shape, dtype="float32")

    y = (r.random((400, 1)) < 0.5).astype("float32")
    net = (normal(2, 4), normal(4), normal(4, 1), normal(1), normal(400, 2), y)
    return {
        "Rosenbrock, 100 dimensions": UserFunction(rosenbrock, (normal(100),), (0,)),
        "Gaussian mixture, 1000 points, 5 parts": UserFunction(
            mixture, (normal(5), normal(5, 2), 0.3 * normal(5, 2), normal(1000, 2)), (0, 1, 2)
        ),
        "planar net [2, 4, 1], 400 points": UserFunction(planar, net, (0, 1, 2, 3)),
    }
