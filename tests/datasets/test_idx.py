"""IDX files: written here byte by byte, as the format's description says."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from chainrule.datasets import load, read_idx
from chainrule.errors import DataError, FileError, FileFormatError

CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def idx(code, shape, entries):
    head = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return head + struct.pack(f">{len(entries)}{CODES[code]}", *entries)


IMAGES = idx(0x08, (2, 2, 3), list(range(12)))
LABELS = idx(0x08, (2,), [7, 3])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("shape", [(4,), (2, 2), (1, 2, 2), (1, 1, 2, 2, 1)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_type_and_rank(tmp_path, code, shape, pack):
    entries = [0, 1, 100, 127] if code == 0x08 else [-128, -1, 0, 127]
    path = tmp_path / "some-ubyte"
    path.write_bytes(pack(idx(code, shape, entries)))
    array = read_idx(path)
    assert array.shape == shape
    assert array.ravel().tolist() == entries
    assert array.dtype.isnative
    assert array.dtype.itemsize == struct.calcsize(CODES[code])


def test_gzip_of_several_members_is_one_file(tmp_path):
    path = tmp_path / "two.gz"
    path.write_bytes(gzip.compress(IMAGES[:9]) + gzip.compress(IMAGES[9:]))
    assert read_idx(path).ravel().tolist() == list(range(12))


def folder_of(tmp_path, **files):
    for name, content in files.items():
        (tmp_path / name.replace("_", "-").replace("-gz", ".gz")).write_bytes(content)
    return tmp_path


def test_folder(tmp_path):
    folder = folder_of(
        tmp_path,
        train_images_idx3_ubyte_gz=gzip.compress(IMAGES),
        train_labels_idx1_ubyte=LABELS,
        t10k_images_idx3_ubyte=idx(0x08, (1, 2, 3), [9] * 6),
        t10k_labels_idx1_ubyte_gz=gzip.compress(idx(0x08, (1,), [5])),
    )
    data = load(folder)
    assert data.x.tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert data.y.tolist() == [7, 3]
    assert data.x_test.tolist() == [[9] * 6]
    assert data.y_test.tolist() == [5]
    assert data.image_shape == (2, 3)
    assert (data.scaling.offset, data.scaling.scale) == (0, 255)


def test_kaggle_spelling_and_test_files_alone(tmp_path):
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(IMAGES)
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(LABELS)
    data = load(str(tmp_path))
    assert data.y.tolist() == [7, 3]
    assert data.x_test is None


def test_one_file_of_images_predicts_without_labels_and_finds_them(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(IMAGES)
    assert load(path, need_target=False).y is None
    with pytest.raises(FileError) as caught:
        load(path)
    assert caught.value.key == "data.no_labels"
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(LABELS)
    assert load(path).y.tolist() == [7, 3]


def test_counts_of_images_and_labels_are_compared(tmp_path):
    folder = folder_of(
        tmp_path, train_images_idx3_ubyte=IMAGES, train_labels_idx1_ubyte=idx(0x08, (3,), [1, 2, 3])
    )
    with pytest.raises(DataError) as caught:
        load(folder)
    assert (caught.value.values["rows"], caught.value.values["targets"]) == (2, 3)


def test_test_images_of_another_size(tmp_path):
    folder = folder_of(
        tmp_path,
        train_images_idx3_ubyte=IMAGES,
        train_labels_idx1_ubyte=LABELS,
        t10k_images_idx3_ubyte=idx(0x08, (1, 2, 2), [0] * 4),
        t10k_labels_idx1_ubyte=idx(0x08, (1,), [0]),
    )
    with pytest.raises(DataError) as caught:
        load(folder)
    assert caught.value.key == "data.columns"


def test_labels_given_as_images_and_images_as_labels(tmp_path):
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(LABELS)
    with pytest.raises(DataError) as caught:
        load(path, need_target=False)
    assert caught.value.key == "data.not_table"
    folder = folder_of(tmp_path, train_images_idx3_ubyte=IMAGES, train_labels_idx1_ubyte=IMAGES)
    with pytest.raises(DataError) as caught:
        load(folder)
    assert caught.value.key == "data.not_labels"


def test_folder_without_idx_files(tmp_path):
    with pytest.raises(FileError) as caught:
        load(tmp_path)
    assert caught.value.key == "data.no_idx_folder"


def test_nan_in_an_idx_file_of_floats(tmp_path):
    path = tmp_path / "float-images-ubyte"
    path.write_bytes(idx(0x0D, (2, 2), [0.0, 1.0, 2.0, float("nan")]))
    with pytest.raises(DataError) as caught:
        load(path, need_target=False)
    assert (caught.value.values["row"], caught.value.values["column"]) == (1, 1)


DAMAGED = {
    "empty": (b"", "data.empty"),
    "three bytes": (IMAGES[:3], "data.not_idx"),
    "half a header": (IMAGES[:10], "data.promise"),
    "truncated": (IMAGES[:-1], "data.promise"),
    "too long": (IMAGES + b"\0", "data.promise"),
    "unknown type": (b"\0\0\x0a" + IMAGES[3:], "data.not_idx"),
    "rank 0": (b"\0\0\x08\0", "data.not_idx"),
    "rank 200": (b"\0\0\x08\xc8" + b"\0" * 800, "data.not_idx"),
    "not IDX": (b"%PDF-1.7 ...", "data.not_idx"),
    "truncated gzip": (gzip.compress(IMAGES)[:-5], "data.damaged"),
    "gzip of half a header": (gzip.compress(IMAGES[:10]), "data.promise"),
    "gzip of truncated": (gzip.compress(IMAGES[:-1]), "data.promise"),
    "gzip of too long": (gzip.compress(IMAGES + b"\0\0\0"), "data.promise"),
    "gzip with a wrong checksum": (gzip.compress(IMAGES)[:-8] + b"\1\2\3\4" + struct.pack("<I", 28), None),
    "gzip and garbage": (gzip.compress(IMAGES) + b"garbage", "data.damaged"),
    "zero rows": (idx(0x08, (0, 2, 2), []), "data.no_rows"),
    "zero columns": (idx(0x08, (3, 0), []), "data.no_features"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged(tmp_path, name):
    content, key = DAMAGED[name]
    path = tmp_path / "data-ubyte"
    path.write_bytes(content)
    with pytest.raises((FileFormatError, DataError)) as caught:
        load(path, need_target=False)
    assert caught.value.key == (key or "data.damaged")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**31, 4), (60_000, 28, 28), (0, 2**32 - 1, 2**32 - 1)])
def test_a_header_that_promises_too_much_is_refused_before_allocating(tmp_path, pack, shape):
    path = tmp_path / "bomb-ubyte"
    path.write_bytes(pack(struct.pack(f">BBBB{len(shape)}I", 0, 0, 0x0E, len(shape), *shape) + b"\1" * 50))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_small_gzip_that_unpacks_to_gigabytes_is_refused(tmp_path):
    """The header tells the truth here: 300 MB of zeros in 300 kB."""
    count = 300_000_000
    path = tmp_path / "zeros.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(">BBBBI", 0, 0, 0x08, 1, count))
        piece = bytes(10_000_000)
        for _ in range(count // len(piece)):
            file.write(piece)
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.key == "data.bomb"


def test_agrees_with_numpy_on_random_content(tmp_path):
    expected = np.random.default_rng(0).standard_normal((3, 4, 5))
    path = tmp_path / "random-ubyte"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 0x0E, 3, 3, 4, 5) + expected.astype(">f8").tobytes())
    np.testing.assert_array_equal(read_idx(path), expected)
