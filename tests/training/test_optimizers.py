"""Optimizers step by step against their published formulas, written out for one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import SettingError
from chainrule.training.optimizers import OPTIMIZERS, adam, momentum, optimizer, sgd
from chainrule.training.step import step_graph


def sgd_by_hand(gradients, rate):
    theta = 0.7
    for g in gradients:
        theta = theta - rate * g
        yield theta


def momentum_by_hand(gradients, rate):
    theta, v = 0.7, 0.0
    for g in gradients:
        v = 0.9 * v + g
        theta = theta - rate * v
        yield theta


def adam_by_hand(gradients, rate):
    theta, m, v = 0.7, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        corrected = m / (1 - 0.9**t), v / (1 - 0.999**t)
        theta = theta - rate * corrected[0] / (math.sqrt(corrected[1]) + 1e-8)
        yield theta


BY_HAND = {"sgd": sgd_by_hand, "momentum": momentum_by_hand, "adam": adam_by_hand}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_fifty_steps_of_the_formula(name):
    gradients = np.random.default_rng(0).normal(size=50)
    chosen = optimizer(name)
    parameters, state = [np.array(0.7)], chosen.init([np.array(0.7)])
    for g, expected in zip(gradients, BY_HAND[name](gradients, 0.05), strict=True):
        parameters, state = chosen.update([g], state, parameters, 0.05)
        assert parameters[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_moves_by_the_formula(name, dtype):
    """Steps on all examples at once, each parameter's entries moved one by one by hand."""
    random = np.random.default_rng(1)
    x, y = random.normal(size=(20, 3)), random.normal(size=20)
    net = cr.Network([3, 4, 1], activation="tanh", cost="mse", seed=0, dtype=dtype)
    start = {key: np.array(value, "float64") for key, value in net.parameters.items()}
    slopes = {key: [] for key in start}
    for _ in range(6):
        for key, slope in net.gradients(x, y).items():
            slopes[key].append(np.array(slope, "float64"))
        net.fit(x, y, epochs=1, batch_size=20, learning_rate=0.05, optimizer=name, shuffle=False)
    for key, value in net.parameters.items():
        assert value.dtype == dtype
        for index in np.ndindex(value.shape):
            *_, moved = BY_HAND[name]([slope[index] for slope in slopes[key]], 0.05)
            error = abs(value[index] - (start[key][index] + moved - 0.7))
            assert error <= (1e-12 if dtype == "float64" else 1e-5) * np.abs(value).max()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_state_is_kept_between_fits(name):
    random = np.random.default_rng(2)
    x, y = random.normal(size=(30, 3)), random.integers(0, 2, 30)
    once, twice = (cr.Network([3, 5, 2], seed=0) for _ in range(2))
    once.fit(x, y, epochs=4, optimizer=name)
    twice.fit(x, y, epochs=1, optimizer=name)
    twice.fit(x, y, epochs=3, optimizer=name)
    pairs = zip(once.parameters.values(), twice.parameters.values(), strict=True)
    assert all((a == b).all() for a, b in pairs)


def test_the_update_is_part_of_the_graph():
    net = cr.Network([3, 2], cost="mse", seed=0)
    graph = step_graph(net.architecture.cost_graph(5), adam())
    graph.check()
    assert len(graph.inputs) == 2 + 5 + 3  # parameters; steps, two averages each; x, target, learning rate
    assert len(graph.outputs) == 1 + 2 + 5
    assert all(node.dtype == "float32" for node in graph.outputs)


def test_settings_of_ones_own():
    chosen = momentum(0.0)
    gradient, parameters = [np.array(2.0)], [np.array(1.0)]
    assert chosen.update(gradient, chosen.init(parameters), parameters, 0.5)[0] == [0.0]
    assert sgd().update(gradient, [], parameters, 0.5)[0] == [0.0]
    for wrong in (
        lambda: momentum(1.0),
        lambda: adam(b1=-0.1),
        lambda: adam(b2="x"),
        lambda: adam(epsilon=0),
    ):
        with pytest.raises(SettingError):
            wrong()
