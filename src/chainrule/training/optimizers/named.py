"""Optimizers by name, from plain data, and with transforms in front."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainrule.errors import SettingError, unknown_name
from chainrule.training.optimizers.adaptive import adagrad, adam, adamw, lion, nadam, rmsprop
from chainrule.training.optimizers.descent import momentum, nesterov, sgd
from chainrule.training.optimizers.pair import Arrays, Optimizer
from chainrule.training.optimizers.recipe import Recipe, plain
from chainrule.training.optimizers.transforms import (
    Transform,
    clip_norm,
    clip_value,
    l1,
    l2,
    weight_decay,
)
from chainrule.training.optimizers.whole_batch import Lbfgs, lbfgs

MAKERS: dict[str, Callable[..., Optimizer]] = {
    maker.__name__: maker for maker in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, nadam, lion)
}
OPTIMIZERS: dict[str, Optimizer] = {name: maker() for name, maker in MAKERS.items()}
TRANSFORMS: dict[str, Callable[..., Transform]] = {
    maker.__name__: maker for maker in (l1, l2, weight_decay, clip_value, clip_norm)
}
METHODS = (*OPTIMIZERS, "lbfgs")
Plain = Sequence[Mapping[str, Any]]


def chain(*parts: Transform | Optimizer | Lbfgs | str) -> Optimizer:
    """Return an optimizer with transforms in front of it, done from left to right; the optimizer comes last.

    Raises
    ------
    SettingError
        If the last part is no optimizer, or L-BFGS, which has a penalty of its own; or another one is no
        transform.

    Examples
    --------
    >>> chain(clip_norm(1.0), l2(1e-4), "adam")
    <Optimizer clip_norm + l2 + adam>
    """
    *before, last = parts or ("",)
    transforms = [found for found in before if isinstance(found, Transform)]
    for found in before:
        if not isinstance(found, Transform):
            raise SettingError("optimizer.chain", given=_shown(found), hint=", ".join(TRANSFORMS))
    if isinstance(last, Transform | Lbfgs) or last in ("", "lbfgs"):
        raise SettingError("optimizer.chain_end", given=_shown(last), hint=", ".join(OPTIMIZERS))
    core = optimizer(last)
    if not transforms:
        return core

    def update(
        gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], learning_rate: Any
    ) -> tuple[Arrays, Arrays]:
        for transform in transforms:
            gradients, parameters = transform.apply(gradients, parameters, learning_rate)
        return core.update(gradients, state, parameters, learning_rate)

    name = " + ".join([*[found.name for found in transforms], core.name])
    return Optimizer(name, core.init, update, _joined([*transforms, core]), core.state_names)


def _joined(parts: Sequence[Transform | Optimizer]) -> Recipe | None:
    recipe: Recipe = ()
    for found in parts:
        if found.recipe is None:
            return None
        recipe += found.recipe
    return recipe


def _shown(given: object) -> str:
    return str(getattr(given, "name", given))


def optimizer(choice: str | Optimizer | Plain) -> Optimizer:
    """Return an optimizer by its name, of plain data, or as it is.

    Raises
    ------
    UnknownNameError
        If there is none of this name; says the nearest.
    SettingError
        If the data does not describe one, or it is L-BFGS, which has no single step.

    Examples
    --------
    >>> optimizer("adam") == optimizer(adam().plain())
    True
    """
    found = method(choice)
    if isinstance(found, Lbfgs):
        raise SettingError("optimizer.whole_batch")
    return found


def method(choice: str | Optimizer | Lbfgs | Plain) -> Optimizer | Lbfgs:
    """Return what `Network.fit` can learn by: an optimizer, as `optimizer` does, or L-BFGS.

    Examples
    --------
    >>> method("lbfgs") == lbfgs(memory=10)
    True
    """
    if isinstance(choice, Optimizer | Lbfgs):
        return choice
    if isinstance(choice, str) and choice == "lbfgs":
        return lbfgs()
    if isinstance(choice, str) and choice in OPTIMIZERS:
        return OPTIMIZERS[choice]
    if isinstance(choice, list | tuple) and choice and all(isinstance(part, Mapping) for part in choice):
        return _of_plain(choice)
    raise unknown_name("optimizer", choice, METHODS)


def _of_plain(parts: Plain) -> Optimizer | Lbfgs:
    made = [_made(part) for part in parts]
    if len(made) == 1 and isinstance(made[0], Lbfgs):
        return made[0]
    found = chain(*made)
    known = OPTIMIZERS.get(found.name, found)
    return known if known == found else found


def _made(part: Mapping[str, Any]) -> Transform | Optimizer | Lbfgs:
    makers: dict[str, Callable[..., Any]] = {**MAKERS, **TRANSFORMS, "lbfgs": lbfgs}
    settings = {str(key): value for key, value in part.items()}
    name = settings.pop("name", None)
    if not isinstance(name, str) or name not in makers:
        raise unknown_name("optimizer", name, makers)
    try:
        made: Transform | Optimizer | Lbfgs = makers[name](**settings)
    except TypeError as error:
        raise SettingError("optimizer.settings", name=name, reason=str(error)) from None
    return made


def _reduced(found: Optimizer) -> tuple[Any, ...]:
    """Return what an optimizer's pickle consists of."""
    if found.recipe is None:
        return Optimizer, (found.name, found.init, found.update, None, found.state_names)
    return optimizer, (found.plain(),)


def _reduced_transform(found: Transform) -> tuple[Any, ...]:
    if found.recipe is None:
        return Transform, (found.name, found.apply)
    return _made, (*plain(found.recipe),)


copyreg.pickle(Optimizer, _reduced)  # here, and not in the class: it cannot know its makers
copyreg.pickle(Transform, _reduced_transform)
