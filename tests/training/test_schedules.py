"""Schedules against PyTorch's numbers and closed forms; learning by them, interpreted and as machine code."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import SettingError, UnknownNameError
from chainrule.training.schedules import (
    SCHEDULES,
    Course,
    constant,
    cosine,
    exponential,
    one_cycle,
    plateau,
    schedule,
    step,
    warmup,
)

quickly = settings(deadline=None, derandomize=True, max_examples=60)
RECORD = json.loads((Path(__file__).parent / "recorded" / "torch.json").read_text())


def course(steps=1, epochs=40, costs=()):
    return Course(np.arange(steps * epochs), steps, steps * epochs, costs)


def title(case):
    return case["ours"]["name"]


@pytest.mark.parametrize("case", RECORD["schedules"], ids=title)
def test_every_factor_is_that_of_pytorch(case):
    made = schedule(case["ours"])
    if case["ours"]["name"] == "plateau":
        costs = RECORD["costs"]
        found = [made.factors(Course(np.array([n]), 1, 40, costs[:n]))[0] for n in range(len(costs))]
    else:
        found = made.factors(course())
    np.testing.assert_allclose(found, case["factors"], rtol=1e-10, atol=1e-12)


def test_all_schedules_are_compared_with_pytorch():
    assert {title(case) for case in RECORD["schedules"]} == set(SCHEDULES)


@pytest.mark.parametrize("made", [step(3, 0.5), cosine(), cosine(length=7), exponential(0.5), warmup(2.5)])
@pytest.mark.parametrize("steps", [1, 4, 7])
def test_an_epoch_at_a_time_is_the_whole_course(made, steps):
    """And lengths are in epochs: at the beginning of each, mini-batches or not, the factor is the same."""
    whole = made.factors(course(steps, 10))
    parts = [
        made.factors(Course(np.arange(n * steps, (n + 1) * steps), steps, 10 * steps)) for n in range(10)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    if made.name != "warmup":
        np.testing.assert_allclose(whole[::steps], made.factors(course(1, 10)), rtol=1e-12, atol=1e-12)


@quickly
@given(some.integers(1, 30), some.integers(1, 30), some.floats(0.1, 40), some.floats(0, 1))
def test_closed_forms(steps, epochs, length, lowest):
    found = cosine(length, lowest).factors(course(steps, epochs))
    total = max(1, round(length * steps))
    n = np.minimum(np.arange(steps * epochs), total)
    np.testing.assert_allclose(found, lowest + (1 - lowest) * (1 + np.cos(np.pi * n / total)) / 2, atol=1e-12)
    found = warmup(length, start=lowest).factors(course(steps, epochs))
    np.testing.assert_allclose(found, lowest + (1 - lowest) * n / total, atol=1e-12)
    found = exponential(0.9).factors(course(steps, epochs))
    np.testing.assert_allclose(found, 0.9 ** (np.arange(steps * epochs) / steps), rtol=1e-12)


@quickly
@given(some.sampled_from(sorted(SCHEDULES)), some.integers(1, 20), some.integers(1, 20))
def test_every_schedule_stays_between_0_and_1(name, steps, epochs):
    found = schedule(name).factors(course(steps, epochs, [1.0] * epochs))
    assert found.shape == (steps * epochs,)
    assert (found >= 0).all()
    assert (found <= 1 + 1e-12).all()


def test_a_plateau_after_a_warm_up_begins_to_watch_then():
    made = warmup(2, then=plateau(0.5, patience=0))
    costs = [1.0, 1.0, 1.0, 1.0, 1.0]
    found = [made.factors(Course(np.array([n]), 1, 9, costs[:n]))[0] for n in range(6)]
    assert found == [0, 0.5, 1, 1, 0.5, 0.25]


@pytest.mark.parametrize(
    "made",
    [constant(), step(2), exponential(), cosine(3, 0.1), one_cycle(0.2), plateau(), warmup(2, then=step(3))],
)
def test_plain_data_and_pickles_make_the_same_schedule(made):
    for again in (schedule(json.loads(json.dumps(made.plain()))), pickle.loads(pickle.dumps(made))):
        assert again.plain() == made.plain()
        given = course(3, 12, [1.0] * 12)
        np.testing.assert_array_equal(again.factors(given), made.factors(given))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: step(0),
        lambda: step(2, -1),
        lambda: exponential("x"),
        lambda: cosine(length=0),
        lambda: cosine(lowest=-0.1),
        lambda: warmup(0),
        lambda: warmup(1, then="cosin"),
        lambda: one_cycle(1.0),
        lambda: plateau(patience=-1),
        lambda: plateau(patience=1.5),
        lambda: schedule("cosin"),
        lambda: schedule(3),
        lambda: schedule({"name": "cosine", "longest": 3}),
        lambda: schedule({"name": "cosin"}),
        lambda: schedule(lambda step: -1.0).factors(course()),
        lambda: schedule(lambda step: float("nan")).factors(course()),
        lambda: schedule(lambda step: "1").factors(course()),
        lambda: schedule(lambda step: [1.0]).factors(course()),
        lambda: schedule(lambda step: 1.0).plain(),
        lambda: warmup(1, then=lambda step: 1.0).plain(),
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(SettingError) as raised:
        wrong()
    assert "\n" not in str(raised.value)


def test_the_nearest_name_is_told():
    with pytest.raises(UnknownNameError, match="cosine"):
        schedule("cosin")


# Learning.


def data(rows=43):
    random = np.random.default_rng(2)
    return random.normal(size=(rows, 3)), random.normal(size=rows)


def linear(**settings):
    return cr.Network([3, 1], cost="mse", seed=0, dtype="float64", **settings)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("at_hand", [256, 4])
@pytest.mark.parametrize("made", ["cosine", warmup(1.5), lambda number: 1 / (1 + number), one_cycle()])
def test_every_mini_batch_moves_by_its_own_rate(monkeypatch, compiled, at_hand, made):
    """Linear regression: θ ← θ − η_n · 2/m · Xᵀ(Xθ − y), in mini-batches of 4, the last of an epoch of 3."""
    monkeypatch.setattr("chainrule.training.compiled.RATES_AT_HAND", at_hand)
    x, y = data()
    net = linear()
    W, b = np.array(net.parameters["W1"][:, 0]), 0.0
    factors = schedule(made).factors(course(11, 3))
    for number in range(33):
        rows = slice(number % 11 * 4, number % 11 * 4 + 4)
        error, rate = x[rows] @ W + b - y[rows], 0.05 * factors[number]
        W, b = W - rate * 2 * x[rows].T @ error / len(error), b - rate * 2 * error.mean()
    history = net.fit(
        x, y, epochs=3, batch_size=4, learning_rate=0.05, schedule=made, shuffle=False, compiled=compiled
    )
    assert net.compiled.reasons == {}
    np.testing.assert_allclose(net.parameters["W1"][:, 0], W, rtol=1e-10)
    np.testing.assert_allclose(net.parameters["b1"], b, rtol=1e-10)
    np.testing.assert_allclose(history.learning_rate, 0.05 * factors[10::11], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_that_does_not_change_gives_the_same_bits(compiled, optimizer):
    """Also where it is handed over mini-batch by mini-batch: only the last, smaller one has another."""
    x, y = data(400)
    nets = [linear() for _ in range(3)]
    schedules = [None, "constant", lambda number: 1.0 if number < 99 else 0.5]
    for net, made in zip(nets, schedules, strict=True):
        net.fit(
            x[:396], y[:396], epochs=1, batch_size=4, optimizer=optimizer, schedule=made, compiled=compiled
        )
    for other in nets[1:]:
        for name, value in nets[0].parameters.items():
            np.testing.assert_array_equal(other.parameters[name], value)


def test_streamed_data_and_schedules(tmp_path, monkeypatch):
    monkeypatch.setattr("chainrule.training.compiled.STAGED_BYTES", 1)
    monkeypatch.setattr("chainrule.training.compiled.RATES_AT_HAND", 3)
    x, y = data()
    np.save(tmp_path / "x.npy", x)
    nets = [linear() for _ in range(2)]
    for net, inputs in zip(nets, (x, np.load(tmp_path / "x.npy", mmap_mode="r")), strict=True):
        net.fit(inputs, y, epochs=2, batch_size=4, schedule="cosine", compiled=True)
    for name, value in nets[0].parameters.items():
        np.testing.assert_allclose(nets[1].parameters[name], value, rtol=1e-12)


def test_a_place_of_nan_is_found_under_a_schedule():
    x, y = data()
    x[30] = 1e200
    for compiled in (False, True):
        net = linear()
        with pytest.raises(cr.ChainruleError, match="mini-batch 8 of 11"):
            net.fit(x, y, batch_size=4, schedule="one_cycle", shuffle=False, compiled=compiled)
        assert net.history.end == "not_finite"


@pytest.mark.parametrize("compiled", [False, True])
def test_an_interrupt_under_a_schedule_leaves_a_network_that_goes_on(compiled):
    x, y = data()
    net = linear()
    start = net.parameters["W1"].copy()

    def interrupt(progress):
        raise KeyboardInterrupt

    settings = {"batch_size": 4, "optimizer": "nadam", "schedule": "one_cycle", "compiled": compiled}
    with pytest.raises(KeyboardInterrupt):
        net.fit(x, y, progress=interrupt, **settings)
    assert (net.parameters["W1"] != start).all()
    step = net.explain_update(x, y, "W1[0, 0]", optimizer="nadam")
    assert 1 <= step.state[0].before <= 11  # t, the mini-batches so far
    assert len(net.fit(x, y, epochs=2, **settings)) == 2


def test_a_plateau_is_judged_on_the_validation_data():
    x, y = data()
    net = linear()
    far = (x, y + 100)  # away from which learning leads, or hardly towards
    history = net.fit(
        x, -y - 10, epochs=6, learning_rate=0.01, schedule=plateau(0.5, patience=1), validation_data=far
    )
    assert all(np.diff(history.validation_cost) > 0)
    assert history.learning_rate == [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025]


def test_a_learning_rate_is_a_number():
    x, y = data()
    for wrong in ("cosine", cosine(), lambda number: 0.1):
        with pytest.raises(SettingError, match="schedule="):
            linear().fit(x, y, learning_rate=wrong)
