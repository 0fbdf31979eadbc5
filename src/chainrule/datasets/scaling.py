"""How inputs are brought to a size that a network likes: scaled = (x − offset) / scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.chunks import row_chunks
from chainrule.errors import DataError

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Scaling:
    """The affine map scaled = (x − offset) / scale, one for all columns or one for each.

    Parameters
    ----------
    offset, scale
        Numbers, or float64 arrays of shape (n,) with one entry a column. ``scale`` has no zero.

    Examples
    --------
    >>> Scaling(0, 255)(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """

    offset: float | npt.NDArray[np.float64]
    scale: float | npt.NDArray[np.float64]

    def __call__(self, x: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> FloatArray:
        """Return (x − offset) / scale as a new array of the shape of ``x``.

        Computed in float64 and then rounded, so that a large offset costs no digits; a few megabytes
        at a time, so that only the result needs memory.

        Parameters
        ----------
        x
            Shape (m, n), or (n,) for one example.
        dtype
            float32 or float64.

        Raises
        ------
        DataError
            If ``x`` has another number of columns than the scaling, or is no array of numbers.
        """
        table = np.asanyarray(x)
        if table.ndim == 0 and table.dtype.kind == "O":  # what NumPy makes of a sparse table
            raise DataError("data.scaling_kind", kind=type(x).__name__)
        columns = np.size(self.offset)
        if np.ndim(self.offset) and (table.ndim == 0 or table.shape[-1] != columns):
            found = table.shape[-1] if table.ndim else 1
            raise DataError("data.columns", found=found, expected=columns)
        scaled: FloatArray = np.empty(table.shape, dtype)
        if table.ndim < 2:
            scaled[...] = (table.astype(np.float64) - self.offset) / self.scale
            return scaled
        for rows in row_chunks(table):
            scaled[rows] = (table[rows].astype(np.float64) - self.offset) / self.scale
        return scaled

    @classmethod
    def standard(cls, x: npt.NDArray[Any]) -> Scaling:
        """Return the scaling that gives each column of ``x`` mean 0 and standard deviation 1.

        offset = mean(x), scale = sqrt(mean((x − offset)²)); a constant column has scale 1, hence becomes 0.
        Two passes of constant memory: the first finds the range [low, high], the second sums u and u²
        of u = (x − low) / (high − low), which neither overflows nor underflows.

        Parameters
        ----------
        x
            Shape (m, n), m ≥ 1; may be a memory map.

        Raises
        ------
        DataError
            If ``x`` is no table, has no rows, holds NaN or infinity, or spans more than float64 can.

        Examples
        --------
        >>> scaling = Scaling.standard(np.array([[1.0, 7.0], [3.0, 7.0]]))
        >>> scaling.offset, scaling.scale
        (array([2., 7.]), array([1., 1.]))
        """
        if not isinstance(x, np.ndarray):
            raise DataError("data.scaling_kind", kind=type(x).__name__)
        if x.ndim != 2:
            raise DataError("data.not_table", name="x", shape=x.shape)
        if len(x) == 0:
            raise DataError("data.no_rows", source="x")
        low, high = _range(x)
        with np.errstate(over="ignore", invalid="ignore"):
            span = high - low
        if not np.isfinite(span).all():
            raise DataError("data.span", column=int(np.flatnonzero(~np.isfinite(span))[0]))
        unit = np.where(span > 0, span, 1.0)
        total = np.zeros(x.shape[1])
        squares = np.zeros(x.shape[1])
        for rows in row_chunks(x):
            u = (x[rows].astype(np.float64) - low) / unit
            total += u.sum(axis=0)
            squares += np.square(u).sum(axis=0)
        mean = total / len(x)
        deviation = unit * np.sqrt(np.maximum(squares / len(x) - mean**2, 0.0))
        return cls(low + unit * mean, np.where(deviation > 0, deviation, 1.0))


def _range(x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    low = np.full(x.shape[1], np.inf)
    high = np.full(x.shape[1], -np.inf)
    for rows in row_chunks(x):
        np.minimum(low, x[rows].min(axis=0), out=low)
        np.maximum(high, x[rows].max(axis=0), out=high)
    return low, high
