"""What comes after every epoch, whatever ran it: keep, judge, report, and stop where that is wished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from chainrule.errors import NonFiniteCostError
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import Examples
from chainrule.training.history import End, EpochReport, History, Listener, Progress
from chainrule.training.schedules import Schedule
from chainrule.training.stopping import EarlyStopping, Watch

Array = np.ndarray[Any, Any]
Evaluate = Callable[[list[Array]], Evaluation | None]
Keep = Callable[[list[Array]], None]


@dataclass(frozen=True)
class Plan:
    """What a fit does: how long, in what portions, how fast, how it is judged, and when it stops early."""

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


class Stopped(Exception):  # noqa: N818 - a signal that ends a fit, which is no error
    """The fit is to end here, and why."""

    def __init__(self, end: End) -> None:
        super().__init__(end)
        self.end = end


class AfterEpochs:
    """A context for the epochs of a fit: it writes into the history why they ended.

    Attributes
    ----------
    last
        The number of the fit's last epoch.
    watched
        The validation cost after every epoch of this fit; without validation data, the cost.
    """

    def __init__(self, plan: Plan, history: History, keep: Keep) -> None:
        self._plan, self._history, self._keep = plan, history, keep
        self._watch = Watch(plan.stopping)
        self.last = len(history) + plan.epochs
        self.watched: list[float] = []

    def __enter__(self) -> Self:
        self._history.end = self._history.best_epoch = None
        return self

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
        plan, history = self._plan, self._history
        self._keep(parameters)
        training, validation = plan.judge_training(parameters), plan.judge_validation(parameters)
        report = EpochReport(len(history) + 1, self.last, cost, training, validation, seconds, rate)
        history.add(report)
        self.watched.append(cost if validation is None else validation.cost)
        enough = self._watch.after_epoch(report, parameters)
        if plan.listener(Progress(report.epoch, self.last, steps, steps, cost, report)) is True:
            raise Stopped(End.CALLBACK)
        if enough:
            raise Stopped(End.EARLY_STOPPING)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        history = self._history
        if isinstance(error, Stopped):
            history.end = error.end
        elif error is not None:
            history.end = _end_of(error)
            return False
        if self._watch.best is not None:
            history.best_epoch = self._watch.best_epoch
            self._keep(self._watch.best)
        return True


def _end_of(error: BaseException) -> End:
    if isinstance(error, KeyboardInterrupt):
        return End.INTERRUPTED
    return End.NOT_FINITE if isinstance(error, NonFiniteCostError) else End.ERROR
