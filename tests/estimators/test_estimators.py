"""Estimators among scikit-learn's tools, data frames, files; and what they refuse."""

import io

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.estimators import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
FEW = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 30, "learning_rate_init": 0.02}
NAMES = ["a", "b", "c", "d"]


def test_pipelines_searches_and_cross_validation():
    pipeline = make_pipeline(StandardScaler(), NetworkClassifier(**FEW))
    assert cross_val_score(pipeline, X, Y, cv=3).mean() > 0.85
    grid = {"networkclassifier__alpha": [1e-4, 1e4], "networkclassifier__solver": ["adam", "lbfgs"]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    assert search.best_params_["networkclassifier__alpha"] == 1e-4


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_held_out_examples_are_classified(load):
    x, y = load(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), NetworkClassifier((20,), random_state=0, max_iter=60, learning_rate_init=0.01)
    )
    assert model.fit(x[::2], y[::2]).score(x[1::2], y[1::2]) > 0.93


@pytest.mark.parametrize("kind", [NetworkClassifier, NetworkRegressor])
def test_a_clone_has_the_parameters_and_a_pickle_all(kind):
    model = kind(**FEW, solver=cr.optimizers.nadam(), learning_rate="cosine", warm_start=True).fit(X, Y)
    assert not hasattr(clone(model), "coefs_")
    assert clone(model).get_params()["hidden_layer_sizes"] == (8,)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    again = joblib.load(file)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    again.fit(X, Y)
    model.fit(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(again.coefs_, model.coefs_, strict=True))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_and_the_names_of_their_columns(library):
    frames = pytest.importorskip(library)
    table = frames.DataFrame({name: X[:, place] for place, name in enumerate(NAMES)})
    labels = frames.Series(np.array(["x", "y", "z"])[Y].tolist())
    model = NetworkClassifier(**FEW).fit(table, labels, X_val=table, y_val=labels)
    assert list(model.feature_names_in_) == NAMES == model.network_.information["feature_names"]
    plain = NetworkClassifier(**FEW).fit(X, np.array(["x", "y", "z"])[Y])
    np.testing.assert_array_equal(model.predict(table), plain.predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[NAMES[::-1]])


def test_callbacks_are_told_and_may_stop():
    told = []

    def third(progress):
        told.append(progress.epoch)
        return progress.report is not None and progress.epoch == 3

    model = NetworkClassifier(**FEW, callbacks=[third]).fit(X, Y)
    assert model.n_iter_ == max(told) == 3


def test_ctrl_c_keeps_what_was_learned():
    def interrupt(progress):
        if progress.report is not None and progress.epoch == 4:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        model = NetworkClassifier(**FEW, callbacks=[interrupt]).fit(X, Y)
    assert model.n_iter_ == 4
    assert model.predict(X).shape == (150,)


def test_partial_fit_goes_on_with_the_optimizers_state():
    """One chunk many times is one fit of as many epochs."""
    settings = {**FEW, "max_iter": 6}
    whole = NetworkRegressor(**settings).fit(X, Y)
    parts = NetworkRegressor(**settings)
    for _ in range(6):
        parts.partial_fit(X, Y)
    np.testing.assert_array_equal(whole.predict(X), parts.predict(X))
    assert parts.loss_curve_ == whole.loss_curve_
    classes = NetworkClassifier(**FEW)
    with pytest.raises(ValueError, match="classes="):
        classes.partial_fit(X, Y)
    classes.partial_fit(X[:50], Y[:50], classes=[0, 1, 2]).partial_fit(X[50:], Y[50:])
    assert classes.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="classes"):
        classes.partial_fit(X, Y + 1)
    assert not hasattr(NetworkClassifier(solver="lbfgs"), "partial_fit")


def test_what_is_printed(capsys):
    NetworkClassifier(**{**FEW, "max_iter": 2}, verbose=True, early_stopping=True).fit(X, Y)
    assert [line.split(" = ")[0].split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Iteration 1, loss",
        "Validation score",
        "Iteration 2, loss",
        "Validation score",
    ]


def test_the_network_can_be_saved(tmp_path):
    names = np.array(["x", "y", "z"])[Y]
    model = NetworkClassifier(**FEW).fit(X, names)
    model.network_.save(tmp_path / "iris.safetensors")
    np.testing.assert_array_equal(cr.load(tmp_path / "iris.safetensors").predict(X), model.predict(X))


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layer_sizes": -1},
        {"hidden_layer_sizes": (3, 0)},
        {"hidden_layer_sizes": "large"},
        {"activation": "sinus"},
        {"solver": "newton"},
        {"alpha": -1},
        {"batch_size": 0},
        {"batch_size": "small"},
        {"learning_rate": "fast"},
        {"learning_rate_init": 0},
        {"learning_rate_init": np.nan},
        {"max_iter": 0},
        {"max_iter": 2.5},
        {"shuffle": "yes"},
        {"tol": -1},
        {"momentum": 2},
        {"early_stopping": 3},
        {"validation_fraction": 1},
        {"beta_1": 1},
        {"epsilon": 0},
        {"n_iter_no_change": -1},
        {"clip_norm": 0},
        {"cost": "unknown"},
    ],
    ids=str,
)
def test_impossible_parameters_are_refused(settings):
    for kind in (NetworkClassifier, NetworkRegressor):
        with pytest.raises(ValueError, match=r".") as info:
            kind(**settings).fit(X, Y)
        assert "\n" not in str(info.value)


def test_impossible_targets_are_refused():
    with pytest.raises(ValueError, match="several columns"):
        NetworkClassifier().fit(X, np.column_stack([Y, Y]))
    with pytest.raises(ValueError, match="loss"):
        NetworkRegressor(loss="absolute").fit(X, Y)
    with pytest.raises(ValueError, match="validation_fraction"):
        NetworkClassifier(early_stopping=True, validation_fraction=0.1).fit(X[:8], [0, 1] * 4)
    with pytest.raises(ValueError, match="non-zero"):
        NetworkClassifier().fit(X, Y, sample_weight=np.zeros(150))


def test_weights_of_examples_in_a_network():
    """Whole-number weights do what repeating examples does; compiled or not, dense or sparse."""
    from scipy.sparse import csr_array

    random = np.random.default_rng(0)
    weights = random.integers(0, 4, 150)
    rows = np.repeat(np.arange(150), weights)
    settings = {"epochs": 5, "optimizer": "adam", "learning_rate": 0.01, "shuffle": False}
    for compiled in (False, True):
        nets = [cr.Network([4, 5, 3], seed=1, dtype="float64") for _ in range(3)]
        nets[0].fit(X, Y, batch_size=150, sample_weight=weights, compiled=compiled, **settings)
        nets[1].fit(X[rows], Y[rows], batch_size=len(rows), compiled=compiled, **settings)
        nets[2].fit(
            csr_array(X), Y, batch_size=150, sample_weight=2.5 * weights, compiled=compiled, **settings
        )
        assert nets[0].history.cost == pytest.approx(nets[1].history.cost, rel=1e-10)
        assert nets[2].history.cost == pytest.approx(nets[1].history.cost, rel=1e-10)
    net = cr.Network([4, 3], seed=1)
    with pytest.raises(cr.ChainruleError, match="no label 7"):
        net.fit(X, Y, class_weight={7: 2.0})
    with pytest.raises(cr.ChainruleError, match="150 examples"):
        net.fit(X, Y, sample_weight=[1.0])
    with pytest.raises(cr.ChainruleError, match="row 3"):
        net.fit(X, Y, sample_weight=np.where(np.arange(150) == 3, -1, 1))
    assert net.fit(X, Y, class_weight="balanced", epochs=1, judge_training=False).accuracy == [None]
