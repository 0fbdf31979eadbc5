"""From an estimator's parameters to a network, its first weights, its optimizer and its learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.estimators.settings import RATES, hidden_activations, hidden_sizes
from chainrule.network import Network
from chainrule.nn.costs import CostFunction
from chainrule.training.optimizers import (
    Lbfgs,
    Optimizer,
    adam,
    chain,
    clip_norm,
    clip_value,
    l2,
    lbfgs,
    method,
    momentum,
    nesterov,
    sgd,
)
from chainrule.training.schedules import Schedule, schedule

Array = np.ndarray[Any, Any]
LOWEST_RATE = 1e-6  # below which "adaptive" lowers it no more


def sizes_of(parameters: dict[str, Any], features: int, outputs: int) -> list[int]:
    """Return the sizes of all layers."""
    return [features, *hidden_sizes(parameters["hidden_layer_sizes"]), outputs]


def network_of(
    parameters: dict[str, Any],
    sizes: Sequence[int],
    cost: str | CostFunction,
    output: str,
    dtype: Any,
    random: np.random.RandomState,
) -> Network:
    """Return a new network.

    Weights and biases are drawn from U(−r, r), r² = 6 / (inputs + outputs), or 2 / (…) for the sigmoid: as
    scikit-learn draws them, so that the same random state begins with the same numbers.
    """
    activations = hidden_activations(parameters["activation"], len(sizes) - 2)
    bounds = [2.0 if name == "sigmoid" else 6.0 for name in activations]
    single = parameters["activation"]
    bounds.append(bounds[-1] if bounds else 2.0 if single == "logistic" else 6.0)
    drawn: dict[str, Array] = {}
    for place, factor in enumerate(bounds, start=1):
        inputs, outputs = sizes[place - 1 : place + 1]
        most = math.sqrt(factor / (inputs + outputs))
        drawn[f"W{place}"] = random.uniform(-most, most, (inputs, outputs))
        drawn[f"b{place}"] = random.uniform(-most, most, outputs)
    seed = int(random.randint(np.iinfo(np.int32).max))
    net = Network(
        sizes, activation=activations, cost=cost, output=output, initialiser="zeros", seed=seed, dtype=dtype
    )
    net.set_parameters(**drawn)
    return net


def method_of(parameters: dict[str, Any], strength: float) -> Optimizer | Lbfgs:
    """Return what a network learns by; ``strength`` is λ of the penalty ½ λ Σ θ² of weights."""
    choice = parameters["solver"]
    if isinstance(choice, str) and choice == "lbfgs":
        return lbfgs(
            gradient_tolerance=parameters["tol"],
            cost_tolerance=2.220446049250313e-09,
            l2=strength,
            evaluations=parameters["max_fun"],
        )
    core = _stochastic(parameters)
    if isinstance(core, Lbfgs):
        return core
    before = [l2(strength)] if strength else []
    norm, value = parameters["clip_norm"], parameters["clip_value"]
    before += [clip_value(value)] if value is not None else []
    before += [clip_norm(norm)] if norm is not None else []
    return chain(*before, core) if before else core


def _stochastic(parameters: dict[str, Any]) -> Optimizer | Lbfgs:
    choice, decay = parameters["solver"], float(parameters["momentum"])
    if not isinstance(choice, str) or choice not in ("adam", "sgd"):
        return method(choice)
    if choice == "adam":
        b1, b2, epsilon = (float(parameters[name]) for name in ("beta_1", "beta_2", "epsilon"))
        return adam(b1=b1, b2=b2, epsilon=epsilon)
    if not decay:
        return sgd()
    return nesterov(decay) if parameters["nesterovs_momentum"] else momentum(decay)


def is_whole_batch(parameters: dict[str, Any]) -> bool:
    """Return whether all examples make a step: L-BFGS, by name or as `lbfgs` returns it."""
    return isinstance(parameters["solver"], Lbfgs) or parameters["solver"] == "lbfgs"


class Rates:
    """The learning rate's factor in the course of training, as ``learning_rate`` says.

    As in scikit-learn, "invscaling" and "adaptive" mean nothing to Adam.
    """

    def __init__(self, parameters: dict[str, Any]) -> None:
        choice = parameters["learning_rate"]
        named = isinstance(choice, str) and choice in RATES
        self.own = None if named else schedule(choice)
        self._kind = choice if named and parameters["solver"] != "adam" else "constant"
        self._first, self._power = float(parameters["learning_rate_init"]), float(parameters["power_t"])
        self.factor = 1.0

    def resume(self, factor: float) -> None:
        """Go on with the factor that an earlier fit ended with."""
        self.factor = factor

    @property
    def schedule(self) -> Schedule | Callable[[int], float] | None:
        """What `Network.fit` is handed."""
        if self.own is not None:
            return self.own
        return None if self._kind == "constant" else self._present

    def _present(self, step: int) -> float:
        del step
        return self.factor

    @property
    def rate(self) -> float:
        """The present learning rate, where no schedule of the user's own says more."""
        return self._first * self.factor

    def after_epoch(self, seen: int) -> None:
        """Take note of how many examples were seen by now."""
        if self._kind == "invscaling":
            self.factor = 1 / (seen + 1) ** self._power

    def slow_down(self) -> bool:
        """Lower the rate where "adaptive" wants that; return whether it did."""
        if self._kind != "adaptive" or self.rate <= LOWEST_RATE:
            return False
        self.factor /= 5
        return True
