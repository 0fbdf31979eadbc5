"""`Network.explain` and `explain_update`: against the network's gradients, closed forms and NumPy by hand."""

import json
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError, SettingError, UnknownNameError
from chainrule.training.optimizers import Optimizer, adam, momentum


def network(sizes=(4, 5, 3), **settings):
    return cr.Network(list(sizes), **{"seed": 3, "dtype": "float64", **settings})


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(6, 4))


LABELS = [0, 2, 1, 1, 0, 2]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy", "mse", "huber", "mae"])
@pytest.mark.parametrize("activation", ["sigmoid", "relu", "gelu"])
def test_every_entry_agrees_with_the_gradients(rows, cost, activation):
    net = network(cost=cost, activation=activation)
    y = LABELS if cost in ("quadratic", "cross_entropy") else np.random.default_rng(1).normal(size=(6, 3))
    expected = net.gradients(rows, y)
    e = net.explain(rows, y)
    assert list(e.gradient) == list(expected)
    for name, slope in expected.items():
        np.testing.assert_allclose(e.gradient[name], slope, rtol=1e-10, atol=1e-12)
    for name in ("W1[3, 2]", "b1[4]", "W2[0, 1]", "b2[2]"):
        focused = net.explain(rows, y, parameter=name)
        assert focused.gradient[name] == pytest.approx(e.gradient[name], rel=1e-10, abs=1e-14)
        assert focused.expand(name).gradient == focused.gradient[name]
        paths = focused.paths(name)
        assert abs(paths.total - focused.gradient[name]) <= 1e-12 * paths.absolute


def test_backpropagation_by_hand(rows):
    """δ2 = (a2 − y) ∗ σ′(z2) / m, δ1 = δ2 W2ᵀ ∗ σ′(z1), ∇W1 = xᵀ δ1."""
    net = network(cost="quadratic")
    e = net.explain(rows, LABELS)
    W1, b1, W2, b2 = net.parameters.values()
    a1 = sigmoid(rows @ W1 + b1)
    a2 = sigmoid(a1 @ W2 + b2)
    delta2 = (a2 - np.eye(3)[LABELS]) * a2 * (1 - a2) / 6
    delta1 = (delta2 @ W2.T) * a1 * (1 - a1)
    values = {step.name: step.value for step in e.forward}
    slopes = {step.name: step.value for step in e.backward}
    np.testing.assert_allclose(values["a1"], a1, rtol=1e-13)
    np.testing.assert_allclose(values["a2"], a2, rtol=1e-13)
    np.testing.assert_allclose(slopes["z2"], delta2, rtol=1e-12)
    np.testing.assert_allclose(slopes["z1"], delta1, rtol=1e-12)
    np.testing.assert_allclose(e.gradient["W1"], rows.T @ delta1, rtol=1e-12)
    np.testing.assert_allclose(e.gradient["b2"], delta2.sum(axis=0), rtol=1e-12)
    assert e.value == pytest.approx(0.5 * np.sum((a2 - np.eye(3)[LABELS]) ** 2) / 6, rel=1e-13)
    expansion = e.expand("W1[3, 2]")
    np.testing.assert_allclose(
        [term.value for term in expansion.terms], rows[:, 3] * delta1[:, 2], rtol=1e-12
    )
    assert expansion.sums[0].by_example


def test_names_and_layers(rows):
    e = network(cost="cross_entropy", activation="tanh").explain(rows, LABELS)
    assert [step.name for step in e.forward][:6] == ["p1", "z1", "a1", "p2", "z2", "a2"]
    assert {step.name: step.scope for step in e.forward}["a2"] == "layer 2"
    assert e.output == "C"
    assert list(e.inputs) == ["W1", "b1", "W2", "b2", "x", "y"]
    lines = e.to_text().splitlines()
    for heading in ("  Layer 1", "  Layer 2", "  Cost"):
        assert lines.count(heading) == 2
    assert any("dC/dW1" in line and "[matrix product rule; shape (4, 5)]" in line for line in lines)


def test_large_arrays_are_folded():
    net = network((64, 30, 10))
    x = np.random.default_rng(0).uniform(size=(20, 64))
    text = net.explain(x, np.arange(20) % 10).to_text()
    assert max(map(len, text.splitlines())) < 400
    assert "[shape (64, 30)]" in text


def test_an_entry_is_expanded_and_its_paths_are_shown():
    """One example: from W1[3, 12] through z1[12] and a1[12] to ten outputs, each a term of the cost."""
    net = network((784, 30, 10), cost="quadratic")
    x = np.random.default_rng(0).uniform(size=784)
    began = time.perf_counter()
    e = net.explain(x, 3, parameter="W1[3,12]")
    text = e.to_text()
    assert time.perf_counter() - began < 30  # nothing grows with the size of the arrays; usually 0.2 s
    assert e.gradient["W1[3, 12]"] == pytest.approx(net.gradients(x[None], [3])["W1"][3, 12], rel=1e-10)
    paths = e.paths("W1[3, 12]")
    assert paths.count == 10
    assert {path.names[4] for path in paths} == {f"p2[0, {k}]" for k in range(10)}
    assert all(path.names[1:4] == ("p1[0, 12]", "z1[0, 12]", "a1[0, 12]") for path in paths)
    for words in ("dC/dp1[0, 12] · x[0, 3]", "Σ_i W2[12, i] · dC/dp2[0, i]", "Paths from W1[3, 12] to C: 10"):
        assert words in text


def test_one_example_in_any_form(rows):
    net = network()
    expected = net.gradients(rows[:1], [2])["b1"]
    for x, y in [(rows[0], 2), (rows[0], [0, 0, 1]), (rows[:1], [2]), (list(rows[0]), np.int64(2))]:
        np.testing.assert_allclose(net.explain(x, y).gradient["b1"], expected, rtol=1e-12)


def test_a_float32_network_is_explained_in_float64(rows):
    net = network(dtype="float32")
    e = net.explain(rows, LABELS)
    assert all(np.asarray(step.value).dtype == np.float64 for step in e.forward)
    np.testing.assert_allclose(e.gradient["W1"], net.gradients(rows, LABELS)["W1"], rtol=1e-4, atol=1e-6)


def test_scaling_and_words_for_labels(rows):
    net = network(cost="cross_entropy")
    net.scaling = cr.datasets.Scaling.standard(rows)
    words = np.array(["a", "b", "c"])[LABELS]
    net.fit(rows, words, epochs=1)
    np.testing.assert_allclose(
        net.explain(rows[1], "c").gradient["W1"],
        net.gradients(rows[1:2], ["c"])["W1"],
        rtol=1e-10,
        atol=1e-14,
    )


def test_saturated_outputs_are_explained_by_the_stable_form():
    """Where softmax rounds to 0 the cost as written is infinite; z2 − log Σ exp(z2) is not."""
    net = network((1, 2), cost="cross_entropy")
    net.set_parameters(W1=[[0.0, 1000.0]])
    e = net.explain([1.0], 0)
    assert e.stabilised
    assert e.value == pytest.approx(1000)
    np.testing.assert_allclose(e.gradient["b1"], [-1, 1])


def test_inputs_can_be_looked_at_too(rows):
    net = network()
    e = net.explain(rows[0], 2, parameter="x[0, 1]")
    step = 1e-6
    ahead, behind = rows[0].copy(), rows[0].copy()
    ahead[1] += step
    behind[1] -= step
    slope = (net.explain(ahead, 2).value - net.explain(behind, 2).value) / (2 * step)
    assert e.gradient["x[0, 1]"] == pytest.approx(slope, rel=1e-6)


def test_why_a_weight_learns_nothing(rows):
    net = network(activation="relu", cost="mse")
    net.set_parameters(b1=[0, 0, -100, 0, 0])
    y = np.ones((6, 3))
    why = net.explain(rows, y, parameter="W1[3, 2]").why_zero("W1[3, 2]")
    (reason,) = why.reasons
    assert (reason.kind, reason.operation, reason.ways, reason.of) == ("dead_relu", "relu", 6, 6)
    assert reason.at.startswith("z1[")
    assert reason.value < 0
    assert "Why is dC/dW1[3, 2] = 0?" in net.explain(rows, y, parameter="W1[3, 2]").to_text()
    black = rows.copy()
    black[:, 3] = 0
    (reason,) = network(cost="mse").explain(black, y).why_zero("W1[3, 2]").reasons
    assert (reason.kind, reason.at[0], reason.value, reason.ways) == ("zero_input", "x", 0, 6)
    empty = network(cost="mse", initialiser="zeros")
    (reason,) = empty.explain(rows, y).why_zero("W1[3, 2]").reasons
    assert (reason.kind, reason.at[:2]) == ("zero_weight", "W2")


@pytest.mark.parametrize(
    ("parameter", "error", "words"),
    [
        ("W9[0, 0]", UnknownNameError, "parameter: there is no 'W9'"),
        ("W1[4, 0]", SettingError, "outside of W1"),
        ("W1[1]", SettingError, r"W1\[0, 0\]"),
        ("W1[a, b]", SettingError, "names no entry"),
        ("", SettingError, "names no entry"),
    ],
)
def test_wrong_parameters(rows, parameter, error, words):
    with pytest.raises(error, match=words):
        network().explain(rows, LABELS, parameter=parameter)
    with pytest.raises(error):
        network().explain_update(rows, LABELS, parameter)


def test_wrong_data(rows):
    with pytest.raises(DataError, match="features"):
        network().explain(rows[:, :2], LABELS)
    with pytest.raises(DataError):
        network().explain(rows, [0, 1])


# One update step.


def test_plain_gradient_descent(rows):
    net = network()
    before, slopes = net.parameters, net.gradients(rows, LABELS)
    step = net.explain_update(rows, LABELS, "W1[3, 2]", learning_rate=0.01)
    g = slopes["W1"][3, 2]
    squared = sum(np.sum(slope**2) for slope in slopes.values())
    assert step.after == pytest.approx(before["W1"][3, 2] - 0.01 * g, rel=1e-12)
    assert step.predicted == pytest.approx(-0.01 * squared, rel=1e-10)
    assert step.plain
    moved = network()
    moved.set_parameters(**{name: before[name] - 0.01 * slopes[name] for name in slopes})
    assert step.cost_after == pytest.approx(moved.evaluate(rows, LABELS).cost, rel=1e-12)
    assert step.cost_change == pytest.approx(step.predicted, rel=0.1)
    assert step.formula[-1].formula == "θ - η * g"
    np.testing.assert_array_equal(net.parameters["W1"], before["W1"])


@pytest.mark.parametrize("made", ["momentum", "adam", momentum(0.5), adam(0.8, 0.99)])
def test_an_update_is_the_next_step_of_learning(rows, made):
    """After two steps of `fit`, what is explained is what a third step of `fit` then does."""
    net = network()
    settings = {"epochs": 1, "batch_size": 6, "learning_rate": 0.02, "optimizer": made, "shuffle": False}
    net.fit(rows, LABELS, **settings)
    net.fit(rows, LABELS, **settings)
    step = net.explain_update(rows, LABELS, "W2[1, 2]", optimizer=made, learning_rate=0.02)
    assert step.before == net.parameters["W2"][1, 2]
    net.fit(rows, LABELS, **settings)
    assert step.after == pytest.approx(net.parameters["W2"][1, 2], rel=1e-10)
    assert step.formula[-1].value == pytest.approx(step.after, rel=1e-12)
    state = {part.name: part for part in step.state}
    if "t" in state:
        assert (state["t"].before, state["t"].after) == (2, 3)
    assert state["v"].before != 0
    assert not step.plain
    assert "‖g‖²" not in str(step)


def test_an_optimizer_that_does_not_work_entry_by_entry(rows):
    def update(gradients, state, parameters, rate):
        length = np.sqrt(sum(np.sum(g * g) for g in gradients))
        return [p - rate * g / length for p, g in zip(parameters, gradients, strict=True)], []

    clipped = Optimizer("unit length", lambda _: [], update)
    step = network().explain_update(rows, LABELS, "W1[0, 0]", optimizer=clipped, learning_rate=0.1)
    assert step.formula == ()
    assert step.change == pytest.approx(-0.1 * step.gradient / np.sqrt(step.squared_length), rel=1e-10)
    assert str(step)


def test_without_a_name_the_largest_gradient_is_followed(rows):
    net = network()
    slopes = net.gradients(rows, LABELS)
    step = net.explain_update(rows, LABELS)
    assert abs(step.gradient) == pytest.approx(max(np.max(np.abs(slope)) for slope in slopes.values()))
    with pytest.raises(SettingError, match="learning_rate"):
        net.explain_update(rows, LABELS, learning_rate=0)


def test_json_of_an_update(rows):
    found = json.loads(network().explain_update(rows, LABELS, "W1[0, 0]", optimizer="adam").to_json())
    assert (found["version"], found["kind"], found["parameter"]) == (1, "update", "W1[0, 0]")
    assert found["formula"][-1]["name"] == "θ′"
    assert found["change"] == found["after"] - found["before"]


def test_many_examples_are_explained_by_the_largest():
    net = network((4, 3, 2))
    x = np.random.default_rng(0).normal(size=(200, 4))
    e = net.explain(x, np.arange(200) % 2, parameter="W1[3, 2]")
    (part,) = e.expand("W1[3, 2]").sums
    assert part.count == 200
    text = e.to_text()
    assert "i = 0 … 199: 200 terms, of the same form for every example" in text
    assert f"Paths from {e.expand('W1[3, 2]', 1).terms[0].through} to C" in text
    assert e.paths("W1[3, 2]").total == pytest.approx(e.gradient["W1[3, 2]"], rel=1e-10)
