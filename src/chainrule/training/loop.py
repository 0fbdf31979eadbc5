"""The loop over epochs: shuffle, run the epoch, evaluate, report; stop cleanly whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import NonFiniteCostError
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import Examples
from chainrule.training.history import EpochReport, History, Listener, Progress
from chainrule.training.step import Batches, Epoch, NonFinite

Array = np.ndarray[Any, Any]
Evaluate = Callable[[list[Array]], Evaluation | None]
REPORTS_PER_SECOND = 20


@dataclass(frozen=True)
class Plan:
    """What a fit does: how long, in what portions, how fast, and how it is judged."""

    epochs: int
    batch_size: int
    learning_rate: float
    shuffle: bool
    examples: Examples
    judge_training: Evaluate
    judge_validation: Evaluate
    listener: Listener


@dataclass
class _Clock:
    """Counts costs by the size of their mini-batch, and tells the listener not too often.

    ``current()`` returns the parameters after the last mini-batch that was told of.
    """

    plan: Plan
    epoch: int
    last: int
    batches: Batches
    current: Callable[[], list[Array]]
    total: float = 0.0
    examples: int = 0
    told: float = 0.0

    def after_steps(self, done: int, costs: Array, current: Callable[[], list[Array]]) -> None:
        self.current = current
        self._count(done, costs)
        now = time.monotonic()
        if now - self.told > 1 / REPORTS_PER_SECOND:
            self.told = now
            self.plan.listener(Progress(self.epoch, self.last, done, len(self.batches), self.mean))

    def _count(self, done: int, costs: Array) -> None:
        rows = len(self.batches.order)
        with np.errstate(over="ignore"):
            weighted = costs.astype("float64") * min(self.batches.batch_size, rows)
            if done == len(self.batches):
                weighted[-1] = float(costs[-1]) * len(self.batches.rows(done - 1))
            # One after the other, not in pairs: the sum must not depend on how time cut the portions.
            self.total = float(np.add.accumulate(np.append(self.total, weighted))[-1])
        self.examples = min(done * self.batches.batch_size, rows)

    @property
    def mean(self) -> float:
        return self.total / max(self.examples, 1)


def run_epochs(
    parameters: list[Array],
    epoch_function: Epoch,
    plan: Plan,
    random: np.random.Generator,
    history: History,
    keep: Callable[[list[Array]], None],
) -> None:
    """Run a fit's epochs; ``keep`` is handed the parameters after each, whatever may end it.

    Raises
    ------
    NonFiniteCostError
        If the cost is NaN or infinite; the last good parameters were kept.
    KeyboardInterrupt
        After Ctrl-C; the parameters after the last whole mini-batch were kept.
    """
    history.interrupted = False
    last = len(history) + plan.epochs
    for _ in range(plan.epochs):
        number, began = len(history) + 1, time.perf_counter()
        rows = len(plan.examples)
        order = random.permutation(rows) if plan.shuffle else np.arange(rows)
        batches = Batches(plan.examples.gather, order, plan.batch_size, plan.examples.stored)
        clock = _Clock(plan, number, last, batches, partial(list, parameters))
        try:
            parameters = epoch_function(parameters, batches, plan.learning_rate, clock.after_steps)
            clock.current = partial(list, parameters)
            seconds = time.perf_counter() - began
            training, validation = plan.judge_training(parameters), plan.judge_validation(parameters)
            report = EpochReport(number, last, clock.mean, training, validation, seconds)
            history.add(report)
            plan.listener(Progress(number, last, len(batches), len(batches), clock.mean, report))
        except NonFinite as signal:
            clock.current = partial(list, signal.parameters)
            raise _error(signal, number, len(batches)) from None
        except KeyboardInterrupt:
            history.interrupted = True
            raise
        finally:
            keep(clock.current())


def _error(signal: NonFinite, epoch: int, steps: int) -> NonFiniteCostError:
    node = signal.node
    place = "?" if node is None else " · ".join(part for part in (node.scope, node.primitive.name) if part)
    return NonFiniteCostError("train.not_finite", epoch=epoch, step=signal.step + 1, steps=steps, place=place)
