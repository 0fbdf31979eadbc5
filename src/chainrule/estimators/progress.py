"""How far training is: losses, scores, the best so far, and when there is no more to gain."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.estimators.making import Rates
from chainrule.network import Network
from chainrule.text import say
from chainrule.training.history import Progress

Array = np.ndarray[Any, Any]


@dataclass
class Course:
    """What an estimator remembers of its epochs; fitting on adds to it.

    Attributes
    ----------
    losses, validation_losses, scores
        One entry an epoch; the latter two with validation data only.
    best_loss, best_score, best
        The best so far, and the parameters that gave the best score.
    waiting
        In how many epochs in a row there was no improvement.
    seen
        How many examples were learned from, each counted every time.
    factor
        By which the learning rate is multiplied by now.
    stopped
        Whether training ended because there was no improvement.
    """

    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_score: float = -math.inf
    best: dict[str, Array] | None = None
    waiting: int = 0
    seen: int = 0
    factor: float = 1.0
    stopped: bool = False

    def note_loss(self, loss: float, tolerance: float) -> None:
        """Take note of a loss that is watched."""
        self.waiting = self.waiting + 1 if loss > self.best_loss - tolerance else 0
        self.best_loss = min(self.best_loss, loss)

    def note_score(self, score: float, tolerance: float, net: Network) -> None:
        """Take note of a score that is watched; keep the parameters if it is the best."""
        self.waiting = self.waiting + 1 if score < self.best_score + tolerance else 0
        if score > self.best_score:
            self.best_score = score
            self.best = {name: np.array(value) for name, value in net.parameters.items()}


@dataclass
class Watch:
    """Listens to a fit: fills in the course, and says when it is enough.

    Parameters
    ----------
    parameters
        Those of the estimator.
    course
        What is filled in.
    net
        The network that learns.
    examples
        How many there are.
    scale
        By which the network's cost is multiplied to give the loss.
    strength
        λ of the penalty ½ λ Σ θ² of weights, which is a part of the loss.
    score
        Returns the validation score; None without validation data.
    rates
        The learning rate's course; None where steps have no length of their own.
    """

    parameters: dict[str, Any]
    course: Course
    net: Network
    examples: int
    scale: float
    strength: float
    score: Callable[[], float] | None
    rates: Rates | None

    def __post_init__(self) -> None:
        self.epochs = 0
        self._penalty = self.penalty()

    def penalty(self) -> float:
        """Return ½ λ Σ θ² of the present weights."""
        if not self.strength:
            return 0.0
        weights = [value.ravel() for name, value in self.net.parameters.items() if name[0] == "W"]
        return self.strength / 2 * sum(float(np.dot(weight, weight)) for weight in weights)

    def __call__(self, progress: Progress) -> bool:
        """Take note of an epoch that has ended; return whether it is enough."""
        report = progress.report
        if report is None:
            return False
        self.epochs += 1
        before, self._penalty = self._penalty, self.penalty()
        course = self.course
        # An epoch's cost is that of the weights before its steps; an iteration of L-BFGS tells it after.
        loss = report.cost * self.scale + (self._penalty if self.rates is None else before)
        course.losses.append(loss)
        self._say("estimator.iteration", iteration=self.epochs, loss=loss)
        if report.validation is not None and self.score is not None:
            course.validation_losses.append(report.validation.cost * self.scale)
            course.scores.append(self.score())
            self._say("estimator.score", score=course.scores[-1])
        if self.rates is None:
            course.best_loss = min(course.best_loss, loss)
            return False
        return self._after(loss, self.rates)

    def _after(self, loss: float, rates: Rates) -> bool:
        course, tolerance = self.course, self.parameters["tol"]
        course.seen += self.examples
        if self.parameters["early_stopping"]:
            course.note_score(course.scores[-1], tolerance, self.net)
        else:
            course.note_loss(loss, tolerance)
        rates.after_epoch(course.seen)
        patience = self.parameters["n_iter_no_change"]
        if course.waiting <= patience:
            return False
        if rates.slow_down():
            course.waiting = 0
            self._say("estimator.slower", tol=tolerance, count=patience, rate=rates.rate)
            return False
        self._say("estimator.stopped", tol=tolerance, count=patience)
        course.stopped = True
        return True

    def _say(self, key: str, **values: Any) -> None:
        if self.parameters["verbose"]:
            print(say(key, **values))  # noqa: T201 - what the user asked for
