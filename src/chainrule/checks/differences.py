"""Numerical derivatives of a function that is known by its values only, in float64."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

import numpy as np

LEVELS = 13  # step sizes tried, each a quarter of the one before
WIDEST = 0.1  # of the size of the number that is moved
GOOD = 1e-8  # relative error that is good enough
ONE_SIDED = 1e-6
ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of the function's value, more than it is off by usually

Along = Callable[[float], float]  # the function's value after moving one entry by so much


class Estimate(NamedTuple):
    """A derivative, and how far off it may be; both NaN where the function is not finite nearby."""

    value: float
    error: float


class Sides(NamedTuple):
    """The derivatives from the left and from the right, and how far off each may be by rounding."""

    left: float
    right: float
    error: float


def central(along: Along, size: float) -> Estimate:
    """Return a derivative by central differences, extrapolated to step size 0 (Ridders' method).

    ``size`` is that of the number that is moved. Of all step sizes the smallest wins whose extrapolations
    agree well, so neither rounding (steps too small) nor curvature or a kink nearby (too large) spoils the
    result; and wide steps over a wave, which may agree by chance, do not either.

    Examples
    --------
    >>> estimate = central(lambda step: (3.0 + step) ** 2, 3.0)
    >>> abs(estimate.value - 6.0) <= estimate.error < 1e-6
    True
    """
    found: list[Estimate] = []
    row: list[float] = []
    for level in range(LEVELS):
        step = WIDEST * size / 4**level
        ahead, behind = along(step), along(-step)
        before, row = row, [(ahead - behind) / (2 * step)]
        rounding = ROUNDING * max(abs(ahead), abs(behind)) / step
        candidates: list[Estimate] = []
        for order, coarse in enumerate(before, start=1):
            factor = 16.0**order  # the error of a central difference has even powers of the step only
            row.append((factor * row[-1] - coarse) / (factor - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - coarse)) + rounding
            if np.isfinite(error):
                candidates.append(Estimate(row[-1], error))
        found += sorted(candidates, key=attrgetter("error"))[:1]
    least = min([estimate.error for estimate in found], default=np.nan)
    good = [estimate for estimate in found if estimate.error <= max(10 * least, GOOD * abs(estimate.value))]
    return good[-1] if good else Estimate(np.nan, np.nan)


def one_sided(along: Along, size: float) -> Sides:
    """Return the derivatives from the left and from the right, by differences of second order.

    Examples
    --------
    >>> sides = one_sided(lambda step: abs(step), 1.0)
    >>> round(sides.left, 6), round(sides.right, 6)
    (-1.0, 1.0)
    """
    step = ONE_SIDED * size
    here = along(0.0)
    left = (3 * here - 4 * along(-step) + along(-2 * step)) / (2 * step)
    right = (-3 * here + 4 * along(step) - along(2 * step)) / (2 * step)
    return Sides(left, right, ROUNDING * abs(here) / step)
