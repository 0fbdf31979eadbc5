"""Faults that were found by reading the compiler, each with the case that showed it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.runtime.external import one_blas_thread
from chainrule.compiler.workspace import _undisturbed
from chainrule.nn.architecture import read_settings
from chainrule.training.compiled import CompiledEpoch
from chainrule.training.examples import Stored
from chainrule.training.optimizers import Optimizer, sgd
from chainrule.training.step import Batches

RANDOM = np.random.default_rng(8)
A = RANDOM.normal
SIZE, INPUTS, OUTPUTS, STEPS = 64, 600, 60, 4  # a step has enough products for two threads
X = A(size=(STEPS * SIZE, INPUTS)) / 10
TARGET = A(size=(STEPS * SIZE, OUTPUTS))


def linear_epoch(cost):
    """Return the epoch function of output = x W + b with a cost of one's own, and W, b."""
    architecture = read_settings([INPUTS, OUTPUTS], "sigmoid", cost, "identity", None, "float64")
    parameters = architecture.start(np.random.default_rng(1))
    return CompiledEpoch(architecture.cost_graph, sgd()), parameters


def run(epoch, parameters, rate=0.01):
    costs = []
    batches = Batches(lambda rows: (X[rows], TARGET[rows]), np.arange(len(X)), SIZE, Stored(X, TARGET))
    after = epoch(parameters, batches, rate, lambda done, some, current: costs.extend(some))
    return costs, after


def stacks(s0, a, b):
    return (a @ b) * s0


def indices(i0, i1, i2, a, b):
    return np.einsum("ij,jk->ik", a, b) * i0 + i1 - i2


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (stacks, (3.5, A(size=(2, 3, 4)), A(size=(2, 4, 5)))),
        (indices, (3.5, 0.25, 0.75, A(size=(3, 4)), A(size=(4, 5)))),
    ],
)
def test_numbers_of_the_users_may_be_called_like_loop_variables(function, arguments):
    compiled = cr.compile(function)
    np.testing.assert_allclose(compiled(*arguments), function(*arguments), rtol=1e-12)
    assert compiled.reason is None


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_dot_product_is_known_to_both_threads(monkeypatch, threads):
    """The cost is such a number: the second thread stored 0 for it, or stopped where it was not finite."""
    monkeypatch.setenv("CHAINRULE_THREADS", threads)

    def cost(output, target):
        error = (output - target).reshape(-1)
        return np.log(error @ error)

    epoch, (W, b) = linear_epoch(cost)
    costs, after = run(epoch, [W, b])
    assert epoch.reason is None
    for step in range(STEPS):
        rows = slice(step * SIZE, (step + 1) * SIZE)
        error = X[rows] @ W + b - TARGET[rows]
        total = np.sum(error**2)
        assert costs[step] == pytest.approx(np.log(total), rel=1e-12)
        W = W - 0.01 * 2 * X[rows].T @ error / total
        b = b - 0.01 * 2 * error.sum(axis=0) / total
    np.testing.assert_allclose(after[0], W, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(after[1], b, rtol=1e-10, atol=1e-12)


def test_a_cost_may_look_for_the_largest_output():
    def cost(output, target):
        hits = np.argmax(output, axis=1) == np.argmax(target, axis=1)
        return np.mean((output - target) ** 2) + np.mean(hits)

    epoch, (W, b) = linear_epoch(cost)
    costs, _ = run(epoch, [W, b])
    error = X[:SIZE] @ W + b - TARGET[:SIZE]
    hits = (error + TARGET[:SIZE]).argmax(axis=1) == TARGET[:SIZE].argmax(axis=1)
    assert epoch.reason is None
    assert costs[0] == pytest.approx(np.mean(error**2) + np.mean(hits), rel=1e-12)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_step_that_picks_what_is_not_there_says_so(monkeypatch, threads):
    """Neither does one thread wait for the other, which gave up, nor is the processor's mode left changed."""
    monkeypatch.setenv("CHAINRULE_THREADS", threads)

    def cost(output, target):
        places = np.argmax(target, axis=1) + 30
        return np.mean(output[np.arange(SIZE), places])

    epoch, parameters = linear_epoch(cost)
    with pytest.warns(cr.InterpretedWarning), pytest.raises(IndexError):
        run(epoch, parameters)
    assert np.float64(1e-310) * 1 > 0
    assert epoch.reason is not None


def test_a_cost_may_pick_known_entries():
    epoch, (W, b) = linear_epoch(lambda output, target: np.mean(output[np.arange(SIZE), 3] ** 2))
    costs, _ = run(epoch, [W, b])
    assert epoch.reason is None
    assert costs[0] == pytest.approx(np.mean((X[:SIZE] @ W + b)[:, 3] ** 2), rel=1e-12)


def test_an_update_may_end_in_another_shape():
    """The new parameters took the place of the old ones row after row, without the room between rows."""

    def running(entries):
        return np.cumsum((entries / entries.size).reshape(-1)).reshape(entries.shape)

    def update(gradients, state, parameters, rate):
        return [running(p - rate * g) for p, g in zip(parameters, gradients, strict=True)], state

    x, target = A(size=(12, 5)), A(size=(12, 3))
    architecture = read_settings(
        [5, 3], "sigmoid", lambda o, t: np.mean((o - t) ** 2), "identity", None, "float64"
    )
    W, b = start = architecture.start(np.random.default_rng(1))
    epoch = CompiledEpoch(architecture.cost_graph, Optimizer("running", lambda _: [], update))
    batches = Batches(lambda rows: (x[rows], target[rows]), np.arange(12), 4, Stored(x, target))
    after = epoch(start, batches, 0.1, lambda done, costs, current: None)
    assert epoch.reason is None
    for rows in (slice(0, 4), slice(4, 8), slice(8, 12)):
        error = (x[rows] @ W + b - target[rows]) * 2 / 12
        W, b = running(W - 0.1 * x[rows].T @ error), running(b - 0.1 * error.sum(axis=0))
    np.testing.assert_allclose(after[0], W, rtol=1e-12)
    np.testing.assert_allclose(after[1], b, rtol=1e-12)


def test_registers_do_not_run_over_the_end_of_the_callers_memory():
    """The last six columns of the last row: a register of eight would reach two entries too far."""
    x, w = A(size=(8, 400)).astype("float32"), A(size=(400, 64)).astype("float32")
    compiled = cr.compile(lambda x, w: x @ w[:, 58:])
    np.testing.assert_allclose(compiled(x, w), x @ w[:, 58:], rtol=1e-4, atol=1e-4)
    direct = [line for line in compiled.source.splitlines() if "load(w," in line]
    assert not direct


def test_ctrl_c_waits_for_work_that_has_begun():
    """The caller frees the memory that the work writes into."""
    begun, done = threading.Event(), []

    def work():
        begun.set()
        time.sleep(0.3)
        done.append(True)

    def interrupt():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        other = threading.Thread(target=interrupt)
        other.start()
        with pytest.raises(KeyboardInterrupt):
            _undisturbed(work)
        assert done == [True]
        other.join()
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such call here")
def test_threads_that_may_not_move_do_their_share(monkeypatch):
    def refuse(process, processors):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    monkeypatch.setenv("CHAINRULE_THREADS", "2")
    epoch, (W, b) = linear_epoch("mse")
    costs, _ = run(epoch, [W, b])
    assert costs[0] == pytest.approx(np.mean((X[:SIZE] @ W + b - TARGET[:SIZE]) ** 2), rel=1e-12)


def test_the_last_of_several_sets_the_threads_of_blas_back():
    from scipy.linalg import cython_blas

    library = ctypes.CDLL(cython_blas.__file__)
    if not hasattr(library, "scipy_openblas_get_num_threads"):
        pytest.skip("this BLAS cannot be asked for its threads")
    count = library.scipy_openblas_get_num_threads
    before = count()
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(one_blas_thread())
    second.enter_context(one_blas_thread())
    first.close()
    assert count() == 1
    second.close()
    assert count() == before


def test_fits_with_ever_new_optimizers_do_not_pile_up():
    net = cr.Network([3, 2])
    for _ in range(12):
        net.fit(A(size=(4, 3)), [0, 1, 0, 1], epochs=1, optimizer=sgd())
    gc.collect()
    assert len(net._learning._epochs) <= 8


def test_a_product_with_an_operand_that_is_broadcast_along_its_columns():
    r = np.random.default_rng(0)
    A, B = r.normal(size=(16, 30)), r.normal(size=(30, 64))
    product = cr.compile(lambda A, B: A @ np.broadcast_to(B[:, :1], (30, 8)))
    np.testing.assert_allclose(product(A, B), A @ np.broadcast_to(B[:, :1], (30, 8)), rtol=1e-12)
