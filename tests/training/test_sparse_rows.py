"""Tables without their zeros, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from chainrule.training.examples import Stored
from chainrule.training.sparse import as_csr, is_sparse, nonzero_share, sparse_table

TABLES = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9),
    elements=st.sampled_from([0.0, -0.0, 1.0, -2.5]),
)


def assert_same_rows(found, expected):
    np.testing.assert_array_equal(found.starts, expected.indptr)
    np.testing.assert_array_equal(found.columns, expected.indices)
    np.testing.assert_array_equal(found.values, expected.data)
    assert found.starts.dtype == np.int64
    assert found.values.dtype == expected.dtype


@given(TABLES)
def test_rows_of_a_dense_table(x):
    assert_same_rows(as_csr(x), sparse.csr_array(x))
    assert nonzero_share(x) == pytest.approx(sparse.csr_array(x).nnz / max(x.size, 1))


@pytest.mark.parametrize("entries", [1, 7, 20, 1000])
def test_portions_of_any_size_give_the_same_rows(monkeypatch, entries):
    random = np.random.default_rng(0)
    x = random.random((31, 7)) * (random.random((31, 7)) < 0.3)
    monkeypatch.setattr("chainrule.training.sparse.CHUNK_ENTRIES", entries)
    for table in (x, np.asfortranarray(x), x[::-2]):
        assert_same_rows(as_csr(table), sparse.csr_array(table))
        assert nonzero_share(table) == np.count_nonzero(table) / table.size


@pytest.mark.parametrize(("features", "kind"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.int32)])
def test_columns_are_named_in_the_smallest_kind_that_can(features, kind):
    x = np.zeros((2, features), "float32")
    x[0, 0] = x[1, -1] = 3
    for table in (x, sparse.csr_array(x)):
        found = as_csr(table)
        assert found.columns.dtype == kind
        assert_same_rows(found, sparse.csr_array(x))


def test_nan_is_not_a_zero():
    x = np.array([[0.0, np.nan]])
    assert as_csr(x).columns.tolist() == [1]
    assert nonzero_share(x) == 0.5


def test_the_share_is_counted_once():
    stored = Stored(np.array([[0.0, 1.0, 0.0, 0.0]]), np.zeros((1, 1)))
    assert stored.nonzero_share == 0.25
    stored.x[:] = 1.0
    assert stored.nonzero_share == 0.25
    assert Stored(sparse.csr_array(np.eye(4)), np.zeros((4, 1))).nonzero_share == 0.25


def test_what_is_sparse():
    assert is_sparse(sparse.coo_matrix((2, 2)))
    assert is_sparse(sparse.dia_array((2, 2)))
    for other in (np.eye(2), [[1.0]], None, "csr", aslinearoperator(np.eye(2)), sparse.csr_array):
        assert not is_sparse(other)


def test_a_table_in_order_shares_its_memory_and_keeps_its_container():
    x = sparse.csr_matrix(np.eye(3))
    table = sparse_table(x)
    assert table is not x
    assert np.shares_memory(table.data, x.data)
