"""Scaling, against NumPy."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from chainrule.datasets import Scaling, check_finite
from chainrule.datasets.chunks import CHUNK_BYTES
from chainrule.errors import DataError


def test_standard_gives_mean_0_and_deviation_1():
    x = np.random.default_rng(0).normal([5, -1e6, 1e-9], [2, 1e3, 1e-12], (1000, 3))
    scaling = Scaling.standard(x)
    np.testing.assert_allclose(scaling.offset, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaling.scale, x.std(axis=0), rtol=1e-8)
    scaled = scaling(x, np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-8)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-8)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 1e-320, 7])
def test_constant_columns_become_0(value):
    x = np.full((10, 2), value)
    x[:, 1] = np.arange(10)
    scaling = Scaling.standard(x)
    assert scaling.scale[0] == 1
    assert scaling(x)[:, 0].tolist() == [0] * 10


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(-1e300, 1e300, allow_subnormal=True),
    )
)
def test_standard_is_always_finite(x):
    scaling = Scaling.standard(x)
    scaled = scaling(x, np.float64)
    assert np.isfinite(scaling.offset).all()
    assert (scaling.scale > 0).all()
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() <= len(x)


def test_many_chunks_agree_with_one(monkeypatch):
    x = np.random.default_rng(0).standard_normal((1000, 3))
    whole = Scaling.standard(x)
    scaled = whole(x)
    monkeypatch.setattr("chainrule.datasets.chunks.CHUNK_BYTES", 7 * 24)
    pieces = Scaling.standard(x)
    np.testing.assert_allclose(pieces.offset, whole.offset, rtol=1e-13)
    np.testing.assert_allclose(pieces.scale, whole.scale, rtol=1e-13)
    np.testing.assert_array_equal(whole(x), scaled)


def test_memory_stays_constant(tmp_path):
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float64, (4_000_000, 8))
    x[-1] = 1
    tracemalloc.start()
    try:
        check_finite(x)
        Scaling.standard(x)
        assert tracemalloc.get_traced_memory()[1] < 5 * CHUNK_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images(dtype):
    scaled = Scaling(0, 255)(np.array([[0, 128, 255]], np.uint8), dtype)
    assert scaled.dtype == dtype
    assert scaled.tolist() == [[0, float(dtype(128 / 255)), 1]]


def test_large_offsets_cost_no_digits():
    seconds = 1.7e9 + np.arange(4.0)[:, None]
    scaled = Scaling.standard(seconds)(seconds, np.float32)
    np.testing.assert_allclose(scaled.ravel(), (np.arange(4) - 1.5) / np.sqrt(1.25), rtol=1e-6)


def test_one_example_and_wrong_number_of_columns():
    scaling = Scaling.standard(np.array([[1.0, 2.0], [3.0, 6.0]]))
    assert scaling([3, 6]).tolist() == [1, 1]
    for wrong in ([1.0], [[1.0, 2.0, 3.0]], 1.0):
        with pytest.raises(DataError) as caught:
            scaling(wrong)
        assert caught.value.values["expected"] == 2


@pytest.mark.parametrize(
    ("x", "key"),
    [
        (np.zeros((0, 2)), "data.no_rows"),
        (np.zeros(3), "data.not_table"),
        (np.array([[1.0], [np.nan]]), "data.span"),
        (np.array([[1.0], [np.inf]]), "data.span"),
        (np.array([[-1.7e308], [1.7e308]]), "data.span"),
    ],
)
def test_no_standard_scaling(x, key):
    with pytest.raises(DataError) as caught:
        Scaling.standard(x)
    assert caught.value.key == key


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_check_finite_names_the_place(value, dtype, monkeypatch):
    monkeypatch.setattr("chainrule.datasets.chunks.CHUNK_BYTES", 64)
    x = np.zeros((100, 3), dtype)
    x[57, 2] = value
    with pytest.raises(DataError) as caught:
        check_finite(x, "inputs")
    assert (caught.value.values["row"], caught.value.values["column"]) == (57, 2)
    assert "inputs" in str(caught.value)
    with pytest.raises(DataError) as caught:
        check_finite(x[:, 2])
    assert caught.value.key == "data.not_finite_row"
    assert caught.value.values["row"] == 57


def test_check_finite_of_what_cannot_be_infinite():
    for x in (np.array([1, 2]), np.array(["nan"]), np.array([True]), np.zeros((0, 3)), np.array(1.0)):
        check_finite(x)
