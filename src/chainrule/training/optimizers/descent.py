"""Gradient descent, with and without momentum."""

from __future__ import annotations

from typing import Any

from chainrule.training.optimizers.pair import Optimizer, entrywise
from chainrule.training.optimizers.recipe import part
from chainrule.training.settings import check_fraction


def sgd() -> Optimizer:
    """Return gradient descent: θ ← θ − η g. It has no state.

    Examples
    --------
    >>> sgd().update([4.0], [], [1.0], 0.25)
    ([0.0], [])
    """

    def rule(parameter: Any, gradient: Any, rate: Any) -> tuple[Any, ...]:
        return (parameter - rate * gradient,)

    return entrywise(part("sgd"), rule)


def momentum(decay: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum: v ← μ v + g, θ ← θ − η v, with μ = ``decay`` and v = 0 at first.

    The past gradients' weights fall by μ a step (Polyak, 1964; in the form of Sutskever and others, 2013).

    Examples
    --------
    >>> momentum(0.5).update([4.0], [2.0], [1.0], 0.1)
    ([0.5], [5.0])
    """
    decay = check_fraction("decay", decay)

    def rule(parameter: Any, gradient: Any, v: Any, rate: Any) -> tuple[Any, ...]:
        v = decay * v + gradient
        return parameter - rate * v, v

    return entrywise(part("momentum", decay=decay), rule, memory=("v",))


def nesterov(decay: float = 0.9) -> Optimizer:
    """Return Nesterov's momentum: v ← μ v + g, θ ← θ − η (g + μ v), with μ = ``decay`` and v = 0 at first.

    The step looks one step of the momentum ahead (Nesterov, 1983; Sutskever and others, 2013; in the form of
    PyTorch's ``SGD(nesterov=True)``).

    Examples
    --------
    >>> nesterov(0.5).update([4.0], [2.0], [1.0], 0.1)  # v = 5, and the step is 0.1 · (4 + 0.5 · 5)
    ([0.35], [5.0])
    """
    decay = check_fraction("decay", decay)

    def rule(parameter: Any, gradient: Any, v: Any, rate: Any) -> tuple[Any, ...]:
        v = decay * v + gradient
        return parameter - rate * (gradient + decay * v), v

    return entrywise(part("nesterov", decay=decay), rule, memory=("v",))
