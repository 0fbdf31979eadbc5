"""Setting examples aside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.datasets import split
from chainrule.errors import DataError, SettingError


@given(st.integers(2, 300), st.floats(0.001, 0.999), st.integers(0, 5))
def test_a_split_is_a_permutation(m, fraction, seed):
    train, held_out = split(m, fraction, seed)
    assert sorted([*train, *held_out]) == list(range(m))
    assert 1 <= len(held_out) <= m - 1
    assert abs(len(held_out) - fraction * m) <= 1


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=200), st.floats(0.01, 0.99))
def test_a_stratified_split_keeps_the_shares(labels, fraction):
    labels = np.array(labels)
    train, held_out = split(len(labels), fraction, 0, labels)
    assert sorted([*train, *held_out]) == list(range(len(labels)))
    assert len(held_out) >= 1
    assert len(train) >= 1
    kinds, counts = np.unique(labels, return_counts=True)
    if counts.max() > 1:
        assert set(labels[train]) == set(kinds), "no class loses its last training example"
    for kind, count in zip(kinds, counts, strict=True):
        assert (labels[held_out] == kind).sum() <= fraction * count + 1.5


def test_exact_shares():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    _, held_out = split(160, 0.2, 3, labels)
    assert np.bincount(labels[held_out]).tolist() == [20, 10, 2]


def test_seed():
    assert split(50, 0.2, 1)[0].tolist() == split(50, 0.2, 1)[0].tolist()
    assert split(50, 0.2, 1)[0].tolist() != split(50, 0.2, 2)[0].tolist()


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 2, float("nan")])
def test_impossible_fraction(fraction):
    with pytest.raises(SettingError):
        split(10, fraction, 0)


def test_too_few_examples_and_wrong_labels():
    with pytest.raises(DataError):
        split(1, 0.5, 0)
    with pytest.raises(DataError):
        split(3, 0.5, 0, [1, 2])
