"""Checkpoints: all that a fit needs to go on as if it had never stopped, and when it is written down."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import FileError, SettingError
from chainrule.text import say
from chainrule.training.history import End, History
from chainrule.training.settings import check_positive, check_rate
from chainrule.training.stopping import Best

Array = np.ndarray[Any, Any]
Choice = str | os.PathLike[str]
EVERY = "epoch"
COLUMNS = (
    "cost",
    "accuracy",
    "validation_cost",
    "validation_accuracy",
    "validation_r2",
    "learning_rate",
    "seconds",
)
NOTHING_YET = Best()
NEVER_NONE = ("cost", "validation_cost", "seconds")


class CheckpointWarning(UserWarning):
    """A checkpoint, or a line of the log, could not be written; training goes on.

    Examples
    --------
    >>> import warnings
    >>> import chainrule as cr
    >>> net = cr.Network([1, 1], cost="mse")
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", cr.CheckpointWarning)  # for those who would rather stop
    ...     history = net.fit([[0.0], [1.0]], [0.0, 1.0], epochs=2)
    """


@dataclass(frozen=True)
class Checkpoint:
    """Where a fit keeps what it needs to go on after a stop, and how often.

    Parameters
    ----------
    folder
        The folder; made if there is none. Each fit has one of its own.
    every
        "epoch": after every epoch, unless one of the following is given.
    steps
        After so many mini-batches; by machine code, at the next of its portions of about a tenth of a second.
    minutes
        After so many minutes.

    Examples
    --------
    >>> import tempfile
    >>> import chainrule as cr
    >>> net = cr.Network([1, 1], cost="mse", seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     chosen = cr.Checkpoint(folder, minutes=5)
    ...     history = net.fit([[0.0], [1.0]], [0.0, 1.0], epochs=2, checkpoint=chosen, resume=True)
    >>> len(history)
    2
    """

    folder: Choice
    every: str = EVERY
    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.folder, str | os.PathLike) or not os.fspath(self.folder):
            raise SettingError("checkpoint.choice", value=self.folder)
        if self.every != EVERY:
            raise SettingError("checkpoint.every", value=self.every)
        if self.steps is not None:
            check_positive("steps", self.steps)
        if self.minutes is not None:
            check_rate("minutes", self.minutes)


def checkpoint_of(choice: Choice | Checkpoint | None) -> Checkpoint | None:
    """Return what ``checkpoint`` of `fit` stands for: a folder, or `Checkpoint`.

    Raises
    ------
    SettingError
        If it is something else.
    """
    return choice if choice is None or isinstance(choice, Checkpoint) else Checkpoint(choice)


@dataclass(frozen=True)
class Standing:
    """How far a fit is, and all that decides how it goes on.

    Parameters
    ----------
    values
        The parameters, and behind them the optimizer's state.
    history
        The network's, this fit's finished epochs at its end.
    epochs
        How many epochs of this fit are finished.
    step, total
        How many mini-batches of the next one are, and the sum of their costs, each times its size.
    watched
        What schedules know of the finished epochs.
    best
        What early stopping knows.
    finished
        Whether nothing is left to do.
    """

    values: list[Array]
    history: History
    epochs: int = 0
    step: int = 0
    total: float = 0.0
    watched: tuple[float, ...] = ()
    best: Best = NOTHING_YET
    finished: bool = False

    def packed(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return it as plain data and arrays by name."""
        history, best = self.history, self.best
        plain = {
            "epochs": self.epochs,
            "step": self.step,
            "finished": self.finished,
            "end": None if history.end is None else str(history.end),
            "best_epoch": history.best_epoch,
            "best": {"epoch": best.epoch, "since": best.since},
        }
        numbers = {"total": [self.total], "watched": self.watched, "best.value": [best.value]}
        columns = {f"history.{name}": getattr(history, name) for name in COLUMNS}
        arrays = {name: np.array(column, "float64") for name, column in {**numbers, **columns}.items()}
        listed = {"values": self.values, "best.values": best.parameters or ()}
        for name, values in listed.items():
            arrays.update({f"{name}.{place}": np.asarray(value) for place, value in enumerate(values)})
        return plain, arrays

    @staticmethod
    def unpacked(plain: Mapping[str, Any], arrays: Mapping[str, Array]) -> Standing:
        """Return what `packed` was called of.

        Raises
        ------
        LookupError, TypeError, ValueError
            If something is missing or is not what it should be.
        """
        columns = {name: arrays[f"history.{name}"].tolist() for name in COLUMNS}
        for name in set(COLUMNS) - set(NEVER_NONE):
            columns[name] = [None if value != value else value for value in columns[name]]
        end, best_epoch = plain["end"], plain["best_epoch"]
        history = History(**columns, end=None if end is None else End(end), best_epoch=best_epoch)
        kept = plain["best"]
        parameters = _listed("best.values", arrays) or None
        return Standing(
            values=_listed("values", arrays),
            history=history,
            epochs=int(plain["epochs"]),
            step=int(plain["step"]),
            total=float(arrays["total"][0]),
            watched=tuple(arrays["watched"].tolist()),
            best=Best(float(arrays["best.value"][0]), int(kept["since"]), kept["epoch"], parameters),
            finished=bool(plain["finished"]),
        )


def _listed(name: str, arrays: Mapping[str, Array]) -> list[Array]:
    count = sum(key.startswith(f"{name}.") for key in arrays)
    return [arrays[f"{name}.{place}"] for place in range(count)]


class Saver:
    """Writes a fit's standing whenever it is time to.

    Parameters
    ----------
    settings
        How often; None: never.
    write
        Writes a standing, wholly or not at all.
    between
        Whether the fit can go on from where it stands between its beginning and its end.
    """

    def __init__(
        self, settings: Checkpoint | None, write: Callable[[Standing], None], *, between: bool = True
    ) -> None:
        self._settings, self._write = settings, write
        self.between = between
        self._steps, self._when = 0, time.monotonic()

    def begin(self, standing: Standing) -> None:
        """Write the first one; raise `FileError` if that fails: before long work, and not after it."""
        if self._settings is not None:
            self._write(standing)
        self.restart(0)

    def restart(self, steps: int) -> None:
        """Count mini-batches of the fit, and time, from here on."""
        self._steps, self._when = steps, time.monotonic()

    def offer(self, steps: int, make: Callable[[], Standing], *, epoch: bool) -> None:
        """Write ``make()`` if it is time: after ``steps`` mini-batches of the fit, perhaps an epoch's end."""
        if self.between and self._settings is not None and self._is_due(self._settings, steps, epoch):
            self.save(make())
            self.restart(steps)

    def _is_due(self, settings: Checkpoint, steps: int, epoch: bool) -> bool:
        if settings.steps is None and settings.minutes is None:
            return epoch
        enough = settings.steps is not None and steps - self._steps >= settings.steps
        seconds = time.monotonic() - self._when
        return enough or (settings.minutes is not None and seconds >= 60 * settings.minutes)

    def save(self, standing: Standing) -> None:
        """Write a standing now; if that fails, warn: the earlier one is still there, and so is the work."""
        if self._settings is None:
            return
        try:
            self._write(standing)
        except FileError as error:
            warnings.warn(say("checkpoint.failed", reason=error), CheckpointWarning, stacklevel=2)


NO_SAVER = Saver(None, lambda _: None)
