"""Schedules: by what factor the learning rate is multiplied, mini-batch by mini-batch.

A schedule is a pure function of how far training is (`Course`), so the same at any time that it is asked.
Lengths are in epochs and may be fractions; the factor changes with every mini-batch. Every fit begins its
schedule anew.

Examples
--------
>>> import chainrule as cr
>>> from chainrule.training.schedules import cosine, warmup
>>> net, x, y = cr.Network([2, 4, 2], seed=0), [[0, 1], [1, 0]], [0, 1]
>>> history = net.fit(x, y, epochs=3, learning_rate=0.1, schedule="cosine")
>>> print([round(rate, 6) for rate in history.learning_rate])
[0.1, 0.075, 0.025]
>>> history = net.fit(x, y, schedule=warmup(2, then=cosine(lowest=0.01)))
>>> history = net.fit(x, y, schedule=lambda step: 1 / (1 + step / 1000))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import SettingError, unknown_name
from chainrule.training.settings import check_amount, check_fraction, check_not_negative, check_rate

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Course:
    """How far a fit is: what a schedule knows.

    Parameters
    ----------
    numbers
        The numbers of the mini-batches that are to come, counted from the schedule's beginning, from 0.
    steps
        How many mini-batches an epoch has.
    total
        How many mini-batches there are from the schedule's beginning to its end.
    costs
        The validation cost after every epoch so far; without validation data, the cost.
    """

    numbers: Array
    steps: int
    total: int
    costs: Sequence[float] = ()

    def length(self, epochs: float) -> int:
        """Return a number of epochs, which may be a fraction, in mini-batches: at least one."""
        return max(1, round(epochs * self.steps))


Rule = Callable[[Course], Any]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A schedule: its name, its rule, and the settings that make it again.

    ``rule(course)`` returns the factor for each of ``course.numbers``, or one for all.
    """

    name: str
    rule: Rule
    settings: tuple[tuple[str, Any], ...] | None = None

    def __repr__(self) -> str:
        return f"<Schedule {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self.settings is None:
            return Schedule, (self.name, self.rule)
        return schedule, (self.plain(),)

    def factors(self, course: Course) -> Array:
        """Return the factors of the mini-batches that are to come.

        Raises
        ------
        SettingError
            If one is not finite, or below 0.
        """
        numbers = np.asarray(self.rule(course), dtype="float64")
        found = np.broadcast_to(numbers, np.shape(course.numbers))
        bad = np.flatnonzero(~(np.isfinite(found) & (found >= 0)))
        if bad.size:
            step, value = int(course.numbers[bad[0]]), float(found[bad[0]])
            raise SettingError("schedule.factor", name=self.name, step=step, value=value)
        return found

    def plain(self) -> dict[str, Any]:
        """Return name and settings as plain data, of which `schedule` makes it again.

        Raises
        ------
        SettingError
            If it is a function of your own, which is not data.

        Examples
        --------
        >>> cosine(lowest=0.1).plain()
        {'name': 'cosine', 'length': None, 'lowest': 0.1}
        """
        if self.settings is None:
            raise SettingError("schedule.own", name=self.name)
        settings = {
            key: value.plain() if isinstance(value, Schedule) else value for key, value in self.settings
        }
        return {"name": self.name, **settings}


def _made(name: str, rule: Rule, **settings: Any) -> Schedule:
    return Schedule(name, rule, tuple(settings.items()))


def _whole_length(course: Course, length: float | None) -> int:
    return max(1, course.total) if length is None else course.length(length)


def _check_length(length: float | None) -> float | None:
    return None if length is None else check_rate("length", length)


def constant() -> Schedule:
    """Return the schedule that changes nothing.

    Examples
    --------
    >>> constant().factors(Course(np.arange(3), steps=3, total=3))
    array([1., 1., 1.])
    """
    return _made("constant", lambda _: 1.0)


def step(every: float = 10, factor: float = 0.1) -> Schedule:
    """Return decay in steps: γ^⌊t / s⌋, t the epochs gone by, s = ``every`` epochs, γ = ``factor``.

    PyTorch's ``StepLR``.

    Examples
    --------
    >>> step(every=2, factor=0.5).factors(Course(np.arange(6), steps=1, total=6))
    array([1.  , 1.  , 0.5 , 0.5 , 0.25, 0.25])
    """
    every, factor = check_rate("every", every), check_rate("factor", factor)
    return _made(
        "step",
        lambda course: factor ** (course.numbers // course.length(every)),
        every=every,
        factor=factor,
    )


def exponential(factor: float = 0.95) -> Schedule:
    """Return exponential decay: γᵗ, t the epochs gone by, in fractions of one, γ = ``factor``.

    At the beginning of every epoch it is PyTorch's ``ExponentialLR``.

    Examples
    --------
    >>> exponential(0.25).factors(Course(np.arange(4), steps=2, total=4))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    factor = check_rate("factor", factor)
    return _made("exponential", lambda course: factor ** (course.numbers / course.steps), factor=factor)


def cosine(length: float | None = None, lowest: float = 0.0) -> Schedule:
    """Return half a cosine's wave, from 1 to ``lowest``: l + (1 − l)(1 + cos(π t / T)) / 2, and then l.

    T is ``length`` epochs; None: to the end of the fit. Loshchilov and Hutter, 2017; PyTorch's
    ``CosineAnnealingLR``.

    Examples
    --------
    >>> cosine(length=2).factors(Course(np.arange(4), steps=1, total=4)).round(12)
    array([1. , 0.5, 0. , 0. ])
    """
    length, lowest = _check_length(length), check_amount("lowest", lowest)

    def rule(course: Course) -> Array:
        return _fallen(course.numbers / _whole_length(course, length), 1.0, lowest)

    return _made("cosine", rule, length=length, lowest=lowest)


def _fallen(share: Array, start: float, end: float) -> Array:
    """Return half a cosine's wave from ``start`` to ``end``; ``share`` is how much of it has passed."""
    falling: Array = end + (start - end) * (1 + np.cos(np.pi * np.clip(share, 0, 1))) / 2
    return falling


def warmup(length: float = 1, then: Any = None, start: float = 0.0) -> Schedule:
    """Return a warm-up: the factor rises in a line from ``start`` to 1; then another schedule begins.

    Goyal and others, 2017; PyTorch's ``LinearLR`` followed by another.

    Parameters
    ----------
    length
        How many epochs it rises.
    then
        The schedule that begins after it: a name, a schedule, or a function; None: constant.
    start
        The factor of the first mini-batch.

    Examples
    --------
    >>> warmup(2, then=step(1, 0.5), start=0.5).factors(Course(np.arange(5), steps=1, total=5))
    array([0.5 , 0.75, 1.  , 0.5 , 0.25])
    """
    length, start = check_rate("length", length), check_amount("start", start)
    following = constant() if then is None else schedule(then)

    def rule(course: Course) -> Array:
        rising = course.length(length)
        later = np.maximum(course.numbers - rising, 0)
        total = max(course.total - rising, 1)
        epochs = max(0, math.ceil(rising / course.steps))  # what is learned meanwhile tells of no plateau
        rest = replace(course, numbers=later, total=total, costs=course.costs[epochs:])
        share = np.clip(course.numbers / rising, 0, 1)
        return following.factors(rest) * (start + (1 - start) * share)

    own = following.settings is None
    settings = None if own else (("length", length), ("then", following), ("start", start))
    return Schedule("warmup", rule, settings)


def one_cycle(
    rising: float = 0.3, first: float = 25.0, last: float = 1e4, length: float | None = None
) -> Schedule:
    """Return one cycle: up from 1/``first`` to 1, and down to 1/(``first`` · ``last``).

    Both in halves of a cosine's wave; it rises for the share ``rising`` of ``length`` epochs (None: of the
    whole fit). The learning rate that is set is the largest. Smith and Topin, 2018; PyTorch's ``OneCycleLR``,
    which lets the momentum vary too; here it stays.

    Examples
    --------
    >>> one_cycle(0.5, 10, 10).factors(Course(np.arange(5), steps=1, total=5)).round(4)
    array([0.1   , 0.775 , 0.9055, 0.352 , 0.01  ])
    """
    rising, length = check_fraction("rising", rising), _check_length(length)
    first, last = check_rate("first", first), check_rate("last", last)

    def rule(course: Course) -> Array:
        total = _whole_length(course, length)
        top, end = rising * total - 1, total - 1
        low, numbers = 1 / first, course.numbers
        up = _fallen(numbers / top, low, 1.0) if top > 0 else np.ones(len(numbers))
        down = _fallen((numbers - top) / max(end - top, 1e-9), 1.0, low / last)
        return np.where(numbers <= top, up, down)

    return _made("one_cycle", rule, rising=rising, first=first, last=last, length=length)


def plateau(
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    cooldown: int = 0,
    lowest: float = 0.0,
) -> Schedule:
    """Return a reduction on plateaus: the factor is multiplied by ``factor`` where the cost stops falling.

    That is when more than ``patience`` epochs in a row were not better than the best by ``threshold`` of it;
    for the next ``cooldown`` epochs none counts as bad. The cost is that on the validation data, or without
    such data the training cost. PyTorch's ``ReduceLROnPlateau``.

    Examples
    --------
    >>> costs = [1.0, 0.5, 0.5, 0.5]
    >>> plateau(0.5, patience=1).factors(Course(np.arange(4, 6), steps=1, total=6, costs=costs))
    array([0.5, 0.5])
    """
    factor, patience = check_rate("factor", factor), check_not_negative("patience", patience)
    threshold, lowest = check_amount("threshold", threshold), check_amount("lowest", lowest)
    cooldown = check_not_negative("cooldown", cooldown)

    def rule(course: Course) -> float:
        value, best, bad, resting = 1.0, math.inf, 0, 0
        for cost in course.costs:
            if cost < (best * (1 - threshold) if math.isfinite(best) else math.inf):
                best, bad = cost, 0
            else:
                bad += 1
            if resting:
                resting, bad = resting - 1, 0
            if bad > patience:
                value, resting, bad = max(value * factor, min(value, lowest)), cooldown, 0
        return value

    settings = {"factor": factor, "patience": patience, "threshold": threshold}
    return _made("plateau", rule, **settings, cooldown=cooldown, lowest=lowest)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    maker.__name__: maker for maker in (constant, step, exponential, cosine, warmup, one_cycle, plateau)
}


def schedule(choice: str | Schedule | Mapping[str, Any] | Callable[[int], float]) -> Schedule:
    """Return a schedule: by its name, of plain data, of a function of the mini-batch's number, or as it is.

    Raises
    ------
    UnknownNameError
        If there is none of this name; says the nearest.
    SettingError
        If the data does not describe one.

    Examples
    --------
    >>> schedule(lambda number: 1 / (1 + number)).factors(Course(np.arange(3), steps=3, total=3)).round(3)
    array([1.   , 0.5  , 0.333])
    """
    if isinstance(choice, Schedule):
        return choice
    if isinstance(choice, str) and choice in SCHEDULES:
        return SCHEDULES[choice]()
    if isinstance(choice, Mapping):
        settings = {str(key): value for key, value in choice.items()}
        name = settings.pop("name", None)
        if isinstance(name, str) and name in SCHEDULES:
            try:
                return SCHEDULES[name](**settings)
            except TypeError as error:
                raise SettingError("schedule.settings", name=name, reason=str(error)) from None
        raise unknown_name("schedule", name, SCHEDULES)
    if callable(choice):
        return _of_function(choice)
    raise unknown_name("schedule", choice, SCHEDULES)


def _of_function(function: Callable[[int], float]) -> Schedule:
    name = getattr(function, "__name__", type(function).__name__)

    def rule(course: Course) -> list[float]:
        values = [function(int(number)) for number in course.numbers]
        for number, value in zip(course.numbers, values, strict=True):
            if np.ndim(value) or not isinstance(value, int | float | np.number | np.ndarray):
                raise SettingError("schedule.factor", name=name, step=int(number), value=value)
        return [float(value) for value in values]

    return Schedule(name, rule)
