"""The compiled epoch tells of portions as the interpreter's does, and falls back to it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.compiled import CompiledEpoch
from chainrule.training.examples import Stored
from chainrule.training.optimizers import Optimizer, optimizer
from chainrule.training.step import Batches

RANDOM = np.random.default_rng(0)
X, TARGET = RANDOM.normal(size=(50, 3)), RANDOM.normal(size=(50, 1))


def linear(update="sgd"):
    net = cr.Network([3, 1], cost="mse", seed=0, dtype="float64")
    update = optimizer(update)
    parameters = list(net.parameters.values())
    return [*parameters, *update.init(parameters)], CompiledEpoch(net.architecture.cost_graph, update)


def by_hand(parameters, order, steps, size=7, rate=0.05):
    """Return the costs of gradient descent, θ ← θ − η · 2/m · Xᵀ(Xθ − y), and where it ends."""
    (W, b), costs = parameters, []
    for step in range(steps):
        rows = order[step * size : (step + 1) * size]
        error = X[rows] @ W + b - TARGET[rows]
        costs.append(np.mean(error**2))
        W, b = W - rate * 2 * X[rows].T @ error / len(error), b - rate * 2 * error.mean(axis=0)
    return costs, [W, b]


def batches(stored, size=7):
    order = np.random.default_rng(1).permutation(50)
    data = Stored(X, TARGET) if stored else None
    return Batches(lambda rows: (X[rows], TARGET[rows]), order, size, data)


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("seconds", [0.0, 1000.0])
@pytest.mark.parametrize("staged", [1, 1 << 20])
def test_portions_cover_all_mini_batches_in_order(monkeypatch, stored, seconds, staged):
    """Seven whole mini-batches and a smaller one; rows that are not in memory are read some at a time."""
    monkeypatch.setattr("chainrule.training.compiled.PORTION_SECONDS", seconds)
    monkeypatch.setattr("chainrule.training.compiled.STAGED_BYTES", staged)
    start, epoch = linear()
    data, told = batches(stored), []

    def take(done, costs, current):
        told.append((done, costs, current()))

    final = epoch(start, data, 0.05, take)
    assert epoch.reason is None
    assert epoch.source
    assert [done for done, _, _ in told] == list(np.cumsum([len(costs) for _, costs, _ in told]))
    costs, expected = by_hand(start, data.order, 8)
    assert_close([np.concatenate([part for _, part, _ in told])], [np.array(costs)])
    for done, _, current in told:
        assert_close(current, by_hand(start, data.order, done)[1])
    assert_close(final, expected)
    if seconds == 0:
        assert len(told) == 8


def test_a_listener_that_stops_is_not_told_again():
    start, epoch = linear()
    told = []

    def stop(done, costs, current):
        told.append((done, current()))
        raise LookupError

    with pytest.raises(LookupError):
        epoch(start, batches(True), 0.05, stop)
    ((done, current),) = told
    assert_close(current, by_hand(start, batches(True).order, done)[1])
    final = epoch(current, batches(True), 0.05, lambda *_: None)  # and can be used again
    assert_close(final, by_hand(current, batches(True).order, 8)[1])


def test_reading_that_fails_keeps_the_mini_batches_before(monkeypatch):
    monkeypatch.setattr("chainrule.training.compiled.STAGED_BYTES", 1)
    start, epoch = linear()
    asked, told = [], []

    def gather(rows):
        asked.append(rows)
        if len(asked) == 9:
            raise MemoryError
        return X[rows], TARGET[rows]

    with pytest.raises(MemoryError):
        epoch(start, Batches(gather, np.arange(50), 7), 0.05, lambda *portion: told.append(portion))
    done, _, current = told[-1]
    assert done > 0
    assert_close(current(), by_hand(start, np.arange(50), done)[1])


def test_what_cannot_be_compiled_is_interpreted_and_says_so():
    def stay(gradients, state, parameters, learning_rate):
        return [np.zeros(p.shape) for p in parameters], []

    frozen = Optimizer("frozen", lambda parameters: [], stay)
    start, epoch = linear(frozen)
    with pytest.warns(cr.InterpretedWarning, match="constant"):
        final = epoch(start, batches(True), 0.05, lambda *_: None)
    assert "constant" in epoch.reason
    assert not any(value.any() for value in final)


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_data_is_not_held_after_the_fit(monkeypatch, share):
    """Neither as it was given, nor as it was prepared."""
    held, prepare = [], Stored.__init__

    def note(self, x, target):
        prepare(self, x, target)
        held.append(weakref.ref(x))

    monkeypatch.setattr(Stored, "__init__", note)
    x = RANDOM.normal(size=(500, 30)) * (RANDOM.random((500, 30)) < share)
    held.append(weakref.ref(x))
    net = cr.Network([30, 10, 3], seed=0)
    net.fit(x, np.arange(500) % 3, epochs=2, compiled=True)
    assert len(held) == 2
    del x
    gc.collect()
    assert all(reference() is None for reference in held)
