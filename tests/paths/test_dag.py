"""Counts, sums and the largest paths, against an enumeration of all paths."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.paths.dag import Dag


def all_paths(size, tails, heads):
    """Return every path from vertex 0 to the last, by brute force."""
    paths, waiting = [], [(0, ())]
    while waiting:
        vertex, path = waiting.pop()
        if vertex == size - 1:
            paths.append(path)
        waiting += [(heads[edge], (*path, edge)) for edge, tail in enumerate(tails) if tail == vertex]
    return paths


@st.composite
def dags(draw):
    """Draw a graph each of whose vertices is on a path from the first to the last; edges may be doubled."""
    size = draw(st.integers(2, 7))
    pairs = [(tail, tail + 1) for tail in range(size - 1)]
    possible = list(itertools.combinations(range(size), 2))
    pairs += draw(st.lists(st.sampled_from(possible), max_size=8))
    weights = st.one_of(
        st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5]), st.floats(-3, 3), st.floats(-1e-200, 1e-200)
    )
    locals_ = draw(st.lists(weights, min_size=len(pairs), max_size=len(pairs)))
    tails, heads = zip(*pairs, strict=True)
    return size, tails, heads, locals_


@given(dags(), st.integers(0, 12))
def test_against_enumeration(graph, most):
    size, tails, heads, locals_ = graph
    dag = Dag(size, tails, heads, locals_, [False] * len(tails))
    products = {path: math.prod(locals_[edge] for edge in path) for path in all_paths(size, tails, heads)}
    scale = math.fsum(map(abs, products.values()))
    assert dag.counts[0] == len(products)
    assert dag.totals[0] == pytest.approx(math.fsum(products.values()), rel=0, abs=1e-13 * scale + 1e-320)
    assert dag.absolutes[0] == pytest.approx(scale, rel=1e-12, abs=1e-320)

    found, remainder = dag.largest(most)
    listed = [tuple(path) for path in found]
    assert len(set(listed)) == len(listed) == min(most, len(products))
    sizes = sorted((abs(product) for product in products.values()), reverse=True)
    assert [abs(products[path]) for path in listed] == pytest.approx(
        sizes[: len(listed)], rel=1e-12, abs=1e-320
    )
    rest = math.fsum(product for path, product in products.items() if path not in set(listed))
    assert remainder == pytest.approx(rest, rel=0, abs=1e-13 * scale + 1e-320)
    if len(listed) == len(products):
        assert remainder == 0


def ladder(rungs, weights):
    """Return a graph with two edges from each vertex to the next: 2 ** rungs paths."""
    tails = np.repeat(np.arange(rungs), 2).tolist()
    heads = [tail + 1 for tail in tails]
    return Dag(rungs + 1, tails, heads, list(weights) * rungs, [False] * 2 * rungs)


def test_more_paths_than_can_be_listed():
    dag = ladder(300, (0.5, -0.25))
    assert dag.counts[0] == 2**300
    assert dag.totals[0] == 0.25**300
    assert dag.absolutes[0] == pytest.approx(0.75**300)
    found, remainder = dag.largest(4)
    assert [dag.product(path) for path in found] == [0.5**300, *[-(0.5**301)] * 3]
    assert remainder == pytest.approx(0.25**300 - 0.5**300 + 3 * 0.5**301, rel=1e-12)


def test_equal_paths_without_end_are_listed_in_no_time():
    dag = ladder(1000, (0.1, 0.1))
    found, _ = dag.largest(50)
    assert len({tuple(path) for path in found}) == 50
    assert dag.counts[0] == 2**1000


def test_products_beyond_the_range_of_floats_on_the_way():
    """1e-200 · 1e-200 · 1e200 · 1e200 is larger than 0.5, though its first half is 0 in floating point."""
    tails, heads = [0, 1, 2, 3, 0], [1, 2, 3, 4, 4]
    dag = Dag(5, tails, heads, [1e-200, 1e-200, 1e200, 1e200, 0.5], [False] * 5)
    assert dag.largest(1).paths == [[0, 1, 2, 3]]


def test_a_branch_not_taken_is_zero_whatever_follows():
    tails, heads, locals_ = [0, 1, 0], [1, 2, 2], [0.0, math.inf, 2.0]
    masked = Dag(3, tails, heads, locals_, [True, False, False])
    assert masked.totals[0] == 2
    assert [masked.product(path) for path in masked.largest(2).paths] == [2, 0]
    assert masked.largest(1).remainder == 0
    plain = Dag(3, tails, heads, locals_, [False] * 3)
    assert math.isnan(plain.totals[0])


def test_no_path_and_no_edge():
    apart = Dag(2, [], [], [], [])
    assert (apart.counts[0], apart.totals[0]) == (0, 0)
    one = Dag(1, [], [], [], [])
    assert (one.counts[0], one.totals[0], one.largest(3)) == (1, 1.0, ([[]], 0.0))
