"""Sparse tables: SciPy's, which is not imported before one arrives; and dense ones without their zeros."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

import numpy as np

from chainrule.errors import DataError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    SparseTable: TypeAlias = csr_array

Array = np.ndarray[Any, Any]
CHUNK_ENTRIES = 1 << 20
COMPRESSED = ("csr", "csc", "bsr")


class SparseRows(NamedTuple):
    """A table without its zeros: row r has ``values[starts[r]:starts[r + 1]]`` in ``columns[…]`` of the same.

    ``starts`` is int64; ``columns`` is uint16 if that can name them all, else int32; both in ascending order.
    """

    starts: Array
    columns: Array
    values: Array


def is_sparse(x: Any) -> TypeGuard[SparseTable]:
    """Return whether ``x`` is a sparse array or matrix of SciPy's, without importing SciPy.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> is_sparse(csr_array((2, 2))), is_sparse(np.zeros((2, 2)))
    (True, False)
    """
    if type(x) is np.ndarray:  # the usual case, which a prediction of one row should not wait for
        return False
    return hasattr(x, "tocsr") and any(kind.__module__.startswith("scipy.sparse") for kind in type(x).__mro__)


def sparse_table(x: SparseTable) -> SparseTable:
    """Return ``x``, of any format, as CSR with sorted columns, none twice; one axis (n,) becomes one row.

    The arrays are those of ``x`` where they are in that form already, and must not be written into; ``x``
    itself is left as it is.

    Raises
    ------
    DataError
        If its arrays contradict each other, so that reading it would leave them.
    """
    from scipy import sparse

    try:
        if (
            x.format in COMPRESSED
        ):  # a container of our own: checking one may put its arrays into another form
            make = getattr(sparse, f"{x.format}_array")
            x = make((x.data, x.indices, x.indptr), shape=x.shape)
            x.check_format(full_check=True)
        rows = sparse.csr_array(x if x.ndim == 2 else x.reshape(1, -1))
    except (ValueError, IndexError) as error:
        raise DataError("fit.sparse_damaged", reason=" ".join(str(error).split())) from None
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def with_values(x: SparseTable, values: Array) -> SparseTable:
    """Return a sparse table with the places of ``x`` and other values."""
    from scipy.sparse import csr_array

    return csr_array((values, x.indices, x.indptr), shape=x.shape)


def nonzero_share(x: Array | SparseTable) -> float:
    """Return which share of the entries of a table (m, n) is not zero; of a sparse one, which is stored.

    Reads a few megabytes at a time. NaN is not zero.

    Examples
    --------
    >>> nonzero_share(np.array([[0.0, 2.0], [0.0, 0.0]]))
    0.25
    """
    total = x.shape[0] * x.shape[1]
    if is_sparse(x):
        return float(x.nnz / max(total, 1))
    found = sum(int(np.count_nonzero(x[rows] != 0)) for rows in _portions(x))
    return float(found / max(total, 1))


def as_csr(x: Array | SparseTable) -> SparseRows:
    """Return a table (m, n), dense or as `sparse_table` returns it, without its zeros.

    Of a dense table, one of its own dtype; only the result and a few megabytes need memory.

    Examples
    --------
    >>> as_csr(np.array([[0.0, 2.0], [3.0, 4.0]]))
    SparseRows(starts=array([0, 1, 3]), columns=array([1, 0, 1], dtype=uint16), values=array([2., 3., 4.]))
    """
    count = x.shape[1]
    kind = np.uint16 if count <= 1 << 16 else np.int32
    if is_sparse(x):
        return SparseRows(x.indptr.astype(np.int64, copy=False), x.indices.astype(kind, copy=False), x.data)
    starts = np.zeros(len(x) + 1, np.int64)
    for rows in _portions(x):
        starts[rows.start + 1 : rows.stop + 1] = np.count_nonzero(x[rows] != 0, axis=1)
    np.cumsum(starts, out=starts)
    columns, values = np.empty(starts[-1], kind), np.empty(starts[-1], x.dtype)
    for rows in _portions(x):
        entries = np.ascontiguousarray(x[rows]).reshape(-1)
        places = np.flatnonzero(entries != 0)
        here = slice(starts[rows.start], starts[rows.stop])
        values[here] = entries[places]
        first_of_row = np.arange(rows.stop - rows.start) * count  # taking them off is faster than a remainder
        columns[here] = places - np.repeat(first_of_row, np.diff(starts[rows.start : rows.stop + 1]))
    return SparseRows(starts, columns, values)


def _portions(x: Array) -> Iterator[slice]:
    """Yield slices of rows, each of about `CHUNK_ENTRIES` entries."""
    size = max(1, CHUNK_ENTRIES // max(1, x.shape[1]))
    for start in range(0, len(x), size):
        yield slice(start, min(start + size, len(x)))
