"""`Examples`: inputs with targets, handed out by rows in the form that a network computes with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from chainrule.training.sparse import SparseRows, as_csr, is_sparse, nonzero_share
from chainrule.training.targets import places_of

if TYPE_CHECKING:
    from chainrule.training.sparse import SparseTable

Array = np.ndarray[Any, Any]
Rows = Array | slice
CHUNK_ROWS = 1024
CHUNK_BYTES = 64 << 20
CHECKED_ROWS = 1 << 16
MOST_PREPARED_BYTES = 2 << 30


class Scale(Protocol):
    """How inputs become what a network computes with."""

    def __call__(self, x: Any, first: int = 0) -> Array:
        """Return rows of inputs, scaled, dense, in the network's dtype; ``first`` is where they begin."""

    def sparse(self, x: SparseTable) -> SparseTable | None:
        """Return a sparse table as a whole, scaled; None if its zeros do not stay zeros."""


@dataclass(frozen=True, eq=False)
class Stored:
    """All examples of a fit as they lie in memory: scaled, encoded, of the network's dtype.

    One fit has one such object for all its epochs; what is derived from it can be kept by its identity.

    Parameters
    ----------
    x
        Shape (m, n): an array in C order, or a sparse table in CSR, its columns sorted and none twice.
    target
        Shape (m, k), an array in C order.
    """

    x: Array | SparseTable
    target: Array

    @cached_property
    def nonzero_share(self) -> float:
        """The share of the entries of ``x`` that are not zero; counted once, when it is first asked for."""
        return nonzero_share(self.x)

    @cached_property
    def without_zeros(self) -> SparseRows:
        """``x`` without its zeros; made once, when it is first asked for."""
        return as_csr(self.x)

    @cached_property
    def places(self) -> Array:
        """Which label each target means, shape (m,); of targets that are labels."""
        return places_of(self.target)


class Examples:
    """Inputs and targets; scaled and encoded at once if they fit into memory, else row by row when asked for.

    Parameters
    ----------
    x
        Shape (m, n); a memory map is never read as a whole. A sparse table, in CSR, never becomes dense as a
        whole.
    y
        Targets in the user's form, m of them.
    scale
        Makes rows of ``x`` what the network takes.
    encode
        ``encode(y, first)``: targets of shape (rows, k).
    itemsize
        Bytes of one number once it is scaled.

    Attributes
    ----------
    streamed
        Whether the data is read some rows at a time because it may be larger than memory.
    stored
        All of it, prepared; None if it is prepared some rows at a time.
    weighted
        Whether the last column of targets is a weight for each example.

    Raises
    ------
    DataError
        If a target cannot be used, or an input not be scaled: at once, also where rows are read later.
    """

    weighted = False

    def __init__(
        self,
        x: Array | SparseTable,
        y: Array,
        scale: Scale,
        encode: Callable[[Array, int], Array],
        itemsize: int,
    ) -> None:
        self.streamed = isinstance(x, np.memmap) or x.size * itemsize > MOST_PREPARED_BYTES
        self.sparse = is_sparse(x)
        self._x, self._y, self._scale, self._encode = x, y, scale, encode
        self._chunk_rows = rows_of_a_chunk(x.shape[1], itemsize)
        self.stored = None if self.streamed else self._prepared()
        if self.stored is None:
            for rows in chunks(len(self), CHECKED_ROWS):
                encode(y[rows], rows.start)

    def _prepared(self) -> Stored | None:
        x = self._scale.sparse(self._x) if is_sparse(self._x) else np.ascontiguousarray(self._scale(self._x))
        return None if x is None else Stored(x, np.ascontiguousarray(self._encode(self._y, 0)))

    def __len__(self) -> int:
        return int(self._x.shape[0])

    @property
    def judged(self) -> Examples | None:
        """The same without weights, to judge a network on; None where that means to read a file once more."""
        return None if self.streamed else self

    def gather(self, rows: Rows) -> tuple[Array, Array]:
        """Return the inputs (r, n) and targets (r, k) of these rows, both dense."""
        if self.stored is None:
            return self._scale(self._x[rows]), self._encode(self._y[rows], 0)
        x = self.stored.x[rows]
        return x.toarray() if is_sparse(x) else x, self.stored.target[rows]

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Yield all examples in order, some at a time."""
        for rows in chunks(len(self), self._chunk_rows):
            yield self.gather(rows)


class WeightedExamples(Examples):
    """Examples that each have a weight, which goes with them as a last column of the targets.

    Parameters
    ----------
    examples
        The examples without weights.
    weights
        Shape (m,), 0 or more, with mean 1.
    """

    weighted = True

    def __init__(self, examples: Examples, weights: Array) -> None:
        self._examples, self._weights = examples, weights.reshape(-1, 1)
        self.streamed, self.sparse = examples.streamed, examples.sparse
        stored = examples.stored
        self.stored = None if stored is None else Stored(stored.x, self._joined(stored.target, slice(None)))

    def __len__(self) -> int:
        return len(self._examples)

    @property
    def judged(self) -> Examples | None:
        """The same without weights."""
        return self._examples.judged

    def gather(self, rows: Rows) -> tuple[Array, Array]:
        """Return the inputs (r, n) of these rows, and targets (r, k + 1): the last column are the weights."""
        x, target = self._examples.gather(rows)
        return x, self._joined(target, rows)

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Yield all examples in order, some at a time."""
        first = 0
        for x, target in self._examples.chunks():
            yield x, self._joined(target, slice(first, first + len(x)))
            first += len(x)

    def _joined(self, target: Array, rows: Rows) -> Array:
        return np.concatenate([target, self._weights[rows].astype(target.dtype)], axis=1)


def rows_of_a_chunk(features: int, itemsize: int) -> int:
    """Return how many rows to compute with at a time: `CHUNK_ROWS`, fewer of a very wide table.

    Examples
    --------
    >>> rows_of_a_chunk(784, 4), rows_of_a_chunk(1 << 20, 4)
    (1024, 16)
    """
    return max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, features * itemsize)))


def chunks(total: int, size: int = CHUNK_ROWS) -> Iterator[slice]:
    """Yield the slices of at most ``size`` rows that cover ``total`` rows.

    Examples
    --------
    >>> list(chunks(1500))
    [slice(0, 1024, None), slice(1024, 1500, None)]
    """
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
