"""IDX, the format of MNIST: big-endian arrays of any rank, plain or gzip, alone or as a folder of four.

::

    byte 0, 1   0
    byte 2      type: 08 ubyte, 09 byte, 0B int16, 0C int32, 0D float32, 0E float64
    byte 3      rank
    then        rank sizes, 4 bytes each, and the entries, last index fastest
"""

from __future__ import annotations

import gzip
import math
import os
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from chainrule.datasets.checks import (
    check_arrays,
    check_promise,
    check_same_columns,
    damage_reported,
    refuse_bomb,
)
from chainrule.datasets.dataset import Dataset
from chainrule.datasets.images import as_table, pixel_scaling
from chainrule.errors import DataError, FileError, FileFormatError
from chainrule.files import ensure_readable

if TYPE_CHECKING:
    from pathlib import Path

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"

_PIECE = 1 << 20
_MAX_RANK = 32

Array = npt.NDArray[Any]


def read_idx(path: str | os.PathLike[str]) -> Array:
    """Return the array in an IDX file, plain or gzip, in the machine's byte order.

    No memory is asked for on the header's word alone: a plain file's header is compared with the file's
    size first; a gzip file is unpacked piece by piece, no further than the header promises.

    Parameters
    ----------
    path
        The file; whether it is gzip is told by its first bytes, not by its name.

    Returns
    -------
    array
        Of the shape and type in the header: uint8, int8, int16, int32, float32 or float64.

    Raises
    ------
    FileError
        If the file is missing or unreadable.
    FileFormatError
        If it is empty, truncated, too long, damaged, or no IDX file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    source = ensure_readable(path)
    with damage_reported(source), source.open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        if size == 0:
            raise FileFormatError("data.empty", path=str(source))
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        if not packed:
            dtype, shape = _read_header(raw, source)
            count = math.prod(shape)
            check_promise(source, count * dtype.itemsize, size - raw.tell())
            entries = np.fromfile(raw, dtype, count)
        else:
            with gzip.GzipFile(fileobj=raw) as stream:
                dtype, shape = _read_header(stream, source)
                promised = math.prod(shape) * dtype.itemsize
                refuse_bomb(source, promised, size)
                entries = np.frombuffer(_unpack(stream, source, promised), dtype)
        return entries.astype(dtype.newbyteorder("="), copy=False).reshape(shape)


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= _MAX_RANK:
        raise FileFormatError("data.not_idx", path=str(path), found=magic.hex(" "))
    sizes = stream.read(4 * magic[3])
    check_promise(path, 4 * magic[3], len(sizes))
    return np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())


def _unpack(stream: gzip.GzipFile, path: Path, promised: int) -> bytearray:
    """Read to the end, which makes gzip compare its checksum, but never past what was promised."""
    content = bytearray()
    while piece := stream.read(min(_PIECE, promised + 1 - len(content))):
        content += piece
        if len(content) > promised:
            break
    check_promise(path, promised, len(content))
    return content


class _Pair(NamedTuple):
    images: Path
    labels: Path | None


def load_folder(folder: Path, *, name: str | None = None, need_target: bool = True) -> Dataset:
    """Return the data set in a folder of IDX files with MNIST's names.

    ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, and for the test set ``t10k-…``; each may end
    in ``.gz`` and may write ``.idx3`` for ``-idx3``. A folder with the ``t10k`` files only is read as one
    set without a separate test set.

    Parameters
    ----------
    folder
        The folder.
    name
        The name the data set is to have; by default the folder's path.
    need_target
        Whether labels must be there.

    Returns
    -------
    Dataset
        x of shape (m, h·w), of the file's type; y of shape (m,).

    Raises
    ------
    FileError
        If a file is missing.
    FileFormatError
        If a file is damaged.
    DataError
        If images and labels do not belong together.
    """
    title = name or str(folder)
    pairs = [pair for part in ("train", "t10k") if (pair := _find_pair(folder, part)) is not None]
    half = _find(folder, "train", "labels", 1) is not None and _find_pair(folder, "train") is None
    if not pairs or half:
        raise FileError("data.no_idx_folder", path=str(folder))
    x, y, image_shape = _read_pair(pairs[0], need_target)
    x_test = y_test = None
    if len(pairs) > 1:
        x_test, y_test, _ = _read_pair(pairs[1], need_target)
        check_same_columns(x, x_test)
    return _dataset(title, x, y, image_shape, x_test, y_test)


def load_idx(path: Path, *, need_target: bool = True) -> Dataset:
    """Return the data set of one IDX file of images, with the labels from the file beside it.

    The labels' file has the images' name with ``labels-idx1`` for ``images-idx3``; without ``need_target``
    it may be missing. Result and errors are those of `load_folder`.
    """
    name = path.name.replace("images-idx3", "labels-idx1").replace("images.idx3", "labels.idx1")
    beside = path.with_name(name)
    labels = beside if name != path.name and beside.is_file() else None
    x, y, image_shape = _read_pair(_Pair(path, labels), need_target)
    return _dataset(str(path), x, y, image_shape, None, None)


def _find_pair(folder: Path, part: str) -> _Pair | None:
    images = _find(folder, part, "images", 3)
    return None if images is None else _Pair(images, _find(folder, part, "labels", 1))


def _find(folder: Path, part: str, what: str, rank: int) -> Path | None:
    names = (f"{part}-{what}{dot}idx{rank}-ubyte{end}" for dot in "-." for end in ("", ".gz"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_pair(pair: _Pair, need_target: bool) -> tuple[Array, Array | None, tuple[int, int] | None]:
    x, image_shape = as_table(read_idx(pair.images), str(pair.images))
    if pair.labels is None and need_target:
        raise FileError("data.no_labels", path=str(pair.images))
    y = None if pair.labels is None else read_idx(pair.labels)
    if y is not None and y.ndim != 1:
        raise DataError("data.not_labels", source=str(pair.labels), shape=y.shape)
    check_arrays(str(pair.images), x, y)
    return x, y, image_shape


def _dataset(
    title: str,
    x: Array,
    y: Array | None,
    image_shape: tuple[int, int] | None,
    x_test: Array | None,
    y_test: Array | None,
) -> Dataset:
    return Dataset(
        title,
        x,
        y,
        x_test,
        y_test,
        target_names=("label",) if y is not None else (),
        image_shape=image_shape,
        scaling=pixel_scaling(x, image_shape),
    )
