"""Cost functions: the mean over examples of what each example costs.

``output`` and ``target`` have shape (m, k): m examples in rows, k outputs in columns. With ``weights`` of
shape (m, 1) it is C = (1/m) Σ wᵢ cᵢ: the weighted mean Σ wᵢ cᵢ / Σ wᵢ if the weights' mean is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import unknown_name

CostFunction = Callable[..., Any]


def quadratic(output: Any, target: Any, weights: Any = None) -> Any:
    """Return C = (1/m) Σ over examples of ½ Σ over outputs (y − a)²."""
    return _sum_over_outputs(np.square(target - output), 0.5, weights)


def cross_entropy(output: Any, target: Any, weights: Any = None) -> Any:
    """Return C = −(1/m) Σ over examples of Σ over outputs y log a, for outputs that share probability 1.

    The logarithm of softmax is one stable step of the graph, so no probability rounds to 0.
    """
    return _sum_over_outputs(target * np.log(output), -1.0, weights)


def binary_cross_entropy(output: Any, target: Any, weights: Any = None) -> Any:
    """Return C = −(1/m) Σ over examples of Σ over outputs y log a + (1 − y) log(1 − a).

    Each output is a probability of its own; log σ and log(1 − σ) are stable steps of the graph.
    """
    logs = target * np.log(output) + (1 - target) * np.log(1 - output)
    return _sum_over_outputs(logs, -1.0, weights)


def mse(output: Any, target: Any, weights: Any = None) -> Any:
    """Return the mean over examples and outputs of (y − a)²."""
    return _mean(np.square(target - output), weights)


def mae(output: Any, target: Any, weights: Any = None) -> Any:
    """Return the mean over examples and outputs of |y − a|."""
    return _mean(np.abs(target - output), weights)


def huber(output: Any, target: Any, weights: Any = None) -> Any:
    """Return the mean over examples and outputs of ½d² where |d| = |y − a| ≤ 1, else |d| − ½."""
    distance = np.abs(target - output)
    near = np.minimum(distance, 1.0)
    return _mean(near * (distance - 0.5 * near), weights)


def poisson(output: Any, target: Any, weights: Any = None) -> Any:
    """Return C = (1/m) Σ over examples of Σ over outputs a − y + y log(y / a), half the Poisson deviance.

    For counts y ≥ 0; y log y is 0 where y is 0.
    """
    entropy = target * np.log(np.where(target > 0, target, 1.0))
    return _sum_over_outputs(output - target + entropy - target * np.log(output), 1.0, weights)


def _mean(values: Any, weights: Any) -> Any:
    return np.mean(values if weights is None else values * weights)


def _sum_over_outputs(values: Any, factor: float, weights: Any) -> Any:
    """Return factor / m · Σ of all values, each row times its weight; m is the number of rows."""
    if weights is not None:
        values = values * weights
    return np.sum(values) * (factor / max(values.shape[0], 1))


@dataclass(frozen=True)
class Cost:
    """A cost, the output activation that goes with it, and whether its targets are labels by default."""

    function: CostFunction
    output: str
    labels: bool


COSTS: dict[str, Cost] = {
    "quadratic": Cost(quadratic, "sigmoid", labels=True),
    "cross_entropy": Cost(cross_entropy, "softmax", labels=True),
    "mse": Cost(mse, "identity", labels=False),
    "mae": Cost(mae, "identity", labels=False),
    "huber": Cost(huber, "identity", labels=False),
    "poisson": Cost(poisson, "exp", labels=False),
}


def named_cost(name: str) -> Cost:
    """Return the cost of this name; raise `UnknownNameError` with the nearest name if there is none."""
    if not isinstance(name, str) or name not in COSTS:
        raise unknown_name("cost", name, COSTS)
    return COSTS[name]
