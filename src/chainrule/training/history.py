"""What training reports: a record for each epoch, and progress in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from chainrule.text import say
from chainrule.training.evaluation import Evaluation


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch. ``epoch`` counts from 1 over all fits; ``score`` is what the line prints."""

    epoch: int
    epochs: int
    cost: float
    training: Evaluation | None
    validation: Evaluation | None
    seconds: float

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


Listener = Callable[[Progress], None]


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
    seconds
        How long each epoch took.
    interrupted
        Whether the last fit was stopped by Ctrl-C.
    """

    cost: list[float] = field(default_factory=list)
    accuracy: list[float | None] = field(default_factory=list)
    validation_cost: list[float] = field(default_factory=list)
    validation_accuracy: list[float | None] = field(default_factory=list)
    validation_r2: list[float | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.cost)

    def add(self, report: EpochReport) -> None:
        """Append an epoch."""
        self.cost.append(report.cost)
        self.accuracy.append(report.training.accuracy if report.training else None)
        if report.validation is not None:
            self.validation_cost.append(report.validation.cost)
            self.validation_accuracy.append(report.validation.accuracy)
            self.validation_r2.append(report.validation.r2)
        self.seconds.append(report.seconds)


def listener_of(progress: bool | Listener) -> Listener:
    """Return the listener that ``progress`` stands for: True prints a line an epoch, False does nothing."""
    if callable(progress):
        return progress
    return _print_epoch if progress else _ignore


def _print_epoch(progress: Progress) -> None:
    if progress.report is not None:
        print(progress.report, flush=True)  # noqa: T201 - what the user asked for


def _ignore(progress: Progress) -> None:
    del progress
