"""MNIST and Fashion-MNIST: from a folder of the user's, else downloaded once, checked and kept.

The checksums are those of the unpacked files: mirrors pack the same content differently.
"""

from __future__ import annotations

import contextlib
import logging
import os
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.datasets.checks import one_line
from chainrule.datasets.idx import load_folder
from chainrule.errors import FileError, FileFormatError
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chainrule.datasets.dataset import Dataset

VARIABLE = "CHAINRULE_DATA"

MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ),
    "fashion-mnist": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
    ),
}

SHA256: dict[str, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}

CLASSES: dict[str, tuple[str, ...]] = {
    "mnist": tuple("0123456789"),
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
}

_SECONDS = 30
_LARGEST = 64 << 20


def load_mnist(name: str) -> Dataset:
    """Return ``mnist`` or ``fashion-mnist``: 60,000 training and 10,000 test images of 28 × 28 pixels.

    Read from the folder ``$CHAINRULE_DATA/<name>`` if that variable is set, else from the cache, which is
    filled by a download the first time.

    Parameters
    ----------
    name
        "mnist" or "fashion-mnist".

    Returns
    -------
    Dataset
        x of shape (60000, 784), uint8; y of shape (60000,), uint8; x_test and y_test with 10,000 rows.

    Raises
    ------
    FileError
        If the folder or a file in it is missing, or the download fails.
    FileFormatError
        If a file is damaged, or what was downloaded has the wrong checksum.
    """
    folder = os.environ.get(VARIABLE)
    if folder:
        source = Path(folder) / name
        if not source.is_dir():
            raise FileError("data.no_data_folder", path=str(source), variable=VARIABLE, name=name)
    else:
        source = fetch(name)
    return replace(load_folder(source, name=name), class_names=CLASSES[name])


def fetch(
    name: str,
    *,
    addresses: Sequence[str] | None = None,
    checksums: Mapping[str, str] | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: Any = False,
) -> Path:
    """Return the folder with the unpacked files of ``name``; download those that are not there.

    A file is downloaded as ``<address>/<file>.gz``, unpacked on the way, compared with its checksum and
    only then given its name. Files in the cache are compared with their checksum as well.

    Parameters
    ----------
    name
        "mnist" or "fashion-mnist".
    addresses
        Where to download from, tried in turn; by default the public mirrors.
    checksums
        File name → SHA-256 of the unpacked file; by default the table `SHA256`.
    cache
        Where to keep the files; by default pooch's cache folder of this user.
    progress
        What `pooch.HTTPDownloader` takes: False, True (needs tqdm), or an object that shows progress.

    Raises
    ------
    FileError
        If no address delivers: no connection, no such page, no room in the cache.
    FileFormatError
        If what was delivered is damaged.
    """
    import pooch

    folder = Path(pooch.os_cache("chainrule") if cache is None else cache) / name
    mirrors = MIRRORS[name] if addresses is None else tuple(addresses)
    for file, checksum in (SHA256[name] if checksums is None else checksums).items():
        failure: FileError | None = None
        for address in mirrors:
            try:
                _fetch_file(f"{address.rstrip('/')}/{file}.gz", folder / file, checksum, progress)
                break
            except FileError as error:
                failure = error
        else:
            if failure is not None:
                raise failure
    return folder


def _fetch_file(url: str, path: Path, checksum: str, progress: Any) -> None:
    import pooch
    import requests

    def download(url: str, output: str, _pooch: object) -> None:
        with contextlib.ExitStack() as closing, Path(output).open("wb") as file:

            def close_later(response: Any, **_: object) -> None:
                """After a failure pooch would leave the connection open."""
                closing.callback(response.close)

            unpacking = _Unpacking(file)
            get = pooch.HTTPDownloader(
                progressbar=progress, chunk_size=1 << 16, timeout=_SECONDS, hooks={"response": close_later}
            )
            get(url, unpacking, None)
            unpacking.finish()

    try:
        with _quiet(pooch.get_logger()):
            pooch.retrieve(
                url, known_hash=f"sha256:{checksum}", fname=path.name, path=path.parent, downloader=download
            )
    except requests.exceptions.ConnectionError as error:
        raise FileError("data.download", url=url, reason=say("data.no_connection")) from error
    except requests.exceptions.Timeout as error:
        raise FileError("data.download", url=url, reason=say("data.timeout")) from error
    except requests.exceptions.RequestException as error:
        raise FileError("data.download", url=url, reason=one_line(error)) from error
    except (ValueError, zlib.error, EOFError) as error:
        raise FileFormatError("data.download_damaged", url=url) from error
    except OSError as error:
        raise FileError("data.cache", path=str(path), reason=error.strerror or one_line(error)) from error


class _Unpacking:
    """A file-like object that unpacks the gzip bytes written to it, up to a limit, into another file."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj(wbits=31)
        self._room = _LARGEST

    def write(self, piece: bytes) -> None:
        content = self._unpacker.decompress(piece, self._room)
        self._room -= len(content)
        self._file.write(content)
        if self._unpacker.unconsumed_tail or self._room <= 0:
            raise ValueError(_LARGEST)

    def flush(self) -> None:
        """Nothing to do: the file is flushed when it is closed."""

    def finish(self) -> None:
        if not self._unpacker.eof:
            raise EOFError


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch's notes off the screen for a while: a caller says what there is to say."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
