"""`Examples`: inputs with targets, handed out by rows in the form that a network computes with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rows = Array | slice
CHUNK_ROWS = 1024
CHECKED_ROWS = 1 << 16
MOST_PREPARED_BYTES = 2 << 30


class Examples:
    """Inputs and targets; scaled and encoded at once if they fit into memory, else row by row when asked for.

    Parameters
    ----------
    x
        Shape (m, n); a memory map is never read as a whole.
    y
        Targets in the user's form, m of them.
    scale
        ``scale(x, first)``: rows of ``x`` as the network takes them; ``first`` is where they begin.
    encode
        ``encode(y, first)``: targets of shape (rows, k).
    itemsize
        Bytes of one number once it is scaled.

    Raises
    ------
    DataError
        If a target cannot be used, or an input not be scaled: at once, also where rows are read later.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        scale: Callable[[Array, int], Array],
        encode: Callable[[Array, int], Array],
        itemsize: int,
    ) -> None:
        self.streamed = isinstance(x, np.memmap) or x.size * itemsize > MOST_PREPARED_BYTES
        self._scale, self._encode = scale, encode
        if self.streamed:
            self._x, self._y = x, y
            for rows in chunks(len(x), CHECKED_ROWS):
                encode(y[rows], rows.start)
        else:
            self._x, self._y = np.ascontiguousarray(scale(x, 0)), encode(y, 0)

    def __len__(self) -> int:
        return len(self._x)

    def gather(self, rows: Rows) -> tuple[Array, Array]:
        """Return the inputs (r, n) and targets (r, k) of these rows."""
        x, y = self._x[rows], self._y[rows]
        return (self._scale(x, 0), self._encode(y, 0)) if self.streamed else (x, y)

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Yield all examples in order, some at a time."""
        for rows in chunks(len(self)):
            yield self.gather(rows)


def chunks(total: int, size: int = CHUNK_ROWS) -> Iterator[slice]:
    """Yield the slices of at most ``size`` rows that cover ``total`` rows.

    Examples
    --------
    >>> list(chunks(1500))
    [slice(0, 1024, None), slice(1024, 1500, None)]
    """
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
