"""A function at a point: what differs when one entry moves, the true derivatives there, and the claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.checks.differences import Estimate, Sides, central, one_sided
from chainrule.errors import GradientError
from chainrule.functions import Differentiable, differentiable, grad
from chainrule.graph.dispatch import check_plain
from chainrule.graph.trace import function_name, is_array, leaf_label, parameter_names
from chainrule.graph.tree import leaves, rebuild

Array = np.ndarray[Any, Any]

SAMPLED = 40  # entries of one argument that are differenced numerically, at most
SEED = 0


class Truth(NamedTuple):
    """True derivatives by one argument, at some of its entries, and how far off they may be."""

    places: Array
    values: Array
    errors: Array


class Point:
    """A function and its arguments; ``values`` are float64 copies of all arrays to differentiate by."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.parameters = parameter_names(function)
        self.places = [place for place, value in enumerate(arguments) if _holds(value, "f")]
        if not self.places:
            self.places = [place for place, value in enumerate(arguments) if _holds(value, "iu")]
        if not self.places:
            raise GradientError(
                "gradient.not_real", name=function_name(function), argument=", ".join(self.parameters)
            )
        chosen = [leaf for leaf in leaves(arguments) if leaf.path[0] in self.places and is_real(leaf.value)]
        for leaf in chosen:
            check_plain(leaf.value)
        self.names = [leaf_label(leaf, self.parameters) for leaf in chosen]
        self.values: list[Array] = [np.array(leaf.value, np.float64) for leaf in chosen]
        self.dtypes = [np.asarray(leaf.value).dtype for leaf in chosen]

    def full(self, values: Sequence[Array]) -> list[Any]:
        """Return all arguments, with these float64 arrays in the place of the chosen ones."""
        entries = iter([value[()] for value in values])
        full = list(self.arguments)
        for place in self.places:
            full[place] = rebuild(full[place], lambda leaf: next(entries) if is_real(leaf) else leaf)
        return full

    def traced(self) -> Differentiable:
        """Return the function traced at this point."""
        full = tuple(self.full(self.values))
        return differentiable(self.function, self.places, self.parameters, full, {})

    def claims(self, gradient: Any) -> list[Array]:
        """Return a claimed gradient as flat float64 arrays, one for each of the ``values``."""
        claimed = gradient(*self.arguments) if callable(gradient) else gradient
        bare = len(self.places) == 1 and not (isinstance(claimed, tuple) and len(claimed) == 1)
        parts = [claimed] if bare else list(claimed)
        if len(parts) != len(self.places):
            raise GradientError("check.count", given=len(parts), expected=len(self.places))
        pairs = [(self.arguments[place], part) for place, part in zip(self.places, parts, strict=True)]
        flat = [array for value, part in pairs for array in _matched(value, part)]
        for name, value, array in zip(self.names, self.values, flat, strict=True):
            if array.shape != value.shape:
                raise GradientError("check.shape", name=name, given=array.shape, expected=value.shape)
        return [np.ravel(array) for array in flat]

    def analytical(self) -> list[Truth]:
        """Return our gradient in float64; numerical derivatives where it is not finite."""
        parts = grad(self.function, self.places)(*self.full(self.values))
        flat = [np.array(leaf.value).ravel() for leaf in leaves(parts) if leaf.value is not None]
        truths = [Truth(np.arange(part.size), part, np.zeros(part.size)) for part in flat]
        for number, truth in enumerate(truths):
            for place in np.flatnonzero(~np.isfinite(truth.values))[:SAMPLED]:
                truth.values[place], truth.errors[place] = self.difference(number, place)
        return truths

    def numerical(self) -> list[Truth]:
        """Return numerical derivatives at the sampled entries."""
        truths = []
        for number in range(len(self.values)):
            places = self.sampled(number)
            found = [self.difference(number, place) for place in places]
            values, errors = np.array(found, float).reshape(-1, 2).T.copy()
            truths.append(Truth(places, values, errors))
        return truths

    def sampled(self, number: int) -> Array:
        """Return places of entries to look at: all of a small array, else some drawn with a fixed seed."""
        count = self.values[number].size
        if count <= SAMPLED:
            return np.arange(count)
        return np.sort(np.random.default_rng(SEED).choice(count, SAMPLED, replace=False))

    def difference(self, number: int, place: int) -> Estimate:
        """Return the numerical derivative by one entry."""
        return central(self._along(number, place), self._size(number, place))

    def sides(self, number: int, place: int) -> Sides:
        """Return the derivatives by one entry from the left and from the right."""
        return one_sided(self._along(number, place), self._size(number, place))

    def _along(self, number: int, place: int) -> Callable[[float], float]:
        def moved(step: float) -> float:
            values = list(self.values)
            values[number] = self.values[number].copy()
            values[number].flat[place] += step
            with np.errstate(all="ignore"):
                return float(np.asarray(self.function(*self.full(values))).item())

        return moved

    def _size(self, number: int, place: int) -> float:
        """Return how large the entry is, or its array on average; 1 where all is 0."""
        value = np.abs(self.values[number])
        size = float(max(value.flat[place], value.mean()))
        return size if np.isfinite(size) and size > 0 else 1.0


def is_real(value: Any) -> bool:
    """Return whether a leaf is a real number or an array of real numbers, not of truth values."""
    return is_array(value) and np.asarray(value).dtype.kind in "fiu"


def _holds(value: Any, kinds: str) -> bool:
    return any(is_real(leaf.value) and np.asarray(leaf.value).dtype.kind in kinds for leaf in leaves(value))


def _matched(value: Any, claim: Any) -> Iterator[Array]:
    """Yield the arrays of a claim that stand where the argument has arrays."""
    if isinstance(value, dict | list | tuple):
        keys: Any = value.keys() if isinstance(value, dict) else range(len(value))
        try:
            pairs = [(value[key], claim[key]) for key in keys]
        except (LookupError, TypeError):
            raise GradientError("check.form", form=type(value).__name__) from None
        for inner in pairs:
            yield from _matched(*inner)
    elif is_real(value):
        yield np.asarray(claim, np.float64)
