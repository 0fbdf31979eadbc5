"""What changes gradients, or weights, before an optimizer's step: penalties, weight decay, clipping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.training.optimizers.recipe import Recipe, part
from chainrule.training.settings import check_amount, check_flag, check_rate

Arrays = list[Any]
Apply = Callable[[Sequence[Any], Sequence[Any], Any], tuple[Arrays, Arrays]]
AVOIDED_ZERO = 1e-6  # added to the norm, as PyTorch does


@dataclass(frozen=True, eq=False)
class Transform:
    """What happens before an optimizer's step; `chain` puts it in front of one.

    ``apply(gradients, parameters, learning_rate)`` returns the gradients and parameters that the optimizer is
    to work with: a pure function on NumPy arrays, which is traced.
    """

    name: str
    apply: Apply
    recipe: Recipe | None = None

    def __repr__(self) -> str:
        return f"<Transform {self.name}>"


def _is_weight(parameter: Any, *, biases: bool) -> bool:
    """Return whether a parameter is one that is held small: biases are the arrays of one axis."""
    return biases or getattr(parameter, "ndim", 0) != 1


def decayed(parameter: Any, strength: float, rate: Any, *, biases: bool = False) -> Any:
    """Return θ − η λ θ of a weight, with λ = ``strength``; other parameters as they are."""
    if not strength or not _is_weight(parameter, biases=biases):
        return parameter
    return parameter * (1 - rate * strength)


def l2(strength: float, *, biases: bool = False) -> Transform:
    """Return the L2 penalty: g ← g + λ θ, the gradient of C + ½ λ Σ θ², with λ = ``strength``.

    Of weights only, not of biases (arrays of one axis), unless ``biases``. Costs are told without it.

    Examples
    --------
    >>> weights = [np.array([[2.0, -4.0]])]
    >>> l2(0.5).apply([np.zeros((1, 2))], weights, 0.1)[0]
    [array([[ 1., -2.]])]
    """
    strength = check_amount("strength", strength)
    return _penalty("l2", strength, biases, lambda parameter: parameter)


def l1(strength: float, *, biases: bool = False) -> Transform:
    """Return the L1 penalty: g ← g + λ sign(θ), the gradient of C + λ Σ |θ|, with λ = ``strength``.

    Of weights only, not of biases (arrays of one axis), unless ``biases``. Costs are told without it.

    Examples
    --------
    >>> weights = [np.array([[2.0, -4.0]])]
    >>> l1(0.5).apply([np.zeros((1, 2))], weights, 0.1)[0]
    [array([[ 0.5, -0.5]])]
    """
    strength = check_amount("strength", strength)
    return _penalty("l1", strength, biases, np.sign)


def _penalty(name: str, strength: float, biases: bool, slope: Callable[[Any], Any]) -> Transform:
    biases = check_flag("biases", biases)

    def is_penalised(parameter: Any) -> bool:
        return bool(strength) and _is_weight(parameter, biases=biases)

    def apply(gradients: Sequence[Any], parameters: Sequence[Any], rate: Any) -> tuple[Arrays, Arrays]:
        del rate
        changed = [
            gradient + strength * slope(parameter) if is_penalised(parameter) else gradient
            for gradient, parameter in zip(gradients, parameters, strict=True)
        ]
        return changed, list(parameters)

    return Transform(name, apply, part(name, strength=strength, biases=biases))


def weight_decay(strength: float = 0.01, *, biases: bool = False) -> Transform:
    """Return weight decay apart from the gradient: θ ← θ − η λ θ before the step.

    λ = ``strength`` (Loshchilov and Hutter, 2019). Of weights only, not of biases (arrays of one axis),
    unless ``biases``. In front of `sgd` it is the same as `l2`; in front of `adam` it makes `adamw`.

    Examples
    --------
    >>> weights = [np.array([[2.0, -4.0]])]
    >>> weight_decay(0.5).apply([np.zeros((1, 2))], weights, 0.1)[1]
    [array([[ 1.9, -3.8]])]
    """
    strength, biases = check_amount("strength", strength), check_flag("biases", biases)

    def apply(gradients: Sequence[Any], parameters: Sequence[Any], rate: Any) -> tuple[Arrays, Arrays]:
        return list(gradients), [decayed(array, strength, rate, biases=biases) for array in parameters]

    return Transform("weight_decay", apply, part("weight_decay", strength=strength, biases=biases))


def clip_value(most: float) -> Transform:
    """Return the clipping of every entry: g ← g, at least −``most``, at most ``most``.

    Examples
    --------
    >>> clip_value(1.0).apply([np.array([0.5, -3.0])], [np.zeros(2)], 0.1)[0]
    [array([ 0.5, -1. ])]
    """
    most = check_rate("most", most)

    def apply(gradients: Sequence[Any], parameters: Sequence[Any], rate: Any) -> tuple[Arrays, Arrays]:
        del rate
        return [np.clip(gradient, -most, most) for gradient in gradients], list(parameters)

    return Transform("clip_value", apply, part("clip_value", most=most))


def clip_norm(most: float) -> Transform:
    """Return the clipping of the norm of all gradients together (Pascanu, Mikolov and Bengio, 2013).

    g ← g · min(1, ``most`` / (‖g‖ + 10⁻⁶)), ‖g‖² the sum of all squared entries of all gradients.

    Examples
    --------
    >>> print(np.round(clip_norm(1.0).apply([np.array([3.0, -4.0])], [np.zeros(2)], 0.1)[0], 6))
    [[ 0.6 -0.8]]
    """
    most = check_rate("most", most)

    def apply(gradients: Sequence[Any], parameters: Sequence[Any], rate: Any) -> tuple[Arrays, Arrays]:
        del rate
        squares = [np.sum(gradient * gradient) for gradient in gradients]
        norm = np.sqrt(sum(squares[1:], start=squares[0]))
        share = np.minimum(most / (norm + AVOIDED_ZERO), 1.0)
        return [gradient * share for gradient in gradients], list(parameters)

    return Transform("clip_norm", apply, part("clip_norm", most=most))
