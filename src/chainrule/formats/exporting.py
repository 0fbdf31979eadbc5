"""`export`: a network as a file of the kind that its name says."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.errors import SettingError
from chainrule.files import write_atomically
from chainrule.formats.c_file import c_content
from chainrule.formats.numpy_file import numpy_content
from chainrule.formats.onnx_file import onnx_content
from chainrule.network import Network

CONTENTS = {"ONNX": onnx_content, "NumPy": numpy_content, "C": c_content}
SUFFIXES = {".onnx": "ONNX", ".py": "NumPy", ".c": "C"}


def export(net: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's prediction for other programs: ``.onnx`` (ONNX), ``.py`` (NumPy) or ``.c`` (C99).

    Parameters
    ----------
    net
        The network; how it scales raw inputs is written with it.
    path
        The file, written wholly or not at all; its suffix says what to write.

    Raises
    ------
    SettingError
        If the suffix is another, or the package onnx is needed and not installed.
    GraphError
        If an operation of the network cannot be written in this format; names it.
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import chainrule as cr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(cr.Network([2, 3, 1]), f"{folder}/net.py")
    >>> export(cr.Network([2, 3, 1]), "net.txt")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    chainrule.errors.SettingError: net.txt: the name does not say what to write. Let it end in .onnx ...
    """
    kind = SUFFIXES.get(Path(path).suffix.lower())
    if kind is None:
        raise SettingError("formats.suffix", path=str(path))
    write_atomically(path, CONTENTS[kind](net))
