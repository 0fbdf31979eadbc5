"""Checks that every reader shares, and the doors through which a damaged file becomes one of our errors."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.chunks import row_chunks
from chainrule.errors import ChainruleError, DataError, FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Beyond this size, content that shrank more than this much is taken for a trap, not for data.
BOMB_BYTES = 256 << 20
BOMB_RATIO = 200
# A deflated byte can stand for at most so many, and a few hundred more for the container.
DEFLATE_RATIO = 1032


@contextlib.contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn whatever a decoder throws at damaged bytes into `FileFormatError`, in one line.

    That is nearly anything: zipfile, zlib and the parser of NumPy's headers raise a dozen kinds of errors,
    from `struct.error` to `tokenize.TokenError`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ChainruleError:
        raise
    except Exception as error:
        raise FileFormatError("data.damaged", path=str(path), reason=one_line(error)) from error


def one_line(error: BaseException) -> str:
    r"""Return the message of ``error`` on one line of at most 200 characters, or its kind if it has none.

    Examples
    --------
    >>> one_line(ValueError("bad\nheader"))
    'bad header'
    """
    return " ".join(str(error).split())[:200] or type(error).__name__


def refuse_bomb(path: Path, promised: int, stored: int) -> None:
    """Raise `FileFormatError` if ``stored`` compressed bytes claim to be impossibly many.

    A small file must not be able to fill the memory. Below `BOMB_BYTES` anything possible is accepted.
    """
    if promised > DEFLATE_RATIO * (stored + 1):
        raise FileFormatError("data.cut_off", path=str(path), promised=promised, stored=stored)
    if promised > BOMB_BYTES and promised > BOMB_RATIO * stored:
        raise FileFormatError("data.bomb", path=str(path), promised=promised, stored=stored)


def check_promise(path: Path, promised: int, held: int) -> None:
    """Raise `FileFormatError` unless a header promises just as many bytes as the file holds."""
    if promised != held:
        raise FileFormatError("data.promise", path=str(path), promised=promised, held=held)


def check_rows(source: str, x: npt.NDArray[Any], y: npt.NDArray[Any] | None) -> None:
    """Raise `DataError` if there are no rows or columns, or not as many targets as rows."""
    if len(x) == 0:
        raise DataError("data.no_rows", source=source)
    if x.shape[1] == 0:
        raise DataError("data.no_features", source=source)
    if y is not None and len(y) != len(x):
        raise DataError("data.count", source=source, rows=len(x), targets=len(y))


def check_arrays(source: str, x: npt.NDArray[Any], y: npt.NDArray[Any] | None) -> None:
    """Raise `DataError` unless inputs and targets belong together and are finite throughout."""
    check_rows(source, x, y)
    check_finite(x, source)
    if y is not None:
        check_finite(y, f"{source}, y")


def check_same_columns(x: npt.NDArray[Any], x_test: npt.NDArray[Any]) -> None:
    """Raise `DataError` unless a test set has as many columns as the inputs for training."""
    if x_test.shape[1] != x.shape[1]:
        raise DataError("data.columns", found=x_test.shape[1], expected=x.shape[1])


def check_finite(x: npt.NDArray[Any], name: str = "x") -> None:
    """Raise `DataError` at the first NaN or infinity of ``x``, naming its row and column.

    Parameters
    ----------
    x
        Any shape; rows are counted along the first axis. Read a few megabytes at a time. Arrays of
        integers, booleans and words pass unread.
    name
        What the message calls the array: a path, "x", "y".

    Raises
    ------
    DataError
        With the row and column, both counted from 0.

    Examples
    --------
    >>> check_finite(np.array([[1.0, 2.0]]))
    >>> check_finite(np.array([[1.0, np.nan]]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    chainrule.errors.DataError: x, row 0, column 1 (both counted from 0): the value is nan. Correct or ...
    """
    if x.dtype.kind not in "fc" or x.ndim == 0:
        return
    for rows in row_chunks(x):
        bad = ~np.isfinite(x[rows])
        if bad.any():
            row, *rest = (int(index) for index in np.argwhere(bad)[0])
            value = x[(rows.start + row, *rest)]
            place = {"name": name, "row": rows.start + row, "value": f"{value}"}
            if not rest:
                raise DataError("data.not_finite_row", **place)
            column = rest[0] if len(rest) == 1 else str(tuple(rest))
            raise DataError("data.not_finite", column=column, **place)


def check_finite_entries(
    values: npt.NDArray[Any], starts: npt.NDArray[Any], columns: npt.NDArray[Any], name: str = "x"
) -> None:
    """Raise `DataError` at the first NaN or infinity of a sparse table, as `check_finite` of a dense one.

    Parameters
    ----------
    values, starts, columns
        The table in compressed rows: row r has ``values[starts[r]:starts[r + 1]]`` in ``columns[…]`` of the
        same, in ascending order.
    name
        What the message calls the table.

    Raises
    ------
    DataError
        With the row and column, both counted from 0.

    Examples
    --------
    >>> check_finite_entries(
    ...     np.array([1.0, np.inf]), np.array([0, 1, 2]), np.array([5, 3])
    ... )  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    chainrule.errors.DataError: x, row 1, column 3 (both counted from 0): the value is inf. Correct or ...
    """
    if values.dtype.kind not in "fc":
        return
    for part in row_chunks(values):
        bad = np.flatnonzero(~np.isfinite(values[part]))
        if bad.size:
            row, column = place_of_entry(part.start + int(bad[0]), starts, columns)
            value = f"{values[part.start + bad[0]]}"
            raise DataError("data.not_finite", name=name, row=row, column=column, value=value)


def place_of_entry(number: int, starts: npt.NDArray[Any], columns: npt.NDArray[Any]) -> tuple[int, int]:
    """Return row and column of an entry of a table in compressed rows.

    Examples
    --------
    >>> place_of_entry(1, np.array([0, 1, 1, 2]), np.array([5, 3]))
    (2, 3)
    """
    return int(np.searchsorted(starts, number, side="right")) - 1, int(columns[number])
