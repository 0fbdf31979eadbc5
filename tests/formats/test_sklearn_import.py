"""Fitted perceptrons of scikit-learn: the same probabilities and values, labels and columns kept."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.neural_network import MLPClassifier, MLPRegressor

import chainrule as cr
from chainrule.formats import from_sklearn

ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def fitted(model, x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has not converged
        return model.fit(x, y)


@pytest.mark.parametrize("hidden", [(), (7,), (5, 4, 3)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("labels", [[0, 1, 2], ["setosa", "versicolor", "Ελλάς"]], ids=["numbers", "words"])
def test_several_labels(activation, hidden, labels):
    x, y = load_iris(return_X_y=True)
    model = fitted(
        MLPClassifier(hidden, activation=activation, max_iter=30, random_state=1), x, np.array(labels)[y]
    )
    net = from_sklearn(model)
    np.testing.assert_allclose(net(x), model.predict_proba(x), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(net.predict(x), model.predict(x))
    np.testing.assert_array_equal(net.labels, model.classes_)


@pytest.mark.parametrize("labels", [[0, 1], [-5, 5], ["no", "yes"], [False, True]], ids=str)
def test_two_labels(labels):
    x, y = load_iris(return_X_y=True)
    x, given = x[:100] + 0.5 * np.sin(np.arange(400)).reshape(100, 4), np.array(labels)[y[:100]]
    model = fitted(MLPClassifier([6], max_iter=20, random_state=1), x, given)
    net = from_sklearn(model)
    assert net.architecture.sizes == (4, 6, 1)
    np.testing.assert_allclose(net(x), model.predict_proba(x)[:, 1:], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(net.predict(x), model.predict(x))


def test_several_labels_for_one_example():
    x, y = make_multilabel_classification(60, 5, n_classes=4, random_state=0)
    model = fitted(MLPClassifier([6], max_iter=20, random_state=1), x, y)
    net = from_sklearn(model)
    np.testing.assert_allclose(net(x), model.predict_proba(x), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(net(x) > 0.5, model.predict(x))
    assert net.evaluate(x, y).cost > 0


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values(activation, outputs):
    x, y = make_regression(60, 4, n_targets=outputs, random_state=2)
    model = fitted(
        MLPRegressor(hidden_layer_sizes=[8, 5], activation=activation, max_iter=30, random_state=1), x, y
    )
    net = from_sklearn(model)
    expected = model.predict(x)
    np.testing.assert_allclose(net.predict(x), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert net.labels is None


def test_float32_and_the_names_of_columns_are_kept(tmp_path):
    x, y = load_iris(return_X_y=True)
    model = fitted(MLPClassifier([3], max_iter=5, random_state=1), x.astype(np.float32), y)
    shares, labels = model.predict_proba(x.astype(np.float32)), model.predict(x)
    model.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    net = from_sklearn(model)
    assert net.architecture.dtype == "float32"
    np.testing.assert_allclose(net(x), shares, rtol=0, atol=1e-6)
    net.save(tmp_path / "net.safetensors")
    again = cr.load(tmp_path / "net.safetensors")
    assert again.information["feature_names"] == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(again.predict(x), labels)


def test_what_is_no_fitted_perceptron_is_refused():
    with pytest.raises(cr.ChainruleError, match="has not been fitted"):
        from_sklearn(MLPClassifier())
    with pytest.raises(cr.ChainruleError, match="list is not a multi-layer perceptron"):
        from_sklearn([1])
    x, y = make_regression(30, 2, random_state=2)
    poisson = fitted(MLPRegressor(hidden_layer_sizes=[3], max_iter=5), x, np.abs(y))
    poisson.out_activation_ = "exp"  # as that of loss="poisson", which scikit-learn has since 1.7
    with pytest.raises(cr.ChainruleError, match="output activation 'exp'"):
        from_sklearn(poisson)
