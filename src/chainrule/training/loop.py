"""The loop over epochs: shuffle, run the epoch, evaluate, report; stop cleanly whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import NonFiniteCostError
from chainrule.training.evaluation import Evaluation
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
    rows: int
    gather: Callable[[Array], tuple[Array, Array]]
    judge_training: Evaluate
    judge_validation: Evaluate
    listener: Listener


@dataclass
class _Clock:
    """Counts costs by the size of their mini-batch, and tells the listener not too often."""

    plan: Plan
    epoch: int
    last: int
    batches: Batches
    parameters: list[Array]
    total: float = 0.0
    examples: int = 0
    told: float = 0.0

    def after_step(self, step: int, parameters: list[Array], cost: float) -> None:
        self.parameters = parameters
        size = len(self.batches.rows(step))
        self.total += cost * size
        self.examples += size
        now = time.monotonic()
        if now - self.told > 1 / REPORTS_PER_SECOND:
            self.told = now
            self.plan.listener(Progress(self.epoch, self.last, step + 1, len(self.batches), self.mean))

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
        order = random.permutation(plan.rows) if plan.shuffle else np.arange(plan.rows)
        batches = Batches(plan.gather, order, plan.batch_size)
        clock = _Clock(plan, number, last, batches, parameters)
        try:
            parameters = epoch_function(parameters, batches, plan.learning_rate, clock.after_step)
            clock.parameters = parameters
            seconds = time.perf_counter() - began
            training, validation = plan.judge_training(parameters), plan.judge_validation(parameters)
            report = EpochReport(number, last, clock.mean, training, validation, seconds)
            history.add(report)
            plan.listener(Progress(number, last, len(batches), len(batches), clock.mean, report))
        except NonFinite as signal:
            clock.parameters = signal.parameters
            raise _error(signal, number, len(batches)) from None
        except KeyboardInterrupt:
            history.interrupted = True
            raise
        finally:
            keep(clock.parameters)


def _error(signal: NonFinite, epoch: int, steps: int) -> NonFiniteCostError:
    node = signal.node
    place = "?" if node is None else " · ".join(part for part in (node.scope, node.primitive.name) if part)
    return NonFiniteCostError("train.not_finite", epoch=epoch, step=signal.step + 1, steps=steps, place=place)
