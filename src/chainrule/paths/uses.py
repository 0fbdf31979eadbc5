"""One use of an array by an operation: which entries depend on which, and by what local derivative."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import GradientError
from chainrule.graph.node import Node
from chainrule.paths.local import Array, Local, widened

MOST_EDGES = 200_000
MOST_WORK = 10**9  # numbers to compute for the Jacobian matrix of one operation
FEW = 32  # rows or columns of it

Multiply = Callable[[Array], tuple[Array, Array]]


class Links(NamedTuple):
    """Edges between entries: their places in the flat operand and the flat result, and local derivatives."""

    tails: Array
    heads: Array
    locals: Array
    masked: Array


class Use(ABC):
    """One use of an array: as the operand of ``consumer`` at a place.

    Parameters
    ----------
    source, consumer, place
        The array, the operation, and which of its operands the array is.
    local
        The operation's derivatives.
    values
        Its operands' and its own values, as `Local.values` gives them.
    """

    def __init__(self, source: Node, consumer: Node, place: int, local: Local, values: Sequence[Any]) -> None:
        self.source, self.consumer, self.place = source, consumer, place
        self._local, self._values = local, values

    def gradient(self, g: Array) -> Array:
        """Return what the operation hands back to the array, given its own gradient."""
        return self._local.row(self.place, self._values, g)

    @property
    def partial(self) -> Array | None:
        """The local derivative, in the shape of the result; None for an operation that has a pullback."""
        return None

    @abstractmethod
    def forward(self, entries: Array) -> Array:
        """Return which entries of the result depend on some of these entries of the operand."""

    @abstractmethod
    def backward(self, entries: Array) -> Array:
        """Return on which entries of the operand some of these entries of the result depend."""

    @abstractmethod
    def links(self, tails: Array, heads: Array) -> Iterator[Links]:
        """Yield the edges from these entries of the operand to these of the result, in portions."""


class EntrywiseUse(Use):
    """A use by an elementwise operation: each entry of the result depends on the one broadcast to it."""

    @property
    def partial(self) -> Array | None:
        """The local derivative, in the shape of the result."""
        return self._local.partials(self._values)[self.place].value

    def forward(self, entries: Array) -> Array:
        """Return which entries of the result depend on some of these entries of the operand."""
        return widened(entries, self.consumer.shape)

    def backward(self, entries: Array) -> Array:
        """Return on which entries of the operand some of these entries of the result depend."""
        found = np.zeros(self.source.size, bool)
        found[self._tails[entries]] = True
        return found.reshape(self.source.shape)

    def links(self, tails: Array, heads: Array) -> Iterator[Links]:
        """Yield the edges from these entries of the operand to these of the result."""
        chosen = np.flatnonzero(self.forward(tails) & heads)
        value, taken = self._local.partials(self._values)[self.place]
        yield Links(np.ravel(self._tails)[chosen], chosen, value.flat[chosen], ~taken.flat[chosen])

    @cached_property
    def _tails(self) -> Array:
        """The place in the flat operand of the entry that each entry of the result depends on."""
        flat = np.arange(self.source.size).reshape(self.source.shape)
        return widened(flat, self.consumer.shape)


class PullbackUse(Use):
    """A use by any other operation, whose Jacobian matrix is read off one row or one column at a time.

    An entry of the matrix that happens to be 0 here, since a weight is, belongs to an edge all the same: it
    is there for other values.
    """

    @cached_property
    def _elsewhere(self) -> list[Any]:
        return self._local.generic(self._values, np.random.default_rng(0))

    def forward(self, entries: Array) -> Array:
        """Return which entries of the result depend on some of these entries of the operand."""
        return self._column(_weights(entries))[1]

    def backward(self, entries: Array) -> Array:
        """Return on which entries of the operand some of these entries of the result depend."""
        return self._row(_weights(entries))[1]

    def links(self, tails: Array, heads: Array) -> Iterator[Links]:
        """Yield the edges from these entries of the operand to these of the result, in portions."""
        columns, rows = np.count_nonzero(tails), np.count_nonzero(heads)
        if min(columns, rows) > FEW:
            matched = self._matched(self._row, heads, tails)
            if matched is not None:
                yield _links(matched[1], matched[0], matched[2])
                return
            matched = self._matched(self._column, tails, heads)
            if matched is not None:
                yield _links(*matched)
                return
        if min(columns, rows) * (self.source.size + self.consumer.size) > MOST_WORK:
            raise GradientError("paths.many", most=MOST_EDGES)
        if columns <= rows:
            for place, others, values in _one_by_one(self._column, tails, heads):
                yield _links(place, others, values)
        else:
            for place, others, values in _one_by_one(self._row, heads, tails):
                yield _links(others, place, values)

    def _column(self, seed: Array) -> tuple[Array, Array]:
        value = self._local.column(self.place, self._values, seed)
        return value, _linked(value, self._local.column(self.place, self._elsewhere, seed))

    def _row(self, seed: Array) -> tuple[Array, Array]:
        value = self._local.row(self.place, self._values, seed)
        return value, _linked(value, self._local.row(self.place, self._elsewhere, seed))

    @staticmethod
    def _matched(multiply: Multiply, seeded: Array, wanted: Array) -> tuple[Array, Array, Array] | None:
        """Return all edges at once if each wanted entry is linked to at most one seeded entry, else None.

        So it is where entries are moved or summed. Then the products with the seeds 1, 1, 1 … and 1, 2, 3 …
        tell the entry, and random seeds prove it.
        """
        places, entries = np.flatnonzero(seeded), np.flatnonzero(wanted)
        numbers, chances = np.cumsum(seeded).reshape(seeded.shape), _weights(seeded)
        ones, linked = [np.ravel(part)[entries] for part in multiply(np.where(seeded, 1.0, 0.0))]
        by_number, by_chance = [
            np.ravel(multiply(np.where(seeded, seed, 0.0))[0])[entries] for seed in (numbers, chances)
        ]
        if not np.all(np.isfinite(ones)) or np.any(linked & (ones == 0)):
            return None
        entries, ones = entries[linked], ones[linked]
        number = np.rint(by_number[linked] / ones)
        found = places[np.clip(number, 1, len(places)).astype(int) - 1]
        fits = np.isclose(by_number[linked], number * ones, rtol=1e-9, atol=0)
        proved = np.isclose(by_chance[linked], chances.flat[found] * ones, rtol=1e-9, atol=0)
        return (found, entries, ones) if np.all(fits & proved) else None


def _one_by_one(multiply: Multiply, seeded: Array, wanted: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the edges of each seeded entry: its own place, repeated; theirs at the other end; the values."""
    seed = np.zeros(seeded.shape)
    for place in np.flatnonzero(seeded):
        seed.flat[place] = 1.0
        value, linked = multiply(seed)
        others = np.flatnonzero(linked & wanted)
        values = np.ravel(value)[others]
        seed.flat[place] = 0.0  # only now: the value may be a view of the seed
        yield np.full(len(others), place), others, values


def _links(tails: Array, heads: Array, values: Array) -> Links:
    return Links(tails, heads, values, np.zeros(len(values), bool))


def _weights(entries: Array) -> Array:
    """Return weights for these entries by which no sum of theirs is 0 by accident."""
    return np.where(entries, np.random.default_rng(1).uniform(0.5, 1.5, entries.shape), 0.0)


def _linked(here: Array, elsewhere: Array) -> Array:
    linked: Array = (here != 0) | (np.isfinite(elsewhere) & (elsewhere != 0))
    return linked
