"""Data sets by name, against scikit-learn and the files themselves."""

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_circles, make_moons

from chainrule.datasets import NAMES, circles, load, moons, spiral
from chainrule.errors import FileError, SettingError, UnknownNameError

HAVE_DATA = pytest.mark.skipif("CHAINRULE_DATA" not in os.environ, reason="CHAINRULE_DATA is not set")


def test_digits_are_scikit_learns():
    data = load("digits")
    expected = load_digits()
    np.testing.assert_array_equal(data.x, expected.data)
    np.testing.assert_array_equal(data.y, expected.target)
    assert data.image_shape == (8, 8)
    assert data.scaling(data.x).max() == 1
    assert data.scaling(data.x).dtype == np.float32


def test_digits_without_importing_scikit_learn():
    code = (
        "import sys; from chainrule.datasets import load; load('digits'); load('moons');"
        "assert not {'sklearn', 'scipy', 'pooch', 'requests'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@HAVE_DATA
def test_mnist():
    data = load("mnist")
    assert data.x.shape == (60_000, 784)
    assert data.x_test.shape == (10_000, 784)
    assert data.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert data.x.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert data.x.std() / 255 == pytest.approx(0.3081, abs=5e-5)
    assert data.image_shape == (28, 28)
    assert data.class_names[3] == "3"


def test_folder_that_the_variable_names_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path))
    with pytest.raises(FileError) as caught:
        load("fashion-mnist")
    assert caught.value.key == "data.no_data_folder"
    assert str(tmp_path / "fashion-mnist") in str(caught.value)
    (tmp_path / "fashion-mnist").mkdir()
    with pytest.raises(FileError) as caught:
        load("fashion-mnist")
    assert caught.value.key == "data.no_idx_folder"


def sorted_rows(x):
    return x[np.lexsort(x.T.round(9))]


@pytest.mark.parametrize("points", [2, 7, 100])
def test_moons_and_circles_are_scikit_learns(points):
    for ours, (x, y) in (
        (moons(points, noise=0), make_moons(points, shuffle=False)),
        (circles(points, noise=0), make_circles(points, shuffle=False, factor=0.5)),
    ):
        assert len(ours.x) == points
        for label in (0, 1):
            # An odd point goes to the first class here, to the second there: each half is compared.
            mine, theirs = ours.x[ours.y == label], x[y == label]
            if len(mine) == len(theirs):
                np.testing.assert_allclose(sorted_rows(mine), sorted_rows(theirs), atol=1e-12)


@pytest.mark.parametrize("name", ["moons", "circles", "spiral"])
def test_synthetic_sets_by_name(name):
    data = load(name)
    assert data.x.shape == (1000, 2)
    assert data.x.dtype == np.float64
    assert np.bincount(data.y).min() >= 333
    np.testing.assert_array_equal(data.x, load(name).x)
    assert set(data.y[:50].tolist()) == set(data.y.tolist()), "the classes are shuffled"


def test_noise_has_the_standard_deviation_asked_for():
    quiet, noisy = moons(20_000, noise=0), moons(20_000, noise=0.3)
    # The same seed draws the same noise and then the same order, whatever the noise's size.
    assert (noisy.x - quiet.x).std() == pytest.approx(0.3, rel=0.02)


def test_spiral_follows_its_formula():
    data = spiral(300, noise=0, arms=3)
    r = np.hypot(*data.x.T)
    angle = 2 * np.pi * data.y / 3 + 4 * r
    np.testing.assert_allclose(
        data.x, r[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), atol=1e-12
    )
    assert r.max() == 1


@pytest.mark.parametrize("make", [moons, circles, spiral])
@pytest.mark.parametrize(
    "setting", [{"points": 0}, {"points": 1.5}, {"points": True}, {"noise": -1}, {"noise": float("nan")}]
)
def test_impossible_settings(make, setting):
    with pytest.raises(SettingError):
        make(**setting)


@pytest.mark.parametrize(
    ("wrong", "right"), [("digit", "digits"), ("MNIST", "mnist"), ("fashion_mnist", "fashion-mnist")]
)
def test_unknown_name_suggests_the_nearest(wrong, right):
    assert right in NAMES
    with pytest.raises(UnknownNameError) as caught:
        load(wrong)
    assert f"'{right}'" in str(caught.value)
