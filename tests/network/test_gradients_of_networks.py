"""A network's gradients against central differences, for every activation, cost and output."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.costs import COSTS


def central_differences(net, x, y, name, h=1e-5):
    value = np.array(net.parameters[name])
    slope = np.empty_like(value)
    for index in np.ndindex(value.shape):
        costs = []
        for sign in (1, -1):
            moved = value.copy()
            moved[index] += sign * h
            net.set_parameters(**{name: moved})
            costs.append(net.evaluate(x, y).cost)
        slope[index] = (costs[0] - costs[1]) / (2 * h)
    net.set_parameters(**{name: value})
    return slope


def data(cost, rows=7):
    random = np.random.default_rng(5)
    x = random.normal(size=(rows, 4))
    return x, (random.integers(0, 3, rows) if COSTS[cost].labels else random.normal(size=(rows, 3)))


@pytest.mark.parametrize("cost", sorted(COSTS))
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_with_every_cost(activation, cost):
    x, y = data(cost)
    net = cr.Network([4, 5, 3], activation=activation, cost=cost, seed=11, dtype="float64")
    ours = net.gradients(x, y)
    assert list(ours) == ["W1", "b1", "W2", "b2"]
    for name, gradient in ours.items():
        true = central_differences(net, x, y, name)
        assert np.abs(gradient - true).max() < 1e-7 * max(1, np.abs(true).max()), name


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "softplus", "softmax", "relu"])
def test_output_activation_can_be_chosen(output):
    x, y = data("mse")
    net = cr.Network([4, 3], cost="mse", output=output, seed=2, dtype="float64")
    for name, gradient in net.gradients(x, y).items():
        assert np.allclose(gradient, central_differences(net, x, y, name), atol=1e-7)


def test_cross_entropy_of_sigmoids_counts_each_output_by_itself():
    random = np.random.default_rng(3)
    x, labels = random.normal(size=(7, 2)), random.integers(0, 3, 7)
    net = cr.Network([2, 3], cost="cross_entropy", output="sigmoid", seed=4, dtype="float64")
    a, y = net(x), np.eye(3)[labels]
    expected = -np.mean(np.sum(scipy.special.xlogy(y, a) + scipy.special.xlogy(1 - y, 1 - a), axis=1))
    assert net.evaluate(x, labels).cost == pytest.approx(expected, rel=1e-13)
    for name, gradient in net.gradients(x, labels).items():
        assert np.allclose(gradient, central_differences(net, x, labels, name), atol=1e-7)


def test_activation_of_each_layer():
    x, y = data("cross_entropy")
    net = cr.Network([4, 5, 6, 3], activation=["tanh", "relu"], seed=1, dtype="float64")
    p = net.parameters
    hidden = np.maximum(np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], 0)
    expected = scipy.special.softmax(hidden @ p["W3"] + p["b3"], axis=1)
    assert np.allclose(net(x), expected, rtol=1e-13)
    for name, gradient in net.gradients(x, y).items():
        assert np.allclose(gradient, central_differences(net, x, y, name), atol=1e-7)


def test_costs_against_closed_forms():
    random = np.random.default_rng(0)
    x, labels, values = random.normal(size=(6, 2)), random.integers(0, 3, 6), random.normal(size=(6, 3)) * 2
    one_hot = np.eye(3)[labels]

    def net_of(cost):
        net = cr.Network([2, 3], cost=cost, seed=4, dtype="float64")
        p = net.parameters
        return net, x @ p["W1"] + p["b1"]

    net, z = net_of("cross_entropy")
    expected = -np.mean(np.sum(one_hot * scipy.special.log_softmax(z, axis=1), axis=1))
    assert net.evaluate(x, labels).cost == pytest.approx(expected, rel=1e-13)
    net, z = net_of("quadratic")
    expected = np.mean(0.5 * np.sum((one_hot - scipy.special.expit(z)) ** 2, axis=1))
    assert net.evaluate(x, labels).cost == pytest.approx(expected, rel=1e-13)
    for cost, formula in {
        "mse": lambda d: np.mean(d**2),
        "mae": lambda d: np.mean(np.abs(d)),
        "huber": lambda d: np.mean(scipy.special.huber(1.0, d)),
    }.items():
        net, z = net_of(cost)
        assert net.evaluate(x, values).cost == pytest.approx(formula(values - z), rel=1e-13), cost


def test_single_output_cross_entropy_stays_finite_for_sure_predictions():
    net = cr.Network([1, 1], cost="cross_entropy", dtype="float64")
    net.set_parameters(W1=[[1.0]], b1=[0.0])
    x, y = np.array([[800.0], [-800.0]]), np.array([0, 1])
    assert net.evaluate(x, y).cost == pytest.approx(800, rel=1e-14)  # log(1 + e⁸⁰⁰), twice
    assert net.gradients(x, y)["W1"] == pytest.approx(np.array([[800.0]]), rel=1e-14)


def test_a_cost_of_ones_own():
    def fourth_power(output, target):
        return np.mean((output - target) ** 4)

    random = np.random.default_rng(0)
    x, y = random.normal(size=(9, 2)), random.normal(size=9)
    net = cr.Network([2, 3, 1], activation="tanh", cost=fourth_power, seed=0, dtype="float64")
    for name, gradient in net.gradients(x, y).items():
        assert np.allclose(gradient, central_differences(net, x, y, name), atol=1e-7)
    assert net.fit(x, y, epochs=30, learning_rate=0.05).cost[-1] < net.history.cost[0]


def test_derivative_by_the_inputs_through_the_scaling():
    net = cr.Network([3, 4, 2], activation="tanh", seed=0, dtype="float64")
    net.scaling = Scaling(np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.5, 4.0]))
    x = np.array([0.3, -0.2, 0.9])
    slopes = cr.jacobian(net)(x)
    h = 1e-6
    for column in range(3):
        step = h * np.eye(3)[column]
        assert np.allclose(slopes[:, column], (net(x + step) - net(x - step)) / (2 * h), atol=1e-9)
    rows = np.stack([x, 2 * x])
    by_rows = cr.grad(lambda rows: np.sum(net(rows)[:, 0]))(rows)
    assert np.allclose(by_rows[1], cr.jacobian(net)(2 * x)[0], rtol=1e-12)
