"""Optimizers: how parameters move, given their gradients.

An optimizer is a pair of pure functions. ``init(parameters)`` returns its state at the start, a list of
arrays; ``update(gradients, state, parameters, learning_rate)`` returns the new parameters and the new state.
Both are plain functions on NumPy arrays, so that the update is traced and becomes part of the step's graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import unknown_name
from chainrule.training.settings import check_fraction, check_rate

Arrays = list[Any]


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An optimizer: its name, and the pair (init, update).

    ``settings`` are those of the function of this name that made it; a pickle consists of both. None for
    others: they are pickled as they are, if their functions can be.
    """

    name: str
    init: Callable[[Sequence[Any]], Arrays]
    update: Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Any], tuple[Arrays, Arrays]]
    settings: tuple[float, ...] | None = None

    def __repr__(self) -> str:
        return f"<Optimizer {self.name}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Optimizer:
        """Return this one, which never changes: a copied network finds its state by it."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self.settings is None:
            return Optimizer, (self.name, self.init, self.update)
        return _made_again, (self.name, self.settings)


def sgd() -> Optimizer:
    """Return gradient descent: θ ← θ − η g. It has no state.

    Examples
    --------
    >>> sgd().update([4.0], [], [1.0], 0.25)
    ([0.0], [])
    """

    def update(
        gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], learning_rate: Any
    ) -> tuple[Arrays, Arrays]:
        del state
        pairs = zip(parameters, gradients, strict=True)
        return [parameter - learning_rate * gradient for parameter, gradient in pairs], []

    return Optimizer("sgd", lambda _: [], update, ())


def momentum(decay: float = 0.9) -> Optimizer:
    """Return gradient descent with momentum: v ← μ v + g, θ ← θ − η v, with μ = ``decay`` and v = 0 at first.

    The past gradients' weights fall by μ a step (Polyak, 1964; in the form of Sutskever and others, 2013).

    Examples
    --------
    >>> momentum(0.5).update([4.0], [2.0], [1.0], 0.1)
    ([0.5], [5.0])
    """
    check_fraction("decay", decay)

    def update(
        gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], learning_rate: Any
    ) -> tuple[Arrays, Arrays]:
        velocities = [decay * v + g for v, g in zip(state, gradients, strict=True)]
        pairs = zip(parameters, velocities, strict=True)
        return [parameter - learning_rate * v for parameter, v in pairs], velocities

    return Optimizer("momentum", lambda parameters: [np.zeros_like(p) for p in parameters], update, (decay,))


def adam(b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-8) -> Optimizer:
    """Return Adam (Kingma and Ba, 2015), with β₁ = ``b1``, β₂ = ``b2``, ε = ``epsilon``.

    t ← t + 1, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
    θ ← θ − η m̂ / (√v̂ + ε) with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ); t, m and v are 0 at first.

    Examples
    --------
    >>> parameters, state = adam().update([4.0], adam().init([1.0]), [1.0], 0.1)
    >>> round(float(parameters[0]), 6)  # the first step is η, whatever the gradient's size
    0.9
    """
    check_fraction("b1", b1)
    check_fraction("b2", b2)
    check_rate("epsilon", epsilon)

    def init(parameters: Sequence[Any]) -> Arrays:
        kinds = [np.asarray(parameter) for parameter in parameters]
        steps = np.zeros((), kinds[0].dtype if kinds else "float64")
        return [steps, *[np.zeros_like(p) for p in kinds], *[np.zeros_like(p) for p in kinds]]

    def update(
        gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], learning_rate: Any
    ) -> tuple[Arrays, Arrays]:
        count = len(parameters)
        steps = state[0] + 1
        pairs = list(zip(state[1 : count + 1], state[count + 1 :], gradients, strict=True))
        first = [b1 * m + (1 - b1) * g for m, _, g in pairs]
        second = [b2 * v + (1 - b2) * (g * g) for _, v, g in pairs]
        # √v̂ = √v / √(1 − β₂ᵗ), so that both corrections are numbers, not arrays.
        rate = learning_rate / (1 - b1**steps)
        widening = 1 / np.sqrt(1 - b2**steps)
        moved = [
            parameter - rate * m / (np.sqrt(v) * widening + epsilon)
            for parameter, m, v in zip(parameters, first, second, strict=True)
        ]
        return moved, [steps, *first, *second]

    return Optimizer("adam", init, update, (b1, b2, epsilon))


MAKERS: dict[str, Callable[..., Optimizer]] = {"sgd": sgd, "momentum": momentum, "adam": adam}
OPTIMIZERS: dict[str, Optimizer] = {name: maker() for name, maker in MAKERS.items()}


def _made_again(name: str, settings: tuple[float, ...]) -> Optimizer:
    """Return the optimizer of this name and settings; the one that the name stands for if they are its."""
    known = OPTIMIZERS[name]
    return known if known.settings == settings else MAKERS[name](*settings)


def optimizer(choice: str | Optimizer) -> Optimizer:
    """Return an optimizer by its name, or as it is; raise `UnknownNameError` with the nearest name."""
    if isinstance(choice, Optimizer):
        return choice
    if not isinstance(choice, str) or choice not in OPTIMIZERS:
        raise unknown_name("optimizer", choice, OPTIMIZERS)
    return OPTIMIZERS[choice]
