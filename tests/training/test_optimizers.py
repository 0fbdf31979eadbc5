"""Optimizers and transforms, step by step, against PyTorch's numbers and published pseudo-code."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import SettingError, UnknownNameError
from chainrule.training.optimizers import (
    MAKERS,
    OPTIMIZERS,
    Optimizer,
    Transform,
    adagrad,
    adam,
    adamw,
    chain,
    clip_norm,
    clip_value,
    l1,
    l2,
    lbfgs,
    lion,
    method,
    momentum,
    nadam,
    nesterov,
    optimizer,
    rmsprop,
    sgd,
    weight_decay,
)
from chainrule.training.step import step_graph

quickly = settings(deadline=None, derandomize=True, max_examples=60)
RECORD = json.loads((Path(__file__).parent / "recorded" / "torch.json").read_text())
GRADIENTS = np.array(RECORD["gradients"])
START = np.array([0.7, -1.2, 0.4, 2.0, 0.1, -0.3])
CHAINED = chain(clip_norm(0.5), l2(0.01), l1(0.001), weight_decay(0.1), "nadam")
EVERY = [*OPTIMIZERS.values(), CHAINED, chain(clip_value(0.05), "rmsprop")]


def as_arrays(six):
    """Return weights (2, 2) and biases (2,)."""
    return [np.array(six[:4]).reshape(2, 2), np.array(six[4:])]


def steps(chosen, gradients, rate, start=START):
    """Yield both parameters, as six numbers, after every step."""
    parameters = as_arrays(start)
    state = chosen.init(parameters)
    for slope in gradients:
        parameters, state = chosen.update(as_arrays(slope), state, parameters, rate)
        yield np.concatenate([array.ravel() for array in parameters])


def title(parts):
    return "-".join(part["name"] for part in parts)


@pytest.mark.parametrize("case", RECORD["optimizers"], ids=lambda case: title(case["ours"]))
def test_every_step_is_that_of_pytorch(case):
    found = list(steps(optimizer(case["ours"]), GRADIENTS, RECORD["rate"]))
    np.testing.assert_allclose(found, case["steps"], rtol=1e-12, atol=1e-14)


def test_all_optimizers_but_lion_are_compared_with_pytorch():
    assert {case["ours"][-1]["name"] for case in RECORD["optimizers"]} == set(MAKERS) - {"lion"}


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_lion_is_the_pseudo_code_of_its_paper(decay):
    """Algorithm 2 of Chen and others, 2023, written out for one number at a time; biases do not decay."""
    expected = []
    theta, average = START.tolist(), [0.0] * 6
    for slope in GRADIENTS:
        for place, g in enumerate(slope):
            c = 0.9 * average[place] + (1 - 0.9) * g
            direction = float(np.sign(c))
            own = decay if place < 4 else 0.0
            theta[place] = theta[place] - 0.05 * (direction + own * theta[place])
            average[place] = 0.99 * average[place] + (1 - 0.99) * g
        expected.append(list(theta))
    np.testing.assert_allclose(list(steps(lion(weight_decay=decay), GRADIENTS, 0.05)), expected, rtol=1e-12)


def test_l1_pulls_weights_towards_zero_by_the_same_amount():
    (found,) = steps(chain(l1(0.5), sgd()), np.zeros((1, 6)), 0.1)
    np.testing.assert_allclose(found, [0.65, -1.15, 0.35, 1.95, 0.1, -0.3], rtol=1e-12)
    (found,) = steps(chain(l1(0.5, biases=True), sgd()), np.zeros((1, 6)), 0.1)
    np.testing.assert_allclose(found[4:], [0.05, -0.25], rtol=1e-12)


def test_transforms_are_done_from_left_to_right():
    slope = np.array([[3.0, 0, 0, 4.0, 0, 0]])
    (clipped,) = steps(chain(clip_norm(1.0), l2(1.0), sgd()), slope, 1.0)
    np.testing.assert_allclose(clipped, [-0.6, 0, 0, -0.8, 0.1, -0.3], atol=1e-6)
    (penalised,) = steps(chain(l2(1.0), clip_norm(1.0), sgd()), slope, 1.0)
    assert np.linalg.norm(penalised - START) == pytest.approx(1, abs=1e-6)
    nested = chain(l2(1.0), chain(clip_norm(1.0), sgd()))
    assert nested == chain(l2(1.0), clip_norm(1.0), sgd())
    np.testing.assert_array_equal(list(steps(nested, slope, 1.0)), [penalised])


@quickly
@given(
    some.lists(some.floats(-1e3, 1e3), min_size=6, max_size=6),
    some.floats(1e-3, 1e3),
)
def test_clipping_bounds_and_changes_nothing_else(slope, most):
    slope = np.array(slope)
    (moved,) = steps(chain(clip_value(most), sgd()), [slope], 1.0, start=np.zeros(6))
    np.testing.assert_array_equal(-moved, np.clip(slope, -most, most))
    (moved,) = steps(chain(clip_norm(most), sgd()), [slope], 1.0, start=np.zeros(6))
    norm = np.linalg.norm(slope)
    assert np.linalg.norm(moved) <= most * (1 + 1e-9)
    np.testing.assert_allclose(-moved, slope * min(1, most / (norm + 1e-6)), rtol=1e-9, atol=1e-12)


@quickly
@given(some.sampled_from(EVERY), some.lists(some.floats(-10, 10), min_size=6, max_size=6), some.floats(0, 1))
def test_without_a_learning_rate_nothing_moves(chosen, slope, scale):
    (found,) = steps(chosen, [np.array(slope) * scale], 0.0)
    np.testing.assert_array_equal(found, START)


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_moves_by_the_update(chosen, dtype):
    """Steps on all examples at once: `fit` does what the update does by plain NumPy in float64."""
    random = np.random.default_rng(1)
    x, y = random.normal(size=(20, 3)), random.normal(size=20)
    net = cr.Network([3, 4, 1], activation="tanh", cost="mse", seed=0, dtype=dtype)
    expected = [np.array(value, "float64") for value in net.parameters.values()]
    state = chosen.init(expected)
    for _ in range(6):
        slopes = [np.array(slope, "float64") for slope in net.gradients(x, y).values()]
        expected, state = chosen.update(slopes, state, expected, 0.05)
        net.fit(x, y, epochs=1, batch_size=20, learning_rate=0.05, optimizer=chosen, shuffle=False)
    for value, array in zip(net.parameters.values(), expected, strict=True):
        assert value.dtype == dtype
        assert np.abs(value - array).max() <= (1e-12 if dtype == "float64" else 2e-5) * np.abs(array).max()


def assert_same_bits(net, other):
    for name, value in net.parameters.items():
        np.testing.assert_array_equal(other.parameters[name], value)


def data(rows=30):
    random = np.random.default_rng(2)
    return random.normal(size=(rows, 3)), np.arange(rows) % 2


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
def test_state_is_kept_between_fits(chosen):
    x, y = data()
    once, twice = (cr.Network([3, 5, 2], seed=0) for _ in range(2))
    once.fit(x, y, epochs=4, optimizer=chosen)
    twice.fit(x, y, epochs=1, optimizer=chosen)
    twice = pickle.loads(pickle.dumps(twice))
    twice.fit(x, y, epochs=3, optimizer=chosen)
    assert_same_bits(once, twice)


def test_the_state_belongs_to_the_recipe_not_to_the_object():
    x, y = data()
    once, twice = (cr.Network([3, 5, 2], seed=0) for _ in range(2))
    once.fit(x, y, epochs=4, optimizer=momentum(0.8))
    twice.fit(x, y, epochs=1, optimizer=momentum(0.8))
    twice.fit(x, y, epochs=3, optimizer=momentum(0.8))
    assert_same_bits(once, twice)


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
def test_compiled_steps_are_the_interpreted_ones(chosen):
    """43 examples in mini-batches of 8: the last one is smaller. Lion's signs leave no room for rounding."""
    x, y = data(43)
    nets = [cr.Network([3, 5, 2], activation="tanh", seed=0, dtype="float64") for _ in range(3)]
    for net, compiled in zip(nets, (True, False, True), strict=True):
        net.fit(x, y, epochs=3, batch_size=8, learning_rate=0.01, optimizer=chosen, compiled=compiled)
    assert nets[0].compiled.reasons == {}
    assert "learning" in nets[0].compiled.parts
    for name, value in nets[1].parameters.items():
        np.testing.assert_allclose(nets[0].parameters[name], value, rtol=1e-9, atol=1e-12)
    assert_same_bits(nets[0], nets[2])


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
def test_the_update_is_part_of_the_graph(chosen):
    net = cr.Network([3, 2], cost="mse", seed=0)
    graph = step_graph(net.architecture.cost_graph(5), chosen)
    graph.check()
    state = chosen.init([np.zeros((3, 2)), np.zeros(2)])
    assert len(graph.inputs) == 2 + len(state) + 3  # parameters; state; x, target, learning rate
    assert len(graph.outputs) == 1 + 2 + len(state)
    assert all(node.dtype == "float32" for node in graph.outputs)
    assert str(graph)


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
def test_an_explained_update_is_the_next_step(chosen):
    x, y = data(6)
    net = cr.Network([3, 4, 2], activation="tanh", seed=0, dtype="float64")
    settings = {"epochs": 1, "batch_size": 6, "learning_rate": 0.02, "optimizer": chosen, "shuffle": False}
    net.fit(x, y, **settings)
    step = net.explain_update(x, y, "W2[1, 0]", optimizer=chosen, learning_rate=0.02)
    net.fit(x, y, **settings)
    assert step.after == pytest.approx(net.parameters["W2"][1, 0], rel=1e-10)
    assert step.optimizer == chosen.name
    assert str(step)
    if chosen.recipe[0][0] not in ("clip_norm", "clip_value"):
        assert step.formula[-1].value == pytest.approx(step.after, rel=1e-10)


@pytest.mark.parametrize("chosen", EVERY, ids=lambda chosen: chosen.name)
def test_plain_data_and_pickles_make_the_same_optimizer(chosen):
    told = json.loads(json.dumps(chosen.plain()))
    for again in (optimizer(told), pickle.loads(pickle.dumps(chosen)), copy.deepcopy(chosen)):
        assert again == chosen
        assert hash(again) == hash(chosen)
        np.testing.assert_array_equal(
            list(steps(again, GRADIENTS, 0.05)), list(steps(chosen, GRADIENTS, 0.05))
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_plain_data_names_every_setting(name):
    (part,) = MAKERS[name]().plain()
    assert part.pop("name") == name
    assert MAKERS[name](**part) == OPTIMIZERS[name]


def test_different_settings_are_different_optimizers():
    kinds = [sgd(), momentum(), momentum(0.8), nesterov(), adam(), adamw(), adamw(weight_decay=0.1), nadam()]
    kinds += [chain(l2(0.1), sgd()), chain(l2(0.2), sgd()), chain(l2(0.1, biases=True), sgd())]
    assert len(set(kinds)) == len(kinds)
    own = [Optimizer("mine", sgd().init, sgd().update) for _ in range(2)]
    assert own[0] != own[1]
    assert own[0] == copy.deepcopy(own[0])


@pytest.mark.parametrize("made", [l1(0.1), l2(0.1, biases=True), clip_norm(2), clip_value(2), weight_decay()])
def test_transforms_are_pickled(made):
    again = pickle.loads(pickle.dumps(made))
    assert again.recipe == made.recipe
    given = as_arrays(GRADIENTS[0]), as_arrays(START), 0.1
    for found, expected in zip(again.apply(*given), made.apply(*given), strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_transforms_and_optimizers_of_ones_own_are_chained():
    half = Transform("half", lambda gradients, parameters, rate: ([g / 2 for g in gradients], parameters))
    chosen = chain(half, clip_value(100), sgd())
    assert chosen.name == "half + clip_value + sgd"
    (moved,) = steps(chosen, [GRADIENTS[1]], 0.1)
    np.testing.assert_allclose(moved, START - 0.05 * GRADIENTS[1], rtol=1e-12)
    with pytest.raises(SettingError, match="half"):
        chosen.plain()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: momentum(1.0),
        lambda: nesterov(-0.1),
        lambda: adam(b1=-0.1),
        lambda: adam(b2="x"),
        lambda: adam(epsilon=0),
        lambda: adamw(weight_decay=-1),
        lambda: adagrad(epsilon=np.nan),
        lambda: rmsprop(alpha=1),
        lambda: nadam(momentum_decay=-0.1),
        lambda: lion(b2=True),
        lambda: l1(np.inf),
        lambda: l2(0.1, biases="no"),
        lambda: clip_norm(0),
        lambda: clip_value(None),
        lambda: lbfgs(memory=0),
        lambda: lbfgs(l2=-1),
        lambda: chain(),
        lambda: chain(l2(0.1)),
        lambda: chain(sgd(), adam()),
        lambda: chain(l2(0.1), lbfgs()),
        lambda: chain(l2(0.1), "lbfgs"),
        lambda: optimizer("lbfgs"),
        lambda: optimizer([{"name": "adam", "beta": 0.9}]),
        lambda: optimizer([{"name": "l2", "strength": 0.9}]),
        lambda: optimizer([{"name": "lbfgs"}, {"name": "sgd"}]),
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(SettingError) as raised:
        wrong()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["adma", "", None, 3, [], [{}], {"name": "adam"}, ["adam"]])
def test_unknown_optimizers(name):
    with pytest.raises(UnknownNameError):
        method(name)
    with pytest.raises(UnknownNameError, match="adam"):
        optimizer("adma")


def test_settings_of_lbfgs_are_plain_data():
    chosen = lbfgs(memory=5, l2=0.25)
    assert method(json.loads(json.dumps(chosen.plain()))) == chosen
    assert method("lbfgs") == lbfgs()
    assert pickle.loads(pickle.dumps(chosen)) == chosen
