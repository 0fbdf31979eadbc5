"""The log of a fit: a line an epoch, as CSV or as JSON lines, always the same epochs as in the history."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from chainrule.errors import FileError, SettingError
from chainrule.files import write_atomically
from chainrule.text import say
from chainrule.training.checkpoints import COLUMNS, CheckpointWarning
from chainrule.training.history import EpochReport, History

NAMES = ("epoch", *COLUMNS)
SUFFIXES = (".csv", ".jsonl")


class Log:
    """A file with a line for each epoch of a history.

    It is written anew when a fit begins or goes on, so that no epoch is in it twice, and half a line that a
    crash left disappears; then lines are appended.

    Parameters
    ----------
    path
        The file: what it holds follows its suffix, .csv or .jsonl.

    Raises
    ------
    SettingError
        If it has another suffix.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike) or Path(path).suffix.lower() not in SUFFIXES:
            raise SettingError("checkpoint.log", value=path)
        self._path = Path(path)
        self._json = self._path.suffix.lower() == ".jsonl"
        self._lines: list[str] = []
        self._complete = True

    def begin(self, history: History, epochs: int, *, judged: bool) -> None:
        """Write the epochs so far.

        ``epochs`` of them are of this fit, in which there is validation data if ``judged``.

        Raises
        ------
        FileError
            If the file cannot be written.
        """
        head = [] if self._json else [_csv_line(NAMES)]
        self._lines = [*head, *[self._line(row) for row in _rows(history, epochs, judged)]]
        self._write_all()

    def add(self, report: EpochReport) -> None:
        """Append an epoch; if that fails, warn, and make up for it after the next."""
        training, validation = report.training, report.validation
        judged = (None,) * 3 if validation is None else (validation.cost, validation.accuracy, validation.r2)
        accuracy = None if training is None else training.accuracy
        row = (report.epoch, report.cost, accuracy, *judged, report.learning_rate, report.seconds)
        self._lines.append(self._line(row))
        try:
            if self._complete:
                self._append(self._lines[-1])
            else:
                self._write_all()
        except FileError as error:
            warnings.warn(say("checkpoint.log_failed", reason=error), CheckpointWarning, stacklevel=2)

    def _append(self, line: str) -> None:
        self._complete = False
        try:
            with self._path.open("a", encoding="utf-8", newline="") as file:
                file.write(line)
        except OSError as error:
            path, reason = str(self._path), error.strerror or error
            raise FileError("file.unwritable", path=path, reason=reason) from error
        self._complete = True

    def _write_all(self) -> None:
        self._complete = False
        write_atomically(self._path, "".join(self._lines).encode())
        self._complete = True

    def _line(self, row: Sequence[Any]) -> str:
        if not self._json:
            return _csv_line(["" if value is None else value for value in row])
        plain = [None if value is None or not math.isfinite(value) else value for value in row]
        return json.dumps(dict(zip(NAMES, plain, strict=True))) + "\n"


def _csv_line(row: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


def _rows(history: History, epochs: int, judged: bool) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each epoch; what validation found stands in shorter columns, if it took place."""
    total = len(history)
    first = total - epochs
    found = len(history.validation_cost)
    earlier_judged = found - (epochs if judged else 0) == first
    for place in range(total):
        own = place - total + found if place >= first else place
        known = judged if place >= first else earlier_judged
        for_validation = [
            column[own] if known else None
            for column in (history.validation_cost, history.validation_accuracy, history.validation_r2)
        ]
        row = history.cost[place], history.accuracy[place], *for_validation
        yield place + 1, *row, history.learning_rate[place], history.seconds[place]
