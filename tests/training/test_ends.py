"""How fits end: early stopping, callbacks, L-BFGS that converges; and what the history says of it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import NonFiniteCostError, SettingError
from chainrule.training.history import End, EpochReport
from chainrule.training.optimizers import lbfgs
from chainrule.training.stopping import EarlyStopping, Watch, early_stopping_of

quickly = settings(deadline=None, derandomize=True, max_examples=60)
RANDOM = np.random.default_rng(0)
X, NOISE = RANDOM.normal(size=(60, 3)), RANDOM.normal(size=60)
Y = X @ [1.0, -2.0, 0.5] + 0.3 + 0.1 * NOISE


def linear(**settings):
    return cr.Network([3, 1], cost="mse", seed=0, dtype="float64", **settings)


def report(number, cost):
    return EpochReport(number, 100, cost, None, None, 0.0)


@quickly
@given(some.lists(some.integers(0, 20), min_size=1, max_size=40), some.integers(1, 5), some.integers(0, 3))
def test_it_stops_after_patience_epochs_that_are_no_better(costs, patience, delta):
    """An independent reading of the rule, over the whole course at once."""
    watch = Watch(EarlyStopping(patience, float(delta)))
    told = [watch.after_epoch(report(n, float(cost)), [np.array(n)]) for n, cost in enumerate(costs, 1)]
    best, at = costs[0], 1
    for number, cost in enumerate(costs, 1):
        if cost < best - delta:
            best, at = cost, number
        assert told[number - 1] == (number - at >= patience)
        if told[number - 1]:
            break
    else:
        assert watch.best_epoch == at
        assert watch.best == [np.array(at)]


def overfitted(**settings):
    """Fit a network to noise, so that the validation cost has its least somewhere in the middle."""
    net = cr.Network([3, 60, 1], activation="tanh", cost="mse", seed=0, dtype="float64")
    held_out = X[30:], Y[30:] + 2 * NOISE[30:]
    history = net.fit(
        X[:30],
        Y[:30] + 2 * NOISE[:30],
        batch_size=5,
        learning_rate=0.05,
        validation_data=held_out,
        **settings,
    )
    return net, history, held_out


def test_the_best_parameters_come_back():
    net, history, held_out = overfitted(epochs=400, early_stopping=12)
    assert history.end is End.EARLY_STOPPING
    assert len(history) < 400
    assert history.best_epoch == len(history) - 12 == int(np.argmin(history.validation_cost)) + 1
    assert net.evaluate(*held_out).cost == pytest.approx(min(history.validation_cost), rel=1e-12)
    assert history.reason.endswith(f"The parameters are those of epoch {history.best_epoch}, the best.")


def test_they_come_back_too_where_the_epochs_run_out():
    stopped = overfitted(epochs=400, early_stopping=12)[1]
    net, history, held_out = overfitted(epochs=stopped.best_epoch + 5, early_stopping=True)
    assert history.end is End.EPOCHS
    assert history.best_epoch == stopped.best_epoch
    assert net.evaluate(*held_out).cost == pytest.approx(min(history.validation_cost), rel=1e-12)


def test_or_stay_as_they_are_if_that_is_wished():
    settings = EarlyStopping(patience=12, restore_best=False)
    net, history, held_out = overfitted(epochs=400, early_stopping=settings)
    assert history.best_epoch is None
    assert net.evaluate(*held_out).cost == pytest.approx(history.validation_cost[-1], rel=1e-12)


def test_the_state_of_that_time_comes_back_too():
    """Going on from the best epoch is the same as never having gone further."""
    data = X[:30], Y[:30] + 2 * NOISE[:30]
    stopped, history, _ = overfitted(epochs=400, early_stopping=12, optimizer="momentum", shuffle=False)
    straight, _, _ = overfitted(epochs=history.best_epoch, optimizer="momentum", shuffle=False)
    for net in (stopped, straight):
        net.fit(*data, epochs=2, batch_size=5, learning_rate=0.05, optimizer="momentum", shuffle=False)
    for name, value in straight.parameters.items():
        np.testing.assert_array_equal(stopped.parameters[name], value)


def test_scores_can_be_watched():
    x, y = np.array([[-1.0], [1.0]] * 20), np.array([0, 1] * 20)
    net = cr.Network([1, 2], initialiser="zeros", dtype="float64")
    watched = EarlyStopping(patience=3, monitor="score")
    history = net.fit(x, y, epochs=50, early_stopping=watched)  # all are right after the first epoch
    assert (len(history), history.best_epoch) == (4, 1)
    history = linear().fit(X, Y, epochs=500, early_stopping=watched, validation_data=(X, Y))
    assert history.end is End.EARLY_STOPPING
    assert history.best_epoch == int(np.argmax(history.validation_r2)) + 1


def test_a_score_that_is_nowhere_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    net = linear()
    with pytest.raises(SettingError, match="validation_data"):
        net.fit(mapped, Y, early_stopping=EarlyStopping(monitor="score"))
    assert net.history.end is End.ERROR


@pytest.mark.parametrize("wrong", ["yes", 0, -1, 2.5, []])
def test_impossible_choices(wrong):
    with pytest.raises(SettingError):
        early_stopping_of(wrong)


@pytest.mark.parametrize(
    "settings", [{"patience": 0}, {"min_delta": -1}, {"monitor": "loss"}, {"restore_best": 1}]
)
def test_impossible_settings(settings):
    with pytest.raises(SettingError):
        EarlyStopping(**settings)


def test_settings_are_plain_data():
    chosen = EarlyStopping(3, 0.5, "score", restore_best=False)
    assert EarlyStopping(**chosen.plain()) == chosen
    assert early_stopping_of(None) is None
    assert early_stopping_of(False) is None
    assert early_stopping_of(np.int64(3)) == EarlyStopping(3)


# Callbacks.


def test_a_callback_that_returns_true_stops_after_the_epoch():
    net, seen = linear(), []

    def stop(progress):
        if progress.report is not None:
            seen.append({name: np.array(value) for name, value in net.parameters.items()})
            return progress.epoch == 3
        return None

    history = net.fit(X, Y, epochs=10, callbacks=[stop, lambda progress: len(seen)])
    assert (len(history), history.end) == (3, "callback")
    other = linear()
    other.fit(X, Y, epochs=3)
    for name, value in other.parameters.items():
        np.testing.assert_array_equal(seen[-1][name], value)  # the network was up to date when it was told
        np.testing.assert_array_equal(net.parameters[name], value)


def test_a_callback_may_stop_within_an_epoch():
    net = linear()
    start = net.parameters["W1"].copy()
    history = net.fit(X, Y, epochs=10, batch_size=1, callbacks=[lambda progress: progress.report is None])
    assert (len(history), history.end) == (0, "callback")
    assert (net.parameters["W1"] != start).all()


@pytest.mark.parametrize("answer", [None, 1, "yes", [True], False, np.False_])
def test_other_answers_stop_nothing(answer):
    assert len(linear().fit(X, Y, epochs=3, progress=lambda progress: answer)) == 3


def test_all_listeners_are_told(capsys):
    told = []
    linear().fit(X, Y, epochs=2, progress=True, callbacks=[told.append, told.append])
    assert capsys.readouterr().out == "Epoch 1 complete\nEpoch 2 complete\n"
    assert len([progress for progress in told if progress.report is not None]) == 4
    for wrong in (["print"], print):
        with pytest.raises(SettingError, match="callback"):
            linear().fit(X, Y, callbacks=wrong)


def test_the_history_says_why_a_fit_ended():
    net = linear()
    assert (net.history.end, net.history.reason) == (None, "")
    assert net.fit(X, Y, epochs=2).end == "epochs"

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=2, progress=interrupt)
    assert net.history.end == "interrupted"
    assert net.history.interrupted
    with pytest.raises(NonFiniteCostError):
        net.fit(X, Y, epochs=20, learning_rate=1e30)
    assert net.history.end == "not_finite"
    assert pickle.loads(pickle.dumps(net.history)) == net.history


# L-BFGS.


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("portion", [7, 1024])
@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_lbfgs_finds_the_closed_form(monkeypatch, compiled, portion, strength):
    """Ridge regression: the mean of squares and ½ λ ‖W‖², the bias free."""
    monkeypatch.setattr("chainrule.network.learning.CHUNK_ROWS", portion)
    monkeypatch.setattr("chainrule.network.learning.COMPILED_ROWS", portion)
    net = linear()
    chosen = lbfgs(gradient_tolerance=1e-10, cost_tolerance=0, l2=strength)
    history = net.fit(X, Y, epochs=100, optimizer=chosen, compiled=compiled)
    design = np.column_stack([X, np.ones(60)])
    penalty = strength / 2 * np.diag([1, 1, 1, 0])
    expected = np.linalg.solve(design.T @ design / 60 + penalty, design.T @ Y / 60)
    found = [*net.parameters["W1"][:, 0], *net.parameters["b1"]]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert history.end is End.CONVERGED
    assert len(history) < 30
    assert history.cost[-1] == pytest.approx(np.mean((design @ expected - Y) ** 2), rel=1e-9)
    assert history.learning_rate == [None] * len(history)
    assert net.compiled.reasons == {}


def test_iterations_are_counted_as_epochs():
    net = cr.Network([3, 5, 1], activation="tanh", cost="mse", seed=0)
    told = []
    history = net.fit(
        X, Y, epochs=4, optimizer="lbfgs", callbacks=[told.append], validation_data=(X[:9], Y[:9])
    )
    assert (len(history), history.end) == (4, "epochs")
    assert [progress.report.epoch for progress in told] == [1, 2, 3, 4]
    assert all(np.diff(history.cost) < 0)
    assert len(history.validation_cost) == 4
    assert history.cost[-1] == pytest.approx(net.evaluate(X, Y).cost, rel=1e-6)
    assert all(value.dtype == "float32" for value in net.parameters.values())
    net.fit(X, Y, epochs=3, optimizer="lbfgs")
    assert len(history) == 7
    assert net.fit(X, Y, epochs=0, optimizer="lbfgs").end == "epochs"


def test_an_interrupt_keeps_the_last_iteration():
    net = linear()

    def interrupt(progress):
        if progress.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, Y, epochs=50, optimizer="lbfgs", progress=interrupt)
    assert net.history.interrupted
    assert net.evaluate(X, Y).cost == pytest.approx(net.history.cost[2], rel=1e-12)


def test_lbfgs_stops_early_and_for_callbacks():
    history = overfitted(epochs=400, optimizer="lbfgs", early_stopping=5)[1]
    assert history.end is End.EARLY_STOPPING
    assert history.best_epoch == len(history) - 5
    history = linear().fit(X, Y, optimizer="lbfgs", progress=lambda progress: progress.epoch == 2)
    assert (len(history), history.end) == (2, "callback")


def test_lbfgs_takes_a_cost_of_ones_own_over_all_examples():
    """It is no mean over examples, so it must not be cut into portions."""
    net = cr.Network(
        [3, 1], cost=lambda output, target: np.sqrt(np.mean((output - target) ** 2)), dtype="float64"
    )
    net.fit(X, Y, epochs=100, optimizer=lbfgs(cost_tolerance=0, gradient_tolerance=1e-9))
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), Y, rcond=None)[0]
    np.testing.assert_allclose(net.parameters["W1"][:, 0], expected[:3], rtol=1e-6)


def test_lbfgs_takes_sparse_and_mapped_data(tmp_path):
    from scipy.sparse import csr_array

    thin = X * (RANDOM.random(X.shape) < 0.4)
    np.save(tmp_path / "x.npy", thin)
    nets = [linear() for _ in range(3)]
    kinds = thin, csr_array(thin), np.load(tmp_path / "x.npy", mmap_mode="r")
    for net, x in zip(nets, kinds, strict=True):
        net.fit(x, Y, epochs=50, optimizer="lbfgs")
        np.testing.assert_allclose(net.parameters["W1"], nets[0].parameters["W1"], rtol=1e-6)


def test_lbfgs_that_overflows_says_where_and_keeps_good_parameters():
    net = linear()
    with pytest.raises(NonFiniteCostError):
        net.fit(np.full((4, 3), 1e200), np.ones(4), optimizer="lbfgs")
    assert all(np.isfinite(value).all() for value in net.parameters.values())


def test_lbfgs_has_no_schedule_and_no_single_step():
    with pytest.raises(SettingError, match="schedule"):
        linear().fit(X, Y, optimizer="lbfgs", schedule="cosine")
    with pytest.raises(SettingError, match="lbfgs"):
        linear().explain_update(X[:2], Y[:2], optimizer="lbfgs")
