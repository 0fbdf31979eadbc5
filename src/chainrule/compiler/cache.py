"""Machine code kept on disk, so that a second process does not compile again.

The folder is ``CHAINRULE_CACHE`` or the user's cache folder, and private: code from it is run, so a folder
that somebody else owns or can write to is not used. Whatever is wrong with the folder or a file in it, the
code is built as if there were none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import stat
import sys
from importlib import metadata
from pathlib import Path

from chainrule import __version__
from chainrule.compiler.build import MachineCode, build
from chainrule.compiler.runtime import linking
from chainrule.errors import FileError
from chainrule.files import write_atomically

VARIABLE = "CHAINRULE_CACHE"
LARGEST = 256 << 20
"""How many bytes the folder may hold; what was not used for the longest time goes first."""

_FORMAT = 1
_MAGIC = b"chainrule machine code\n"
_SUFFIX = ".code"
_DIGEST = hashlib.sha256().digest_size


def machine_code(source: str, name: str, filename: str) -> MachineCode:
    """Return the machine code of the function ``name`` in ``source``: from the folder, else built and kept.

    The parameters and errors are those of `build.build`.
    """
    folder = cache_folder()
    if folder is None:
        return build(source, name, filename)
    path = folder / (_key(source, name) + _SUFFIX)
    code = _read(path)
    if code is None:
        code = build(source, name, filename)
        _write(path, code)
    return code


def is_kept(source: str, name: str) -> bool:
    """Return whether the folder holds the machine code of the function ``name`` in ``source``."""
    folder = cache_folder()
    return folder is not None and _read(folder / (_key(source, name) + _SUFFIX)) is not None


def cache_folder() -> Path | None:
    """Return the folder of the machine code, made if need be; None if there is no private one to be had."""
    chosen = os.environ.get(VARIABLE)
    try:
        folder = Path(chosen).expanduser() if chosen else _user_folder() / "chainrule" / "code"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if _is_private(folder.stat()) else None
    except (OSError, RuntimeError, ValueError):
        return None


def _user_folder() -> Path:
    """Return where programs of this user keep what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return Path(given) if Path(given).is_absolute() else Path.home() / ".cache"


def _is_private(about: os.stat_result) -> bool:
    """Return whether only this user can have written there."""
    if os.name != "posix":
        return True  # the user's own folder is private there by its place
    return about.st_uid == os.geteuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _key(source: str, name: str) -> str:
    """Return a name for the file that changes with all that the machine code depends on."""
    digest = hashlib.sha256(_surroundings())
    for part in (name, source):
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()


@functools.cache
def _surroundings() -> bytes:
    """Return what machine code depends on beside its source, as a digest."""
    digest = hashlib.sha256()
    versions = [__version__, *(metadata.version(package) for package in ("llvmlite", "numpy"))]
    system = [sys.platform, platform.machine(), sys.implementation.cache_tag, *linking.target()]
    digest.update(json.dumps([_FORMAT, versions, system]).encode())
    here = Path(__file__).parent
    for path in sorted([here / "build.py", here / "translator.py", *(here / "runtime").glob("*.py")]):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _read(path: Path) -> MachineCode | None:
    """Return the code of a file, and note that it was used; None if it is missing, damaged or not ours."""
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode) or not _is_private(about):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    code = _decoded(content)
    if code is not None:
        with contextlib.suppress(OSError):
            os.utime(path)
    return code


def _write(path: Path, code: MachineCode) -> None:
    """Put the code into the folder, if there is room and permission, and make room for it."""
    with contextlib.suppress(OSError):
        path.touch(mode=0o600)  # the mode that the written file takes over
        try:
            write_atomically(path, _encoded(code))
        except FileError:
            path.unlink(missing_ok=True)
        _make_room(path.parent)


def _encoded(code: MachineCode) -> bytes:
    head = json.dumps({"symbol": code.symbol, "needs_blas": code.needs_blas}).encode() + b"\n"
    body = head + code.object_code
    return _MAGIC + hashlib.sha256(body).digest() + body


def _decoded(content: bytes) -> MachineCode | None:
    start = len(_MAGIC) + _DIGEST
    digest, body = content[len(_MAGIC) : start], content[start:]
    if not content.startswith(_MAGIC) or hashlib.sha256(body).digest() != digest:
        return None
    head, _, object_code = body.partition(b"\n")
    about = json.loads(head)
    return MachineCode(about["symbol"], object_code, about["needs_blas"])


def _make_room(folder: Path) -> None:
    """Delete the files used longest ago until the folder holds no more than it may."""
    files = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # another process may have deleted it
            about = path.stat()
            files.append((about.st_mtime_ns, about.st_size, path))
    size = sum(length for _, length, _ in files)
    for _, length, path in sorted(files):
        if size <= LARGEST:
            return
        with contextlib.suppress(OSError):
            path.unlink()
            size -= length
