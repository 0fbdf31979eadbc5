"""NumPy's own files: .npz archives, and .npy tables of any length, mapped into memory instead of loaded."""

from __future__ import annotations

import math
import os
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from chainrule.datasets.checks import (
    check_arrays,
    check_promise,
    check_rows,
    check_same_columns,
    damage_reported,
    refuse_bomb,
)
from chainrule.datasets.columns import choose_target
from chainrule.datasets.dataset import Dataset
from chainrule.datasets.images import as_table, pixel_scaling
from chainrule.errors import DataError, FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

X_KEYS = ("x", "X", "x_train", "data")
Y_KEYS = ("y", "Y", "y_train", "target")

_COPY_BYTES = 1 << 30

Array = npt.NDArray[Any]


class _Header(NamedTuple):
    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]

    @property
    def promised(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _read_header(stream: BinaryIO, path: Path, kinds: str) -> _Header:
    """Read the header of .npy content; only numbers (and, where allowed, words) of known size pass."""
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        header = _Header(*np.lib.format.read_array_header_1_0(stream))
    elif version == (2, 0):
        header = _Header(*np.lib.format.read_array_header_2_0(stream))
    else:
        raise FileFormatError("data.npy_version", path=str(path), version=f"{version[0]}.{version[1]}")
    if header.dtype.hasobject:
        raise FileFormatError("data.objects", path=str(path))
    if header.dtype.kind not in kinds or header.dtype.itemsize == 0:
        raise FileFormatError("data.dtype", path=str(path), dtype=header.dtype)
    if any(size < 0 for size in header.shape):
        raise FileFormatError("data.damaged", path=str(path), reason=f"shape {header.shape}")
    return header


def load_npy(path: Path, *, target: str | int | None = None, need_target: bool = True) -> Dataset:
    """Return the data set in a .npy file: a table whose target is one of its columns.

    The file is mapped into memory: ``x`` and ``y`` are read-only views of it, and only what is used is
    read. (If the target is neither the first nor the last column, ``x`` must be a copy, which is refused
    beyond 1 GiB.) The values are not searched for NaN here; `check_finite` does that.

    Parameters
    ----------
    path
        The file: a 2-D array of numbers; without target also a stack of images (m, h, w).
    target
        Index of the target column, from 0, or from −1 backwards. By default the last.
    need_target
        If false, and no target is named, all columns are features.

    Raises
    ------
    FileFormatError
        If the file is damaged, holds Python objects, or promises more than it holds.
    DataError
        If it is no table of numbers, or has no such column.
    """
    with damage_reported(path), path.open("rb") as stream:
        header = _read_header(stream, path, "biuf")
        offset = stream.tell()
        check_promise(path, header.promised, os.fstat(stream.fileno()).st_size - offset)
        if header.promised == 0:
            raise DataError("data.no_rows", source=str(path))
        order: Literal["F", "C"] = "F" if header.fortran_order else "C"
        table: Array = np.memmap(path, header.dtype, "r", offset, header.shape, order)
    images = None
    if target is None and not need_target:
        table, images = as_table(table, str(path))
    if table.ndim != 2:
        raise DataError("data.not_table", name=str(path), shape=table.shape)
    column = choose_target(target, None, table.shape[1], source=str(path), need_target=need_target)
    y = None if column is None else table[:, column]
    x = table if column is None else _without(table, column, path)
    check_rows(str(path), x, y)
    return Dataset(
        str(path),
        x,
        y,
        target_names=() if column is None else (f"column {column}",),
        image_shape=images,
        scaling=pixel_scaling(x, images),
    )


def _without(table: Array, column: int, path: Path) -> Array:
    if column == 0:
        return table[:, 1:]
    if column == table.shape[1] - 1:
        return table[:, :-1]
    if table.nbytes > _COPY_BYTES:
        raise DataError("data.middle_column", source=str(path), column=column)
    return np.delete(table, column, axis=1)


def load_npz(path: Path, *, need_target: bool = True) -> Dataset:
    """Return the data set in a .npz archive.

    Parameters
    ----------
    path
        The archive. Inputs are its array ``x``, ``X``, ``x_train`` or ``data``: a table (m, n) or a stack
        of images (m, h, w); targets ``y``, ``Y``, ``y_train`` or ``target``; both ``x_test`` and ``y_test``
        may be there.
    need_target
        Whether targets must be there.

    Raises
    ------
    FileFormatError
        If the archive is damaged, holds Python objects (they are never unpickled), or promises more than
        it holds.
    DataError
        If an array is missing or the shapes do not belong together; at NaN or infinity.
    """
    with damage_reported(path), zipfile.ZipFile(path) as archive:
        known = {name.removesuffix(".npy") for name in archive.namelist()}
        x_key = _choose(path, known, X_KEYS, required=True)
        y_key = _choose(path, known, Y_KEYS, required=need_target)
        x, image_shape = as_table(_member(archive, path, str(x_key), "biuf"), str(path))
        y = None if y_key is None else _targets(archive, path, y_key)
        x_test = y_test = None
        if "x_test" in known:
            x_test, _ = as_table(_member(archive, path, "x_test", "biuf"), f"{path}, x_test")
            y_test_key = _choose(path, known, ("y_test",), required=need_target)
            y_test = None if y_test_key is None else _targets(archive, path, y_test_key)
    check_arrays(str(path), x, y)
    if x_test is not None:
        check_arrays(f"{path}, x_test", x_test, y_test)
        check_same_columns(x, x_test)
    scaling = pixel_scaling(x, image_shape)
    columns = 0 if y is None else 1 if y.ndim == 1 else y.shape[1]
    names = (str(y_key),) if columns == 1 else tuple(f"{y_key}{number}" for number in range(columns))
    return Dataset(
        str(path), x, y, x_test, y_test, target_names=names, image_shape=image_shape, scaling=scaling
    )


def _choose(path: Path, known: set[str], keys: tuple[str, ...], *, required: bool) -> str | None:
    found = next((key for key in keys if key in known), None)
    if found is None and required:
        raise DataError(
            "data.no_array",
            source=str(path),
            wanted=", ".join(keys),
            found=" ".join(", ".join(sorted(known)).split())[:200] or "—",
        )
    return found


def _targets(archive: zipfile.ZipFile, path: Path, key: str) -> Array:
    y = _member(archive, path, key, "biufU")
    if y.ndim not in (1, 2):
        raise DataError("data.not_labels", source=f"{path}, {key}", shape=y.shape)
    return y


def _member(archive: zipfile.ZipFile, path: Path, key: str, kinds: str) -> Array:
    """Read one array, after comparing its header with what the archive can hold."""
    info = archive.getinfo(f"{key}.npy")
    refuse_bomb(path, info.file_size, info.compress_size)
    check_promise(path, *_possible(info, archive))
    with archive.open(info) as stream:
        header = _read_header(stream, path, kinds)  # type: ignore[arg-type]  # IO[bytes], read only
        check_promise(path, header.promised, info.file_size - stream.tell())
    with archive.open(info) as stream:
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _possible(info: zipfile.ZipInfo, archive: zipfile.ZipFile) -> tuple[int, int]:
    """Return how many compressed bytes the directory promises, and how many of them are in the file."""
    stream = archive.fp
    end = 0 if stream is None else stream.seek(0, os.SEEK_END)
    return info.compress_size, min(info.compress_size, max(0, end - info.header_offset))
