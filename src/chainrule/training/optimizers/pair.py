"""`Optimizer`: the pair (init, update), and how one is made of the rule for a single parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.training.optimizers.recipe import Recipe, plain

Arrays = list[Any]
Advance = Callable[[Sequence[Any], Any], tuple[Arrays, Sequence[Any]]]


@dataclass(frozen=True, eq=False)
class Optimizer:
    """An optimizer: its name, and the pair (init, update).

    Two of the same recipe are equal: a network that is fitted with either goes on with the same state.

    Parameters
    ----------
    name
        What it is called in explanations.
    init, update
        The pair, as the package says.
    recipe
        The names and settings that make it again; a pickle consists of them. None for one of your own: it is
        pickled as it is, if its functions can be, and is equal to itself only.
    state_names
        What its state is called: numbers that all parameters share, then the arrays of each parameter.
    """

    name: str
    init: Callable[[Sequence[Any]], Arrays]
    update: Callable[[Sequence[Any], Sequence[Any], Sequence[Any], Any], tuple[Arrays, Arrays]]
    recipe: Recipe | None = None
    state_names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Optimizer {self.name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Optimizer) or self.recipe is None:
            return self is other
        return self.recipe == other.recipe

    def __hash__(self) -> int:
        return id(self) if self.recipe is None else hash(self.recipe)

    def __deepcopy__(self, memo: dict[int, Any]) -> Optimizer:
        """Return this one, which never changes: a copied network finds its state by it."""
        return self

    def plain(self) -> list[dict[str, Any]]:
        """Return the recipe as plain data, of which `optimizer` makes it again.

        Raises
        ------
        SettingError
            If it is one of your own: its functions are not data.

        Examples
        --------
        >>> from chainrule.training.optimizers import optimizer
        >>> optimizer("momentum").plain()
        [{'name': 'momentum', 'decay': 0.9}]
        """
        if self.recipe is None:
            raise SettingError("optimizer.own", name=self.name)
        return plain(self.recipe)


def _constant_rate(shared: Sequence[Any], learning_rate: Any) -> tuple[Arrays, Sequence[Any]]:
    del shared
    return [], [learning_rate]


def entrywise(
    recipe: Recipe,
    rule: Callable[..., Sequence[Any]],
    *,
    memory: Sequence[str] = (),
    shared: Sequence[tuple[str, float]] = (),
    advance: Advance = _constant_rate,
) -> Optimizer:
    """Return the optimizer that moves each parameter by a rule, entry by entry.

    Parameters
    ----------
    recipe
        Its name and settings.
    rule
        ``rule(parameter, gradient, *arrays, *numbers)`` returns the new parameter and the new arrays.
    memory
        What the arrays are called that are remembered for each parameter; 0 at first.
    shared
        The names of numbers that all parameters share, and what they are at first.
    advance
        ``advance(shared, learning_rate)`` returns the new shared numbers, and the numbers for the rule.
    """
    first, width = len(shared), len(memory)

    def init(parameters: Sequence[Any]) -> Arrays:
        arrays = [np.asarray(parameter) for parameter in parameters]
        dtype = arrays[0].dtype if arrays else np.dtype("float64")
        numbers = [np.full((), start, dtype) for _, start in shared]
        return [*numbers, *[np.zeros_like(array) for _ in memory for array in arrays]]

    def update(
        gradients: Sequence[Any], state: Sequence[Any], parameters: Sequence[Any], learning_rate: Any
    ) -> tuple[Arrays, Arrays]:
        count = len(parameters)
        starts = [first + place * count for place in range(width)]
        remembered = [state[start : start + count] for start in starts]
        new, numbers = advance(state[:first], learning_rate)
        moved = [rule(*parts, *numbers) for parts in zip(parameters, gradients, *remembered, strict=True)]
        blocks = [[result[place] for result in moved] for place in range(width + 1)]
        return blocks[0], [*new, *[array for block in blocks[1:] for array in block]]

    names = (*[name for name, _ in shared], *memory)
    return Optimizer(recipe[-1][0], init, update, recipe, names)
