"""Optimizers that give each entry a step length of its own: Adagrad, RMSprop, Adam and its kin, Lion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.training.optimizers.pair import Optimizer, entrywise
from chainrule.training.optimizers.recipe import Recipe, part
from chainrule.training.optimizers.transforms import decayed
from chainrule.training.settings import check_amount, check_fraction, check_rate


def adagrad(epsilon: float = 1e-10) -> Optimizer:
    """Return Adagrad (Duchi, Hazan and Singer, 2011), with ε = ``epsilon``.

    h ← h + g², θ ← θ − η g / (√h + ε), with h = 0 at first.

    Examples
    --------
    >>> parameters, state = adagrad().update([3.0], [16.0], [1.0], 0.5)
    >>> print(parameters[0], state[0])  # 1 − 0.5 · 3 / 5
    0.700000000006 25.0
    """
    epsilon = check_rate("epsilon", epsilon)

    def rule(parameter: Any, gradient: Any, h: Any, rate: Any) -> tuple[Any, ...]:
        h = h + gradient * gradient
        return parameter - rate * gradient / (np.sqrt(h) + epsilon), h

    return entrywise(part("adagrad", epsilon=epsilon), rule, memory=("h",))


def rmsprop(alpha: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    """Return RMSprop (Hinton, 2012, lecture 6 of his course), with α = ``alpha``, ε = ``epsilon``.

    v ← α v + (1 − α) g², θ ← θ − η g / (√v + ε), with v = 0 at first.

    Examples
    --------
    >>> parameters, state = rmsprop(0.75).update([4.0], [0.0], [1.0], 0.5)
    >>> print(round(float(parameters[0]), 6), state[0])  # v = 4: 1 − 0.5 · 4 / 2
    0.0 4.0
    """
    alpha, epsilon = check_fraction("alpha", alpha), check_rate("epsilon", epsilon)

    def rule(parameter: Any, gradient: Any, v: Any, rate: Any) -> tuple[Any, ...]:
        v = alpha * v + (1 - alpha) * (gradient * gradient)
        return parameter - rate * gradient / (np.sqrt(v) + epsilon), v

    return entrywise(part("rmsprop", alpha=alpha, epsilon=epsilon), rule, memory=("v",))


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
    b1, b2, epsilon = _of_adam(b1, b2, epsilon)
    return _adam(part("adam", b1=b1, b2=b2, epsilon=epsilon), b1, b2, epsilon, 0.0)


def adamw(b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.01) -> Optimizer:
    """Return AdamW (Loshchilov and Hutter, 2019): θ ← θ − η λ θ, then the step of `adam`.

    λ = ``weight_decay``. Only weights decay, not biases (arrays of one axis). PyTorch lets those decay too,
    as does ``chain(weight_decay(0.01, biases=True), adam())``.

    Examples
    --------
    >>> chosen, start = adamw(weight_decay=0.5), [np.array([[1.0]])]
    >>> parameters, state = chosen.update([np.zeros((1, 1))], chosen.init(start), start, 0.1)
    >>> print(parameters[0])  # 1 − 0.1 · 0.5: the weight shrinks where the gradient is 0
    [[0.95]]
    """
    b1, b2, epsilon = _of_adam(b1, b2, epsilon)
    strength = check_amount("weight_decay", weight_decay)
    recipe = part("adamw", b1=b1, b2=b2, epsilon=epsilon, weight_decay=strength)
    return _adam(recipe, b1, b2, epsilon, strength)


def _of_adam(b1: float, b2: float, epsilon: float) -> tuple[float, float, float]:
    return check_fraction("b1", b1), check_fraction("b2", b2), check_rate("epsilon", epsilon)


def _adam(recipe: Recipe, b1: float, b2: float, epsilon: float, strength: float) -> Optimizer:
    def advance(shared: Sequence[Any], rate: Any) -> tuple[list[Any], Sequence[Any]]:
        steps = shared[0] + 1
        # √v̂ = √v / √(1 − β₂ᵗ), so that both corrections are numbers, not arrays.
        return [steps], [rate, rate / (1 - b1**steps), 1 / np.sqrt(1 - b2**steps)]

    def rule(
        parameter: Any, gradient: Any, m: Any, v: Any, rate: Any, corrected: Any, widening: Any
    ) -> tuple[Any, ...]:
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * (gradient * gradient)
        start = decayed(parameter, strength, rate)
        return start - corrected * m / (np.sqrt(v) * widening + epsilon), m, v

    return entrywise(recipe, rule, memory=("m", "v"), shared=[("t", 0.0)], advance=advance)


def nadam(
    b1: float = 0.9, b2: float = 0.999, epsilon: float = 1e-8, momentum_decay: float = 0.004
) -> Optimizer:
    """Return Nadam, Adam with Nesterov's momentum (Dozat, 2016), with ψ = ``momentum_decay``.

    t ← t + 1, μₜ = β₁ (1 − ½ · 0.96^(t ψ)), Π ← Π μₜ, m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
    θ ← θ − η ((1 − μₜ) / (1 − Π) g + μₜ₊₁ / (1 − Π μₜ₊₁) m) / (√v̂ + ε) with v̂ = v / (1 − β₂ᵗ); t, m and v are
    0 at first, Π is 1.

    Examples
    --------
    >>> parameters, state = nadam().update([4.0], nadam().init([1.0]), [1.0], 0.1)
    >>> round(float(parameters[0]), 6)
    0.894355
    """
    b1, b2, epsilon = _of_adam(b1, b2, epsilon)
    fading = check_amount("momentum_decay", momentum_decay)

    def advance(shared: Sequence[Any], rate: Any) -> tuple[list[Any], Sequence[Any]]:
        steps = shared[0] + 1
        now = b1 * (1 - 0.5 * 0.96 ** (steps * fading))
        following = b1 * (1 - 0.5 * 0.96 ** ((steps + 1) * fading))
        product = shared[1] * now
        of_gradient = rate * (1 - now) / (1 - product)
        of_average = rate * following / (1 - product * following)
        return [steps, product], [of_gradient, of_average, 1 / np.sqrt(1 - b2**steps)]

    def rule(
        parameter: Any, gradient: Any, m: Any, v: Any, of_gradient: Any, of_average: Any, widening: Any
    ) -> tuple[Any, ...]:
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * (gradient * gradient)
        width = np.sqrt(v) * widening + epsilon
        return parameter - (of_gradient * gradient + of_average * m) / width, m, v

    recipe = part("nadam", b1=b1, b2=b2, epsilon=epsilon, momentum_decay=fading)
    shared = [("t", 0.0), ("Π", 1.0)]
    return entrywise(recipe, rule, memory=("m", "v"), shared=shared, advance=advance)


def lion(b1: float = 0.9, b2: float = 0.99, weight_decay: float = 0.0) -> Optimizer:
    """Return Lion (Chen and others, 2023): every entry moves by η, only the direction is learned.

    c = β₁ m + (1 − β₁) g, θ ← θ − η (sign(c) + λ θ), m ← β₂ m + (1 − β₂) g, with λ = ``weight_decay`` for
    weights, not biases, and m = 0 at first. Learning rates are three to ten times smaller than Adam's.

    Examples
    --------
    >>> parameters, state = lion().update([4.0], [0.0], [1.0], 0.25)
    >>> print(parameters[0], round(state[0], 6))
    0.75 0.04
    """
    b1, b2 = check_fraction("b1", b1), check_fraction("b2", b2)
    strength = check_amount("weight_decay", weight_decay)

    def rule(parameter: Any, gradient: Any, m: Any, rate: Any) -> tuple[Any, ...]:
        direction = np.sign(b1 * m + (1 - b1) * gradient)
        return decayed(parameter, strength, rate) - rate * direction, b2 * m + (1 - b2) * gradient

    return entrywise(part("lion", b1=b1, b2=b2, weight_decay=strength), rule, memory=("m",))
