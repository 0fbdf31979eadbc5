"""What a person sees while a network learns: a line an epoch, and on a terminal a bar below."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.text import say

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Bar

    from chainrule.training.history import EpochReport, Progress

ECHO = "^C"  # what a terminal writes after the bar at Ctrl-C; on a line of its own it would shield the bar


class Live:
    """A listener for `Network.fit`, to be used in a ``with`` block.

    Parameters
    ----------
    lines
        Whether to write a line for each epoch to standard output.
    bar
        Whether to show a bar, which goes to standard error and only if that is a terminal.
    """

    def __init__(self, *, lines: bool, bar: bool) -> None:
        self._lines = lines
        self._bar = _make_bar() if bar and printing.is_terminal(sys.stderr) else None
        self._task: Any = None
        self._shown: dict[str, Any] = {"cost": "", "score": ""}
        self.epoch = 0

    def __enter__(self) -> Live:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Take note of how far training is."""
        self.epoch = progress.epoch
        if progress.report is not None:
            self._shown["score"] = score_text(progress.report)
            if self._lines:
                self._write(epoch_line(progress.report))
        if self._bar is not None:
            self._update(progress)

    def _write(self, text: str) -> None:
        if self._bar is not None and printing.is_terminal(sys.stdout):
            self._bar.console.print(text)  # above the bar, on the same terminal
        else:
            printing.line(text)

    def _update(self, progress: Progress) -> None:
        bar = self._bar
        if bar is None:
            return
        self._shown["cost"] = say("cli.live.cost", value=progress.cost)
        if self._task is None:
            self._task = bar.add_task("", total=progress.epochs * progress.steps, epoch="", **self._shown)
        bar.update(
            self._task,
            completed=(progress.epoch - 1) * progress.steps + progress.step,
            epoch=say("cli.live.epoch", epoch=progress.epoch, epochs=progress.epochs),
            **self._shown,
        )


def epoch_line(report: EpochReport) -> str:
    """Return ``Epoch 3: 9412 / 10000``, or for a regression ``Epoch 3: R² 0.9412``."""
    judged = report.validation
    if judged is not None and judged.r2 is not None:
        return say("cli.live.epoch_r2", epoch=report.epoch, value=judged.r2)
    return str(report)


def score_text(report: EpochReport) -> str:
    """Return the accuracy, or R², of the epoch just ended."""
    judged = report.validation or report.training
    if judged is None:
        return ""
    if judged.accuracy is not None:
        return say("cli.live.accuracy", value=judged.accuracy)
    return "" if judged.r2 is None else say("cli.live.r2", value=judged.r2)


def _make_bar() -> Bar:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.fields[epoch]}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[cost]}"),
        TextColumn("{task.fields[score]}"),
        TimeRemainingColumn(compact=True),
        console=printing.console(sys.stderr, free=len(ECHO)),
        transient=True,
        expand=True,
    )
