"""Examples, targets and weights that belong together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from chainrule.errors import DataError

Array = np.ndarray[Any, Any]
FEWEST = 2  # examples by which a score means something


@dataclass(frozen=True)
class Part:
    """Examples (m, n), dense or sparse, targets in the user's form, and weights (m,) or None."""

    X: Any
    y: Array
    weights: Array | None

    def split(self, fraction: float, random: np.random.RandomState, *, stratified: bool) -> tuple[Part, Part]:
        """Return what is learned from, and a fraction that is held out, drawn at random.

        Raises
        ------
        DataError
            If too few examples are held out.
        """
        count = math.ceil(fraction * self.X.shape[0])
        if count < max(FEWEST, len(np.unique(self.y)) if stratified else 0):
            raise DataError("estimator.validation_small", rows=count)
        learned, held_out = train_test_split(
            np.arange(self.X.shape[0]),
            test_size=count,
            random_state=random,
            stratify=self.y if stratified else None,
        )
        return self._rows(learned), self._rows(held_out)

    def _rows(self, rows: Array) -> Part:
        return Part(self.X[rows], self.y[rows], None if self.weights is None else self.weights[rows])
