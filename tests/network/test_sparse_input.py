"""Sparse tables: the same bits as dense ones, never made dense as a whole, and refused as clearly."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.errors import DataError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 20)) * (RANDOM.random((300, 20)) < 0.2)
Y = RANDOM.integers(0, 3, 300)
FORMATS = [
    f"{name}_{kind}" for name in ("csr", "csc", "coo", "lil", "dok", "bsr") for kind in ("array", "matrix")
]


def trained(x, *, dtype="float32", scaling=None, **settings):
    net = cr.Network([20, 8, 3], activation="tanh", seed=1, dtype=dtype)
    net.scaling = scaling
    net.fit(x, Y, epochs=3, batch_size=16, validation_data=(x, Y), **settings)
    return net


def assert_same(sparse_net, dense_net, table, x):
    """Compare all that the two networks learned and compute, bit for bit."""
    history, expected = sparse_net.history, dense_net.history
    assert history.cost == expected.cost
    assert history.accuracy == expected.accuracy
    assert history.validation_cost == expected.validation_cost
    for name, value in dense_net.parameters.items():
        np.testing.assert_array_equal(sparse_net.parameters[name], value)
    np.testing.assert_array_equal(sparse_net(table), dense_net(x))
    np.testing.assert_array_equal(sparse_net.predict(table), dense_net.predict(x))
    assert sparse_net.evaluate(table, Y) == dense_net.evaluate(x, Y)
    gradients = dense_net.gradients(x, Y)
    for name, value in sparse_net.gradients(table, Y).items():
        np.testing.assert_array_equal(value, gradients[name])


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_learns_the_same_bits_as_a_dense_table(name):
    table = getattr(sparse, name)(X)
    assert_same(trained(table), trained(X), table, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [np.float32, np.int8, np.uint16, np.int64, np.bool_])
def test_every_kind_of_number_learns_the_same_bits(kind, dtype):
    x = np.rint(np.abs(X) * 3).astype(kind)
    table = sparse.csr_array(x)
    assert_same(trained(table, dtype=dtype), trained(x, dtype=dtype), table, x)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling(0.0, 3.0),
        Scaling(np.zeros(20), np.linspace(0.1, 7, 20)),
        Scaling(1.5, 3.0),
        Scaling(np.linspace(-1, 1, 20), np.linspace(0.1, 7, 20)),
    ],
    ids=["zeros stay", "columns, zeros stay", "zeros move", "columns, zeros move"],
)
def test_a_scaling_acts_as_on_a_dense_table(scaling):
    table = sparse.csr_array(X)
    assert_same(trained(table, scaling=scaling), trained(X, scaling=scaling), table, X)


def test_unsorted_doubled_and_stored_zero_entries_count_as_scipy_says_and_stay_as_they_are():
    values = np.array([1.0, 2.0, 0.0, 4.0, 5.0, -5.0])
    columns, starts = np.array([4, 1, 2, 1, 3, 3]), np.array([0, 4, 4, 6])
    table = sparse.csr_array((values, columns, starts), shape=(3, 20))
    dense = np.zeros((3, 20))
    dense[0, [1, 4]] = 6.0, 1.0
    net = cr.Network([20, 4, 2], seed=0)
    np.testing.assert_array_equal(net(table), net(dense))
    other = cr.Network([20, 4, 2], seed=0)
    net.fit(table, [0, 1, 1], epochs=3)
    other.fit(dense, [0, 1, 1], epochs=3)
    np.testing.assert_array_equal(net.parameters["W1"], other.parameters["W1"])
    assert table.data.tolist() == [1.0, 2.0, 0.0, 4.0, 5.0, -5.0]
    assert table.indices.tolist() == [4, 1, 2, 1, 3, 3]
    assert table.indptr.tolist() == [0, 4, 4, 6]


def test_shapes_of_one_row():
    net = cr.Network([20, 4, 3], seed=0)
    assert net(sparse.csr_matrix(X)[0]).shape == (1, 3)
    assert net(sparse.csr_array(X)[:1]).shape == (1, 3)
    assert net(sparse.csr_array(X)[:0]).shape == (0, 3)
    one = sparse.coo_array(X[0])
    if one.ndim == 1:  # earlier versions of SciPy have tables only
        np.testing.assert_array_equal(net(one), net(X[0]))
        assert net.predict(one) == net.predict(X[0])


def changed(row, column, value):
    x = X.copy()
    x[row, column] = value
    return sparse.csr_array(x)


def damaged(attribute, place, value):
    table = sparse.csr_array(X)
    getattr(table, attribute)[place] = value
    return table


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (changed(7, 3, np.nan), r"x, row 7, column 3 \(both counted from 0\): the value is nan"),
        (changed(299, 19, -np.inf), r"x, row 299, column 19 \(both counted from 0\): the value is -inf"),
        (changed(150, 0, 1e300), r"x, row 150, column 0 .*: 1e\+300 is too large for float32"),
        (sparse.csr_array((300, 21)), "takes 20 features, but the data has 21"),
        (sparse.csr_array(X * 1j), "real numbers, not complex128"),
        (sparse.csr_array((0, 20)), "no examples"),
        (sparse.csr_array(X[:299]), "299 examples, but 300 targets"),
        (damaged("indices", 5, 20), "contradict each other"),
        (damaged("indices", 5, -1), "contradict each other"),
        (damaged("indptr", 7, 10**6), "contradict each other"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(x, message):
    net = cr.Network([20, 4, 3])
    with pytest.raises(DataError, match=message):
        net.fit(x, Y)
    assert net.targets is None


def test_a_too_large_entry_is_found_at_once_also_where_zeros_move():
    net = cr.Network([20, 4, 3])
    net.scaling = Scaling(1.0, 1.0)
    with pytest.raises(DataError, match=r"row 150, column 0 .*: 1e\+300 is too large"):
        net.fit(changed(150, 0, 1e300), Y)


def test_a_scaling_of_other_columns_is_refused():
    net = cr.Network([20, 4, 3])
    net.scaling = Scaling(np.zeros(7), np.ones(7))
    with pytest.raises(DataError, match="20 columns where 7 are expected"):
        net.fit(sparse.csr_array(X), Y)


def test_targets_are_not_sparse():
    with pytest.raises(DataError, match=r"targets: a sparse csr_array .* \.toarray\(\)"):
        cr.Network([20, 3]).fit(X, sparse.csr_array(np.eye(3)[Y]))


@pytest.mark.parametrize("use", [Scaling.standard, Scaling(0.0, 2.0)], ids=["standard", "call"])
def test_scaling_by_itself_refuses_what_would_become_dense(use):
    with pytest.raises(DataError, match="not csr_array"):
        use(sparse.csr_array(X))


def test_a_dense_fit_does_not_import_scipy_sparse():
    program = (
        "import sys, chainrule as cr\n"
        "cr.Network([2, 1]).fit([[0, 1], [1, 0]], [0, 1], epochs=1)\n"
        "assert 'scipy.sparse' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


LARGE = """
import json, resource
import numpy as np
from scipy.sparse import csr_array
import chainrule as cr

rows, features, entries = 1_000_000, 20_000, 1_000_000
random = np.random.default_rng(0)
x = csr_array(
    (np.ones(entries), random.integers(0, features, entries), np.arange(rows + 1)), shape=(rows, features)
)
y = random.integers(0, 2, rows)
net = cr.Network([features, 4, 1], seed=0)
before = net.parameters["W1"].copy()

def grown():  # pages of our own that were ever resident
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def stop(progress):
    raise StopIteration(progress.step)

start = grown()
resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
try:
    net.fit(x, y, batch_size=100, progress=stop)
except StopIteration as stopped:
    steps = stopped.args[0]
outputs = net(x[:5000])
moved = bool((net.parameters["W1"] != before).any())
print(json.dumps({"steps": steps, "grown": grown() - start, "moved": moved, "outputs": outputs.shape}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits its own address space")
def test_a_table_of_80_gigabytes_if_dense_takes_a_step_in_little_memory():
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["steps"] >= 1
    assert found["moved"]
    assert found["outputs"] == [5000, 1]
    assert found["grown"] < 600  # megabytes; a float32 table of this shape has 80,000
