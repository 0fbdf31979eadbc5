"""Where all examples are one mini-batch, nothing is left to chance: we do what scikit-learn's MLP does."""

import inspect
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.estimator_checks import check_estimator

from chainrule.estimators import NetworkClassifier, NetworkRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
DX, DY = (table[:120] for table in load_diabetes(return_X_y=True, scaled=True))
DX, DY = DX * 20, (DY - DY.mean()) / DY.std()
LABELS = make_multilabel_classification(100, n_features=6, n_classes=4, random_state=0)
COUNTS = np.random.default_rng(0).poisson(np.exp(DX[:, 2]))
# Adam's ε is added to √v̂ here, as in the paper, and to √v there: with a small one that makes no difference.
FEW = {"hidden_layer_sizes": (7, 5), "max_iter": 30, "random_state": 3, "epsilon": 1e-13}
CLASSIFICATIONS = {
    "two": (X, Y > 1),
    "three": (X, Y),
    "words": (X, np.array(["a", "b", "c"])[Y]),
    "labels": LABELS,
}
REGRESSIONS = {"one": (DX, DY), "several": (DX, np.column_stack([DY, DX[:, 0] - DY]))}
SETTINGS = [
    {},
    {"activation": "logistic", "solver": "lbfgs", "max_iter": 10},
    {"activation": "tanh", "alpha": 1.0, "solver": "sgd"},
    {"activation": "identity", "beta_1": 0.5, "beta_2": 0.9},
    {"solver": "sgd", "learning_rate_init": 0.05},
    {"solver": "sgd", "momentum": 0, "learning_rate_init": 0.05, "alpha": 0.1},
    {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.05},
    {
        "solver": "sgd",
        "momentum": 0,
        "learning_rate": "invscaling",
        "power_t": 0.1,
        "learning_rate_init": 1.0,
    },
    {"solver": "sgd", "momentum": 0, "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    {"hidden_layer_sizes": ()},
    {"solver": "lbfgs", "max_fun": 8},
    {"learning_rate": "adaptive", "tol": 1e-12},
]


def both(ours, theirs, settings, x, y, **fitted):
    models = [kind(**{**FEW, **settings}) for kind in (ours, theirs)]
    return [model.fit(x, y, **fitted) for model in models]


def assert_alike(ours, theirs):
    for name in ("coefs_", "intercepts_"):
        for mine, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-5)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("task", CLASSIFICATIONS)
def test_a_classifier_learns_the_same(task, settings):
    x, y = CLASSIFICATIONS[task]
    ours, theirs = both(NetworkClassifier, MLPClassifier, settings, x, y)
    assert_alike(ours, theirs)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.predict_log_proba(x), theirs.predict_log_proba(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_a_regressor_learns_the_same(settings):
    ours, theirs = both(NetworkRegressor, MLPRegressor, settings, *REGRESSIONS["one"])
    assert_alike(ours, theirs)
    np.testing.assert_allclose(ours.predict(DX), theirs.predict(DX), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd"}], ids=str)
def test_several_outputs(settings):
    ours, theirs = both(NetworkRegressor, MLPRegressor, {**settings, "alpha": 0}, *REGRESSIONS["several"])
    assert_alike(ours, theirs)
    assert ours.predict(DX).shape == (len(DX), 2)


@pytest.mark.skipif(
    "loss" not in inspect.signature(MLPRegressor).parameters, reason="scikit-learn before 1.7"
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_counts(solver):
    settings = {"loss": "poisson", "solver": solver, "max_iter": 15}
    ours, theirs = both(NetworkRegressor, MLPRegressor, settings, DX, COUNTS)
    assert_alike(ours, theirs)
    assert ours.out_activation_ == "exp"
    with pytest.raises(ValueError, match=r"poisson.*-1"):
        NetworkRegressor(loss="poisson").fit(DX, COUNTS - 1)


@pytest.mark.skipif(
    "sample_weight" not in inspect.signature(MLPClassifier.fit).parameters, reason="before 1.7"
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights(solver):
    weights = np.random.default_rng(1).uniform(0, 5, len(X))
    settings = {"solver": solver, "alpha": 0.5, "max_iter": 12}
    assert_alike(*both(NetworkClassifier, MLPClassifier, settings, X, Y, sample_weight=weights))


def test_mini_batches_in_order_without_penalty():
    settings = {"shuffle": False, "batch_size": 32, "alpha": 0}
    assert_alike(*both(NetworkClassifier, MLPClassifier, settings, X, Y))


def test_it_stops_at_the_same_epoch():
    settings = {"tol": 1e-2, "max_iter": 500, "n_iter_no_change": 5}
    ours, theirs = both(NetworkClassifier, MLPClassifier, settings, X, Y)
    assert ours.n_iter_ == theirs.n_iter_ < 500
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert ours.best_loss_ == pytest.approx(theirs.best_loss_)
    assert ours.stopped_


def test_early_stopping_holds_out_examples_and_keeps_the_best():
    settings = {"early_stopping": True, "max_iter": 300, "learning_rate_init": 0.01}
    ours, theirs = both(NetworkClassifier, MLPClassifier, settings, X, Y)
    assert ours.stopped_
    assert ours.best_loss_ is theirs.best_loss_ is None
    assert ours.best_validation_score_ == max(ours.validation_scores_) > 0.8
    assert len(ours.validation_scores_) == ours.n_iter_ == len(ours.validation_loss_curve_)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
def test_sparse_tables(kind):
    table = np.where(np.abs(X) > 0.5, X, 0)
    dense = NetworkClassifier(**FEW).fit(table, Y)
    thin = NetworkClassifier(**FEW).fit(kind(table), Y)
    np.testing.assert_allclose(dense.predict_proba(table), thin.predict_proba(kind(table)), rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_x_is_that_of_all(dtype):
    model = NetworkClassifier(**FEW).fit(X.astype(dtype), Y)
    assert {array.dtype for array in [*model.coefs_, *model.intercepts_]} == {np.dtype(dtype)}
    assert model.predict_proba(X.astype(dtype)).dtype == dtype
    assert NetworkRegressor(**FEW).fit(DX.astype(dtype), DY).predict(DX.astype(dtype)).dtype == dtype


def test_every_parameter_of_theirs_is_ours_with_the_same_default():
    for ours, theirs in ((NetworkClassifier, MLPClassifier), (NetworkRegressor, MLPRegressor)):
        mine, others = ours().get_params(), theirs().get_params()
        assert {name: mine[name] for name in others} == others


@pytest.mark.slow
@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_scikit_learns_own_checks(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(kind(), on_fail=None, on_skip=None)
    assert [check["check_name"] for check in found if check["status"] == "failed"] == []
    assert len(found) > 50


def test_the_end_of_the_epochs_is_a_warning():
    with pytest.warns(ConvergenceWarning, match="30 iterations"):
        NetworkClassifier(**FEW).fit(X, Y)
    with pytest.warns(UserWarning, match="1000"):
        clone(NetworkClassifier(**FEW)).set_params(batch_size=1000).fit(X, Y)
