"""Each epoch takes the examples in an order of its own, which only the seed and its number decide."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.orders import WORTH_A_THREAD, Orders

SEED = np.random.SeedSequence(7)


@pytest.mark.parametrize("rows", [0, 1, 5, WORTH_A_THREAD, WORTH_A_THREAD + 3])
def test_an_order_has_every_example_once_and_is_the_same_whichever_epoch_comes_first(rows):
    with Orders(SEED, rows, last=4) as orders:
        forward = [orders.of(epoch) for epoch in (1, 2, 3, 4)]
    with Orders(SEED, rows, last=9) as orders:
        mixed = {epoch: orders.of(epoch) for epoch in (3, 1, 2, 4)}
    for epoch, order in enumerate(forward, start=1):
        assert order.dtype == np.int64
        assert sorted(order.tolist()) == list(range(rows))
        assert order.tolist() == mixed[epoch].tolist()
    if rows > 1:
        assert len({tuple(order) for order in forward}) > 1


def test_all_orders_are_equally_likely():
    """3,000 seeds, six orders: each is expected 500 times; the standard deviation is 20."""
    with_seed = [np.random.SeedSequence(number) for number in range(3000)]
    counts = Counter(tuple(Orders(seed, 3, last=1).of(1).tolist()) for seed in with_seed)
    assert set(counts) == set(permutations(range(3)))
    assert max(abs(count - 500) for count in counts.values()) < 100


def test_an_order_comes_from_numpys_generator_of_the_seed_and_the_epochs_number():
    child = np.random.SeedSequence(7, spawn_key=(3,))
    with Orders(SEED, 6000, last=3) as orders:
        orders.of(2)
        assert orders.of(3).tolist() == np.random.default_rng(child).permutation(6000).tolist()


def test_two_short_fits_learn_what_one_long_fit_learns():
    x, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2
    nets = [cr.Network([3, 4, 1], seed=5, dtype="float64") for _ in range(2)]
    nets[0].fit(x, y, epochs=4)
    for _ in range(2):
        nets[1].fit(x, y, epochs=2)
    assert all((nets[0].parameters[name] == nets[1].parameters[name]).all() for name in nets[0].parameters)
