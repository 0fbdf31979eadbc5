"""`load`: a data set by its name or from a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.datasets.checks import one_line
from chainrule.datasets.csv_file import load_csv
from chainrule.datasets.digits import load_digits
from chainrule.datasets.downloads import load_mnist
from chainrule.datasets.idx import GZIP_MAGIC, load_folder, load_idx
from chainrule.datasets.numpy_files import load_npy, load_npz
from chainrule.datasets.synthetic import circles, moons, spiral
from chainrule.errors import DataError, FileError, FileFormatError, UnknownNameError, nearest_hint
from chainrule.files import ensure_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chainrule.datasets.dataset import Dataset

_NAMED: dict[str, Callable[[], Dataset]] = {
    "digits": load_digits,
    "mnist": lambda: load_mnist("mnist"),
    "fashion-mnist": lambda: load_mnist("fashion-mnist"),
    "moons": moons,
    "circles": circles,
    "spiral": spiral,
}

NAMES: tuple[str, ...] = tuple(_NAMED)

_FIXED: dict[str, Callable[..., Dataset]] = {"npz": load_npz, "idx": load_idx, "folder": load_folder}

_SUFFIXES = {".npy": "npy", ".npz": "npz", ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".gz": "idx"}
_MAGIC = ((b"\x93NUMPY", "npy"), (b"PK", "npz"), (GZIP_MAGIC, "idx"), (b"\0\0", "idx"))


def load(
    source: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    categorical: Collection[str | int] = (),
    need_target: bool = True,
) -> Dataset:
    """Return the data set of a name, or in a file or folder.

    Parameters
    ----------
    source
        A name of `NAMES` (a name goes before a file of that name: write ``./digits`` for the file); or the
        path of a CSV file, a .npz, a .npy, an IDX file (plain or gzip), or a folder of IDX files.
    target
        The target column of a CSV file (name or number) or a .npy (number), numbers from 0 or from −1
        backwards. By default, in a CSV file, a column called target, label or y, else the last one.
    categorical
        Columns of a CSV file whose cells, numbers too, are categories.
    need_target
        Say False for inputs without targets: all columns are then features, except one that is named by
        ``target``, or, in a CSV file, called target, label or y.

    Returns
    -------
    Dataset
        Raw inputs and targets. Values are finite, except that a .npy is not searched: see `check_finite`.

    Raises
    ------
    UnknownNameError
        If there is no such name, nor such a file; it suggests the nearest name.
    FileError
        If a file is missing or unreadable, or a download fails.
    FileFormatError
        If a file is damaged, truncated, empty, or not what it claims to be.
    DataError
        If the data cannot be used: no rows, missing columns, NaN, numbers and words mixed in a column.

    Examples
    --------
    >>> load("digits").x.shape
    (1797, 64)
    >>> load("digit")
    Traceback (most recent call last):
    chainrule.errors.UnknownNameError: There is no data set and no file called 'digit'. Did you mean 'digits'?
    """
    text = os.fspath(source)
    is_name = isinstance(source, str) and "/" not in text and os.sep not in text
    if is_name and text in _NAMED:
        _refuse_columns(text, target, categorical)
        return _NAMED[text]()
    path = Path(text)
    kind = _kind(path, is_name=is_name)
    if kind == "csv":
        return load_csv(path, target=target, categorical=categorical, need_target=need_target)
    if kind == "npy":
        _refuse_columns(text, None, categorical)
        return load_npy(path, target=target, need_target=need_target)
    _refuse_columns(text, target, categorical)
    return _FIXED[kind](path, need_target=need_target)


def _kind(path: Path, *, is_name: bool) -> str:
    """Return what the path is: "folder", "csv", "npy", "npz" or "idx", by its name, else its first bytes."""
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_name and not path.suffix:
            hint = nearest_hint(path, NAMES)
            raise UnknownNameError("data.unknown", value=str(path), hint=hint) from error
        raise FileError("file.missing", path=str(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise FileError("file.unreadable", path=str(path), reason=reason) from error
    if stat.S_ISDIR(state.st_mode):
        return "folder"
    if not stat.S_ISREG(state.st_mode):
        raise FileError("data.not_regular", path=str(path))
    with ensure_readable(path).open("rb") as file:
        magic = file.read(6)
    if not magic:
        raise FileFormatError("data.empty", path=str(path))
    if path.suffix.lower() in _SUFFIXES:
        return _SUFFIXES[path.suffix.lower()]
    if path.name.endswith("ubyte"):
        return "idx"
    return next((kind for start, kind in _MAGIC if magic.startswith(start)), "csv")


def _refuse_columns(source: str, target: str | int | None, categorical: Collection[str | int]) -> None:
    if target is not None:
        raise DataError("data.no_target_choice", source=source)
    if categorical:
        raise DataError("data.no_categories", source=source)
