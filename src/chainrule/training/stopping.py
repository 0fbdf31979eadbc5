"""Early stopping: when validation has stopped improving, learning ends and the best parameters come back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from chainrule.errors import SettingError, unknown_name
from chainrule.training.history import EpochReport
from chainrule.training.settings import check_amount, check_flag, check_positive

Array = np.ndarray[Any, Any]
MONITORS = ("cost", "score")


@dataclass(frozen=True)
class EarlyStopping:
    """When a fit stops before its epochs run out.

    Parameters
    ----------
    patience
        After how many epochs in a row without improvement it stops.
    min_delta
        By how much more than the best an epoch must improve to count.
    monitor
        "cost", or "score": accuracy, or R² of a regression. On the validation data; without such data the
        cost of the epoch, or the score on the training examples.
    restore_best
        Whether the parameters of the best epoch come back, with the optimizer's state of that time: also when
        the epochs run out, not after Ctrl-C.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([1, 1], cost="mse", dtype="float64")
    >>> data = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> chosen = cr.EarlyStopping(patience=5, min_delta=1e-6)
    >>> history = net.fit(*data, epochs=5000, early_stopping=chosen)
    >>> print(history.end, len(history) < 500, history.best_epoch == len(history) - 5)
    early_stopping True True
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "cost"
    restore_best: bool = True

    def __post_init__(self) -> None:
        check_positive("patience", self.patience)
        check_amount("min_delta", self.min_delta)
        check_flag("restore_best", self.restore_best)
        if self.monitor not in MONITORS:
            raise unknown_name("monitor", self.monitor, MONITORS)

    def plain(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return asdict(self)


def early_stopping_of(choice: bool | int | EarlyStopping | None) -> EarlyStopping | None:
    """Return what ``early_stopping`` of `fit` stands for: True, a patience, or `EarlyStopping`.

    Raises
    ------
    SettingError
        If it is something else.
    """
    if isinstance(choice, EarlyStopping):
        return choice
    if choice is None or isinstance(choice, bool | np.bool_):
        return EarlyStopping() if choice else None
    if isinstance(choice, int | np.integer):
        return EarlyStopping(check_positive("early_stopping", choice))
    raise SettingError("stopping.choice", value=choice)


@dataclass(frozen=True)
class Best:
    """The best epoch so far: what was watched there, for how many epochs none has been better since.

    ``parameters`` are those after it, with the optimizer's state; None if they are not to come back.
    """

    value: float = math.inf
    since: int = 0
    epoch: int | None = None
    parameters: list[Array] | None = None


class Watch:
    """The best epoch so far, and for how long none has been better."""

    def __init__(self, settings: EarlyStopping | None, state: Best | None = None) -> None:
        self._settings = settings
        self.state = state or Best()

    @property
    def best_epoch(self) -> int | None:
        """The number of the best epoch."""
        return self.state.epoch

    @property
    def best(self) -> list[Array] | None:
        """The parameters after it, if they are to come back."""
        return self.state.parameters

    def after_epoch(self, report: EpochReport, parameters: list[Array]) -> bool:
        """Take note of an epoch, with the parameters and the state after it; return whether to stop."""
        settings, best = self._settings, self.state
        if settings is None:
            return False
        value = _watched(settings.monitor, report)
        if value < best.value - settings.min_delta or best.epoch is None:
            kept = list(parameters) if settings.restore_best else None
            self.state = Best(math.inf if math.isnan(value) else value, 0, report.epoch, kept)
            return False
        self.state = replace(best, since=best.since + 1)
        return self.state.since >= settings.patience


def _watched(monitor: str, report: EpochReport) -> float:
    """Return what is to fall: the cost, or the negative score."""
    if monitor == "cost":
        return report.validation.cost if report.validation is not None else report.cost
    shown = report.validation or report.training
    score = None if shown is None else shown.accuracy if shown.accuracy is not None else shown.r2
    if score is None:
        raise SettingError("stopping.score")
    return -score
