"""The one door: what a source is, and what it cannot be."""

import os

import numpy as np
import pytest

from chainrule.datasets import load
from chainrule.errors import ChainruleError, DataError, FileError, FileFormatError, UnknownNameError


@pytest.mark.parametrize("source", ["missing.csv", "no/such/file", "./digits", "x.npz"])
def test_missing_file(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError) as caught:
        load(source)
    assert caught.value.key == "file.missing"


def test_paths_that_no_system_can_open(tmp_path):
    file = tmp_path / "file.csv"
    file.write_text("a,b\n1,2\n")
    for source in ("a" * 5000, "nul\0byte.csv", file / "inside.csv", ""):
        with pytest.raises((FileError, UnknownNameError)):
            load(source)


def test_a_name_goes_before_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").write_text("a,b\n1,2\n")
    assert load("digits").x.shape == (1797, 64)
    assert load("./digits").x.tolist() == [[1]]
    assert load(tmp_path / "digits").x.tolist() == [[1]]


@pytest.mark.parametrize("name", ["table", "table.dat"])
def test_the_first_bytes_tell_where_the_name_does_not(tmp_path, name):
    path = tmp_path / name
    with path.open("wb") as file:
        np.save(file, np.eye(2))
    assert isinstance(load(path).x, np.memmap)
    with path.open("wb") as file:
        np.savez(file, x=np.eye(2), y=np.arange(2))
    assert load(path).y.tolist() == [0, 1]
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6]))
    assert load(path, need_target=False).x.tolist() == [[5, 6]]
    path.write_text("a,b\n1,2\n")
    assert load(path).y.tolist() == [2]


def test_choices_that_a_source_does_not_offer(tmp_path):
    path = tmp_path / "t.npy"
    np.save(path, np.eye(2))
    for source, settings in (("digits", {"target": "digit"}), ("moons", {"categorical": ["x1"]})):
        with pytest.raises(DataError):
            load(source, **settings)
    with pytest.raises(DataError) as caught:
        load(path, categorical=[0])
    assert caught.value.key == "data.no_categories"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_at_once(tmp_path):
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    with pytest.raises(FileError) as caught:
        load(path)
    assert caught.value.key == "data.not_regular"


def test_a_file_that_is_not_what_its_name_says(tmp_path):
    for name in ("a.npz", "a.npy", "a.gz", "train-images-idx3-ubyte"):
        path = tmp_path / name
        path.write_text("a,b\n1,2\n")
        with pytest.raises(FileFormatError) as caught:
            load(path)
        assert name in str(caught.value)


def test_errors_survive_pickling(tmp_path):
    """Joblib and multiprocessing send errors between processes."""
    import pickle

    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,x\n3,4\n5,6\n")
    with pytest.raises(ChainruleError) as caught:
        load(path)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is type(caught.value)
    assert str(copy) == str(caught.value)
