"""`Examples`: inputs with targets, handed out by rows in the form that a network computes with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rows = Array | slice
CHUNK_ROWS = 1024
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
        Returns rows of ``x`` as the network takes them.
    encode
        Returns targets of shape (rows, k).
    itemsize
        Bytes of one number once it is scaled.
    """

    def __init__(
        self,
        x: Array,
        y: Array,
        scale: Callable[[Array], Array],
        encode: Callable[[Array], Array],
        itemsize: int,
    ) -> None:
        self.streamed = isinstance(x, np.memmap) or x.size * itemsize > MOST_PREPARED_BYTES
        self._x = x if self.streamed else np.ascontiguousarray(scale(x))
        self._y = y if self.streamed else encode(y)
        self._scale = scale
        self._encode = encode

    def __len__(self) -> int:
        return len(self._x)

    def gather(self, rows: Rows) -> tuple[Array, Array]:
        """Return the inputs (r, n) and targets (r, k) of these rows."""
        x, y = self._x[rows], self._y[rows]
        return (self._scale(x), self._encode(y)) if self.streamed else (x, y)

    def chunks(self) -> Iterator[tuple[Array, Array]]:
        """Yield all examples in order, some at a time."""
        for rows in chunks(len(self)):
            yield self.gather(rows)


def chunks(total: int) -> Iterator[slice]:
    """Yield the slices of at most `CHUNK_ROWS` rows that cover ``total`` rows.

    Examples
    --------
    >>> list(chunks(1500))
    [slice(0, 1024, None), slice(1024, 1500, None)]
    """
    for start in range(0, total, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, total))
