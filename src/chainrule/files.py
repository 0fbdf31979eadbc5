"""Atomic writing and careful reading of files.

A file is written beside its final name, flushed to the disk and renamed, so that a reader sees the old
content or the new one, never a half; a failed write removes its temporary file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from pathlib import Path

from chainrule.errors import FileError


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` wholly or not at all.

    Raises
    ------
    FileError
        If the folder does not exist (it is never created) or the file cannot be written (no permission,
        full disk …); an earlier file of that name is then untouched.
    """
    target = Path(path)
    ensure_writable(target)
    if target.exists() and not target.is_file():
        _write_device(target, content)
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", suffix=".tmp", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode_for(target))
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileError("file.unwritable", path=str(target), reason=error.strerror or error) from error
        raise


def _write_device(target: Path, content: bytes) -> None:
    """Write to /dev/null or a pipe as it stands: to rename a file over it would destroy it."""
    try:
        with target.open("wb") as file:
            file.write(content)
    except OSError as error:
        raise FileError("file.unwritable", path=str(target), reason=error.strerror or error) from error


def _mode_for(target: Path) -> int:
    """Return the mode of the file that is replaced, or what the process's umask gives a new one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Flush the folder's entry, so that the rename survives a power cut (not possible on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def ensure_writable(path: str | os.PathLike[str]) -> None:
    """Raise `FileError` if ``path`` cannot become a file: before long work, not after it."""
    target = Path(path)
    try:
        target.stat()
        exists = True
    except FileNotFoundError:
        exists = False
    except NotADirectoryError as error:
        raise FileError("file.no_folder", path=str(target), folder=str(target.parent)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError("file.unwritable", path=str(target), reason=reason) from error
    if target.is_dir():
        raise FileError("file.is_folder", path=str(target))
    if not target.parent.is_dir():
        raise FileError("file.no_folder", path=str(target), folder=str(target.parent))
    if not os.access(target if exists else target.parent, os.W_OK):
        raise FileError("file.unwritable", path=str(target), reason=os.strerror(errno.EACCES))


def ensure_readable(path: str | os.PathLike[str]) -> Path:
    """Return ``path`` as a `Path` if it is a file that can be opened, else raise `FileError`."""
    source = Path(path)
    try:
        if source.is_dir():
            raise FileError("file.is_folder", path=str(source))
        with source.open("rb"):
            return source
    except FileNotFoundError as error:
        raise FileError("file.missing", path=str(source)) from error
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise FileError("file.unreadable", path=str(source), reason=reason) from error


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file; raise `FileError` if it is missing or unreadable."""
    source = ensure_readable(path)
    try:
        return source.read_bytes()
    except OSError as error:
        raise FileError("file.unreadable", path=str(source), reason=error.strerror or error) from error


def sha256(content: bytes | memoryview) -> str:
    """Return the SHA-256 of ``content`` as 64 hexadecimal digits.

    Examples
    --------
    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()
