"""How good a network is on data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.training.examples import Examples
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]


class Evaluation(NamedTuple):
    """How good a network is on data: the mean cost, and accuracy (labels) or R² (regression)."""

    cost: float
    accuracy: float | None
    r2: float | None
    correct: int | None
    total: int


def r_squared(output: Array, target: Array) -> float | None:
    """Return R² = 1 − Σ(y − a)² / Σ(y − mean y)², the mean over columns; None where targets do not vary."""
    spread = np.sum(np.square(target - target.mean(axis=0)), axis=0)
    if not spread.all():
        return None
    return float(np.mean(1 - np.sum(np.square(target - output), axis=0) / spread))


def evaluate(
    run: Callable[[Array, Array], tuple[float, Array]], examples: Examples, targets: Targets
) -> Evaluation:
    """Return cost and accuracy, or R², of ``run(x, target) -> (mean cost, outputs)``, some rows at a time."""
    total, correct, cost = len(examples), 0, 0.0
    seen: list[tuple[Array, Array]] = []
    for x, target in examples.chunks():
        part, output = run(x, target)
        cost += float(part) * len(x)
        if targets.classifies:
            correct += targets.correct(output, target)
        else:
            seen.append((output.astype("float64"), target.astype("float64")))
    if targets.classifies:
        return Evaluation(cost / total, correct / total, None, correct, total)
    output, target = (np.concatenate(columns) for columns in zip(*seen, strict=True))
    return Evaluation(cost / total, None, r_squared(output, target), None, total)
