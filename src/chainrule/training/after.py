"""What comes after every epoch, whatever ran it: keep, judge, report, and stop where that is wished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from chainrule.errors import NonFiniteCostError
from chainrule.training.checkpoints import NO_SAVER, Saver, Standing
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import Examples
from chainrule.training.history import End, EpochReport, History, Listener, Progress
from chainrule.training.log import Log
from chainrule.training.schedules import Schedule
from chainrule.training.stopping import EarlyStopping, Watch

Array = np.ndarray[Any, Any]
Evaluate = Callable[[list[Array]], Evaluation | None]
Keep = Callable[[list[Array]], None]


@dataclass(frozen=True)
class Plan:
    """What a fit does: how long, in what portions, how fast, how it is judged, and when it stops early.

    ``resumed`` is where it goes on, its history being the network's; None: it begins.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    shuffle: bool
    examples: Examples
    judge_training: Evaluate
    judge_validation: Evaluate
    listener: Listener
    schedule: Schedule | None = None
    stopping: EarlyStopping | None = None
    saver: Saver = NO_SAVER
    log: Log | None = None
    resumed: Standing | None = None


class Stopped(Exception):  # noqa: N818 - a signal that ends a fit, which is no error
    """The fit is to end here, and why."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


class AfterEpochs:
    """A context for the epochs of a fit: it writes into the history why they ended.

    Attributes
    ----------
    epochs
        How many epochs of this fit are finished.
    last
        The number of the fit's last epoch.
    watched
        The validation cost after every epoch of this fit; without validation data, the cost.
    """

    def __init__(self, plan: Plan, history: History, keep: Keep, start: list[Array]) -> None:
        self._plan, self._history, self._keep = plan, history, keep
        resumed = plan.resumed or Standing(start, history)
        self._watch = Watch(plan.stopping, resumed.best)
        self.epochs = resumed.epochs
        self.last = len(history) - resumed.epochs + plan.epochs
        self.watched = list(resumed.watched)
        self._values = start
        self._within = resumed.step, resumed.total

    def __enter__(self) -> Self:
        self._history.end = self._history.best_epoch = None
        return self

    def steps(self, done: int, of: int, total: float, current: Callable[[], list[Array]]) -> None:
        """Take note of mini-batches of an epoch that goes on: offer the standing after them as checkpoint."""

        def standing() -> Standing:
            return self._standing(current(), done, total)

        self._plan.saver.offer(self.epochs * of + done, standing, epoch=False)

    def stop(self, done: int, total: float, values: list[Array]) -> None:
        """End the fit within an epoch, because a listener wants no more."""
        self._values, self._within = values, (done, total)
        raise Stopped(End.CALLBACK)

    def epoch(
        self, parameters: list[Array], cost: float, seconds: float, rate: float | None, *, steps: int
    ) -> None:
        """Take note of an epoch that ended with these parameters, the state behind them.

        They are kept before anybody is told, so that a listener finds the network as it is by now.

        Raises
        ------
        Stopped
            If a listener, or early stopping, wants no more.
        """
        plan = self._plan
        self._keep(parameters)
        report = self._report(parameters, cost, seconds, rate)
        self._values, self._within = parameters, (0, 0.0)
        enough = self._watch.after_epoch(report, parameters)
        if plan.log is not None:
            plan.log.add(report)
        if plan.listener(Progress(report.epoch, self.last, steps, steps, cost, report)) is True:
            raise Stopped(End.CALLBACK)
        if enough:
            raise Stopped(End.EARLY_STOPPING)
        if self.epochs < plan.epochs:
            plan.saver.offer(self.epochs * steps, lambda: self._standing(parameters), epoch=True)

    def _report(
        self, parameters: list[Array], cost: float, seconds: float, rate: float | None
    ) -> EpochReport:
        """Judge an epoch, and enter it into the history."""
        plan, history = self._plan, self._history
        training, validation = plan.judge_training(parameters), plan.judge_validation(parameters)
        report = EpochReport(len(history) + 1, self.last, cost, training, validation, seconds, rate)
        history.add(report)
        self.epochs += 1
        self.watched.append(cost if validation is None else validation.cost)
        return report

    def _standing(self, values: list[Array], step: int = 0, total: float = 0.0) -> Standing:
        watched = tuple(self.watched)
        return Standing(values, self._history, self.epochs, step, total, watched, self._watch.state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        history, saver = self._history, self._plan.saver
        if isinstance(error, Stopped):
            history.end = error.end
        elif error is not None:
            history.end = _end_of(error)
            return False
        standing = self._standing(self._values, *self._within)
        if self._watch.best is not None:
            history.best_epoch = self._watch.best_epoch
            self._keep(self._watch.best)
        if history.end is not End.CALLBACK:
            saver.save(replace(standing, values=self._watch.best or standing.values, finished=True))
        elif saver.between:
            saver.save(standing)
        return True


def _end_of(error: BaseException) -> End:
    if isinstance(error, KeyboardInterrupt):
        return End.INTERRUPTED
    return End.NOT_FINITE if isinstance(error, NonFiniteCostError) else End.ERROR
