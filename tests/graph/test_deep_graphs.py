"""Graphs of great depth and width: nothing recurses, and the time grows with the size."""

import gc
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.order import ancestors

DEPTHS = [5_000, pytest.param(100_000, marks=pytest.mark.slow)]


def chain(depth):
    def function(x):
        for _ in range(depth // 2):
            x = np.sin(x) * 1.001
        return x

    return function


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_chain(depth):
    graph = cr.trace(chain(depth), 0.3)
    value = chain(depth)(0.3)
    assert graph(0.3) == value
    assert repr(graph) == f"<Graph function: 1 inputs, {depth} operations, 1 outputs>"
    assert str(graph).count("\n") == depth + 2
    graph.check()

    slope = cr.gradient(graph)
    product, x = 1.0, 0.3
    for _ in range(depth // 2):
        product *= 1.001 * np.cos(x)
        x = np.sin(x) * 1.001
    assert slope(0.3) == pytest.approx(product, rel=1e-9)

    again = cr.read_graph(graph.to_text())
    assert again == graph
    assert hash(again) == hash(graph)
    assert pickle.loads(pickle.dumps(graph)) == graph
    assert again != cr.trace(chain(depth - 2), 0.3)
    del graph, slope, again
    gc.collect()


def test_a_chain_that_is_negated_all_the_way():
    """No local derivative asks for a mask until the very end."""

    def function(x):
        y = np.sin(x)
        for _ in range(5_000):
            y = -y
        return np.where(x > 0, y, 0)

    assert cr.grad(function)(0.5) == pytest.approx(np.cos(0.5))


def test_choices_within_choices():
    def function(x):
        y = x
        for _ in range(1_000):
            y = np.where(x > 0, y * 1.0001, 0)
        return y

    assert cr.grad(function)(0.5) == pytest.approx(1.0001**1_000)
    assert cr.grad(function)(-0.5) == 0


@pytest.mark.parametrize("count", [500, 5_000])
def test_a_neuron_with_many_inputs(count):
    """A sum of w[i]·x[i], written out: its gradient is one scatter, not one array a term."""
    w, x = np.random.default_rng(count).normal(size=(2, count)) / count

    def neuron(w):
        total = 0.0
        for weight, number in zip(w, x, strict=True):
            total = total + weight * number
        return np.tanh(total)

    graph = cr.trace(neuron, w)
    slope = cr.gradient(graph)
    np.testing.assert_allclose(slope(w), (1 - np.tanh(w @ x) ** 2) * x, rtol=1e-12)
    scatters = [node for node in ancestors(slope.outputs) if node.primitive.name == "add_at"]
    assert len(scatters) == 1


def test_second_derivatives_of_a_neuron_with_many_inputs():
    w = np.linspace(-1, 1, 200)

    def energy(w):
        return sum(w[place] ** 4 for place in range(200))

    def slope_squared(w):
        return np.sum(cr.grad(energy)(w) ** 2)

    np.testing.assert_allclose(cr.grad(energy)(w), 4 * w**3, rtol=1e-12)
    np.testing.assert_allclose(cr.grad(slope_squared)(w), 96 * w**5, rtol=1e-12, atol=1e-12)
    graph = cr.gradient(cr.trace(slope_squared, w))
    full = [node for node in graph.nodes if node.shape == (200,) and node.primitive.name == "add_at"]
    assert len(full) <= 4


def test_many_uses_of_entries_rows_and_slices():
    x = np.random.default_rng(0).normal(size=(30, 4))

    def function(x):
        entries = sum(x[i, j] ** 2 for i in range(-3, 27) for j in range(4))
        rows = sum(np.sum(x[i] ** 3) for i in range(30))
        slices = sum(np.sum(x[i : i + 5] ** 2) for i in range(28))
        return entries + rows + slices

    windows = np.array([sum(i <= row < i + 5 for i in range(28)) for row in range(30)])[:, None]
    np.testing.assert_allclose(cr.grad(function)(x), 2 * x + 3 * x**2 + 2 * x * windows, rtol=1e-12)


def test_a_value_used_very_often():
    assert cr.grad(lambda x: sum(x for _ in range(10_000)))(2.0) == 10_000
    assert cr.grad(lambda x: sum(np.exp(x) * n for n in range(1_000)))(0.0) == sum(range(1_000))
