"""Walking through a table a few megabytes at a time, so that a memory-mapped file is never loaded whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

CHUNK_BYTES = 8 << 20


def row_chunks(x: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield slices of consecutive rows that cover ``x``, each about `CHUNK_BYTES` once it is float64.

    Examples
    --------
    >>> import numpy as np
    >>> list(row_chunks(np.zeros((3, 2))))
    [slice(0, 3, None)]
    """
    rows = len(x)
    step = max(1, CHUNK_BYTES // (8 * max(1, math.prod(x.shape[1:]))))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
