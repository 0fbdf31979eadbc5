"""What cannot be learned from, or with, is refused by a typed error that says what to do."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DataError, SettingError, UnknownNameError

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": [2]}, "at least inputs and outputs"),
        ({"sizes": 5}, "at least inputs and outputs"),
        ({"sizes": [2, 0, 2]}, "positive whole number, not 0"),
        ({"sizes": [2, -3, 2]}, "not -3"),
        ({"sizes": [2, 2.5, 2]}, "not 2.5"),
        ({"sizes": [2, "3", 2]}, "not '3'"),
        ({"sizes": [2, True, 2]}, "not True"),
        ({"activation": "rellu"}, "Did you mean 'relu'"),
        ({"activation": ["relu", "relu"]}, "2 activations for 1 hidden"),
        ({"activation": None}, "activation"),
        ({"cost": "cross_entrpy"}, "Did you mean 'cross_entropy'"),
        ({"output": "softmx"}, "Did you mean 'softmax'"),
        ({"output": "relu"}, "compares probabilities"),
        ({"sizes": [2, 1], "output": "softmax"}, "at least two outputs"),
        ({"initialiser": "xaver"}, "Did you mean 'xavier'"),
        ({"dtype": "int32"}, "float32 or float64"),
        ({"dtype": "no such"}, "float32 or float64"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
    ids=str,
)
def test_impossible_settings(settings, message):
    with pytest.raises(SettingError) as raised:
        cr.Network(**{"sizes": [2, 3, 2], **settings})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": -1}, "epochs"),
        ({"epochs": 1.0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": -5}, "batch_size"),
        ({"batch_size": 2.5}, "batch_size"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"optimizer": "sdg"}, "Did you mean 'sgd'"),
    ],
    ids=str,
)
def test_impossible_ways_of_learning(settings, message):
    net = cr.Network([2, 3, 2])
    with pytest.raises(SettingError) as raised:
        net.fit(X, Y, **settings)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :1], Y, "takes 2 features, but the data has 1"),
        ([1.0, 2.0, 3.0], [0, 1, 0], "one example or one column"),
        (X[:0], Y[:0], "no examples"),
        (X[:4], Y, "4 examples, but 6 targets"),
        (X, 1, "do not fit 2 outputs"),
        (X.reshape(6, 2, 1), Y, "must be a table"),
        ([["a", "b"]] * 6, Y, "must be real numbers"),
        (X * 1j, Y, "must be real numbers"),
        (np.where(X == 5, np.nan, X), Y, "row 2, column 1"),
        (np.where(X == 4, np.inf, X), Y, "row 2, column 0"),
        (X, np.zeros(6, int), "All targets are 0"),
        (X, ["cat"] * 6, "All targets are cat"),
        (X, [0, 1, 2, 3, 4, 5], "6 labels (0, 1, 2, 3, 4, 5) for 2 classes"),
        (X, ["a", "b", "c"] * 2, "3 labels (a, b, c) for 2 classes"),
        (X, np.zeros((6, 3)), "do not fit 2 outputs"),
        (X, np.where(Y == 0, np.nan, 1.5), "do not fit 2 outputs"),
    ],
)
def test_data_that_does_not_fit(x, y, message):
    net = cr.Network([2, 3, 2])
    with pytest.raises(DataError) as raised:
        net.fit(x, y)
    assert message in str(raised.value)
    assert net.targets is None
    assert len(net.history) == 0


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, np.nan, 2, 3, 4, 5], "row 1, column 0"),
        (np.where(np.eye(6, 2) == 1, np.inf, 1.0), "do not fit 1 outputs"),
        (["1.5", "2", "3", "4", "5", "6"], "labels"),
    ],
)
def test_regression_targets_that_cannot_be_used(y, message):
    with pytest.raises(DataError) as raised:
        cr.Network([2, 1], cost="mse").fit(X, y)
    assert message in str(raised.value)


def test_labels_unseen_in_training():
    net = cr.Network([2, 3, 3])
    net.fit(X, ["a", "b", "c"] * 2, epochs=1)
    with pytest.raises(DataError, match="label d was not seen in training; known: a, b, c"):
        net.evaluate(X, ["a", "b", "c", "d", "a", "b"])
    with pytest.raises(DataError, match="label 0 was not seen"):
        net.fit(X, Y)
    with pytest.raises(DataError, match="label d was not seen"):
        net.fit(X, ["a", "b", "c"] * 2, validation_data=(X, ["d"] * 6))


def test_rows_that_are_not_one_hot():
    net = cr.Network([2, 3, 3])
    net.fit(X, np.eye(3)[[0, 1, 2, 0, 1, 2]], epochs=1)
    rows = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    rows[4] = 0.5
    with pytest.raises(DataError, match="row 4"):
        net.evaluate(X, rows)


def test_a_batch_larger_than_the_data_works():
    net = cr.Network([2, 3, 2])
    assert len(net.fit(X / 10, Y, epochs=2, batch_size=100)) == 2


def test_prediction_refuses_what_training_refuses():
    net = cr.Network([2, 3, 2])
    for x in (np.zeros((1, 3)), np.zeros(3), np.array([[np.nan, 0]]), "ab", None, [[1, 2], [3]]):
        with pytest.raises(ChainruleError):
            net.predict(x)
    assert net(np.zeros((0, 2))).shape == (0, 2)
    assert net.predict(np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (lambda output, target: (output - target) ** 2, "must return one number, not float32"),
        (lambda output, target: None, "not NoneType"),
        (lambda output, target: output[0, 0] > 0, "not bool"),
        (lambda output, target: 1.0, "does not depend on the network's output"),
        (lambda output, target: np.mean(target), "does not depend on the network's output"),
        (lambda output: np.mean(output), r"cannot be called with (output, target)"),
    ],
)
def test_a_cost_that_cannot_be_learned_from(cost, message):
    net = cr.Network([2, 3, 2], cost=cost)
    with pytest.raises(SettingError) as raised:
        net.fit(X, np.zeros((6, 2)), epochs=1)
    assert message in str(raised.value)


@pytest.mark.parametrize("pair", [(X,), (X, Y, Y), X, 5])
def test_validation_data_must_be_a_pair(pair):
    with pytest.raises(SettingError, match="pair"):
        cr.Network([2, 2]).fit(X, Y, validation_data=pair)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.ma.array(X, mask=X > 5), Y, "x: a MaskedArray"),
        (X, np.array([0, 1, None, 1, 0, 1], object), "targets, row 2"),
        (X, np.array([0, 1, 0, 1, 0, np.nan], object), "targets, row 5"),
        (X, np.array([0, 1, "a", 1, 0, 1], object), "mixed"),
        (X, [0.0, 1.0, np.nan, 1.0, 0.0, 1.0], "row 2, column 0"),
        (np.where(X == 7, 1e300, X), Y, "x, row 3, column 1 (both counted from 0): 1e+300 is too large"),
        ([[1, 2, 3], [3]], [0, 1], "rows of equal length"),
    ],
)
def test_arrays_that_lie_about_their_content(x, y, message):
    with pytest.raises(DataError) as raised:
        cr.Network([2, 3, 2]).fit(x, y, epochs=1)
    assert message in str(raised.value)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_refused():
    with pytest.raises(DataError, match="x: a matrix"):
        cr.Network([2, 3, 2]).fit(np.asmatrix(X), Y, epochs=1)


def test_a_target_too_large_for_the_dtype():
    y = np.where(Y == 1, 1e39, 0.5)
    with pytest.raises(DataError, match=r"row 1, column 0 .* 1e\+39 is too large for float32"):
        cr.Network([2, 1], cost="mse").fit(X, y)
    cr.Network([2, 1], cost="mse", dtype="float64").fit(X / 10, y / 1e39, epochs=1)


def test_a_target_read_later_is_checked_before_training(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((300, 2)))
    mapped, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.linspace(0, 1, 300)
    y[299] = np.nan
    net = cr.Network([2, 1], cost="mse")
    with pytest.raises(DataError, match="row 299, column 0"):
        net.fit(mapped, y)
    assert net.targets is None


def test_unknown_and_misshapen_parameters():
    net = cr.Network([2, 3, 2])
    with pytest.raises(SettingError, match="Did you mean 'W1'"):
        net.set_parameters(w1=np.zeros((2, 3)))
    with pytest.raises(SettingError, match=r"shape \(2, 3\), not \(3, 2\)"):
        net.set_parameters(W1=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        net.parameters["W1"][0, 0] = 1


def test_unknown_names_are_setting_errors_and_value_errors():
    with pytest.raises(UnknownNameError) as raised:
        cr.Network([2, 2], cost="mean")
    assert isinstance(raised.value, SettingError)
    assert isinstance(raised.value, ValueError)
