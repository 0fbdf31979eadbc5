"""Paths between whole arrays: what comes back along each path, summing to the gradient."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError, SettingError
from chainrule.paths import array_paths


def names_of(graph, *steps):
    computed = [node for node in graph.nodes if node.inputs]
    return {**{node: node.label for node in graph.inputs}, **dict(zip(computed, steps, strict=True))}


def test_a_matrix_used_twice():
    """J = uᵀ W W x: what comes back to W is (Wᵀ u) xᵀ from the inner product, u (W x)ᵀ from the outer."""
    W, x, u = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([0.3, 2.0]), np.array([1.0, -3.0])
    graph = cr.trace(lambda W, x, u: u @ (W @ (W @ x)), W, x, u)
    paths = array_paths(graph, [W, x, u], "W", names=names_of(graph, "p", "q", "J"))
    assert [str(path) for path in paths] == ["W → q → J", "W → p → q → J"]
    assert paths[0].contribution == pytest.approx(np.outer(u, W @ x))
    assert paths[1].contribution == pytest.approx(np.outer(W.T @ u, x))
    assert paths.total == pytest.approx(np.outer(u, W @ x) + np.outer(W.T @ u, x))
    assert (paths.count, paths.more) == (2, 0)
    assert not paths.remainder.any()


def test_local_derivatives_of_elementwise_operations():
    x = np.array([[1.0, -2.0, 3.0]])
    graph = cr.trace(lambda x: np.sum(np.tanh(x) * np.ones((2, 1))), x)
    (path,) = array_paths(graph, [x], "x")
    first, second, third = path.edges
    assert first.local == pytest.approx(1 - np.tanh(x) ** 2)
    assert second.local == pytest.approx(np.ones((2, 3)))
    assert third.local is None
    assert path.contribution == pytest.approx(2 * (1 - np.tanh(x) ** 2))


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
def test_all_parameters_of_a_network(cost):
    net = cr.Network([4, 5, 3], seed=1, dtype="float64", cost=cost)
    graph = net.graph(6, cost=True)
    rng = np.random.default_rng(0)
    values = [*net.parameters.values(), rng.normal(size=(6, 4)), np.eye(3)[rng.integers(0, 3, 6)]]
    for name, gradient in net.gradients(values[-2], values[-1]).items():
        paths = array_paths(graph, values, name)
        total = sum(path.contribution for path in paths)
        assert total == pytest.approx(gradient, rel=1e-12, abs=1e-14)
        assert paths.total == pytest.approx(gradient, rel=1e-12, abs=1e-14)


def test_more_paths_than_are_listed():
    def function(x):
        for _ in range(30):
            x = np.sin(x) + 0.1 * x
        return np.sum(x)

    x = np.array([0.2, 0.5])
    graph = cr.trace(function, x)
    paths = array_paths(graph, [x], "x", limit=3)
    assert (paths.count, len(paths)) == (2**30, 3)
    lengths = [len(path.edges) for path in array_paths(graph, [x], "x", limit=40)]
    assert lengths == sorted(lengths)
    listed = sum(path.contribution for path in paths)
    step = [(function(x + h) - function(x - h)) / 2e-6 for h in np.eye(2) * 1e-6]
    assert listed + paths.remainder == pytest.approx(step, rel=1e-6)


def test_no_path_the_output_itself_and_refusals():
    graph = cr.trace(lambda x, k: np.sum(x) * 1.0 + 0.0 * np.floor(k), np.ones(2), 1.5)
    assert array_paths(graph, [np.ones(2), 1.5], "k").total == 0
    itself = array_paths(graph, [np.ones(2), 1.5], graph.outputs[0])
    assert (itself.count, len(itself), itself[0].contribution) == (1, 1, 1)
    with pytest.raises(GradientError, match="no input 'y'"):
        array_paths(graph, [np.ones(2), 1.5], "y")
    with pytest.raises(SettingError, match="limit"):
        array_paths(graph, [np.ones(2), 1.5], "x", limit=-1)
