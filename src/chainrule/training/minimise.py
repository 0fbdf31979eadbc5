"""L-BFGS: SciPy chooses and searches directions; the cost and its gradient are those of an epoch of ours.

That epoch's optimizer moves nothing. It sums up what the mini-batches' gradients contribute to that of all
examples, the learning rate being each one's share of the rows. So everything that holds for epochs holds
here: machine code where it pays, sparse and memory-mapped data, Ctrl-C, the place where NaN was born.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import minimize

from chainrule.training.after import AfterEpochs, Keep, Plan
from chainrule.training.history import End, History
from chainrule.training.loop import Clock, not_finite
from chainrule.training.optimizers import Lbfgs, Optimizer
from chainrule.training.step import Batches, Epoch, NonFinite

Array = np.ndarray[Any, Any]


def _summed(
    gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], share: Any
) -> tuple[list[Any], list[Any]]:
    pairs = zip(state, gradients, strict=True)
    return list(parameters), [total + share * gradient for total, gradient in pairs]


SUMMING = Optimizer("lbfgs", lambda parameters: [np.zeros_like(p) for p in parameters], _summed)


class _Objective:
    """The cost over all examples and its gradient, of the parameters as one vector."""

    def __init__(self, epoch: Epoch, plan: Plan, start: list[Array], strength: float) -> None:
        self._epoch, self._plan, self._strength = epoch, plan, strength
        self._shapes = [array.shape for array in start]
        self._ends = np.cumsum([array.size for array in start])[:-1]
        self._dtype = start[0].dtype
        rows, size = len(plan.examples), plan.batch_size
        self._batches = Batches(plan.examples.gather, np.arange(rows), size, plan.examples.stored)
        counts = [len(self._batches.rows(step)) for step in range(len(self._batches))]
        self._shares = np.array(counts) / rows
        self.number = 0  # of the iteration, for messages
        self.cost, self.at = np.inf, np.empty(0)  # without the penalty, where it was asked for last

    def parts(self, vector: Array) -> list[Array]:
        """Return the parameters that a vector means."""
        pieces = np.split(np.asarray(vector, self._dtype), self._ends)
        return [piece.reshape(shape).copy() for piece, shape in zip(pieces, self._shapes, strict=True)]

    def __call__(self, vector: Array) -> tuple[float, Array]:
        """Return the cost, the penalty included, and its gradient."""
        parameters = self.parts(vector)
        clock = Clock(self._plan, self.number, self.number, self._batches, partial(list, parameters))

        def count(done: int, costs: Array, current: Any) -> None:
            del current
            clock.count(done, costs)

        start = [*parameters, *[np.zeros_like(array) for array in parameters]]
        try:
            summed = self._epoch(start, self._batches, self._shares, count)[len(parameters) :]
        except NonFinite as signal:
            raise not_finite(signal, self.number, len(self._batches)) from None
        self.cost, self.at = clock.mean, vector.copy()
        penalised = [array.astype("float64") * (array.ndim != 1) for array in parameters]
        squares = sum(float(np.sum(array * array)) for array in penalised)
        slopes = [
            (total + self._strength * array).ravel() for total, array in zip(summed, penalised, strict=True)
        ]
        return self.cost + self._strength / 2 * squares, np.concatenate(slopes)


def minimise(
    parameters: list[Array], epoch: Epoch, settings: Lbfgs, plan: Plan, history: History, keep: Keep
) -> None:
    """Run at most ``plan.epochs`` iterations; ``keep`` is handed the parameters after each.

    ``epoch`` runs epochs of `SUMMING`. The best parameters so far are kept, whatever may end it: no iteration
    raises the cost.

    Raises
    ------
    NonFiniteCostError
        If the cost is NaN or infinite.
    KeyboardInterrupt
        After Ctrl-C.
    """
    with AfterEpochs(plan, history, keep, parameters) as after:
        if not plan.epochs:
            history.end = End.EPOCHS
            return
        objective = _Objective(epoch, plan, parameters, settings.l2)
        objective.number = len(history) + 1
        began = [time.perf_counter()]

        def iterated(vector: Array) -> None:
            if not np.array_equal(vector, objective.at):
                objective(vector)
            seconds, began[0] = time.perf_counter() - began[0], time.perf_counter()
            after.epoch(objective.parts(vector), objective.cost, seconds, None, steps=1)
            objective.number = len(history) + 1

        found = minimize(
            objective,
            np.concatenate([array.ravel() for array in parameters]).astype("float64"),
            jac=True,
            method="L-BFGS-B",
            callback=iterated,
            options={
                "maxiter": plan.epochs,
                "maxfun": settings.evaluations,
                "maxcor": settings.memory,
                "gtol": settings.gradient_tolerance,
                "ftol": settings.cost_tolerance,
                "maxls": settings.line_search,
            },
        )
        history.end = End.EPOCHS if found.status == 1 else End.CONVERGED
