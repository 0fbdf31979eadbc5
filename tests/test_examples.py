"""Every example runs, and finds the numbers that it is about."""

from __future__ import annotations

import importlib.util
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

import chainrule as cr

FOLDER = Path(__file__).parent.parent / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))


def example(name):
    """Return an example as a module."""
    spec = importlib.util.spec_from_file_location(f"examples_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_prints(name, capsys):
    module = example(name)
    assert module.__doc__
    if name == "handwritten_digits":
        module.main("digits", epochs=2)
    else:
        module.main()
    assert len(capsys.readouterr().out.splitlines()) >= 2


def test_two_paths():
    module = example("two_paths")
    assert module.forward(1, 2, 3) == (2, 5, 14)
    true = {"dv": 2, "du": 0, "dc": 2, "db": 4, "da": 4}
    assert module.by_hand() == true
    assert module.by_graph() == true


def test_logistic_unit():
    module = example("logistic_unit")
    x, y = module.points()
    W, b = np.array([0.3, -0.2]), 0.1
    a = 1 / (1 + np.exp(-(x @ W + b)))
    dW, db = cr.grad(module.cost, wrt=(0, 1))(W, b, x, y)
    assert np.allclose(dW, (a - y) @ x / len(y), rtol=1e-13)
    assert db == pytest.approx(np.mean(a - y), rel=1e-13)
    W, b, costs = module.learn(x, y)
    assert costs[0] == pytest.approx(math.log(2), rel=1e-14)
    assert all(later < earlier for earlier, later in pairwise(costs))
    assert np.mean((x @ W + b > 0) == y) == pytest.approx(0.93, abs=0.01)


def test_slopes_by_nudging():
    module = example("slopes")
    assert module.nudge(module.line, 2.0) == pytest.approx((8, 8.004, 4), rel=1e-12)
    assert module.nudge(module.square, 2.0) == pytest.approx((4, 4.004001, 4.001), rel=1e-12)
    assert module.nudge(module.square, 5.0) == pytest.approx((25, 25.010001, 10.001), rel=1e-12)
    assert len(module.TABLE) >= 12
    for text, function, _, derivative, at in module.TABLE:
        formula, nudged, ours = module.slopes(function, derivative, at)
        assert nudged == pytest.approx(formula, rel=1e-8), text
        assert ours == pytest.approx(formula, rel=1e-14), text


def test_chain_rule():
    module = example("chain_rule")
    values, slopes = module.by_hand(7, 4, 2)
    assert values == {"u": 8, "v": 15, "J": 45}
    assert slopes == {"v": 3, "u": 3, "a": 3, "b": 6, "c": 12}
    assert cr.grad(module.cost, wrt=(0, 1, 2))(7, 4, 2) == (3, 6, 12)
    assert [module.nudged(place) for place in range(3)] == pytest.approx([45.003, 45.006, 45.012], rel=1e-14)
    assert cr.grad(module.cost, wrt=2)(7, 3, 2) == 9  # what dJ/dc would be if b were 3


def test_logistic_regression_of_one_example():
    module = example("logistic_regression")
    point = {"w1": 0.5, "w2": -0.25, "b": 0.1, "x1": 1.0, "x2": 2.0, "y": 1.0}
    hand = module.one_example(**point)
    assert hand["dz"] == pytest.approx(hand["a"] - 1, rel=1e-14)
    slopes = cr.grad(module.loss_of_one, wrt=(0, 1, 2))(*point.values())
    assert slopes == pytest.approx((hand["dw1"], hand["dw2"], hand["db"]), rel=1e-13)


def test_logistic_regression_by_loop_and_vectorised_and_by_graph():
    module = example("logistic_regression")
    X, Y = module.points()
    W, b = np.array([[0.3], [-0.7]]), 0.2
    looped = module.by_loop(W, b, X, Y)
    for other in (module.vectorised, module.by_graph):
        for ours, theirs in zip(other(W, b, X, Y), looped, strict=True):
            assert np.shape(ours) == np.shape(theirs)
            assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    W, b, costs = module.learn(module.vectorised, X, Y)
    assert costs[0] == pytest.approx(math.log(2))
    assert costs[-1] == pytest.approx(0.12, abs=0.001)
    assert np.mean((W.T @ X + b > 0) == Y) > 0.95


def test_dot_product_without_a_loop_is_faster():
    with threadpoolctl.threadpool_limits(1):  # threads of a busy machine wait for each other
        (looped, slow), (dotted, fast) = example("logistic_regression").time_dot()
    assert looped == pytest.approx(dotted, rel=1e-12)
    assert slow > 10 * fast


def test_one_hidden_layer():
    module = example("one_hidden_layer")
    X, Y = module.data()
    p = module.start(2, 4, 1)
    shapes = module.check_shapes(p, X, Y)
    assert shapes["Z1"] == shapes["A1"] == (4, 400)
    assert shapes["Z2"] == shapes["Y"] == (1, 400)
    equations, graph = module.backward(p, X, Y), cr.grad(module.cost)(p, X, Y)
    for name, value in p.items():
        assert equations[name].shape == graph[name].shape == value.shape
        assert np.allclose(equations[name], graph[name], rtol=1e-12, atol=1e-15)
    with pytest.raises(AssertionError):
        module.check_shapes({**p, "b2": np.zeros(1)}, X, Y)


def test_sums_keep_their_dimension_or_a_bias_becomes_a_matrix():
    module = example("one_hidden_layer")
    X, Y = module.data()
    both = np.vstack([Y, 1 - Y])
    p = module.start(2, 4, 2)
    assert module.without_keepdims(p, X, both) == (2, 2)
    assert module.backward(p, X, both)["b2"].shape == (2, 1)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_equal_weights_stay_equal(value):
    module = example("one_hidden_layer")
    X, Y = module.data()
    last, _ = module.learn(module.start_equal(2, 4, 1, value), X, Y, iterations=200)
    assert (last["W1"] == last["W1"][0]).all()
    assert module.accuracy(last, X, Y) < 0.9
    last, costs = module.learn(module.start(2, 4, 1), X, Y)
    assert np.unique(last["W1"], axis=0).shape == (4, 2)
    assert module.accuracy(last, X, Y) > 0.99
    assert costs[-1] < 0.02


def test_sum_over_paths_against_backpropagation():
    module = example("sum_over_paths")
    rows = {tuple(sizes): rest for sizes, *rest in module.table()}
    assert rows == {
        (3, 4, 1): [1, 3, 40, 24],
        (3, 4, 4, 1): [4, 20, 292, 60],
        (3, 4, 4, 4, 1): [16, 112, 1716, 96],
        (3, 4, 4, 4, 4, 1): [64, 576, 9076, 132],
        (3, 4, 4, 4, 4, 4, 1): [256, 2816, 45172, 168],
    }
    for sizes, numbers in rows.items():
        layers = list(pairwise(sizes))
        assert numbers[0] == math.prod(sizes[2:])
        assert numbers[1] == numbers[0] * (2 * len(layers) - 1)
        weights = sum(here * there for here, there in layers)
        behind = sum(here * there + here for here, there in layers[1:])
        assert numbers[3] == weights + behind


def test_no_step_lowers_the_output_more_than_the_one_against_the_gradient():
    module = example("sum_over_paths")
    for seed in range(3):
        along, others = module.steepest(seed)
        assert along > others > 0


def test_handwritten_digits_small(capsys):
    module = example("handwritten_digits")
    training, test = module.small()
    net = module.Network([64, 30, 10])
    net.SGD(training, 10, 10, 3.0, test_data=test)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    last = re.fullmatch(r"Epoch 10: (\d+) / 359", lines[-1])
    assert int(last[1]) == net.evaluate(test) > 0.93 * 359
    net.SGD(training, 1, 10, 3.0)
    assert capsys.readouterr().out == "Epoch 11 complete\n"
    assert net.feedforward(test[0]).shape == (359, 10)


def test_handwritten_digits_start(capsys):
    module = example("handwritten_digits")
    training, test = module.small()
    net = module.Network([64, 30, 10], start="normal", seed=1)
    nabla_b, nabla_w = net.backprop(training[0][0], training[1][0])
    assert [part.shape for part in nabla_b] == [(30,), (10,)]
    assert [part.shape for part in nabla_w] == [(64, 30), (30, 10)]
    net.SGD(training, 10, 10, 3.0, test)
    assert net.evaluate(test) > 0.93 * 359


@pytest.mark.slow
def test_handwritten_digits_large(mnist, capsys):
    module = example("handwritten_digits")
    training, test = module.large()
    assert len(training[0]) == 50_000
    net = module.Network([784, 30, 10])
    net.SGD(training, 1, 10, 3.0, test)
    line = re.fullmatch(r"Epoch 1: (\d+) / 10000\n", capsys.readouterr().out)
    assert int(line[1]) > 9_000


def test_spiral_from_scratch():
    module = example("spiral_from_scratch")
    points = module.spiral(300, noise=0.1)
    start = module.start([2, 16, 16, 3])
    p, costs = module.learn(start, points.x, points.y, steps=200)
    assert module.accuracy(start, points.x, points.y) < 0.6
    assert module.accuracy(p, points.x, points.y) > 0.9
    assert costs[-1] < 0.25 * costs[0]


def test_zero_start():
    module = example("zero_start")
    net, accuracy = module.train("zeros", epochs=3)
    assert module.spread(net) < 1e-9
    assert accuracy < 0.5
    net, accuracy = module.train("xavier", epochs=3)
    assert module.spread(net) > 0.1
    assert accuracy > 0.85


def test_gradient_check():
    module = example("gradient_check")
    assert module.check(module.backprop).passed
    report = module.check(module.backprop_with_a_mistake)
    assert not report.passed
    W1, b1, W2, b2 = module.START
    a1 = np.tanh(module.X @ W1 + b1)
    d1 = 2 * (a1 @ W2 + b2 - module.Y) / 20 @ W2.T * (1 - a1**2)
    true = {"W1": module.X.T @ d1, "b1": d1.sum(axis=0)}
    assert report.worst.true == pytest.approx(true[report.worst.name][report.worst.index], rel=1e-12)
    assert module.check_each() == {"W1": False, "b1": False, "W2": True, "b2": True}
    at_kink = cr.check_gradient(module.relu_sum, np.array([-1.0, 0.0, 2.0]))
    assert at_kink.passed
    assert [str(kink) for kink in at_kink.kinks] == ["x[1]"]
