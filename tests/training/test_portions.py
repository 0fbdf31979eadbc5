"""What an epoch tells while it runs, portion by portion, and what is left of it when it ends early."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.interpreter import Program
from chainrule.training.examples import Examples, Stored
from chainrule.training.history import History
from chainrule.training.loop import Plan, run_epochs
from chainrule.training.optimizers import optimizer
from chainrule.training.step import Batches, Interpreted, NonFinite

RANDOM = np.random.default_rng(0)
X, TARGET = RANDOM.normal(size=(50, 3)), RANDOM.normal(size=(50, 1))


def linear(**settings):
    net = cr.Network([3, 1], cost="mse", seed=0, dtype="float64", **settings)
    return list(net.parameters.values()), Interpreted(net.architecture.cost_graph, optimizer("sgd"))


def by_hand(parameters, steps, size=7, rate=0.05):
    """Return the costs of gradient descent, θ ← θ − η · 2/m · Xᵀ(Xθ − y), and where it ends."""
    (W, b), costs = parameters, []
    for step in range(steps):
        rows = slice(step * size, (step + 1) * size)
        error = X[rows] @ W + b - TARGET[rows]
        costs.append(np.mean(error**2))
        W, b = W - rate * 2 * X[rows].T @ error / len(error), b - rate * 2 * error.mean(axis=0)
    return costs, [W, b]


def batches(gather=lambda rows: (X[rows], TARGET[rows]), size=7):
    return Batches(gather, np.arange(50), size)


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("seconds", [0.0, 1000.0])
def test_portions_cover_all_mini_batches_in_order(monkeypatch, seconds):
    monkeypatch.setattr("chainrule.training.step.PORTION_SECONDS", seconds)
    start, epoch = linear()
    told = []
    final = epoch(start, batches(), 0.05, lambda done, costs, current: told.append((done, costs, current)))
    assert len(told) == (8 if seconds == 0 else 1)
    assert [done for done, _, _ in told] == list(np.cumsum([len(costs) for _, costs, _ in told]))
    costs, expected = by_hand(start, 8)
    assert_close([np.concatenate([part for _, part, _ in told])], [np.array(costs)])
    for done, _, current in told:
        assert_close(current(), by_hand(start, done)[1])
    assert_close(final, expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_inside_a_portion_keeps_every_whole_mini_batch(error):
    start, epoch = linear()
    asked, told = [], []

    def gather(rows):
        asked.append(rows)
        if len(asked) == 6:
            raise error
        return X[rows], TARGET[rows]

    with pytest.raises(error):
        epoch(start, batches(gather), 0.05, lambda *portion: told.append(portion))
    done, _, current = told[-1]
    assert done == 5
    assert_close(current(), by_hand(start, 5)[1])


def test_a_listener_that_stops_is_not_told_again():
    start, epoch = linear()
    told = []

    def stop(*portion):
        told.append(portion)
        raise LookupError

    with pytest.raises(LookupError):
        epoch(start, batches(), 0.05, stop)
    assert len(told) == 1


def test_a_place_is_found_from_any_earlier_step():
    start, epoch = linear()
    x = X.copy()
    x[30] = 1e200  # in mini-batch 4; its square is infinite
    broken = batches(lambda rows: (x[rows], TARGET[rows]))
    good, before = start, by_hand(start, 3)[1]  # those of the last mini-batch whose cost was finite
    for first in range(4):
        signal = epoch.locate(range(first, 6), good, broken, 0.05)
        assert isinstance(signal, NonFinite)
        assert signal.step == 4
        assert signal.node.primitive.name in {"square", "power", "multiply"}
        assert_close(signal.parameters, before)
        _, good = epoch.step(first, good, broken, 0.05)


def test_a_place_that_is_not_found_names_the_last_step():
    start, epoch = linear()
    signal = epoch.locate(range(3), start, batches(), 0.05)
    assert (signal.step, signal.node) == (2, None)
    assert all(np.isfinite(value).all() for value in signal.parameters)


def examples_of(x):
    return Examples(x, TARGET, Identity(), lambda y, first: y, 8)


class Identity:
    """Inputs that are in the network's form already."""

    def __call__(self, x, first=0):
        return np.asarray(x)

    def sparse(self, x):
        return x


def run(x, epoch, epochs=2, size=7):
    history, kept = History(), []
    plan = Plan(epochs, size, 0.05, True, examples_of(x), lambda _: None, lambda _: None, lambda _: None)
    run_epochs([np.zeros(1)], epoch, plan, np.random.SeedSequence(0), history, kept.append)
    return history, kept


@pytest.mark.parametrize("portions", [[8], [1] * 8, [3, 4, 1], [7, 1]])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_costs_count_by_size_to_the_same_bits_however_they_are_cut(portions, kind):
    costs = (np.random.default_rng(1).random(8) * 10).astype(kind)

    def epoch(parameters, batches, rate, after_steps):
        done = 0
        for count in portions:
            after_steps(done + count, costs[done : done + count], lambda: parameters)
            done += count
        return parameters

    history, _ = run(X, epoch)
    total = 0.0
    for cost, size in zip(costs.tolist(), [7] * 7 + [1], strict=True):
        total += cost * size
    assert history.cost == [total / 50] * 2


def test_a_mini_batch_larger_than_the_data_counts_by_the_data():
    def epoch(parameters, batches, rate, after_steps):
        after_steps(1, np.array([3.7]), lambda: parameters)
        return parameters

    assert run(X, epoch, size=1000)[0].cost == [3.7 * 50 / 50] * 2


def test_parameters_are_asked_for_only_when_they_are_kept():
    asked = []

    def epoch(parameters, batches, rate, after_steps):
        for done in range(1, 4):
            after_steps(done, np.ones(1), lambda done=done: asked.append(done) or [np.full(1, float(done))])
        raise KeyboardInterrupt

    kept = []
    plan = Plan(1, 7, 0.05, True, examples_of(X), lambda _: None, lambda _: None, lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        run_epochs([np.zeros(1)], epoch, plan, np.random.SeedSequence(0), History(), kept.append)
    assert asked == [3]
    assert kept == [[np.full(1, 3.0)]]


def test_one_fit_hands_the_same_stored_data_to_all_its_epochs(tmp_path):
    seen = []

    def epoch(parameters, batches, rate, after_steps):
        seen.append(batches.stored)
        return parameters

    run(X[:, ::-1], epoch, epochs=3)
    assert len(seen) == 3
    assert isinstance(seen[0], Stored)
    assert all(stored is seen[0] for stored in seen)
    assert seen[0].x.flags.c_contiguous
    assert seen[0].target.flags.c_contiguous
    np.save(tmp_path / "x.npy", X)
    run(np.load(tmp_path / "x.npy", mmap_mode="r"), epoch, epochs=1)
    assert seen[-1] is None


@pytest.mark.parametrize("extreme", [np.maximum, np.minimum])
def test_an_extreme_written_over_an_operand_that_dies_gives_no_warning(extreme):
    """NumPy deprecates the place of the result as a third argument of these two."""
    graph = cr.trace(lambda x: extreme(2.0 * x, x + 1.0), cr.ArraySpec((3,)))
    x = np.array([-2.0, 0.5, 4.0])
    (found,) = Program(graph.inputs, graph.outputs, in_place=True).run(x)
    assert found.tolist() == [extreme(2.0 * t, t + 1.0) for t in x]
