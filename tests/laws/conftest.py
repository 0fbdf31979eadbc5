"""How the laws compare arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from laws.counting import COUNT


class Tally:
    """Compares arrays of numbers, and counts them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def close(self, ours: Any, reference: Any, tolerance: float, note: str, least: float = 0.0) -> None:
        """Assert that errors are within ``tolerance`` of the largest entry, which counts ``least`` at least.

        What is infinite or NaN must be so in both.
        """
        ours, reference = np.asarray(ours), np.asarray(reference)
        assert ours.shape == reference.shape, f"shape {ours.shape}, not {reference.shape}: {note}"
        finite = np.isfinite(reference)
        assert np.array_equal(ours[~finite], reference[~finite], equal_nan=True), note
        self.add(np.count_nonzero(~finite))
        ours, reference = ours[finite], reference[finite]
        if ours.size:
            error = np.max(np.abs(ours - reference))
            scale = max(float(np.max(np.abs(reference))), least)
            assert error <= tolerance * scale, f"error {error:.3g} where entries reach {scale:.3g}: {note}"
        self.add(ours.size)

    def same(self, ours: Any, reference: Any, note: str) -> None:
        """Assert that two arrays have the same shape, dtype and bits (any NaN is like any other)."""
        ours, reference = np.asarray(ours), np.asarray(reference)
        assert (ours.shape, ours.dtype) == (reference.shape, reference.dtype), note
        if ours.dtype.kind == "f":
            nan = np.isnan(ours)
            assert np.array_equal(nan, np.isnan(reference)), note
            ours, reference = np.where(nan, 0, ours), np.where(nan, 0, reference)
        assert ours.tobytes() == reference.tobytes(), f"{ours} is not {reference}: {note}"
        self.add(ours.size)

    def add(self, count: int) -> None:
        """Count scalars that were compared."""
        self.config.stash[COUNT] = self.config.stash.get(COUNT, 0) + int(count)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return Tally(pytestconfig)
