"""Machine code on disk: found again, private, and never in the way when the disk is not as it should be."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.compiler import cache
from chainrule.compiler.cache import cache_folder, machine_code

SOURCE = """
from numpy import float64
from chainrule.compiler.runtime import array, exp, length
def step(memory, first, last):
    x = array(memory, 0, 0, float64)
    for i in range(length(last)):
        x[i] = exp(x[i]) * first
    return last
"""

PROGRAM = f"""
import sys
import numpy as np
from chainrule.compiler.cache import machine_code
code = machine_code({SOURCE!r}, "step", "<cached>")
x = np.array([0.0, 1.0, -np.inf])
table = np.array([x.ctypes.data])
assert code.load()(table.ctypes.data, 2, 3) == 3
assert abs(x - [2, 2 * np.e, 0]).max() < 1e-15, x
print("chainrule.compiler.translator" in sys.modules, "scipy.linalg" in sys.modules)
"""

posix = pytest.mark.skipif(os.name != "posix", reason="needs the rights of POSIX")
not_root = pytest.mark.skipif(
    os.name == "posix" and os.geteuid() == 0, reason="the superuser may write everywhere"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "new" / "code"
    monkeypatch.setenv(cache.VARIABLE, str(path))
    return path


@pytest.fixture
def builds(monkeypatch):
    """Count what is built."""
    count = []
    real = cache.build

    def counted(*arguments):
        count.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(cache, "build", counted)
    return count


def get(source=SOURCE, name="step"):
    """Return what the code computes of exp(0) · 7: 7."""
    code = machine_code(source, name, "<cached>")
    x = np.zeros(1)
    table = np.array([x.ctypes.data])
    code.load()(table.ctypes.data, 7, 1)
    return x[0]


def files(folder):
    return sorted(folder.iterdir())


def process(**variables):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    )


def said(running):
    text, _ = running.communicate()
    assert running.returncode == 0
    return text.split()


def test_the_second_process_does_without_translating(folder):
    assert said(process()) == ["True", "False"]
    assert said(process()) == ["False", "False"]
    assert len(files(folder)) == 1


def test_two_processes_at_once_both_get_their_code(folder):
    running = [process(), process()]
    assert [said(one)[1] for one in running] == ["False", "False"]
    assert len(files(folder)) == 1
    assert said(process()) == ["False", "False"]


def test_the_same_source_is_built_once_and_another_again(folder, builds):
    assert get() == get() == 7
    assert len(builds) == 1
    assert get(SOURCE.replace("* first", "* first * 2")) == 14
    assert len(builds) == 2


@posix
def test_the_folder_and_its_files_are_private_whatever_the_mask(folder):
    before = os.umask(0)
    try:
        get()
    finally:
        os.umask(before)
    (file,) = files(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:40],
        lambda content: content[:-9] + b"?" + content[-8:],
        lambda content: b"x" + content[1:],
        lambda content: content + b"more",
    ],
    ids=["empty", "cut", "head only", "one byte", "other kind", "longer"],
)
def test_a_damaged_file_is_built_anew(folder, builds, damage):
    get()
    (file,) = files(folder)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert get() == 7
    assert len(builds) == 2
    assert get() == 7
    assert len(builds) == 2


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_to_is_not_used(folder, builds, mode):
    folder.mkdir(parents=True)
    folder.chmod(mode)
    assert cache_folder() is None
    assert get() == get() == 7
    assert len(builds) == 2
    assert files(folder) == []


@posix
def test_a_file_that_others_can_write_to_is_not_read(folder, builds):
    get()
    files(folder)[0].chmod(0o666)
    get()
    assert len(builds) == 2


@posix
def test_a_link_in_the_place_of_a_file_is_not_read(folder, builds, tmp_path):
    get()
    (file,) = files(folder)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert get() == 7
    assert len(builds) == 2


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="only the superuser can give files away")
def test_a_folder_of_somebody_else_is_not_used(folder):
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder, 12345, -1)
    assert cache_folder() is None


@not_root
def test_a_folder_without_write_permission_breaks_nothing(folder, builds):
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    assert get() == get() == 7
    assert len(builds) == 2


@pytest.mark.parametrize("place", ["file", "file/below", "~nobody-of-this-name/x"])
def test_a_folder_that_cannot_be_made_breaks_nothing(tmp_path, monkeypatch, builds, place):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv(cache.VARIABLE, place if place.startswith("~") else str(tmp_path / place))
    assert cache_folder() is None
    assert get() == 7
    assert len(builds) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_breaks_nothing(folder, builds, monkeypatch):
    """A file of the kind that is written stands for a full disk: every write to it fails for want of room."""
    folder.mkdir(parents=True, mode=0o700)
    key = cache._key(SOURCE, "step")
    (folder / f"{key}.code").symlink_to("/dev/full")
    assert get() == get() == 7
    assert len(builds) == 2


def test_what_was_used_longest_ago_goes_first(folder, monkeypatch):
    sources = [SOURCE.replace("* first", f"* first * {n}") for n in range(3)]
    get(sources[0])
    (oldest,) = files(folder)
    get(sources[1])
    (second,) = set(files(folder)) - {oldest}
    for number, file in enumerate((second, oldest)):  # the first one was used since
        os.utime(file, (number + 1000, number + 1000))
    monkeypatch.setattr(cache, "LARGEST", 2 * oldest.stat().st_size + 100)
    get(sources[2])
    assert oldest in files(folder)
    assert second not in files(folder)
    assert len(files(folder)) == 2


def test_reading_counts_as_use(folder):
    get()
    (file,) = files(folder)
    os.utime(file, (1000, 1000))
    get()
    assert file.stat().st_mtime > 1000


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps caches")
def test_the_folder_is_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "chainrule" / "code"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "chainrule" / "code"


@pytest.mark.parametrize("what", ["version", "processor"])
def test_the_key_changes_with_what_the_code_depends_on(what, monkeypatch):
    def key():
        cache._surroundings.cache_clear()
        return cache._key(SOURCE, "step")

    before = key()
    assert re.fullmatch("[0-9a-f]{64}", before)
    assert key() == before
    if what == "version":
        monkeypatch.setattr(cache, "__version__", "0.0.0")
    else:
        monkeypatch.setattr(cache.linking, "target", lambda: ("i386", ""))
    assert key() != before
    monkeypatch.undo()
    assert key() == before
    assert cache._key(SOURCE, "other") != before
