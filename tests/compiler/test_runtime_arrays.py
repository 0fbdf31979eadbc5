"""Arrays as addresses, vectors, sums and extremes in compiled code, against NumPy."""

import textwrap

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from chainrule.compiler.build import build

FLOATS = ("float32", "float64")
NAN, INF = np.nan, np.inf


def compiled(body, *, dtype="float64", names=""):
    """Return run(*arrays, first=0, last=0) for a body in which the arrays are a, b, c … of their dtypes."""
    functions = {}

    def run(*arrays, first=0, last=0):
        key = tuple(array.dtype.name for array in arrays)
        if key not in functions:
            functions[key] = build(source(key), "step", "<arrays>").load()
        table = np.array([array.ctypes.data for array in arrays], np.int64)
        return functions[key](table.ctypes.data, first, last)

    def source(kinds):
        used = ", ".join(sorted({"bool_" if kind == "bool" else kind for kind in (*kinds, dtype)}))
        wanted = ", ".join(["array", "length", *names.split()])
        lines = [f"from numpy import {used}", f"from chainrule.compiler.runtime import {wanted}"]
        lines += ["def step(memory, first, last):"]
        for place, kind in enumerate(kinds):
            kind = "bool_" if kind == "bool" else kind
            lines += [f"    {'abcdef'[place]} = array(memory, {place}, 0, {kind})"]
        lines += [textwrap.indent(textwrap.dedent(body.replace("FLOAT", dtype)).strip("\n"), "    ")]
        return "\n".join([*lines, "    return last", ""])

    return run


@pytest.mark.parametrize(
    "kind",
    ["float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"],
)
def test_entries_of_every_dtype_are_read_and_written(kind):
    info = None if kind.startswith(("float", "bool")) else np.iinfo(kind)
    given = np.array([0, 1, 1, 0, 1] if info is None else [0, 1, info.max, info.min, 5], kind)
    out = np.zeros_like(given)
    compiled("for i in range(length(last)):\n    b[i] = a[i]")(given, out, last=5)
    assert_array_equal(out, given)


def test_the_offset_counts_bytes():
    run = compiled("c = array(memory, 0, 8, FLOAT)\nc[0] = a[0]", dtype="float32")
    a = np.array([3, 0, 0], np.float32)
    run(a)
    assert_array_equal(a, [3, 0, 3])


def test_booleans_are_bytes_that_conditions_understand():
    run = compiled(
        """
        for i in range(length(last)):
            c[i] = a[i] < b[i]
            if c[i]:
                d[i] = FLOAT(c[i]) + a[i]
            e[i] = not c[i]
        """
    )
    a, b = np.array([1.0, 2, NAN, -0.0, 5] * 9), np.array([2.0, 2, 1, 0.0, 6] * 9)
    c, d, e = np.zeros(45, bool), np.zeros(45), np.zeros(45, bool)
    run(a, b, c, d, e, last=45)
    assert_array_equal(c, a < b)
    assert_array_equal(d, np.where(a < b, a + 1, 0))
    assert_array_equal(e, ~(a < b))


@pytest.mark.parametrize("dtype", FLOATS)
def test_where_computes_both_and_takes_one(dtype):
    run = compiled(
        "for i in range(length(last)):\n    c[i] = where(b[i], a[i], FLOAT(-1))", dtype=dtype, names="where"
    )
    a = np.array([1, NAN, INF, -0.0, 4] * 7, dtype)
    b = np.array([1, 1, 0, 1, 0] * 7, bool)
    c = np.zeros_like(a)
    run(a, b, c, last=35)
    assert_array_equal(c, np.where(b, a, -1))
    assert_array_equal(np.signbit(c), np.signbit(np.where(b, a, -1)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_questions_about_numbers(dtype):
    run = compiled(
        """
        for i in range(length(last)):
            b[i] = is_nan(a[i])
            c[i] = is_inf(a[i])
            d[i] = is_finite(a[i])
            e[i] = copysign(FLOAT(2), a[i])
        """,
        dtype=dtype,
        names="is_nan is_inf is_finite copysign",
    )
    a = np.array(
        [1, NAN, INF, -INF, -0.0, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal] * 5, dtype
    )
    b, c, d = (np.zeros(a.size, bool) for _ in range(3))
    e = np.zeros_like(a)
    run(a, b, c, d, e, last=a.size)
    assert_array_equal(b, np.isnan(a))
    assert_array_equal(c, np.isinf(a))
    assert_array_equal(d, np.isfinite(a))
    assert_array_equal(e[~b], np.copysign(2, a)[~b])


SUM = "s = FLOAT(0)\nfor i in range(length(last)):\n    s = add(s, a[i])\nb[0] = s"


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [0, 1, 7, 8, 31, 1000])
def test_a_sum_in_any_order_is_exact_for_whole_numbers(dtype, count):
    a = np.random.default_rng(count).integers(-99, 99, count + 1).astype(dtype)
    b = np.zeros(1, dtype)
    compiled(SUM, dtype=dtype, names="add")(a, b, last=count)
    assert b[0] == a[:count].sum()


@pytest.mark.parametrize("special", [[NAN], [INF], [-INF], [INF, -INF], [INF, NAN]], ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_and_infinities_arrive_in_a_sum(dtype, special):
    a, b = np.ones(100, dtype), np.zeros(1, dtype)
    a[[13, 70][: len(special)]] = special
    compiled(SUM, dtype=dtype, names="add")(a, b, last=100)
    with np.errstate(invalid="ignore"):
        assert_array_equal(b[0], a.sum())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("name", "numpy"), [("largest", np.maximum), ("smallest", np.minimum)])
def test_extremes_are_those_of_numpy(dtype, name, numpy):
    pairs = (
        np.array(np.meshgrid([1, -2, NAN, INF, -INF, 0.5], [3, -1, NAN, INF, -INF]))
        .reshape(2, -1)
        .astype(dtype)
    )
    a, b = (np.ascontiguousarray(row) for row in pairs)
    c = np.zeros_like(a)
    compiled(f"for i in range(length(last)):\n    c[i] = {name}(a[i], b[i])", names=name, dtype=dtype)(
        a, b, c, last=a.size
    )
    assert_array_equal(c, numpy(a, b))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("place", [None, 0, 37, 99])
def test_an_extreme_of_many_passes_nan_on(dtype, place):
    a = np.random.default_rng(0).normal(size=100).astype(dtype)
    if place is not None:
        a[place] = NAN
    b = np.zeros(1, dtype)
    body = "s = a[0]\nfor i in range(length(last)):\n    s = largest(s, a[i])\nb[0] = s"
    compiled(body, names="largest", dtype=dtype)(a, b, last=100)
    assert_array_equal(b[0], a.max())


@pytest.mark.parametrize("dtype", FLOATS)
def test_division_rounds_as_ieee_demands(dtype):
    r = np.random.default_rng(2)
    a, b = r.normal(size=99).astype(dtype), r.normal(size=99).astype(dtype)
    a[:4], b[:4] = [1, -1, 0, INF], [0, 0, 0, INF]
    c = np.zeros_like(a)
    compiled("for i in range(length(last)):\n    c[i] = a[i] / b[i]", dtype=dtype)(a, b, c, last=99)
    with np.errstate(all="ignore"):
        assert_array_equal(c, a / b)


VECTORS = """
x = load(a, 3, 8)
y = load(b, 0, 8)
store(c, 0, x + y)
store(c, 8, x - y)
store(c, 16, x * y)
store(c, 24, x / y)
store(c, 32, -x)
store(c, 40, 2 * x - FLOAT(1))
store(c, 48, spread(a[0], 8))
store(c, 56, maximum(x, y))
store(c, 64, minimum(x, FLOAT(0)))
store(c, 72, multiply_add(a[0], x, y))
store(c, 80, multiply_add(x, y, y))
c[88] = total(x)
c[89] = multiply_add(a[0], a[1], a[2])
prefetch(a, 1000)
"""


@pytest.mark.parametrize("dtype", FLOATS)
def test_vectors_compute_as_numpy(dtype):
    a = np.array([3, 2, 5, 1, -2, 3.5, NAN, INF, 0, -0.0, 8], dtype)
    b = np.array([2, 4, 0, 1, INF, 0, 3, -1], dtype)
    c = np.zeros(90, dtype)
    names = "load store spread maximum minimum multiply_add total prefetch"
    compiled(VECTORS, dtype=dtype, names=names)(a, b, c)
    x, w = a[3:], dtype and a[0]
    with np.errstate(all="ignore"):
        rows = [x + b, x - b, x * b, x / b, -x, 2 * x - 1, np.full(8, w), np.maximum(x, b), np.minimum(x, 0)]
        expected = np.array([*rows, w * x + b, x * b + b])
    assert_array_equal(c[:88].reshape(11, 8), expected)
    assert_array_equal(np.signbit(c[32:40]), np.signbit(-x))
    assert np.isnan(c[88])
    assert c[89] == 11


@pytest.mark.parametrize("count", [1, 2, 16])
def test_a_total_adds_halves(count):
    """In float32 the order shows: 2²⁴ + 1 is not representable, but 1 + 1 first is 2."""
    a = np.ones(16, np.float32)
    a[0] = 2.0**24
    expected = a[:count].copy()
    while expected.size > 1:
        expected = expected[: expected.size // 2] + expected[expected.size // 2 :]
    b = np.zeros(1, np.float32)
    compiled(f"b[0] = total(load(a, 0, {count}))", dtype="float32", names="load total")(a, b)
    assert b[0] == expected[0]
