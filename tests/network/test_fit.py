"""Learning: targets of every kind, reproducibility, history, and ends that are not the usual one."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.errors import NonFiniteCostError

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def blobs(labels, rows=90, seed=0):
    """Return points around as many centres as there are labels, far from each other."""
    random = np.random.default_rng(seed)
    which = random.integers(0, len(labels), rows)
    angle = 2 * np.pi * which / len(labels)
    x = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.3 * random.normal(size=(rows, 2))
    return x, np.array(labels)[which]


def fingerprint(net):
    return hashlib.sha256(b"".join(value.tobytes() for value in net.parameters.values())).hexdigest()


@pytest.mark.parametrize(
    "labels", [[0, 1, 2], [3, 7, 40], ["cat", "dog", "eel"], [-1, 0, 1], [False, True]], ids=str
)
@pytest.mark.parametrize("cost", ["cross_entropy", "quadratic"])
def test_labels_come_back_as_they_were_given(labels, cost):
    x, y = blobs(labels)
    net = cr.Network([2, 8, len(labels)], activation="tanh", cost=cost, seed=0)
    net.fit(x, y, epochs=60, batch_size=10, learning_rate=0.5)
    assert (net.predict(x) == y).all()
    assert net.predict(x[0]) == y[0]


def test_one_hot_rows_are_labels():
    x, y = blobs([0, 1, 2])
    net = cr.Network([2, 8, 3], activation="tanh", seed=0)
    net.fit(x, np.eye(3)[y], epochs=60, batch_size=10, learning_rate=0.5)
    assert (net.predict(x) == y).all()
    assert net.evaluate(x, np.eye(3)[y]) == net.evaluate(x, y)


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"]], ids=str)
def test_one_output_tells_two_labels_apart(labels):
    y = np.array(labels)[[0, 1, 1, 0]]
    net = cr.Network([2, 4, 1], activation="tanh", cost="cross_entropy", seed=1)
    net.fit(XOR, y, epochs=500, batch_size=4, learning_rate=1.0)
    assert (net.predict(XOR) == y).all()
    assert net(XOR).shape == (4, 1)


@pytest.mark.parametrize("columns", [None, 1, 3])
def test_regression_of_columns(columns):
    random = np.random.default_rng(1)
    x = random.uniform(-1, 1, size=(300, 2))
    y = np.stack([x[:, 0] - x[:, 1], x[:, 0] * x[:, 1], np.sin(2 * x[:, 0])], axis=1)
    y = y[:, 0] if columns is None else y[:, :columns]
    net = cr.Network([2, 20, columns or 1], activation="tanh", cost="mse", seed=0, dtype="float64")
    net.fit(x, y, epochs=150, batch_size=10, learning_rate=0.3)
    predicted, score = net.predict(x), net.evaluate(x, y)
    assert predicted.shape == (y.shape if columns != 1 else (300,))
    assert score.r2 == pytest.approx(r2_score(y, predicted), abs=1e-12)
    assert score.r2 > 0.95
    assert score.accuracy is None


def test_history_is_what_an_independent_computation_finds():
    x, y = blobs([0, 1, 2], rows=50)
    xv, yv = blobs([0, 1, 2], rows=30, seed=7)
    net = cr.Network([2, 5, 3], activation="tanh", seed=0, dtype="float64")
    history = net.fit(x, y, epochs=3, batch_size=8, learning_rate=0.1, validation_data=(xv, yv))
    assert [len(entry) for entry in (history.cost, history.accuracy, history.validation_cost)] == [3, 3, 3]
    assert history.accuracy[-1] == accuracy_score(y, net.predict(x))
    assert history.validation_accuracy[-1] == accuracy_score(yv, net.predict(xv))
    logs = np.log(net(xv))[np.arange(30), yv]
    assert history.validation_cost[-1] == pytest.approx(-np.mean(logs), rel=1e-12)


def test_smaller_last_mini_batch_counts_by_its_size():
    x, y = np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), np.array([1.0, 1.0, 1.0, 1.0, 11.0])
    net = cr.Network([1, 1], cost="mse", initialiser="zeros", dtype="float64")
    tiny = 1e-12  # so that the parameters stay at zero
    history = net.fit(x, y, epochs=1, batch_size=2, learning_rate=tiny, shuffle=False)
    assert history.cost[0] == pytest.approx((1 + 1 + 1 + 1 + 121) / 5, rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 50, 1000])
def test_an_epoch_of_gradient_descent_by_hand(batch_size):
    """Linear regression: θ ← θ − η · 2/m · Xᵀ(Xθ − y), mini-batch by mini-batch."""
    random = np.random.default_rng(3)
    x, y = random.normal(size=(50, 3)), random.normal(size=50)
    net = cr.Network([3, 1], cost="mse", seed=0, dtype="float64")
    W, b = np.array(net.parameters["W1"][:, 0]), 0.0
    net.fit(x, y, epochs=1, batch_size=batch_size, learning_rate=0.05, shuffle=False)
    for start in range(0, 50, batch_size):
        rows = slice(start, start + batch_size)
        error = x[rows] @ W + b - y[rows]
        W, b = W - 0.05 * 2 * x[rows].T @ error / len(error), b - 0.05 * 2 * error.mean()
    assert np.allclose(net.parameters["W1"][:, 0], W, rtol=1e-12)
    assert np.allclose(net.parameters["b1"], b, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_seed_same_bits(dtype):
    x, y = blobs([0, 1, 2])

    def trained(seed):
        net = cr.Network([2, 8, 3], activation="relu", seed=seed, dtype=dtype)
        net.fit(x, y, epochs=4, batch_size=16, learning_rate=0.1)
        assert all(value.dtype == dtype for value in net.parameters.values())
        return fingerprint(net)

    assert trained(5) == trained(5)
    assert trained(5) != trained(6)


def test_fitting_again_goes_on():
    x, y = blobs([0, 1, 2])
    once, twice = (cr.Network([2, 8, 3], seed=0) for _ in range(2))
    once.fit(x, y, epochs=5)
    twice.fit(x, y, epochs=2)
    twice.fit(x, y, epochs=3)
    assert fingerprint(once) == fingerprint(twice)
    assert once.history.cost == twice.history.cost


def test_zero_epochs_change_nothing():
    x, y = blobs([0, 1])
    net = cr.Network([2, 2])
    before = fingerprint(net)
    assert len(net.fit(x, y, epochs=0)) == 0
    assert fingerprint(net) == before


def test_zero_start_keeps_hidden_units_equal():
    x, y = blobs([0, 1])
    net = cr.Network([2, 6, 1], activation="tanh", initialiser="zeros")
    net.fit(x, y, epochs=20, learning_rate=0.5)
    W1 = net.parameters["W1"]
    assert (W1[:, :1] == W1).all()
    other = cr.Network([2, 6, 1], activation="tanh", seed=0)
    other.fit(x, y, epochs=20, learning_rate=0.5)
    assert np.unique(other.parameters["W1"][0]).size == 6


@pytest.mark.parametrize(
    ("name", "deviation", "bias"),
    [("xavier", np.sqrt(2 / 700), 0), ("he", np.sqrt(2 / 400), 0), ("normal", 1, 1), ("zeros", 0, 0)],
)
def test_initialisers_draw_what_they_say(name, deviation, bias):
    p = cr.Network([400, 300], initialiser=name, seed=0, dtype="float64").parameters
    assert p["W1"].std() == pytest.approx(deviation, rel=0.02)
    assert abs(p["W1"].mean()) < 0.01
    assert p["b1"].std() == pytest.approx(bias, rel=0.2)


def test_default_start_follows_the_activation():
    assert cr.Network([4, 3, 2], activation="relu").architecture.initialiser == "he"
    assert cr.Network([4, 3, 2], activation="tanh").architecture.initialiser == "xavier"
    assert cr.Network([4, 2]).architecture.initialiser == "xavier"


def test_scaling_is_part_of_the_network():
    x, y = blobs([0, 1, 2])
    raw = cr.Network([2, 8, 3], seed=0, dtype="float64")
    raw.scaling = Scaling(5.0, 2.0)
    plain = cr.Network([2, 8, 3], seed=0, dtype="float64")
    raw.fit(2 * x + 5, y, epochs=2)
    plain.fit((2 * x + 5 - 5) / 2, y, epochs=2)
    assert fingerprint(raw) == fingerprint(plain)


def test_memory_map_learns_the_same_bits(tmp_path):
    x, y = blobs([0, 1, 2], rows=500)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    nets = [cr.Network([2, 8, 3], seed=0) for _ in range(2)]
    nets[0].fit(x, y, epochs=2, validation_data=(x, y))
    nets[1].fit(mapped, y, epochs=2, validation_data=(mapped, y))
    assert fingerprint(nets[0]) == fingerprint(nets[1])
    assert nets[0].history.validation_cost == nets[1].history.validation_cost
    assert nets[1].history.accuracy == [None, None]


def test_non_finite_cost_stops_names_the_place_and_keeps_the_last_good_parameters():
    x, y = np.full((40, 1), 1e3), np.full(40, 1.0)
    net = cr.Network([1, 3, 1], activation="identity", cost="mse", seed=0)
    seen = []
    with pytest.raises(NonFiniteCostError, match=r"epoch 1, mini-batch \d+ of 10, first at: \w+") as raised:
        net.fit(x, y, epochs=3, batch_size=4, learning_rate=1.0, progress=seen.append)
    assert all(np.isfinite(value).all() for value in net.parameters.values())
    assert np.isfinite(net(x)).all()
    assert "smaller learning rate" in str(raised.value)


def test_parameters_that_break_in_the_very_last_update_are_not_kept():
    net = cr.Network([1, 1], cost="mse", initialiser="zeros")
    x, y = np.array([[1e30]]), np.array([1e5])  # the cost is 1e10, the gradient 2e35, the update overflows
    with pytest.raises(NonFiniteCostError):
        net.fit(x, y, epochs=1, batch_size=1, learning_rate=1e5)
    assert (net.parameters["W1"] == 0).all()


def test_interrupt_keeps_what_was_learned():
    x, y = blobs([0, 1, 2])
    net = cr.Network([2, 8, 3], seed=0)
    before = fingerprint(net)

    def interrupt(progress):
        if progress.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, epochs=50, progress=interrupt)
    assert net.history.interrupted
    assert len(net.history) in (2, 3)
    assert fingerprint(net) != before
    net.fit(x, y, epochs=1)
    assert not net.history.interrupted


def test_progress_prints_a_line_an_epoch(capsys):
    x, y = blobs([0, 1, 2])
    net = cr.Network([2, 8, 3], seed=0)
    net.fit(x, y, epochs=2, progress=True, validation_data=(x, y))
    net.fit(x, y, epochs=1, progress=True)
    lines = capsys.readouterr().out.splitlines()
    right = [round(90 * share) for share in net.history.validation_accuracy]
    assert lines == [f"Epoch 1: {right[0]} / 90", f"Epoch 2: {right[1]} / 90", "Epoch 3 complete"]


def test_parameters_that_break_while_the_cost_is_finite_are_found_and_not_kept():
    """A saturated sigmoid hides infinite weights from the cost; the update that made them is named."""
    x, y = np.full((200, 1), 50.0), [1] * 100 + [0] * 100
    net = cr.Network([1, 1], cost="quadratic", initialiser="zeros")
    with pytest.raises(NonFiniteCostError, match=r"epoch 1, mini-batch 1 of 200, first at: .*multiply"):
        net.fit(x, y, epochs=2, batch_size=1, learning_rate=3e38, shuffle=False)
    assert (net.parameters["W1"] == 0).all()


def test_whatever_ends_a_fit_keeps_what_was_learned():
    x, y = blobs([0, 1, 2], rows=3000)
    net = cr.Network([2, 8, 3], seed=0)
    before = fingerprint(net)

    def stop(progress):
        if progress.step > 1:
            raise LookupError("enough")

    with pytest.raises(LookupError):
        net.fit(x, y, epochs=1, batch_size=1, progress=stop)
    assert fingerprint(net) != before
    assert len(net.history) == 0


@pytest.mark.parametrize("kind", [object, float])
def test_labels_keep_their_kind(kind):
    x, y = blobs([0, 1, 2])
    net = cr.Network([2, 8, 3], activation="tanh", seed=0)
    net.fit(x, y.astype(kind), epochs=60, learning_rate=0.5)
    assert (net.predict(x) == y).all()
    assert net.labels.dtype.kind == ("f" if kind is float else "i")
    assert net.history.accuracy[-1] == 1


def test_a_cost_that_reads_the_world_is_read_anew():
    weight = [1.0]
    net = cr.Network([2, 1], cost=lambda output, target: weight[0] * np.mean((output - target) ** 2))
    x, y = blobs([0.25, 0.5])
    once = net.evaluate(x, y).cost
    slope = net.gradients(x, y)["b1"]
    weight[0] = 100.0
    assert net.evaluate(x, y).cost == pytest.approx(100 * once, rel=1e-5)
    assert net.gradients(x, y)["b1"] == pytest.approx(100 * slope, rel=1e-5)
