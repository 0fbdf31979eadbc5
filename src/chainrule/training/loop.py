"""The loop over epochs: shuffle, run the epoch, and what comes after it; stop cleanly whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import NonFiniteCostError
from chainrule.training.after import AfterEpochs, Keep, Plan
from chainrule.training.history import End, History, Progress
from chainrule.training.orders import Orders
from chainrule.training.schedules import Course
from chainrule.training.step import Batches, Epoch, NonFinite

Array = np.ndarray[Any, Any]
REPORTS_PER_SECOND = 20


@dataclass
class Clock:
    """Counts costs by the size of their mini-batch, and tells the listener not too often.

    ``current()`` returns the parameters after the last mini-batch that was told of. ``first`` mini-batches,
    of which ``total`` is the sum of costs, were done before this part of the epoch.
    """

    plan: Plan
    epoch: int
    last: int
    batches: Batches
    current: Callable[[], list[Array]]
    after: AfterEpochs | None = None
    first: int = 0
    total: float = 0.0
    examples: int = 0
    told: float = 0.0

    def after_steps(self, done: int, costs: Array, current: Callable[[], list[Array]]) -> None:
        """Take note of a portion, as `chainrule.training.step.AfterSteps` says."""
        self.current = current
        done += self.first
        self.count(done, costs)
        now, of = time.monotonic(), len(self.batches)
        if now - self.told > 1 / REPORTS_PER_SECOND:
            self.told = now
            wish = self.plan.listener(Progress(self.epoch, self.last, done, of, self.mean))
            if wish is True and self.after is not None:
                self.after.stop(done, self.total, current())
        if done < of and self.after is not None:
            self.after.steps(done, of, self.total, current)

    def count(self, done: int, costs: Array) -> None:
        """Add the costs of a portion."""
        rows = len(self.batches.order)
        with np.errstate(over="ignore"):
            weighted = np.multiply(costs, min(self.batches.batch_size, rows), dtype="float64")
            if done == len(self.batches):
                weighted[-1] = float(costs[-1]) * len(self.batches.rows(done - 1))
            weighted[0] += self.total
            # One after the other, not in pairs: the sum must not depend on how time cut the portions.
            self.total = float(np.add.accumulate(weighted)[-1])
        self.examples = min(done * self.batches.batch_size, rows)

    @property
    def mean(self) -> float:
        """The mean cost over all examples so far."""
        return self.total / max(self.examples, 1)


def run_epochs(
    parameters: list[Array],
    epoch_function: Epoch,
    plan: Plan,
    seed: np.random.SeedSequence,
    history: History,
    keep: Keep,
) -> None:
    """Run a fit's epochs; ``keep`` is handed the parameters after each, whatever may end it.

    The order of an epoch's examples comes from ``seed`` and the epoch's number in the history.

    Raises
    ------
    NonFiniteCostError
        If the cost is NaN or infinite; the last good parameters were kept.
    KeyboardInterrupt
        After Ctrl-C; the parameters after the last whole mini-batch were kept.
    """
    rows = len(plan.examples)
    step, total = (0, 0.0) if plan.resumed is None else (plan.resumed.step, plan.resumed.total)
    with AfterEpochs(plan, history, keep, parameters) as after, Orders(seed, rows, after.last) as orders:
        for index in range(after.epochs, plan.epochs):
            number, began = len(history) + 1, time.perf_counter()
            order = orders.of(number) if plan.shuffle else np.arange(rows)
            batches = Batches(plan.examples.gather, order, plan.batch_size, plan.examples.stored)
            clock = Clock(
                plan,
                number,
                after.last,
                batches,
                partial(list, parameters),
                after,
                step,
                total,
                examples=rows,
            )
            try:
                rates = _rates(plan, index, len(batches), after.watched)
                parameters = _run_rest(epoch_function, parameters, batches, rates, clock)
                clock.current = partial(list, parameters)
                rate = float(rates[-1] if isinstance(rates, np.ndarray) else rates)
                seconds = time.perf_counter() - began
                after.epoch(parameters, clock.mean, seconds, rate, steps=len(batches))
            except NonFinite as signal:
                clock.current = partial(list, signal.parameters)
                signal.step += clock.first
                raise not_finite(signal, number, len(batches)) from None
            finally:
                keep(clock.current())
            step, total = 0, 0.0
        history.end = End.EPOCHS


def _run_rest(
    epoch_function: Epoch, parameters: list[Array], batches: Batches, rates: float | Array, clock: Clock
) -> list[Array]:
    """Run the mini-batches of an epoch that are not done yet; return the parameters after them."""
    done = clock.first
    if not done:
        return epoch_function(parameters, batches, rates, clock.after_steps)
    if done == len(batches):
        return parameters
    rest = replace(batches, order=batches.order[done * batches.batch_size :])
    own = rates[done:] if isinstance(rates, np.ndarray) else rates
    return epoch_function(parameters, rest, own, clock.after_steps)


def _rates(plan: Plan, index: int, steps: int, costs: list[float]) -> float | Array:
    """Return the learning rate of an epoch, ``index`` counted from 0: one, or one for each mini-batch."""
    if plan.schedule is None:
        return plan.learning_rate
    numbers = np.arange(index * steps, (index + 1) * steps)
    factors = plan.schedule.factors(Course(numbers, steps, plan.epochs * steps, tuple(costs)))
    rates = plan.learning_rate * factors
    return float(rates[0]) if (rates == rates[0]).all() else rates


def not_finite(signal: NonFinite, epoch: int, steps: int) -> NonFiniteCostError:
    """Return the error that says where a number ceased to be finite."""
    node = signal.node
    place = "?" if node is None else " · ".join(part for part in (node.scope, node.primitive.name) if part)
    return NonFiniteCostError("train.not_finite", epoch=epoch, step=signal.step + 1, steps=steps, place=place)
