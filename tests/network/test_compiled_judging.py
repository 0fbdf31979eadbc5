"""Costs and scores by machine code: those of NumPy and of the interpreter, for data of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import r2_score

import chainrule as cr

ROWS = 1100  # more than a portion, and no whole number of blocks
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(ROWS, 20)) * (RANDOM.random((ROWS, 20)) < 0.2)
LABELS = RANDOM.integers(0, 4, ROWS)


def network(**settings):
    return cr.Network([20, 15, 4], seed=2, dtype="float64", **settings)


@pytest.fixture(params=["dense", "sparse", "mapped"])
def x(request, tmp_path):
    if request.param == "sparse":
        return csr_array(X)
    if request.param == "mapped":
        np.save(tmp_path / "x.npy", X)
        return np.load(tmp_path / "x.npy", mmap_mode="r")
    return X


def test_cost_and_accuracy_are_those_of_numpy(x):
    net = network().compile()
    found, outputs = net.evaluate(x, LABELS), network()(X)
    assert found.cost == pytest.approx(-np.log(outputs[np.arange(ROWS), LABELS]).mean(), rel=1e-12)
    assert found.correct == np.count_nonzero(outputs.argmax(axis=1) == LABELS)
    assert found.accuracy == found.correct / ROWS
    assert found.total == ROWS


def test_a_regression_is_judged_by_r2(x):
    y = np.random.default_rng(1).normal(size=(ROWS, 4))
    net = network(cost="mse").compile()
    found, outputs = net.evaluate(x, y), network(cost="mse")(X)
    assert found.cost == pytest.approx(((outputs - y) ** 2).mean(), rel=1e-12)
    assert found.r2 == pytest.approx(r2_score(y, outputs), rel=1e-12)
    assert found.accuracy is None


def test_two_labels_of_one_output():
    net = cr.Network([20, 15, 1], cost="cross_entropy", seed=2, dtype="float64").compile()
    y = LABELS % 2
    found, output = net.evaluate(X, y), net(X)[:, 0]
    assert found.correct == np.count_nonzero((output >= 0.5) == y)
    assert found.cost == pytest.approx(-np.log(np.where(y, output, 1 - output)).mean(), rel=1e-12)


def test_fewer_rows_than_a_block():
    few = network().compile().evaluate(X[:9], LABELS[:9])
    assert few == network().evaluate(X[:9], LABELS[:9])


@pytest.mark.parametrize("often", [1, 3])
def test_a_fit_judges_every_epoch(x, often):
    net = network()
    half = (X[:500], LABELS[:500])
    history = net.fit(x, LABELS, epochs=often, batch_size=50, validation_data=half, compiled=True)
    assert net.compiled.parts == ("judging", "learning")
    outputs = network_with(net)(X[:500])
    logs = np.log(outputs[np.arange(500), LABELS[:500]])
    assert history.validation_cost[-1] == pytest.approx(-logs.mean(), rel=1e-12)
    assert history.validation_accuracy[-1] == np.mean(outputs.argmax(axis=1) == LABELS[:500])
    if not isinstance(x, np.memmap):
        assert history.accuracy[-1] == np.mean(network_with(net)(X).argmax(axis=1) == LABELS)


def network_with(net):
    """Return an interpreted network with the same parameters."""
    plain = network()
    plain.set_parameters(**net.parameters)
    return plain


def test_a_cost_that_is_no_mean_is_judged_in_the_same_portions():
    def root(output, target):
        return np.sqrt(np.mean((output - target) ** 2))

    y = np.eye(4)[LABELS]
    found = []
    for compiled in (True, False):
        net = network(cost=root)
        history = net.fit(
            X, y, epochs=1, batch_size=50, learning_rate=0.01, validation_data=(X, y), compiled=compiled
        )
        assert ("judging" in net.compiled.parts) is compiled
        found.append(history.validation_cost[0])
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_cost_that_reads_the_world_is_read_anew_by_machine_code():
    weight = [1.0]

    def weighted(output, target):
        return weight[0] * np.mean((output - target) ** 2)

    y = np.eye(4)[LABELS]
    net = network(cost=weighted)
    for factor in (1.0, 100.0):
        weight[0] = factor
        history = net.fit(
            X, y, epochs=1, batch_size=1000, learning_rate=1e-9, compiled=True, validation_data=(X, y)
        )
        expected = factor * np.mean((net(X) - y) ** 2)
        assert history.validation_cost[-1] == pytest.approx(expected, rel=1e-6)
        assert net.evaluate(X, y).cost == pytest.approx(expected, rel=1e-6)


def test_machine_code_is_made_when_enough_was_asked_for(monkeypatch):
    net = network()
    before = net.evaluate(X, LABELS)
    assert net.compiled.parts == ()
    monkeypatch.setattr("chainrule.network.judging.WORTH_SECONDS", 1e-4)
    assert net.evaluate(X, LABELS).cost == pytest.approx(before.cost, rel=1e-12)
    assert net.compiled.parts == ("judging",)
