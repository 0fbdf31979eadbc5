"""Central differences that are known to say something: two widths agree, and there is no kink."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from chainrule.checks.differences import ROUNDING, WIDEST, Estimate, central
from chainrule.errors import GuardError

Along = Callable[[float], float]  # the function's value after moving one entry by so much

TINY = 1e-280  # beside it no step can be taken
WIDTHS = 6  # tried, each narrower than the one before, those relative to the value by this factor:
NARROWER = 2.0**-9
SURE = 1e-9  # relative error of two widths that agree: no other is tried
AGREE = 1e-5  # that of the best, at most
STEPS = 24  # tried for a kink, each a quarter of the one before
CLEAR = 1e-3  # of the slopes: a change of slope, or a rounding error, that can be told from nothing


def difference(along: Along, value: float) -> float | None:
    """Return the derivative by central differences.

    None where all steps are too coarse, or lost in rounding; where there is a kink or a jump; and where the
    function takes another branch nearby.

    Examples
    --------
    >>> difference(lambda step: (3.0 + step) ** 2, 3.0)
    6.0
    >>> difference(lambda step: abs(step), 0.0) is None
    True
    """
    size = abs(value) if abs(value) > TINY else 1.0
    own = 2.0 ** math.floor(math.log2(size))
    # Steps that are powers of 2 are exact beside the value. Steps beside 1 are for small values only.
    wide = 1.0 if own < NARROWER else own
    seen: list[Estimate] = []
    for first, factor in ((own, NARROWER), (wide, 1 / 4)):
        estimates: list[Estimate] = []
        found = None
        while found is None and len(estimates) < WIDTHS:
            estimates.append(_central(along, first * factor ** len(estimates) / 16 / WIDEST))
            found = _agreed(estimates, SURE)
        found = _agreed(estimates, AGREE) if found is None else found
        if found is not None:
            return None if _has_kink(along, first / 16) else found
        seen += estimates
    # Where nothing moves at any step it is no step that was lost in rounding.
    still = all(estimate.value == 0 for estimate in seen)
    return 0.0 if still and not _has_kink(along, wide / 16) else None


def _agreed(estimates: Sequence[Estimate], relative: float) -> float | None:
    """Return the best of some estimates, if its relative error is this small and another one agrees."""

    def small(error: float, value: float) -> bool:
        return abs(error) <= relative * abs(value)

    good = [estimate for estimate in estimates if small(estimate.error, estimate.value)]
    good.sort(key=lambda estimate: estimate.error)
    if len(good) < 2 or not any(small(other.value - good[0].value, good[0].value) for other in good[1:]):
        return None
    return good[0].value


def _central(along: Along, size: float) -> Estimate:
    try:
        return central(along, size)
    except GuardError:
        return Estimate(math.nan, math.nan)


def _has_kink(along: Along, widest: float) -> bool:
    """Return whether the slopes of the two sides differ at the smallest steps that rounding leaves.

    At a kink their difference stays; where a function only bends it falls with the step.
    """
    here, bends, clear = along(0.0), [math.inf], False
    for level in range(STEPS):
        step = widest / 4.0**level
        try:
            ahead, behind = along(step), along(-step)
        except GuardError:
            continue
        slopes = max(abs(ahead - here), abs(here - behind)) / step
        rounding = ROUNDING * max(abs(ahead), abs(here), abs(behind)) / step
        if rounding > CLEAR * slopes:
            break
        bends.append(abs(ahead - 2 * here + behind) / step)
        clear = bends[-1] > 10 * (CLEAR * slopes + rounding)
    return clear and bends[-1] > 0.7 * bends[-2]
