"""Atomic writing: the old content or the new, never a half, whatever goes wrong."""

import os
import subprocess
import sys

import pytest

from chainrule.errors import FileError
from chainrule.files import ensure_readable, ensure_writable, read_bytes, sha256, write_atomically

NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_write_and_read(tmp_path):
    path = tmp_path / "file"
    for content in (b"old", b"", bytes(range(256)) * 1000):
        write_atomically(path, content)
        assert read_bytes(path) == content
    assert names(tmp_path) == ["file"]


FULL_DISK = """
import resource, signal, sys
from chainrule.errors import FileError
from chainrule.files import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(sys.argv[1], bytes(5000))
except FileError as error:
    print(error.key)
"""


@POSIX
def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path):
    """The system itself refuses to write more than 1,000 bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, env=environment
    )
    assert (done.stdout.strip(), done.stderr) == ("file.unwritable", "")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_devices_are_written_to_not_replaced():
    with pytest.raises(FileError) as caught:
        write_atomically("/dev/full", b"something")
    assert caught.value.key == "file.unwritable"
    write_atomically("/dev/null", b"something")
    for device in ("/dev/full", "/dev/null"):
        assert not os.path.isfile(device)  # noqa: PTH113


@POSIX
def test_mode_of_new_and_replaced_files(tmp_path):
    path = tmp_path / "file"
    (tmp_path / "other").write_bytes(b"")
    write_atomically(path, b"1")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode
    path.chmod(0o640)
    write_atomically(path, b"2")
    assert path.stat().st_mode & 0o777 == 0o640


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    for place, key in (
        (tmp_path, "file.is_folder"),
        (tmp_path / "no" / "file", "file.no_folder"),
        (tmp_path / "file" / "inside", "file.no_folder"),
        (tmp_path / ("x" * 300), "file.unwritable"),
        (tmp_path / "nul\0byte", "file.unwritable"),
    ):
        for attempt in (ensure_writable, lambda path: write_atomically(path, b"new")):
            with pytest.raises(FileError) as caught:
                attempt(place)
            assert caught.value.key == key
            assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


@NOT_ROOT
def test_no_permission(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(FileError) as caught:
        write_atomically(folder / "file", b"new")
    assert caught.value.key == "file.unwritable"
    secret = tmp_path / "secret"
    secret.write_bytes(b"")
    secret.chmod(0)
    with pytest.raises(FileError) as caught:
        read_bytes(secret)
    assert caught.value.key == "file.unreadable"


def test_places_that_cannot_be_read(tmp_path):
    for place, key in (
        (tmp_path, "file.is_folder"),
        (tmp_path / "missing", "file.missing"),
        (tmp_path / ("x" * 300), "file.unreadable"),
        (tmp_path / "nul\0byte", "file.unreadable"),
    ):
        for attempt in (ensure_readable, read_bytes):
            with pytest.raises(FileError) as caught:
                attempt(place)
            assert caught.value.key == key


def test_interrupted_while_writing_leaves_no_temporary(tmp_path):
    """Anything that is not bytes fails in the middle of writing, as Ctrl-C would."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_sha256_of_the_standards_example():
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
