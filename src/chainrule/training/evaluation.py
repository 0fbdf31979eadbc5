"""How good a network is on data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from chainrule.training.examples import Stored
from chainrule.training.targets import Targets, places_of

Array = np.ndarray[Any, Any]


class Evaluation(NamedTuple):
    """How good a network is on data: the mean cost, and accuracy (labels) or R² (regression)."""

    cost: float
    accuracy: float | None
    r2: float | None
    correct: int | None
    total: int


class Part(NamedTuple):
    """Some rows of the data, as a network found them.

    ``output`` (r, k) belongs to the first r rows of ``examples`` from row ``first`` on; ``cost`` is their
    mean cost.
    """

    cost: float
    output: Array
    examples: Stored
    first: int = 0

    @property
    def rows(self) -> slice:
        """The rows of ``examples`` that were judged."""
        return slice(self.first, self.first + len(self.output))


def r_squared(output: Array, target: Array) -> float | None:
    """Return R² = 1 − Σ(y − a)² / Σ(y − mean y)², the mean over columns; None where targets do not vary."""
    spread = np.sum(np.square(target - target.mean(axis=0)), axis=0)
    if not spread.all():
        return None
    with np.errstate(over="ignore"):  # of outputs that are about to become infinite
        return float(np.mean(1 - np.sum(np.square(target - output), axis=0) / spread))


def evaluate(parts: Iterable[Part], targets: Targets) -> Evaluation:
    """Return cost and accuracy, or R², over the parts of the data; each part counts by its rows."""
    total, correct, cost = 0, 0, 0.0
    seen: list[tuple[Array, Array]] = []
    for part in parts:
        count = len(part.output)
        total += count
        cost += part.cost * count
        if targets.classifies:
            correct += int(np.count_nonzero(places_of(part.output) == part.examples.places[part.rows]))
        else:
            seen.append((part.output.astype("float64"), part.examples.target[part.rows].astype("float64")))
    if targets.classifies:
        return Evaluation(cost / total, correct / total, None, correct, total)
    output, target = (np.concatenate(columns) for columns in zip(*seen, strict=True))
    return Evaluation(cost / total, None, r_squared(output, target), None, total)
