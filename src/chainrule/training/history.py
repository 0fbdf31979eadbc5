"""What training reports: a record for each epoch, progress in between, and why it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from chainrule.errors import SettingError
from chainrule.text import say
from chainrule.training.evaluation import Evaluation


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch. ``epoch`` counts from 1 over all fits; ``score`` is what the line prints.

    ``learning_rate`` is that of its last mini-batch; None where steps have no such length.
    """

    epoch: int
    epochs: int
    cost: float
    training: Evaluation | None
    validation: Evaluation | None
    seconds: float
    learning_rate: float | None = None

    def __str__(self) -> str:
        """Return ``Epoch 3: 9412 / 10000`` with validation labels, else ``Epoch 3 complete``, or the R²."""
        shown = self.validation
        if shown is not None and shown.correct is not None:
            return say("train.epoch_score", epoch=self.epoch, correct=shown.correct, total=shown.total)
        if shown is not None:
            return say("train.epoch_cost", epoch=self.epoch, cost=shown.cost)
        return say("train.epoch", epoch=self.epoch)


class Progress(NamedTuple):
    """Where training stands after a mini-batch; ``report`` is set when an epoch has just ended."""

    epoch: int
    epochs: int
    step: int
    steps: int
    cost: float
    report: EpochReport | None = None


Listener = Callable[[Progress], object]
"""A function that is told of progress; if it returns True, the fit stops."""


class End(StrEnum):
    """Why a fit ended."""

    EPOCHS = "epochs"
    EARLY_STOPPING = "early_stopping"
    CONVERGED = "converged"
    CALLBACK = "callback"
    INTERRUPTED = "interrupted"
    NOT_FINITE = "not_finite"
    ERROR = "error"


@dataclass
class History:
    """The course of training, one entry an epoch; fitting again goes on.

    Attributes
    ----------
    cost
        The mean cost over the epoch's mini-batches, each counted by its size, while parameters moved.
    accuracy
        The share of training examples that were right after the epoch (None where not asked for, or in a
        regression).
    validation_cost, validation_accuracy
        The same on the validation data after the epoch; empty without such data. A regression has R² in
        ``validation_r2``.
    learning_rate
        That of each epoch's last mini-batch; None for L-BFGS.
    seconds
        How long each epoch took.
    end
        Why the last fit ended: "epochs" (they ran out), "early_stopping", "converged" (L-BFGS), "callback"
        (one returned True), "interrupted" (Ctrl-C), "not_finite", or "error". None while it goes on.
    best_epoch
        The epoch whose parameters early stopping brought back, counted from 1; None if it brought back none.
    """

    cost: list[float] = field(default_factory=list)
    accuracy: list[float | None] = field(default_factory=list)
    validation_cost: list[float] = field(default_factory=list)
    validation_accuracy: list[float | None] = field(default_factory=list)
    validation_r2: list[float | None] = field(default_factory=list)
    learning_rate: list[float | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    end: End | None = None
    best_epoch: int | None = None

    def __len__(self) -> int:
        return len(self.cost)

    @property
    def interrupted(self) -> bool:
        """Whether the last fit was stopped by Ctrl-C."""
        return self.end is End.INTERRUPTED

    @property
    def reason(self) -> str:
        """Why the last fit ended, as a sentence in the current language; empty before the first.

        Examples
        --------
        >>> import chainrule as cr
        >>> net = cr.Network([1, 1], cost="mse")
        >>> net.fit([[0.0], [1.0]], [0.0, 1.0], epochs=2).reason
        'After epoch 2: all epochs are done.'
        """
        if self.end is None:
            return ""
        text = say(f"train.end.{self.end}", epoch=len(self))
        return text if self.best_epoch is None else f"{text} {say('train.end.best', best=self.best_epoch)}"

    def add(self, report: EpochReport) -> None:
        """Append an epoch."""
        self.cost.append(report.cost)
        self.accuracy.append(report.training.accuracy if report.training else None)
        if report.validation is not None:
            self.validation_cost.append(report.validation.cost)
            self.validation_accuracy.append(report.validation.accuracy)
            self.validation_r2.append(report.validation.r2)
        self.learning_rate.append(report.learning_rate)
        self.seconds.append(report.seconds)

    def restore(self, other: History) -> None:
        """Become what another history is."""
        for part in fields(self):
            value = getattr(other, part.name)
            setattr(self, part.name, list(value) if isinstance(value, list) else value)


def listener_of(progress: bool | Listener, callbacks: Iterable[Listener] = ()) -> Listener:
    """Return the listener that tells all: ``progress`` (True prints a line an epoch) and ``callbacks``.

    It returns True if any of them did; all are told.

    Raises
    ------
    SettingError
        If a callback is no function.
    """
    if not isinstance(callbacks, Iterable):
        raise SettingError("setting.callback", value=callbacks)
    told = list(callbacks)
    for callback in told:
        if not callable(callback):
            raise SettingError("setting.callback", value=callback)
    if callable(progress):
        told.insert(0, progress)
    elif progress:
        told.insert(0, _print_epoch)

    def tell(progress: Progress) -> bool:
        answers = [listener(progress) for listener in told]
        return any(map(_wants_to_stop, answers))

    return tell


def _wants_to_stop(answer: object) -> bool:
    """Return whether a listener returned True itself; anything else it may return for reasons of its own."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def _print_epoch(progress: Progress) -> None:
    if progress.report is not None:
        print(progress.report, flush=True)  # noqa: T201 - what the user asked for
