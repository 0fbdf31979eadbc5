"""What ``chainrule train`` learns by: the optimizer, what stands in front of it, and usual learning rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.errors import SettingError

if TYPE_CHECKING:
    from chainrule.training.optimizers import Lbfgs, Optimizer

RATES = {"quadratic": 3.0, "cross_entropy": 0.5}
OTHER_RATE = 0.1
SHARES = {"momentum": 0.1, "nesterov": 0.1}  # with μ = 0.9 a gradient that stays the same counts ten times
OWN_RATES = {
    "adagrad": 0.1,
    "rmsprop": 0.003,
    "adam": 0.003,
    "adamw": 0.003,
    "nadam": 0.003,
    "lion": 0.0003,
}
TRANSFORMS = ("clip_value", "clip_norm", "l1", "l2", "weight_decay")  # in the order in which they act
WITH_DECAY = ("adamw", "lion")


def usual_rate(cost: str, optimizer: str) -> float:
    """Return the learning rate with which a cost and an optimizer mostly learn well.

    Those that scale gradients themselves have one of their own, whatever the cost.
    """
    return OWN_RATES.get(optimizer, RATES.get(cost, OTHER_RATE) * SHARES.get(optimizer, 1))


def method_of(name: str, **strengths: float | None) -> Optimizer | Lbfgs:
    """Return the optimizer of this name with penalties and clipping in front, those that are not None.

    Weight decay of an optimizer that has one, and the L2 penalty of L-BFGS, are its own settings.

    Raises
    ------
    SettingError
        If there is none of this name, or L-BFGS cannot do what is asked for.
    """
    from chainrule.training import optimizers

    given = {part: strengths[part] for part in TRANSFORMS if strengths.get(part) is not None}
    if name == "lbfgs":
        if not given.keys() <= {"l2"}:
            raise SettingError("cli.train.lbfgs")
        return optimizers.lbfgs(l2=given.get("l2") or 0.0)
    core: Any = name
    if name in WITH_DECAY and "weight_decay" in given:
        core = getattr(optimizers, name)(weight_decay=given.pop("weight_decay"))
    parts = [getattr(optimizers, part)(value) for part, value in given.items()]
    return optimizers.chain(*parts, core) if parts else optimizers.method(core)
