"""Whatever bytes a file holds, a reader returns data or raises one of our errors, in little memory."""

import gzip
import io
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.datasets import Dataset, load
from chainrule.errors import ChainruleError

MEMORY = 8 << 20


def saved(save, **arrays):
    stream = io.BytesIO()
    save(stream, **arrays)
    return stream.getvalue()


IDX = struct.pack(">BBBB3I", 0, 0, 0x0D, 3, 2, 2, 1) + np.arange(4, dtype=">f4").tobytes()
VALID = {
    "x-ubyte": IDX,
    "x.gz": gzip.compress(IDX),
    "x.npz": saved(np.savez, x=np.arange(6.0).reshape(3, 2), y=np.arange(3)),
    "packed.npz": saved(np.savez_compressed, x=np.arange(6.0).reshape(3, 2), y=np.array(["a", "b", "c"])),
    "x.npy": saved(lambda stream, x: np.save(stream, x), x=np.arange(6.0).reshape(3, 2)),
    "x.csv": 'a,"b",label\r\n1,2.5,"red"\r\n-3e2,4,blue\r\n'.encode("utf-8-sig"),
    "x": b"",
}

fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def only_our_errors(path, content):
    path.write_bytes(content)
    tracemalloc.start()
    try:
        for need_target in (True, False):
            try:
                assert isinstance(load(path, need_target=need_target), Dataset)
            except ChainruleError as error:
                assert "\n" not in str(error)  # noqa: PT017 - that there is no error is fine too
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", VALID)
def test_the_seeds_are_valid(tmp_path, name):
    if VALID[name]:
        (tmp_path / name).write_bytes(VALID[name])
        load(tmp_path / name, need_target=name not in {"x-ubyte", "x.gz"})


@pytest.mark.parametrize("name", VALID)
@given(content=st.binary(max_size=200))
@fuzzed
def test_random_bytes(tmp_path, name, content):
    only_our_errors(tmp_path / name, content)


@pytest.mark.parametrize("name", VALID)
@given(content=st.binary(max_size=100))
@fuzzed
def test_a_right_beginning_and_random_bytes(tmp_path, name, content):
    only_our_errors(tmp_path / name, VALID[name][: len(content) % 40] + content)


@pytest.mark.parametrize("name", [name for name, content in VALID.items() if content])
@given(data=st.data())
@fuzzed
def test_changed_bytes(tmp_path, name, data):
    content = bytearray(VALID[name])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    only_our_errors(tmp_path / name, content)


@pytest.mark.parametrize("name", [name for name, content in VALID.items() if content])
def test_every_truncation(tmp_path, name):
    content = VALID[name]
    for length in range(0, len(content), 1 + len(content) // 200):
        only_our_errors(tmp_path / name, content[:length])


def test_a_flipped_bit_in_gzip_or_npz_data_is_never_accepted(tmp_path):
    """Both formats have checksums: what comes back is what was written, or an error."""
    expected = {"x.gz": (np.arange(4.0).reshape(2, 2), False), "x.npz": (np.arange(6.0).reshape(3, 2), True)}
    for name, (x, need_target) in expected.items():
        path = tmp_path / name
        for place in range(len(VALID[name])):
            damaged = bytearray(VALID[name])
            damaged[place] ^= 1 << place % 8
            path.write_bytes(damaged)
            try:
                found = load(path, need_target=need_target).x
            except ChainruleError:
                continue
            np.testing.assert_array_equal(found, x)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
cells = st.one_of(words, st.floats().map(str), st.integers().map(str), st.just(""))


@given(
    rows=st.lists(st.lists(cells, min_size=1, max_size=4), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@fuzzed
def test_random_tables(tmp_path, rows, end):
    only_our_errors(tmp_path / "x.csv", end.join(",".join(row) for row in rows).encode())


@given(table=st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(-5, 5)), min_size=1, max_size=20))
@fuzzed
def test_numbers_come_back_exactly(tmp_path, table):
    path = tmp_path / "x.csv"
    path.write_text("a,y\n" + "".join(f"{a!r},{y}\n" for a, y in table))
    data = load(path)
    assert data.x.ravel().tolist() == [a for a, _ in table]
    assert data.y.tolist() == [y for _, y in table]
