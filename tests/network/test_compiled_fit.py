"""Compiled epochs learn what interpreted ones learn, to the same bits every time, and end as they do."""

from __future__ import annotations

import _thread
import contextlib
import hashlib
import math
import signal
import threading

import numpy as np
import pytest
from scipy.sparse import csr_array

import chainrule as cr
from chainrule.errors import NonFiniteCostError
from chainrule.nn.activations import ACTIVATIONS
from chainrule.nn.costs import COSTS
from chainrule.training.optimizers import OPTIMIZERS

SIZES = [12, 9, 3]
FORMS = ["dense", "zeros", "sparse", "mapped"]
QUICK = [
    ("sigmoid", "quadratic", "sgd", "dense"),
    ("relu", "cross_entropy", "adam", "sparse"),
    ("tanh", "mse", "momentum", "mapped"),
    ("gelu", "huber", "sgd", "zeros"),
]


def rotating():
    """Yield every activation and every pair of cost and optimizer, the rest taken in turn."""
    activations, costs, optimizers = sorted(ACTIVATIONS), sorted(COSTS), sorted(OPTIMIZERS)
    pairs = [(cost, optimizer) for cost in costs for optimizer in optimizers]
    for turn, (cost, optimizer) in enumerate(pairs):
        yield activations[turn % len(activations)], cost, optimizer, FORMS[turn % len(FORMS)]


def examples(form, folder, rows=43):
    random = np.random.default_rng(4)
    x = random.normal(size=(rows, SIZES[0]))
    if form in ("zeros", "sparse"):
        x *= random.random(x.shape) < 0.15
    y = random.integers(0, SIZES[-1], rows)
    if form == "sparse":
        return csr_array(x), y
    if form == "mapped":
        np.save(folder / "x.npy", x)
        return np.load(folder / "x.npy", mmap_mode="r"), y
    return x, y


def network(activation="sigmoid", cost="cross_entropy", dtype="float64", **settings):
    return cr.Network(SIZES, activation=activation, cost=cost, dtype=dtype, seed=3, **settings)


def fingerprint(net):
    return hashlib.sha256(b"".join(value.tobytes() for value in net.parameters.values())).hexdigest()


def assert_same(net, expected, error=1e-9):
    for name, value in expected.parameters.items():
        assert np.abs(net.parameters[name] - value).max() <= error * np.abs(value).max(), name
    for kind in ("cost", "validation_cost"):
        np.testing.assert_allclose(getattr(net.history, kind), getattr(expected.history, kind), rtol=error)
    for kind in ("accuracy", "validation_accuracy"):
        assert getattr(net.history, kind) == getattr(expected.history, kind)


@pytest.mark.parametrize(
    ("activation", "cost", "optimizer", "form"),
    [*QUICK, *[pytest.param(*case, marks=pytest.mark.exhaustive) for case in rotating()]],
)
def test_compiled_epochs_learn_what_interpreted_ones_learn(activation, cost, optimizer, form, tmp_path):
    """43 examples in mini-batches of 8: the last one is smaller."""
    x, y = examples(form, tmp_path)
    y = np.eye(SIZES[-1])[y] if not COSTS[cost].labels else y
    nets = [network(activation, cost) for _ in range(2)]
    for net, compiled in zip(nets, (True, False), strict=True):
        for rate in (0.05, 0.02):
            net.fit(
                x,
                y,
                epochs=2,
                batch_size=8,
                learning_rate=rate,
                optimizer=optimizer,
                validation_data=(x[:20], y[:20]),
                compiled=compiled,
            )
    assert "learning" in nets[0].compiled.parts
    assert nets[0].compiled.reasons == {}
    assert nets[1].compiled.parts == ()
    assert_same(*nets)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("hidden", [40, 100])  # in float64: registers, and some that are left over
@pytest.mark.parametrize("threads", ["1", "2"])
def test_long_rows_of_a_sparse_mini_batch_are_added_by_column(optimizer, hidden, threads, monkeypatch):
    """Columns and examples without an entry, and columns of which every example has one."""
    monkeypatch.setenv("CHAINRULE_THREADS", threads)
    monkeypatch.setattr("chainrule.compiler.rows.SHARED_FROM", 0)
    random = np.random.default_rng(5)
    x = random.normal(size=(90, 30)) * (random.random((90, 30)) < 0.1)
    x[:, [3, 29]], x[:, [0, 7, 8]], x[[4, 50]] = 1.5, 0.0, 0.0
    y = random.integers(0, 3, 90)
    nets = [cr.Network([30, hidden, 3], activation="tanh", dtype="float64", seed=3) for _ in range(2)]
    for net, compiled in zip(nets, (True, False), strict=True):
        net.fit(
            csr_array(x),
            y,
            epochs=3,
            batch_size=20,
            learning_rate=0.1,
            optimizer=optimizer,
            compiled=compiled,
        )
    assert_same(*nets)
    start = cr.Network([30, hidden, 3], activation="tanh", dtype="float64", seed=3).parameters["W1"]
    assert (nets[0].parameters["W1"][[0, 7, 8]] == start[[0, 7, 8]]).all()


def test_state_goes_from_compiled_to_interpreted_epochs_and_back(tmp_path):
    x, y = examples("sparse", tmp_path)
    mixed, plain = (network("relu") for _ in range(2))
    for compiled in (True, False, True, True):
        for net, own in ((mixed, compiled), (plain, False)):
            net.fit(x, y, epochs=1, batch_size=8, learning_rate=0.05, optimizer="adam", compiled=own)
    assert_same(mixed, plain)
    for net in (mixed, plain):
        net.set_parameters(W1=np.full((12, 9), 0.25), b2=np.zeros(3))
        net.fit(x, y, epochs=1, batch_size=8, learning_rate=0.05, optimizer="adam", compiled=net is mixed)
    assert_same(mixed, plain)


def test_what_is_no_whole_mini_batch_runs_by_the_interpreter(tmp_path):
    x, y = examples("dense", tmp_path)
    nets = [network() for _ in range(2)]
    for net, compiled in zip(nets, (True, False), strict=True):
        net.fit(x, y, epochs=2, batch_size=1000, compiled=compiled)
        net.fit(x, y, epochs=0, batch_size=8, compiled=compiled)
    assert fingerprint(nets[0]) == fingerprint(nets[1])


def test_twenty_runs_have_one_fingerprint(tmp_path):
    x, y = examples("sparse", tmp_path)

    def trained():
        net = network("relu", dtype="float32")
        net.fit(x, y, epochs=3, batch_size=8, optimizer="adam", compiled=True)
        return fingerprint(net)

    assert len({trained() for _ in range(20)}) == 1


def test_threads_do_not_change_a_bit(monkeypatch):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(640, 64)), random.integers(0, 10, 640)
    found = set()
    for threads in ("1", "2", "2", "2"):
        monkeypatch.setenv("CHAINRULE_THREADS", threads)
        net = cr.Network([64, 256, 10], activation="relu", seed=0)
        net.fit(x, y, epochs=3, batch_size=128, compiled=True)
        found.add(fingerprint(net))
    assert len(found) == 1


def test_two_networks_learn_at_once(tmp_path):
    x, y = examples("sparse", tmp_path, rows=400)
    nets = [network("relu", dtype="float32") for _ in range(4)]

    def learn(net):
        net.fit(x, y, epochs=30, batch_size=8, optimizer="adam", compiled=True)

    running = [threading.Thread(target=learn, args=(net,)) for net in nets[1:]]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    learn(nets[0])
    assert len({fingerprint(net) for net in nets}) == 1


def test_a_cost_of_another_dtype_than_the_network(tmp_path):
    x, y = examples("dense", tmp_path)
    weights = np.array([1.0, 2.0, 3.0])  # of float64: so is the cost

    def weighted(output, target):
        return np.mean((output - target) ** 2 * weights)

    nets = [network(cost=weighted, dtype="float32") for _ in range(2)]
    for net, compiled in zip(nets, (True, False), strict=True):
        net.fit(x, np.eye(3)[y], epochs=3, batch_size=8, learning_rate=0.05, compiled=compiled)
    assert "learning" in nets[0].compiled.parts
    assert_same(*nets, error=1e-5)


# Ends that are not the usual one.


def complaint(net, *data, **settings):
    with pytest.raises(NonFiniteCostError) as raised:
        net.fit(*data, shuffle=False, **settings)
    assert all(np.isfinite(value).all() for value in net.parameters.values())
    return str(raised.value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_too_large_a_rate_is_noticed_at_the_same_place(dtype):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(400, 12)), random.normal(size=(400, 3))
    nets = [network("identity", "mse", dtype=dtype) for _ in range(2)]
    found = [
        complaint(net, x, y, epochs=9, batch_size=8, learning_rate=2.0, compiled=compiled)
        for net, compiled in zip(nets, (True, False), strict=True)
    ]
    assert found[0] == found[1]
    for name, value in nets[1].parameters.items():
        np.testing.assert_allclose(nets[0].parameters[name], value, rtol=1e-3 if dtype == "float32" else 1e-9)


def test_infinite_weights_of_pixels_that_are_zero_are_noticed():
    """The first mini-batch makes W1[3] infinite and leaves b1 alone; no later one looks at pixel 3."""
    x = np.zeros((40, 12))
    x[0, 3], y = 1e10, np.zeros(40)
    y[:2] = 1, -1
    for form in (x, csr_array(x)):
        found = set()
        for compiled in (True, False):
            net = cr.Network([12, 1], cost="mse", initialiser="zeros")
            found.add(complaint(net, form, y, epochs=2, batch_size=2, learning_rate=1e30, compiled=compiled))
            assert not net.parameters["W1"].any()
        (message,) = found
        assert "epoch 1, mini-batch 1 of 20" in message


def counted(net, rate):
    """Return after how many steps of `climbing` a network is; it must be a whole number of them."""
    W, b = net.parameters["W1"][0, 0], net.parameters["b1"][0]
    assert b == W
    steps = math.log(1 - 2 * b) / math.log(1 - 4 * rate)
    assert steps == pytest.approx(round(steps), abs=0.01)
    return round(steps)


def climbing(rows):
    """Return a fit of w + b = 1 from zero, on ones: both grow alike, 1 − 2b = (1 − 4η)^k after k steps."""
    return (
        cr.Network([1, 1], cost="mse", initialiser="zeros", dtype="float64"),
        np.ones((rows, 1)),
        np.ones(rows),
    )


@contextlib.contextmanager
def ctrl_c():
    """Yield a listener; when it is told something first, another thread sends Ctrl-C a moment later."""
    begun = threading.Event()

    def interrupt():
        begun.wait()
        _thread.interrupt_main()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield lambda _: begun.set()
    finally:
        signal.signal(signal.SIGINT, before)
        begun.set()
        thread.join()


def test_ctrl_c_inside_machine_code_keeps_whole_mini_batches():
    """An epoch would take seconds, and the fit hours."""
    net, x, y = climbing(4_000_000)
    settings = {"epochs": 5000, "batch_size": 1, "learning_rate": 1e-8, "shuffle": False}
    with ctrl_c() as listener:
        net.fit(x, y, progress=listener, compiled=True, **settings)
    assert net.history.interrupted
    assert counted(net, 1e-8) > 0


def test_ctrl_c_leaves_no_thread_behind(monkeypatch):
    """The network is large enough for two threads to share its steps."""
    monkeypatch.setenv("CHAINRULE_THREADS", "2")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20_000, 64)), random.integers(0, 10, 20_000)
    net = cr.Network([64, 256, 10], activation="relu", seed=0)
    before = threading.active_count()
    for _ in range(3):
        with ctrl_c() as listener:
            net.fit(x, y, epochs=100_000, batch_size=128, progress=listener, compiled=True)
        assert threading.active_count() == before
    assert all(np.isfinite(value).all() for value in net.parameters.values())


@pytest.mark.parametrize("mapped", [False, True])
def test_a_listener_that_stops_keeps_the_mini_batches_it_was_told_of(mapped, tmp_path):
    net, x, y = climbing(2000)
    if mapped:
        np.save(tmp_path / "x.npy", x)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")
    told = []

    def stop(progress):
        told.append(progress.step)
        raise LookupError

    with pytest.raises(LookupError):
        net.fit(x, y, epochs=1, batch_size=1, learning_rate=1e-6, progress=stop, compiled=True)
    assert counted(net, 1e-6) == told[0] > 0
