"""NumPy's files: .npz and .npy."""

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

from chainrule.datasets import load
from chainrule.errors import DataError, FileFormatError

X = np.arange(6.0).reshape(3, 2)
Y = np.array([0, 1, 0])


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("data", "target"), ("x_train", "y_train")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, keys, save):
    path = tmp_path / "data.npz"
    save(path, **dict(zip(keys, (X, Y), strict=True)), x_test=X[:1], y_test=Y[:1])
    data = load(path)
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    np.testing.assert_array_equal(data.x_test, X[:1])
    np.testing.assert_array_equal(data.y_test, Y[:1])


def test_npz_images_words_and_several_targets(npz):
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    data = load(npz(x=images, y=np.array(["cat", "狗"])))
    assert data.x.tolist() == images.reshape(2, 6).tolist()
    assert data.image_shape == (2, 3)
    assert data.scaling.scale == 255
    assert data.y.tolist() == ["cat", "狗"]
    assert load(npz(x=X, y=X)).target_names == ("y0", "y1")


def test_npz_of_foreign_byte_order_and_fortran_order(npz):
    data = load(npz(x=np.asfortranarray(X.astype(">f4")), y=Y.astype(">i2")))
    assert data.x.tolist() == X.tolist()
    assert data.x.dtype == np.dtype("f4")
    assert data.x.dtype.isnative
    assert data.y.dtype.isnative


def test_npz_without_target(npz):
    assert load(npz(x=X), need_target=False).y is None
    with pytest.raises(DataError) as caught:
        load(npz(x=X, z=Y))
    assert caught.value.key == "data.no_array"
    assert "x, z" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "key"),
    [
        ({"y": Y}, "data.no_array"),
        ({"x": X[:2], "y": Y}, "data.count"),
        ({"x": X[:, 0], "y": Y}, "data.not_table"),
        ({"x": X, "y": np.zeros((3, 1, 1))}, "data.not_labels"),
        ({"x": X[:0], "y": Y[:0]}, "data.no_rows"),
        ({"x": X[:, :0], "y": Y}, "data.no_features"),
        ({"x": X * 1j, "y": Y}, "data.dtype"),
        ({"x": np.array([["a", "b"]] * 3), "y": Y}, "data.dtype"),
        ({"x": np.array([[{}, {}]] * 3), "y": Y}, "data.objects"),
        ({"x": np.zeros(3, [("a", "f8")]), "y": Y}, "data.dtype"),
        ({"x": X, "y": Y, "x_test": X}, "data.no_array"),
        ({"x": X, "y": Y, "x_test": X[:, :1], "y_test": Y}, "data.columns"),
        ({"x": X, "y": np.array([0, np.inf, 1])}, "data.not_finite_row"),
    ],
)
def test_npz_that_cannot_be_used(npz, arrays, key):
    with pytest.raises((DataError, FileFormatError)) as caught:
        load(npz(**arrays))
    assert caught.value.key == key


def test_npz_names_row_and_column_of_nan(npz):
    x = X.copy()
    x[2, 1] = np.nan
    with pytest.raises(DataError) as caught:
        load(npz(x=x, y=Y))
    assert (caught.value.values["row"], caught.value.values["column"]) == (2, 1)


def npy_header(shape, dtype="<f8", **more):
    head = str({"descr": dtype, "fortran_order": False, "shape": shape, **more}).encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head) + 1) + head + b"\n"


@pytest.mark.parametrize("shape", [(10**9, 2), (10**18, 10**18), (-1, 2), (2**63,), (10**30, 0)])
def test_npz_header_that_promises_too_much(tmp_path, shape):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy_header(shape) + bytes(16))
        archive.writestr("y.npy", npy_header((1,)) + bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_npz_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w") as member:
            member.write(npy_header((40_000_000, 1)))
            for _ in range(32):
                member.write(bytes(10_000_000))
        archive.writestr("y.npy", npy_header((1,)) + bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.key == "data.bomb"


@pytest.mark.parametrize("cut", [0, 1, 10, 60, 200, -1, -30])
def test_truncated_npz(npz, cut):
    path = npz(x=X, y=Y)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FileFormatError):
        load(path)


def test_npy(tmp_path):
    path = tmp_path / "data.npy"
    table = np.arange(12.0).reshape(3, 4)
    np.save(path, table)
    for target, column in ((None, 3), (0, 0), ("0", 0), (-1, 3), (2, 2)):
        data = load(path, target=target)
        np.testing.assert_array_equal(data.x, np.delete(table, column, 1))
        np.testing.assert_array_equal(data.y, table[:, column])
    assert load(path, need_target=False).x.tolist() == table.tolist()
    assert load(path, need_target=False, target=0).x.tolist() == table[:, 1:].tolist()
    with pytest.raises(DataError) as caught:
        load(path, target=4)
    assert caught.value.key == "data.no_column"


def test_npy_fortran_order_and_images(tmp_path):
    path = tmp_path / "data.npy"
    np.save(path, np.asfortranarray(X))
    assert load(path).x.tolist() == X[:, :1].tolist()
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.save(path, images)
    data = load(path, need_target=False)
    assert data.x.tolist() == images.reshape(2, 6).tolist()
    assert data.image_shape == (2, 3)
    with pytest.raises(DataError) as caught:
        load(path)
    assert caught.value.key == "data.not_table"


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


BAD_NPY = {
    "empty": (b"", "data.empty"),
    "only magic": (b"\x93NUMPY", "data.damaged"),
    "another format": (b"a,b\n1,2\n", "data.damaged"),
    "truncated": (npy(X)[:-1], "data.promise"),
    "too long": (npy(X) + b"\0", "data.promise"),
    "promises terabytes": (npy_header((10**12, 2)), "data.promise"),
    "promises more than integers hold": (npy_header((10**30, 10**30)), "data.promise"),
    "negative": (npy_header((-1, -2)) + bytes(16), "data.damaged"),
    "objects": (npy(np.array([[{}]])), "data.objects"),
    "complex": (npy(X * 1j), "data.dtype"),
    "words": (npy(np.array([["a"]])), "data.dtype"),
    "code in the header": (
        npy_header((1, 1), dtype="f8'+__import__('os').name+'") + bytes(8),
        "data.damaged",
    ),
    "version 9": (b"\x93NUMPY\x09\0" + npy(X)[8:], "data.npy_version"),
    "one axis": (npy(X[0]), "data.not_table"),
    "no rows": (npy(X[:0]), "data.no_rows"),
    "one column": (npy(X[:, :1]), "data.no_features"),
}


@pytest.mark.parametrize("name", BAD_NPY)
def test_bad_npy(tmp_path, name):
    content, key = BAD_NPY[name]
    path = tmp_path / "data.npy"
    path.write_bytes(content)
    with pytest.raises((DataError, FileFormatError)) as caught:
        load(path)
    assert caught.value.key == key
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


MEASURE = """
import resource, sys
import numpy as np
from chainrule.datasets import load
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
data = load(sys.argv[1])
assert data.x.shape == (10_000_000, 8) and data.y.shape == (10_000_000,)
assert np.shares_memory(data.x, data.y.base)
assert float(data.x[9_999_999, 7]) == 3.0 and float(data.y[9_999_999]) == 4.0
batch = data.x[np.random.default_rng(0).integers(0, len(data.x), 32)]
print(peak() - before)
"""


def test_npy_of_ten_million_rows_is_mapped_not_loaded(tmp_path):
    """720 MB that take no room on the disk: the file is sparse."""
    path = tmp_path / "huge.npy"
    table = np.lib.format.open_memmap(path, "w+", np.float64, (10_000_000, 9))
    table[-1, 7:] = 3.0, 4.0
    table.flush()
    del table
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    path.unlink()
    assert int(done.stdout) < 30_000, "kB"
    assert not done.stderr


def test_a_target_in_the_middle_of_a_huge_npy_is_refused(tmp_path):
    path = tmp_path / "huge.npy"
    np.lib.format.open_memmap(path, "w+", np.float64, (50_000_000, 3)).flush()
    with pytest.raises(DataError) as caught:
        load(path, target=1)
    path.unlink()
    assert caught.value.key == "data.middle_column"
