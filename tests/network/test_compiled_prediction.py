"""Outputs by machine code: those of NumPy, whatever comes in and whoever asks; the same complaints."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.sparse import csr_array

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.errors import DataError

SIZES = [20, 15, 4]


def network(dtype="float64", **settings):
    return cr.Network(SIZES, cost="quadratic", seed=1, dtype=dtype, **settings)


def by_hand(net, x):
    """Return what sigmoid layers make of rows, in float64."""
    a = np.asarray(x, "float64")
    p = {name: value.astype("float64") for name, value in net.parameters.items()}
    for layer in ("1", "2"):
        a = 1 / (1 + np.exp(-(a @ p["W" + layer] + p["b" + layer])))
    return a


@pytest.fixture(scope="module", params=["float32", "float64"])
def net(request):
    compiled = network(request.param).compile()
    assert compiled.compiled.parts == ("prediction", "judging")
    assert compiled.compiled.reasons == {}
    return compiled


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(1500, 20))


def close(net):
    return {"rtol": 0, "atol": 1e-12 if net.architecture.dtype == "float64" else 3e-7}


@pytest.mark.parametrize("rows", [0, 1, 2, 6, 7, 31, 32, 33, 64, 1023, 1024, 1025, 1500])
def test_any_number_of_rows(net, x, rows):
    found = net(x[:rows])
    assert found.shape == (rows, 4)
    assert found.dtype == net.architecture.dtype
    np.testing.assert_allclose(found, by_hand(net, x[:rows]), **close(net))


def test_a_row_does_not_depend_on_the_others(net, x):
    together = net(x)
    for row in (0, 5, 700, 1499):
        for alone in (net(x[row]), net(x[row : row + 1])[0], net(x[row : row + 9])[0]):
            np.testing.assert_allclose(together[row], alone, **close(net))


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype("float32"),
        lambda x: x.astype("float16"),
        lambda x: x.astype(">f8"),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x[::-1],
        lambda x: np.rint(x).astype("int8"),
        lambda x: x > 0,
        lambda x: x.tolist(),
        lambda x: csr_array(x * (x > 0.5)),
    ],
)
def test_any_form_of_rows(net, x, form):
    for rows in (1, 3, 50):
        given = form(x[:rows])
        plain = given.toarray() if isinstance(given, csr_array) else np.array(given, "float64")
        np.testing.assert_allclose(net(given), by_hand(net, plain), **close(net))
        if rows == 1 and not isinstance(given, csr_array):
            one = net(given[0])
            assert one.shape == (4,)
            np.testing.assert_allclose(one, by_hand(net, plain)[0], **close(net))


def test_outputs_own_their_memory(net, x):
    for given in (x[0], x[:1], x[:5], x[:40]):
        first = net(given)
        kept = first.copy()
        net(np.roll(x, 7)[: len(given)] if given.ndim == 2 else x[3])
        assert (first == kept).all()
        first[...] = 9
        assert (net(given) == kept).all()


@pytest.mark.parametrize(
    "bad",
    [
        np.full(20, np.nan),
        np.r_[np.zeros(19), np.inf],
        np.r_[np.inf, -np.inf, np.zeros(18)],
        np.zeros(19),
        np.zeros((2, 2, 20)),
        np.zeros((1, 21)),
        np.full((1, 20), -np.inf),
        np.r_[np.zeros(7), 1e39, np.zeros(12)],
        np.zeros(20, complex),
        np.full(20, "a"),
        np.ma.masked_array(np.zeros(20)),
        np.array(3.0),
        None,
    ],
    ids=str,
)
@pytest.mark.parametrize("scaling", [None, Scaling(1.0, 0.5), Scaling(np.ones(20), np.full(20, 2.0))])
def test_complaints_are_those_of_the_interpreter(bad, scaling):
    compiled, plain = network("float32").compile(), network("float32")
    compiled.scaling = plain.scaling = scaling
    with pytest.raises(DataError) as expected:
        plain(bad)
    with pytest.raises(DataError) as found:
        compiled(bad)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling(0.0, 255.0),
        Scaling(np.arange(20.0), np.linspace(0.5, 3, 20)),
        Scaling(1e6, 1e-3),
        Scaling(0, 1e-60),
    ],
)
def test_inputs_are_scaled_as_ever(net, x, scaling):
    given = scaling.offset + scaling.scale * x
    other = network(net.architecture.dtype)
    other.set_parameters(**net.parameters)
    other.scaling = scaling
    expected = by_hand(net, (given - scaling.offset) / scaling.scale)
    other.compile()
    np.testing.assert_allclose(other(given[0]), expected[0], **close(net))
    np.testing.assert_allclose(other(given[:1]), expected[:1], **close(net))
    np.testing.assert_allclose(other(given[:50]), expected[:50], **close(net))


def test_large_finite_inputs_are_no_mistake(net):
    given = np.full(20, 1e30)
    np.testing.assert_allclose(net(given), net(given.tolist()), rtol=0)
    assert np.isfinite(net(given)).all()


def test_new_parameters_are_seen_at_once(x):
    net = network().compile()
    net(x[0])
    net.set_parameters(b2=[1.0, 2.0, 3.0, 4.0])
    for rows in (x[0], x[:1], x[:4], x[:100]):
        np.testing.assert_allclose(net(rows), by_hand(net, rows), atol=1e-12)
    net.fit(x[:50], np.arange(50) % 4, epochs=1, compiled=False)
    for rows in (x[0], x[:1], x[:4], x[:100]):
        np.testing.assert_allclose(net(rows), by_hand(net, rows), atol=1e-12)


def test_labels_and_gradients_of_a_compiled_network(net, x):
    assert (net.predict(x) == by_hand(net, x).argmax(axis=1)).all()
    assert net.predict(x[3]) == by_hand(net, x[3]).argmax()
    slope = cr.grad(lambda row: net(row)[2])(x[0])
    step = 1e-4 * np.eye(20)
    centred = (by_hand(net, x[0] + step)[:, 2] - by_hand(net, x[0] - step)[:, 2]) / 2e-4
    np.testing.assert_allclose(slope, centred, atol=1e-6)


def test_a_loaded_network_can_be_compiled(net, x, tmp_path):
    net.save(tmp_path / "net.safetensors")
    again = cr.load(tmp_path / "net.safetensors").compile()
    assert (again(x[0]) == net(x[0])).all()
    assert (again(x[:77]) == net(x[:77])).all()


def test_threads_may_predict_at_once(net, x):
    expected, wrong = by_hand(net, x), []

    def ask(start):
        for row in range(start, len(x), 8):
            if np.abs(net(x[row]) - expected[row]).max() > 1e-6:
                wrong.append(row)
            many = net(x[row : row + 40])
            if np.abs(many - expected[row : row + 40]).max() > 1e-6:
                wrong.append(row)

    running = [threading.Thread(target=ask, args=(start,)) for start in range(8)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert wrong == []


def test_machine_code_is_made_when_enough_was_asked_for(x, monkeypatch):
    net = network()
    net(x[:50])
    assert net.compiled.parts == ()
    monkeypatch.setattr("chainrule.network.prediction.WORTH_SECONDS", 1e-4)
    for _ in range(8):
        net(x[:50])
    assert net.compiled.parts == ("prediction",)
    np.testing.assert_allclose(net(x[:50]), by_hand(net, x[:50]), atol=1e-12)


def test_a_network_large_enough_for_two_threads(monkeypatch):
    net = cr.Network([1100, 1000, 3], cost="quadratic", seed=0).compile()
    x = np.random.default_rng(0).normal(size=(40, 1100))
    found = set()
    for threads in ("1", "2"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        np.testing.assert_allclose(net(x[0]), by_hand(net, x[0]), atol=1e-5)
        np.testing.assert_allclose(net(x), by_hand(net, x), atol=1e-5)
        found.add(net(x[0]).tobytes() + net(x).tobytes())
    assert len(found) == 1
