"""What the parameters of estimators may be; checked when they are used, as scikit-learn wants it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.text import say

RATES = ("constant", "invscaling", "adaptive")
INTERVALS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "alpha": ("≥ 0", lambda value: value >= 0),
    "learning_rate_init": ("> 0", lambda value: value > 0),
    "power_t": ("≥ 0", lambda value: value >= 0),
    "tol": ("≥ 0", lambda value: value >= 0),
    "momentum": ("≥ 0, < 1", lambda value: 0 <= value < 1),
    "validation_fraction": ("≥ 0, < 1", lambda value: 0 <= value < 1),
    "beta_1": ("≥ 0, < 1", lambda value: 0 <= value < 1),
    "beta_2": ("≥ 0, < 1", lambda value: 0 <= value < 1),
    "epsilon": ("> 0", lambda value: value > 0),
    "clip_norm": ("> 0", lambda value: value > 0),
    "clip_value": ("> 0", lambda value: value > 0),
}
OPTIONAL = ("clip_norm", "clip_value")
COUNTS = ("max_iter", "max_fun", "n_iter_no_change", "batch_size")
SPECIAL: dict[str, Any] = {"batch_size": "auto", "n_iter_no_change": math.inf}
FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")


def check_parameters(parameters: dict[str, Any]) -> None:
    """Raise `SettingError` if a parameter of an estimator has an impossible value."""
    for name, (bound, holds) in INTERVALS.items():
        value = parameters[name]
        if value is None and name in OPTIONAL:
            continue
        if not (_is_number(value, Real) and math.isfinite(value) and holds(value)):
            raise refused(name, say("estimator.interval", bound=bound), value)
    for name in COUNTS:
        if not (is_count(parameters[name]) or _is_special(name, parameters[name])):
            raise refused(name, say("estimator.whole"), parameters[name])
    for name in FLAGS:
        if not isinstance(parameters[name], bool | np.bool_):
            raise refused(name, say("estimator.boolean"), parameters[name])


def _is_special(name: str, value: Any) -> bool:
    return name in SPECIAL and isinstance(value, str | float) and value == SPECIAL[name]


def _is_number(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Return whether a value is a positive whole number."""
    return _is_number(value, Integral) and value >= 1


def refused(name: str, allowed: str, value: Any) -> SettingError:
    """Return the error that says what a parameter may be."""
    return SettingError("estimator.choice", name=name, allowed=allowed, value=value)


def one_of(names: Iterable[str]) -> str:
    """Return the part of a message that lists the names."""
    return say("estimator.one_of", names=", ".join(names))


def hidden_sizes(value: Any) -> list[int]:
    """Return the hidden layers' sizes: of a sequence, or of one number."""
    sizes = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
    if not all(map(is_count, sizes)):
        raise refused("hidden_layer_sizes", say("estimator.layers"), value)
    return [int(size) for size in sizes]


def hidden_activations(choice: Any, count: int) -> list[str]:
    """Return an activation for each hidden layer; scikit-learn's logistic is the sigmoid."""
    names = [choice] * count if isinstance(choice, str) else list(choice)
    if len(names) != count:
        raise SettingError("estimator.activations", hidden=count, given=len(names))
    return ["sigmoid" if name == "logistic" else name for name in names]
