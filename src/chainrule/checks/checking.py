"""The check itself: claimed against true values, entry by entry, kinks excused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.checks.kinks import Kinks, index_of
from chainrule.checks.point import Array, Point, Truth
from chainrule.checks.report import Entry, GradientCheck
from chainrule.errors import TraceError
from chainrule.functions import grad

EXAMINED = 400  # wrong entries of one argument that are looked at also after one that is no kink


class Precision(NamedTuple):
    """How far a gradient may be off: relative to its largest entry, and to the largest of all arguments."""

    relative: float
    rounding: float


PRECISIONS = {2: Precision(2e-2, 1e-3), 4: Precision(1e-4, 1e-6), 8: Precision(1e-6, 1e-13)}


def check_gradient(function: Callable[..., Any], *arguments: Any, gradient: Any = None) -> GradientCheck:
    """Check a gradient of ``function`` at ``arguments``.

    A claimed gradient is compared with ours, computed in float64; ours with numerical differences. Errors
    count relative to the largest entry of an argument's gradient, by the accuracy of the argument's dtype.

    Parameters
    ----------
    function
        Returns one real number.
    arguments
        Numbers, arrays, nested lists, tuples and dicts of them. The gradient is that by all arguments that
        hold floating-point numbers (or, if none does, whole numbers).
    gradient
        The claim: a function of the same arguments, or the arrays themselves; in the form in which `grad`
        returns it for these arguments, a tuple or one bare. None: our own gradient is checked.

    Returns
    -------
    GradientCheck
        With ``passed``, ``worst``, ``kinks``; ``str`` of it is a report.

    Raises
    ------
    GradientError
        If the claim has not the form and the shapes of the arguments.
    TraceError
        If no gradient is claimed, and the function cannot be traced.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cost = lambda w: np.sum(w**2)
    >>> cr.check_gradient(cost, np.array([1.0, 2.0]), gradient=lambda w: 2 * w).passed
    True
    >>> report = cr.check_gradient(cost, np.array([1.0, 2.0]), gradient=np.array([2.0, 3.0]))
    >>> report.passed, str(report.worst), report.worst.claimed, report.worst.true
    (False, 'w[1]', 3.0, 4.0)
    """
    point = Point(function, arguments)
    claimed = point.claims(grad(function, point.places) if gradient is None else gradient)
    traced, untraced = None, None
    try:
        traced = point.traced()
    except TraceError as error:
        if gradient is None:
            raise
        untraced = str(error)
    truths = point.numerical() if gradient is None or traced is None else point.analytical()
    scales = _scales(point, truths)
    kinks = Kinks(point, traced, claimed, scales)
    return _compare(point, claimed, truths, scales, kinks, untraced)


def _precision(dtype: np.dtype[Any]) -> Precision:
    return PRECISIONS.get(dtype.itemsize, PRECISIONS[8]) if dtype.kind == "f" else PRECISIONS[8]


def _scales(point: Point, truths: list[Truth]) -> list[float]:
    """Return, for each argument, what errors are relative to: its largest entry, or what rounding leaves."""
    largest = [
        float(np.max(np.abs(truth.values), initial=0, where=np.isfinite(truth.values))) for truth in truths
    ]
    scales = []
    for own, dtype in zip(largest, point.dtypes, strict=True):
        precision = _precision(dtype)
        scales.append(max(own, max(largest) * precision.rounding / precision.relative) or 1.0)
    return scales


def _compare(
    point: Point,
    claimed: list[Array],
    truths: list[Truth],
    scales: list[float],
    kinks: Kinks,
    untraced: str | None,
) -> GradientCheck:
    wrong, compared = 0, 0
    worst: Entry | None = None
    for number, truth in enumerate(truths):
        claims = claimed[number][truth.places]
        errors = _errors(claims, truth, scales[number])
        suspects = errors > _precision(point.dtypes[number]).relative
        excused = _excused(number, truth.places, np.where(suspects, errors, 0), kinks)
        kinks.search(number)
        errors[excused] = 0
        wrong += int(np.sum(suspects & ~excused))
        compared += errors.size
        if errors.size and (worst is None or errors.max() > worst.relative_error):
            most = int(np.argmax(errors))
            worst = Entry(
                name=point.names[number],
                index=index_of(point.values[number], int(truth.places[most])),
                claimed=float(claims[most]),
                true=float(truth.values[most]),
                relative_error=float(errors[most]),
                line=kinks.line(number),
            )
    entries = sum(value.size for value in point.values)
    return GradientCheck(not wrong, worst, tuple(kinks.found.values()), wrong, compared, entries, untraced)


def _errors(claims: Array, truth: Truth, scale: float) -> Array:
    """Return the relative errors; infinite where the claim is NaN, 0 where the truth is not known."""
    with np.errstate(invalid="ignore"):
        errors: Array = np.maximum(np.abs(claims - truth.values) - truth.errors, 0) / scale
    errors[np.isnan(truth.values) | (claims == truth.values)] = 0
    errors[np.isnan(claims)] = np.inf
    return errors


def _excused(number: int, places: Array, errors: Array, kinks: Kinks) -> Array:
    """Return which of the wrong entries (their error is not 0) are at a kink and between its two sides.

    None is excused unseen. Where there are very many, the first that is no kink ends the search: wrong it is.
    """
    excused = np.zeros(errors.shape, bool)
    suspects = np.argsort(-errors)[: np.count_nonzero(errors)]
    for count, suspect in enumerate(suspects, start=1):
        excused[suspect] = kinks.excuses(number, int(places[suspect]))
        if count >= EXAMINED and not excused[suspects[:count]].all():
            break
    return excused
