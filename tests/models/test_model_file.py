"""The model file: what is written comes back; what was damaged never does."""

import json
import os
import random
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load, save

import chainrule
from chainrule.errors import FileError, ModelFileError
from chainrule.models import ModelFile, read_model, write_model

ARCHITECTURE = {
    "layers": [2, 1],
    "labels": ["猫", 'a "dog"', "\x1f\\"],
    "seed": None,
    "rate": 0.1,
    "on": True,
}
TENSORS = {"W1": np.array([[1.5, -2.0]], np.float32), "b1": np.array(3.0)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.fixture
def content(path):
    write_model(path, ARCHITECTURE, TENSORS)
    return path.read_bytes()


def test_round_trip(path, content):
    model = read_model(path)
    assert isinstance(model, ModelFile)
    assert model.architecture == ARCHITECTURE
    assert model.library_version == chainrule.__version__
    assert list(model.tensors) == list(TENSORS)
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(model.tensors[name], tensor)
        assert model.tensors[name].dtype == tensor.dtype
        model.tensors[name] += 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]


DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "form",
    [
        lambda a: a,
        lambda a: a.T,
        lambda a: a[::-1, ::2],
        lambda a: a[:0],
        lambda a: a[0, 0],
        lambda a: a.astype(a.dtype.newbyteorder(">")),
        np.asfortranarray,
    ],
    ids=["plain", "transposed", "strided", "empty", "0-d", "big-endian", "Fortran"],
)
def test_every_type_and_memory_layout(path, dtype, form):
    tensor = form(np.arange(12).reshape(3, 4).astype(dtype))
    write_model(path, {}, {"W1": tensor})
    found = read_model(path).tensors["W1"]
    np.testing.assert_array_equal(found, tensor)
    assert found.shape == tensor.shape
    assert found.dtype == tensor.dtype.newbyteorder("=")


def test_not_a_number_and_infinity_are_numbers_in_a_tensor(path):
    write_model(path, {}, {"W1": np.array([np.nan, np.inf, -0.0])})
    np.testing.assert_array_equal(read_model(path).tensors["W1"], [np.nan, np.inf, -0.0])


def test_other_programs_can_read_it(path, content):
    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["chainrule-model"])
        np.testing.assert_array_equal(file.get_tensor("W1"), TENSORS["W1"])
    assert document["version"] == 1
    assert document["architecture"] == ARCHITECTURE
    assert document["sha256"].keys() == TENSORS.keys()


def test_equal_models_are_equal_files(path, content):
    code = (
        "import sys, numpy as np; from chainrule.models import read_model, write_model;"
        "model = read_model(sys.argv[1]); write_model(sys.argv[2], model.architecture, model.tensors)"
    )
    for number in range(3):
        copy = path.with_name(f"copy{number}")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(path), str(copy)], check=True, env=environment)
        assert copy.read_bytes() == content


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_flipped_bit_is_found_at_every_place(path, content):
    """Three of eight bits, to be quick: the lowest, the one that changes a letter's case, and one in turn."""
    for place in range(len(content)):
        for bit in {0, 5, place % 8}:
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            refused(path, damaged)


def test_every_truncation_is_found(path, content):
    for length in range(len(content)):
        refused(path, content[:length])
    assert refused(path, content[:-1]).key == "model.truncated"
    assert refused(path, content + b"\0").key == "model.truncated"


def test_a_damaged_tensor_is_named(path, content):
    assert "W1" in str(refused(path, content[:-1] + bytes([content[-1] ^ 1])))


@given(places=st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=5))
@settings(deadline=None)
def test_several_changed_bytes_are_found(tmp_path_factory, places):
    path = tmp_path_factory.mktemp("models") / "net"
    write_model(path, ARCHITECTURE, TENSORS)
    content = path.read_bytes()
    damaged = bytearray(content)
    for place, change in places:
        damaged[place % len(content)] ^= change
    if damaged != content:
        refused(path, damaged)


@given(content=st.binary(max_size=300))
@settings(deadline=None)
def test_random_bytes_are_no_model(tmp_path_factory, content):
    refused(tmp_path_factory.mktemp("models") / "net", content)
    refused(tmp_path_factory.mktemp("models") / "net", struct.pack("<Q", len(content)) + content)


def test_random_headers_are_no_model(path):
    """JSON of the right outer form with anything inside."""
    generator = random.Random(0)
    values = [None, True, -1, 2**70, 1.5, "x", [], {}, [0, 1], {"data_offsets": [0, 2**63]}, "[" * 5000]
    keys = ["checksum", "version", "library", "architecture", "sha256"]
    for _ in range(300):
        document = {key: generator.choice(values) for key in keys if generator.random() < 0.9}
        document["version"] = generator.choice([1, 1, 1, True, 1.0, "1"])
        entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, generator.choice([4, 8, -4, "4", 2**70])]}
        header = {
            "__metadata__": {"chainrule-model": json.dumps(document)},
            "W1": generator.choice([entry, 1, []]),
        }
        refused(path, with_header(json.dumps(header).encode(), b"\0" * 4))


def with_header(header, data=b""):
    return struct.pack("<Q", len(header)) + header + data


def forged(content, change):
    """Return a file whose document was changed, with its checksums left as they are."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    document = json.loads(header["__metadata__"]["chainrule-model"])
    change(document)
    header["__metadata__"]["chainrule-model"] = json.dumps(document)
    return with_header(json.dumps(header).encode(), content[8 + size :])


def test_newer_version_says_so(path, content):
    error = refused(path, forged(content, lambda document: document.update(version=2)))
    assert error.key == "model.newer"
    assert error.values["version"] == 2


@pytest.mark.parametrize("missing", ["checksum", "version", "library", "architecture", "sha256"])
def test_missing_entries(path, content, missing):
    assert refused(path, forged(content, lambda document: document.pop(missing))).key == "model.damaged"


def test_a_changed_architecture_is_found(path, content):
    error = refused(path, forged(content, lambda document: document["architecture"].update(seed=1)))
    assert error.key == "model.damaged"


OTHERS = {
    "empty": (b"", "model.empty"),
    "text": (b"hello, world: this is a text\n", "model.not_model"),
    "five bytes": (b"12345", "model.not_model"),
    "foreign safetensors": (save({"W1": np.zeros(3)}), "model.not_model"),
    "foreign metadata": (save({"W1": np.zeros(3)}, {"format": "pt"}), "model.not_model"),
    "pickle": (b"\x80\x04\x95\x1f\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94", "model.not_model"),
    "a header of exabytes": (struct.pack("<Q", 2**63) + b"{}", "model.not_model"),
    "a header longer than the file": (struct.pack("<Q", 1000) + b"{}", "model.truncated"),
    "a list as header": (with_header(b"[1, 2]"), "model.not_model"),
    "deep nesting": (with_header(b"[" * 100_000), "model.not_model"),
    "long integer": (with_header(b'{"a": ' + b"9" * 10_000 + b"}"), "model.not_model"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_model(path, name):
    content, key = OTHERS[name]
    assert refused(path, content).key == key


def test_a_header_that_promises_terabytes_is_refused_before_allocating(path, content):
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    header["W1"] = {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [8, 4 * 10**12 + 8]}
    tracemalloc.start()
    try:
        error = refused(path, with_header(json.dumps(header).encode(), content[8 + size :]))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert error.key == "model.truncated"


def test_missing_file_folder_and_unwritable_place(tmp_path):
    with pytest.raises(FileError) as caught:
        read_model(tmp_path / "missing")
    assert caught.value.key == "file.missing"
    with pytest.raises(FileError) as caught:
        read_model(tmp_path)
    assert caught.value.key == "file.is_folder"
    with pytest.raises(FileError) as caught:
        write_model(tmp_path / "no" / "net", {}, {})
    assert caught.value.key == "file.no_folder"
    assert not (tmp_path / "no").exists()


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


CYCLE = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        {1: 2},
        {1, 2},
        object(),
        np.float32(1),
        b"x",
        2**70,
        nested(100),
        CYCLE,
        print,
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_plain_data_is_written(path, value):
    with pytest.raises(ModelFileError) as caught:
        write_model(path, {"a": value}, {})
    assert caught.value.key == "model.not_plain"
    assert not path.exists()


def test_size_of_an_architecture_is_bounded(path, monkeypatch):
    with pytest.raises(ModelFileError) as caught:
        write_model(path, {"a": [0] * 1_000_001}, {})
    assert caught.value.key == "model.not_plain"
    monkeypatch.setattr("chainrule.models.model_file.MAX_HEADER_BYTES", 1000)
    with pytest.raises(ModelFileError) as caught:
        write_model(path, {"a": "x" * 1000}, {})
    assert caught.value.key == "model.too_large_header"
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("W1", np.array([1j])),
        ("W1", np.array(["a"])),
        ("W1", np.array([{}])),
        ("W1", np.zeros(2, np.longdouble)),
        ("", np.zeros(2)),
        ("__metadata__ ", np.zeros(2)),
        ("a\nb", np.zeros(2)),
        ("\ud800", np.zeros(2)),
        (1, np.zeros(2)),
    ],
)
def test_tensors_that_cannot_be_written(path, name, tensor):
    with pytest.raises(ModelFileError) as caught:
        write_model(path, {}, {name: tensor})
    assert caught.value.key == "model.bad_tensor"
    assert not path.exists()


def test_safetensors_reads_the_same_tensors(content):
    tensors = load(content)
    np.testing.assert_array_equal(tensors["W1"], TENSORS["W1"])


def test_an_architecture_may_look_like_our_own_checksum(path):
    zeros = {"checksum": "0" * 64, '"checksum":"': '\\"checksum\\":\\"' + "0" * 64}
    write_model(path, zeros, {"checksum": np.zeros(3)})
    assert read_model(path).architecture == zeros
