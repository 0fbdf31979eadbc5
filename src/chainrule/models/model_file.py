"""The model file: safetensors, with the network's architecture as plain data and checksums of everything.

::

    8 bytes     length of the header, little-endian
    header      JSON: "__metadata__": {"chainrule-model": document}, and type, shape and place of each tensor
    data        the tensors

The document is JSON again: ``checksum`` (SHA-256 of the whole file, with this checksum's own digits as
zeros), ``version`` of the format, ``library`` version, ``architecture``, and ``sha256`` of each tensor, over
its type, shape and bytes. So a flipped bit anywhere is found, and a damaged tensor is named. Nothing in the
file is imported, evaluated or unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from chainrule import __version__
from chainrule.errors import ModelFileError
from chainrule.files import ensure_readable, sha256, write_atomically
from chainrule.models.plain import fault_of
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "chainrule-model"
VERSION = 1
MAX_HEADER_BYTES = 16 << 20

_NO_CHECKSUM = "0" * 64
_CHECKSUM_PLACE = rb"\"checksum\":\""
_TENSOR_NAME = re.compile(r"[A-Za-z0-9_.\-\[\]]{1,200}")

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What a model file holds.

    Parameters
    ----------
    architecture
        Plain data, as given to `write_model` (tuples have become lists). Names in it are not yet looked up.
    tensors
        The arrays by name, in the order in which they were written; they may be written to.
    library_version
        The version of chainrule that wrote the file.
    """

    architecture: dict[str, Any]
    tensors: dict[str, Array]
    library_version: str


def write_model(
    path: str | os.PathLike[str],
    architecture: Mapping[str, Any],
    tensors: Mapping[str, Array],
    *,
    kind: str = FORMAT,
) -> None:
    """Write a model file, wholly or not at all. Equal contents give equal bytes.

    Parameters
    ----------
    path
        The file; its folder must exist.
    architecture
        Plain data: dictionaries with string keys, lists, strings, finite numbers, booleans, None.
    tensors
        Arrays of real numbers by name ("W1", "b1" …), of any shape.
    kind
        What is in the file: a network, or something else that is not to be taken for one.

    Raises
    ------
    ModelFileError
        If the architecture is not plain data, or an array's name or type is not allowed.
    FileError
        If the file cannot be written; an earlier file of that name is then untouched.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "net.safetensors"
    ...     write_model(path, {"layers": [2, 1]}, {"W1": np.ones((2, 1))})
    ...     read_model(path).architecture
    {'layers': [2, 1]}
    """
    from safetensors.numpy import save

    plain = dict(architecture)
    fault = fault_of(plain)
    if fault is not None:
        raise ModelFileError("model.not_plain", place=fault)
    arrays = {name: _storable(name, tensor) for name, tensor in tensors.items()}
    document = {
        "checksum": _NO_CHECKSUM,
        "version": VERSION,
        "library": __version__,
        "architecture": plain,
        "sha256": {name: _tensor_sha256(array) for name, array in arrays.items()},
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    content = save(arrays, {kind: text})
    size = int.from_bytes(content[:8], "little")
    if size > MAX_HEADER_BYTES:
        raise ModelFileError("model.too_large_header", size=size, limit=MAX_HEADER_BYTES)
    start = content.index(_CHECKSUM_PLACE) + len(_CHECKSUM_PLACE)
    digest = sha256(content).encode()
    write_atomically(path, content[:start] + digest + content[start + len(digest) :])


def read_model(path: str | os.PathLike[str], *, kind: str = FORMAT) -> ModelFile:
    """Read a model file and check every byte of it.

    Parameters
    ----------
    path
        A file that `write_model` wrote.
    kind
        What was written.

    Returns
    -------
    ModelFile
        The architecture, whose names the caller looks up in its own tables, and the tensors.

    Raises
    ------
    FileError
        If the file is missing or unreadable.
    ModelFileError
        If it is empty, truncated, damaged, no model, or of a newer format.
    """
    source = ensure_readable(path)
    try:
        with source.open("rb") as file:
            return _read(file, source, kind)
    except OSError as error:
        if isinstance(error, ModelFileError):
            raise
        raise _damaged(source, error.strerror or "I/O") from error


def _read(file: BinaryIO, path: Path, kind: str) -> ModelFile:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise ModelFileError("model.empty", path=str(path))
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if size < 8 or not 2 <= length <= MAX_HEADER_BYTES:
        raise ModelFileError("model.not_model", path=str(path))
    _check_length(path, 8 + length, size, exact=False)
    raw_header = file.read(length)
    header = _parse_json(raw_header, path, key="model.not_model")
    document = _document(header, path, kind)
    _check_length(path, 8 + length + _data_bytes(header, path), size, exact=True)
    content = start + raw_header + file.read(size - 8 - length)
    tensors = _load_tensors(content, document, path)
    _check_whole(content, length, document, path)
    architecture = document["architecture"]
    fault = fault_of(architecture)
    if fault is not None or not isinstance(architecture, dict):
        raise _damaged(path, fault or say("model.bad_kind", kind=type(architecture).__name__))
    return ModelFile(architecture, tensors, str(document["library"]))


def _check_length(path: Path, promised: int, held: int, *, exact: bool) -> None:
    if promised > held or (exact and promised != held):
        raise ModelFileError("model.truncated", path=str(path), promised=promised, held=held)


def _parse_json(text: str | bytes, path: Path, *, key: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(key, path=str(path), reason="JSON") from error
    if not isinstance(value, dict):
        raise ModelFileError(key, path=str(path), reason="JSON")
    return value


def _document(header: dict[str, Any], path: Path, kind: str) -> dict[str, Any]:
    metadata = header.get("__metadata__")
    text = metadata.get(kind) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError("model.not_model", path=str(path))
    document = _parse_json(text, path, key="model.damaged")
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ModelFileError("model.newer", path=str(path), version=version, known=VERSION)
    if version != VERSION or not {"checksum", "library", "architecture", "sha256"} <= document.keys():
        raise _damaged(path, kind)
    return document


def _data_bytes(header: dict[str, Any], path: Path) -> int:
    """Return how many bytes of tensors the header promises; safetensors checks each place itself."""
    try:
        ends = [place["data_offsets"][1] for name, place in header.items() if name != "__metadata__"]
        total = max(ends, default=0)
    except (LookupError, TypeError) as error:
        raise _damaged(path, "data_offsets") from error
    if not isinstance(total, int):
        raise _damaged(path, "data_offsets")
    return total


def _load_tensors(content: bytes, document: dict[str, Any], path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: dict[str, Array] = load(content)
    except (SafetensorError, LookupError, ValueError, TypeError, ArithmeticError) as error:
        raise _damaged(path, "safetensors") from error
    checksums = document["sha256"]
    if not isinstance(checksums, dict) or checksums.keys() != tensors.keys():
        raise _damaged(path, "sha256")
    for name, tensor in tensors.items():
        if _tensor_sha256(tensor) != checksums[name]:
            raise _damaged(path, say("model.tensor_checksum", name=name))
    return {name: tensors[name] for name in checksums}


def _check_whole(content: bytes, length: int, document: dict[str, Any], path: Path) -> None:
    place = content.find(_CHECKSUM_PLACE, 8, 8 + length) + len(_CHECKSUM_PLACE)
    whole = hashlib.sha256(memoryview(content)[:place])
    whole.update(_NO_CHECKSUM.encode())
    whole.update(memoryview(content)[place + len(_NO_CHECKSUM) :])
    if content[place : place + 64] != whole.hexdigest().encode() or document["checksum"] != whole.hexdigest():
        raise _damaged(path, say("model.checksum"))


def _storable(name: str, tensor: Array) -> Array:
    """Return ``tensor`` in the file's form: contiguous, little-endian."""
    array = np.asarray(tensor)
    fits = array.dtype.kind in "biuf" and array.dtype.itemsize <= 8
    if not fits or not isinstance(name, str) or not _TENSOR_NAME.fullmatch(name):
        raise ModelFileError("model.bad_tensor", name=name, dtype=array.dtype)
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _tensor_sha256(tensor: Array) -> str:
    head = f"{tensor.dtype.str}{tensor.shape}".encode()
    return sha256(head + np.ascontiguousarray(tensor).tobytes())


def _damaged(path: Path, reason: str) -> ModelFileError:
    return ModelFileError("model.damaged", path=str(path), reason=reason)
