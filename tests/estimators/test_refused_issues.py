"""What scikit-learn's own perceptron was asked for and refused, one test for each of its issues."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

import chainrule as cr
from chainrule.errors import NonFiniteCostError
from chainrule.estimators import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
FEW = {"hidden_layer_sizes": (6,), "random_state": 1, "max_iter": 20}


def test_9113_class_weight():
    """Weights of classes do what repeating their examples does."""
    y = Y % 2
    repeated = np.concatenate([np.flatnonzero(y == 0), *[np.flatnonzero(y == 1)] * 4])
    heavy = NetworkClassifier(**FEW, class_weight={1: 4}, batch_size=1000)
    many = NetworkClassifier(**FEW, batch_size=1000)
    with pytest.warns(UserWarning, match="1000"):
        heavy.fit(X, y)
    with pytest.warns(UserWarning, match="1000"):
        many.fit(X[repeated], y[repeated])
    np.testing.assert_allclose(heavy.predict_proba(X), many.predict_proba(X), rtol=1e-8)
    thirds = NetworkClassifier(**FEW, class_weight="balanced").fit(X, y)
    same = NetworkClassifier(**FEW).fit(X, y, sample_weight=np.where(y == 1, 150 / 100, 150 / 200))
    np.testing.assert_allclose(thirds.predict_proba(X), same.predict_proba(X), rtol=1e-10)


def test_10097_an_activation_for_each_layer():
    model = NetworkClassifier((5, 4), activation=["tanh", "gelu"], max_iter=2, random_state=0).fit(X, Y)
    assert model.network_.architecture.activations == ("tanh", "gelu")
    W1, W2, W3 = model.coefs_
    b1, b2, b3 = model.intercepts_
    from math import erf

    z2 = np.tanh(X @ W1 + b1) @ W2 + b2
    z3 = z2 * (1 + np.vectorize(erf)(z2 / np.sqrt(2))) / 2 @ W3 + b3
    np.testing.assert_array_equal(model.predict(X), np.argmax(z3, axis=1))
    with pytest.raises(ValueError, match=r"2 layers.*1"):
        NetworkClassifier((5, 4), activation=["tanh"]).fit(X, Y)


def test_14571_any_cost():
    def pinball(output, target):
        return np.mean(np.maximum(0.9 * (target - output), 0.1 * (output - target)), axis=1)

    random = np.random.default_rng(0)
    x, y = np.zeros((200, 1)), random.normal(size=200)
    model = NetworkRegressor((), cost=pinball, solver="lbfgs", alpha=0, max_iter=500).fit(x, y)
    assert model.predict([[0.0]])[0] == pytest.approx(np.quantile(y, 0.9), abs=0.1)
    weights = np.where(y > 0, 1.0, 0.0)
    model = NetworkRegressor((), cost=pinball, solver="lbfgs", alpha=0, max_iter=500).fit(x, y, weights)
    assert model.predict([[0.0]])[0] == pytest.approx(np.quantile(y[y > 0], 0.9), abs=0.15)
    named = NetworkRegressor(cost="huber", **FEW).fit(X, X[:, 0])
    assert named.score(X, X[:, 0]) > -1
    with pytest.raises(ValueError, match="one for each example"):
        NetworkRegressor(cost=lambda o, t: np.mean((o - t) ** 2)).fit(x, y, weights)


def test_18507_validation_loss_and_score_of_every_epoch():
    model = NetworkClassifier(**FEW).fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == len(model.loss_curve_) == 20
    proba = model.predict_proba(X[1::2])
    last = -np.mean(np.log(proba[np.arange(75), Y[1::2]]))
    assert model.validation_loss_curve_[-1] == pytest.approx(last)
    assert model.validation_scores_[-1] == model.score(X[1::2], Y[1::2])


def test_18748_validation_data_of_ones_own():
    """Early stopping watches the data that it is given, and holds out nothing."""
    settings = {**FEW, "max_iter": 500, "early_stopping": True, "learning_rate_init": 0.02}
    model = NetworkClassifier(**settings).fit(X[::2], Y[::2], X_val=X[1::2], y_val=Y[1::2])
    assert model.stopped_
    assert model.t_ == model.n_iter_ * 75
    assert model.score(X[1::2], Y[1::2]) == model.best_validation_score_ == max(model.validation_scores_)
    with pytest.raises(ValueError, match="y_val is missing"):
        NetworkClassifier().fit(X, Y, X_val=X)


def test_25693_partial_fit_with_early_stopping():
    model = NetworkClassifier((6,), random_state=0, early_stopping=True, learning_rate_init=0.05)
    for _ in range(300):
        model.partial_fit(X[::2], Y[::2], classes=[0, 1, 2], X_val=X[1::2], y_val=Y[1::2])
        if model.stopped_:
            break
    assert model.stopped_
    assert model.score(X[1::2], Y[1::2]) == max(model.validation_scores_)
    before = [weights.copy() for weights in model.coefs_]
    model.partial_fit(X[::2], Y[::2])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.coefs_, strict=True))
    held_out = NetworkClassifier((6,), random_state=0, early_stopping=True)
    assert len(held_out.partial_fit(X, Y, classes=[0, 1, 2]).validation_scores_) == 1


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_13656_a_warm_start_goes_on_where_training_ended(solver):
    """Twice ten epochs are twenty, bit for bit: the optimizer's state and the orders go on too."""
    settings = {"hidden_layer_sizes": (6,), "random_state": 1, "solver": solver, "batch_size": 32}
    whole = NetworkClassifier(**settings, max_iter=20).fit(X, Y)
    parts = NetworkClassifier(**settings, max_iter=10, warm_start=True).fit(X, Y).fit(X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(whole.coefs_, parts.coefs_, strict=True))
    assert whole.loss_curve_ == parts.loss_curve_
    assert (whole.t_, parts.n_iter_) == (parts.t_, 10)
    with pytest.raises(ValueError, match="warm_start"):
        parts.set_params(hidden_layer_sizes=(7,)).fit(X, Y)


def test_27996_gradients_of_a_fitted_net():
    model = NetworkClassifier(**FEW).fit(X, Y)

    def cost():
        return -np.mean(np.log(model.predict_proba(X)[np.arange(150), Y]))

    gradients, step = model.gradients(X, Y), 1e-6
    assert list(gradients) == ["W1", "b1", "W2", "b2"]
    W1 = model.coefs_[0].copy()
    sides = []
    for sign in (1, -1):
        moved = W1.copy()
        moved[2, 3] += sign * step
        model.network_.set_parameters(W1=moved)
        sides.append(cost())
    model.network_.set_parameters(W1=W1)
    assert gradients["W1"][2, 3] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-5)

    slopes = model.input_gradients(X[:4])
    assert slopes.shape == (4, 3, 4)
    for feature in range(4):
        nudge = step * np.eye(4)[feature]
        found = (model.predict_proba(X[:4] + nudge) - model.predict_proba(X[:4] - nudge)) / (2 * step)
        np.testing.assert_allclose(slopes[:, :, feature], found, atol=1e-8)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_29504_why_it_diverged():
    """The error names epoch, mini-batch and operation; the last good weights are there."""
    model = NetworkRegressor(hidden_layer_sizes=(8,), solver="sgd", learning_rate_init=1e6, random_state=0)
    with pytest.raises(NonFiniteCostError) as info:
        model.fit(X * 1e3, Y * 1e3)
    assert "epoch" in str(info.value)
    assert "layer" in str(info.value) or "cost" in str(info.value) or "update" in str(info.value)
    assert all(np.isfinite(weights).all() for weights in model.coefs_)


def test_any_optimizer_with_decay_clipping_and_schedules():
    """Decoupled weight decay, penalties and clipping: any optimizer that can be made here is a solver."""
    decayed = cr.optimizers.adamw(weight_decay=50.0)
    free = NetworkClassifier(**FEW, solver="adamw").fit(X, Y)
    held = NetworkClassifier(**FEW, solver=decayed, learning_rate="cosine").fit(X, Y)
    assert np.abs(held.coefs_[0]).sum() < np.abs(free.coefs_[0]).sum()
    tiny = {**FEW, "solver": "sgd", "momentum": 0, "learning_rate_init": 1.0, "alpha": 0, "max_iter": 1}
    start = NetworkClassifier(**{**tiny, "learning_rate_init": 1e-300}).fit(X, Y)
    clipped = NetworkClassifier(**tiny, clip_norm=1e-3).fit(X, Y)
    moves = zip(start.coefs_ + start.intercepts_, clipped.coefs_ + clipped.intercepts_, strict=True)
    assert np.sqrt(sum(np.sum((a - b) ** 2) for a, b in moves)) == pytest.approx(1e-3, rel=2e-2)
    several = NetworkClassifier(**tiny, clip_value=1e-4).fit(X, Y)
    assert np.abs(several.coefs_[0] - start.coefs_[0]).max() == pytest.approx(1e-4)
    x, y = load_digits(return_X_y=True)
    model = NetworkClassifier((30,), solver="adamw", learning_rate_init=0.01, random_state=0, max_iter=15)
    assert model.fit(x / 16, y).score(x / 16, y) > 0.9
