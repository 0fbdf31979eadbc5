"""What is saved comes back the same; what was tampered with does not."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.errors import FileError, ModelFileError, SettingError
from chainrule.models import read_model, write_model
from chainrule.training.optimizers import OPTIMIZERS, adam

X = np.random.default_rng(0).normal(size=(12, 2))


def trained(y, **settings):
    net = cr.Network(settings.pop("sizes", [2, 4, 3]), **settings)
    net.scaling = Scaling(np.array([0.5, 1.0]), np.array([2.0, 3.0]))
    net.information = {"feature_names": ["wide", "high"], "名": "值"}
    net.fit(X, y, epochs=2)
    return net


@pytest.mark.parametrize(
    ("y", "settings"),
    [
        ([0, 1, 2] * 4, {"activation": "relu", "dtype": "float64"}),
        (["猫", "dog", "eel"] * 4, {"cost": "quadratic", "activation": ["tanh"]}),
        ([3, 9] * 6, {"sizes": [2, 1]}),
        (np.linspace(0, 1, 12), {"sizes": [2, 3, 3, 1], "cost": "huber", "initialiser": "normal"}),
        (np.ones((12, 3)) * [1, 2, 3], {"cost": "mse", "output": "softplus"}),
    ],
)
def test_round_trip(tmp_path, y, settings):
    net = trained(y, **settings)
    net.save(tmp_path / "net.safetensors")
    loaded = cr.load(tmp_path / "net.safetensors")
    assert (loaded(X) == net(X)).all()
    assert (loaded.predict(X) == net.predict(X)).all()
    assert loaded.predict(X).dtype == net.predict(X).dtype
    assert loaded.architecture == net.architecture
    assert loaded.information == net.information
    assert loaded.evaluate(X, y) == net.evaluate(X, y)
    assert len(loaded.fit(X, y, epochs=1)) == 1


def test_an_untrained_network(tmp_path):
    net = cr.Network([2, 3])
    net.save(tmp_path / "net.safetensors")
    loaded = cr.load(tmp_path / "net.safetensors")
    assert loaded.targets is None
    assert loaded.scaling is None
    assert (loaded.predict(X) == net.predict(X)).all()


def cubic(output, target):
    return np.mean(np.abs(output - target) ** 3)


def test_a_cost_of_ones_own_is_handed_over_again(tmp_path):
    net = trained(np.ones(12), sizes=[2, 1], cost=cubic)
    net.save(tmp_path / "net.safetensors")
    assert cr.load(tmp_path / "net.safetensors", cost=cubic).evaluate(X, np.ones(12)).cost > 0
    without = cr.load(tmp_path / "net.safetensors")
    assert (without(X) == net(X)).all()
    with pytest.raises(SettingError, match="cost="):
        without.evaluate(X, np.ones(12))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("activation", ["os.system"]),
        ("activation", ["relu", "relu"]),
        ("cost", "__import__"),
        ("output", "eval"),
        ("initialiser", "pickle"),
        ("dtype", "object"),
        ("sizes", [2, 4]),
        ("sizes", [2, 10**9, 3]),
        ("sizes", "abc"),
        ("labels", [0, 1]),
        ("labels", [None, 1, 2]),
        ("labels", [1, 1, 2]),
        ("output", {}),
        ("initialiser", None),
        ("task", "tax"),
        ("information", 5),
    ],
    ids=str,
)
def test_a_forged_description_is_refused(tmp_path, key, value):
    path = tmp_path / "net.safetensors"
    trained([0, 1, 2] * 4).save(path)
    file = read_model(path)
    write_model(path, {**file.architecture, key: value}, file.tensors)
    with pytest.raises(ModelFileError, match=r"net\.safetensors"):
        cr.load(path)


@pytest.mark.parametrize("missing", ["sizes", "activation", "cost", "task", "labels", "information"])
def test_an_incomplete_description_is_refused(tmp_path, missing):
    path = tmp_path / "net.safetensors"
    trained([0, 1, 2] * 4).save(path)
    file = read_model(path)
    plain = {key: value for key, value in file.architecture.items() if key != missing}
    write_model(path, plain, file.tensors)
    with pytest.raises(ModelFileError):
        cr.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {**tensors, "W1": tensors["W1"].T.copy()},
        lambda tensors: {**tensors, "W1": tensors["W1"].astype("float64")},
        lambda tensors: {name: value for name, value in tensors.items() if name != "b2"},
        lambda tensors: {**tensors, "W9": np.zeros(3, "float32")},
        lambda tensors: {**tensors, "scaling.scale": np.zeros(2)},
        lambda tensors: {**tensors, "scaling.offset": np.zeros(5)},
        lambda tensors: {name: value for name, value in tensors.items() if name != "scaling.scale"},
        lambda tensors: {**tensors, "b1": np.full_like(tensors["b1"], np.nan)},
        lambda tensors: {**tensors, "scaling.offset": np.full(2, np.nan)},
    ],
)
def test_parameters_that_do_not_fit_are_refused(tmp_path, change):
    path = tmp_path / "net.safetensors"
    trained([0, 1, 2] * 4).save(path)
    file = read_model(path)
    write_model(path, file.architecture, change(dict(file.tensors)))
    with pytest.raises(ModelFileError):
        cr.load(path)


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        cr.Network([2, 3]).save(tmp_path / "no" / "net.safetensors")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_copy_or_a_pickle_goes_on_with_the_same_bits(copied, optimizer):
    x = np.random.default_rng(0).normal(size=(64, 2))
    y = (x[:, 0] > 0).astype(int)
    net = cr.Network([2, 8, 2], seed=1)
    net.fit(x, y, epochs=2, learning_rate=0.1, optimizer=optimizer, compiled=True)
    net.compile()
    net(x[0])
    other = copied(net)
    for one in (net, other):
        one.fit(x, y, epochs=2, learning_rate=0.1, optimizer=optimizer)
    for name, value in net.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], value)
    assert other.history.cost == net.history.cost


def test_a_copy_goes_on_with_an_optimizer_of_ones_own():
    mine = adam(0.8, 0.9)
    net = cr.Network([2, 3, 3], seed=1)
    net.fit(X, [0, 1, 2] * 4, epochs=2, optimizer=mine)
    other = copy.deepcopy(net)
    for one in (net, other):
        one.fit(X, [0, 1, 2] * 4, epochs=1, optimizer=mine)
    for name, value in net.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], value)


def test_an_optimizer_with_settings_of_its_own_is_pickled():
    mine = adam(0.8, 0.9)
    again = pickle.loads(pickle.dumps(mine))
    given = [4.0], mine.init([1.0]), [1.0], 0.1
    assert again.update(*given) == mine.update(*given)
    assert pickle.loads(pickle.dumps(OPTIMIZERS["adam"])) is OPTIMIZERS["adam"]
