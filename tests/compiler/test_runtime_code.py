"""From source to machine code that runs: libraries' functions, BLAS, threads, errors."""

import contextlib
import ctypes
import math
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from chainrule.compiler.build import MachineCode, build
from chainrule.compiler.runtime.external import one_blas_thread
from chainrule.errors import CompileError

GEMM = """
from numpy import {0}
from chainrule.compiler.runtime import array, gemm
def step(memory, first, last):
    left = array(memory, 0, 0, {0})
    right = array(memory, 1, 0, {0})
    out = array(memory, 2, 0, {0})
    gemm({1}, {2}, 3, 5, last, 2.0, left, {3}, right, {4}, first, out, 7)
    return last
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("left_turned", [False, True])
@pytest.mark.parametrize("right_turned", [False, True])
@pytest.mark.parametrize("beta", [0, 1])
def test_a_product_of_matrices_with_strides(dtype, left_turned, right_turned, beta):
    r = np.random.default_rng(0)
    left = np.ascontiguousarray(r.normal(size=(4, 6) if left_turned else (3, 6)).astype(dtype))
    right = np.ascontiguousarray(r.normal(size=(5, 8) if right_turned else (4, 8)).astype(dtype))
    out = np.full((3, 7), 0.5, dtype)
    if beta == 0:
        out[0, 0] = np.nan  # must not survive
    a = left[:, :3].T if left_turned else left[:, :4]
    b = right[:, :4].T if right_turned else right[:, :5]
    with np.errstate(invalid="ignore"):
        expected = 2 * (a.astype(float) @ b.astype(float)) + (out[:, :5] if beta else 0)
    code = build(GEMM.format(dtype, left_turned, right_turned, 6, 8), "step", "<gemm>")
    table = np.array([left.ctypes.data, right.ctypes.data, out.ctypes.data])
    with one_blas_thread():
        code.load()(table.ctypes.data, beta, 4)
    assert code.needs_blas
    assert_allclose(out[:, :5], expected, rtol=1e-5 if dtype == "float32" else 1e-13)
    assert_array_equal(out[1:, 5:], 0.5)


def test_the_number_of_blas_threads_is_restored():
    from scipy.linalg import cython_blas

    library = ctypes.CDLL(cython_blas.__file__)
    if not hasattr(library, "scipy_openblas_get_num_threads"):
        pytest.skip("this BLAS cannot be asked for its threads")
    count = library.scipy_openblas_get_num_threads
    before = count()
    with contextlib.suppress(ZeroDivisionError), one_blas_thread():
        assert count() == 1
        raise ZeroDivisionError
    assert count() == before


LIBRARY = """
from math import atan2, cos, erf, fmod, lgamma, sin, tan
from numpy import {0}
from chainrule.compiler.runtime import array, length
def step(memory, first, last):
    x = array(memory, 0, 0, {0})
    y = array(memory, 1, 0, {0})
    for i in range(length(last)):
        y[i * 9] = sin(x[i])
        y[i * 9 + 1] = cos(x[i])
        y[i * 9 + 2] = tan(x[i])
        y[i * 9 + 3] = erf(x[i])
        y[i * 9 + 4] = x[i] ** {0}(2.5)
        y[i * 9 + 5] = fmod(x[i], {0}(0.3))
        y[i * 9 + 6] = atan2(x[i], {0}(2))
        y[i * 9 + 7] = x[i] % {0}(0.3)
        y[i * 9 + 8] = lgamma(x[i])
    return last
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_the_c_library_are_found(dtype):
    x = np.array([0.1, 0.7, 2.9], dtype)
    y = np.zeros((3, 9), dtype)
    table = np.array([x.ctypes.data, y.ctypes.data])
    build(LIBRARY.format(dtype), "step", "<library>").load()(table.ctypes.data, 0, 3)
    step = float(np.dtype(dtype).type(0.3))
    expected = [
        (
            *(math.sin(v), math.cos(v), math.tan(v), math.erf(v), v**2.5),
            *(math.fmod(v, step), math.atan2(v, 2), v % step, math.lgamma(v)),
        )
        for v in x.tolist()
    ]
    assert_allclose(y, expected, rtol=2e-5 if dtype == "float32" else 1e-13)


PLAIN = "def step(memory, first, last):\n    return first * 100 + last\n"


@pytest.mark.parametrize("hold_gil", [False, True])
def test_a_function_takes_and_returns_whole_numbers(hold_gil):
    function = build(PLAIN, "step", "<plain>").load(hold_gil=hold_gil)
    assert function(0, 3, 4) == 304
    assert function(0, -(2**40), 0) == -(2**40) * 100


def test_a_missing_function_is_our_error_and_not_a_crash():
    code = build(PLAIN, "step", "<plain>")
    import llvmlite.binding as llvm

    from chainrule.compiler.runtime.linking import target_machine

    text = """
    declare i64 @chainrule_nowhere(i64)
    define i64 @entry(ptr %memory, i64 %first, i64 %last) {
      %value = call i64 @chainrule_nowhere(i64 %first)
      ret i64 %value
    }
    """
    machine = target_machine()
    missing = machine.emit_object(llvm.parse_assembly(text))
    with pytest.raises(CompileError, match="entry"):
        MachineCode("entry", missing, needs_blas=False).load()
    with pytest.raises(CompileError, match="other"):
        MachineCode("other", code.object_code, needs_blas=False).load()
    assert code.load()(0, 1, 1) == 101  # the linker still works


@pytest.mark.parametrize("damage", [b"", b"\x7fELF", b"no object file at all" * 9])
def test_what_is_no_object_file_is_our_error(damage):
    with pytest.raises(CompileError):
        MachineCode("step", damage, needs_blas=False).load()


@pytest.mark.parametrize(
    "body",
    [
        "return undefined_name",
        "return 'text'",
        "return memory.shape",
        "return exp(memory)",
        "return exp(first)",
    ],
)
def test_source_without_meaning_is_our_error(body):
    source = f"from chainrule.compiler.runtime import exp\ndef step(memory, first, last):\n    {body}\n"
    with pytest.raises(CompileError, match="step"):
        build(source, "step", "<refused>")


def test_source_that_cannot_be_executed_is_our_error():
    source = "from chainrule.compiler.runtime import nothing_of_this_name\n" + PLAIN
    with pytest.raises(CompileError, match="nothing_of_this_name"):
        build(source, "step", "<import>")


def test_tracebacks_can_show_the_source():
    import linecache

    build(PLAIN, "step", "<shown>")
    linecache.checkcache()
    assert linecache.getline("<shown>", 2) == "    return first * 100 + last\n"


BARRIER = """
from numpy import int64
from chainrule.compiler.runtime import array, barrier
def step(memory, first, last):
    counter = array(memory, 0, 0, int64)
    values = array(memory, 1, 0, int64)
    for turn in range(500):
        values[first] = turn
        barrier(counter, last)
        for other in range(last):
            if values[other] != turn:
                return turn
        barrier(counter, last)
    return -1
"""


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_at_a_barrier_every_thread_sees_what_the_others_did_before(threads):
    """Three threads share two processors or fewer: waiting must let the third one come."""
    function = build(BARRIER, "step", "<barrier>").load()
    counter, values = np.zeros(1, np.int64), np.full(threads, -9, np.int64)
    table = np.array([counter.ctypes.data, values.ctypes.data])
    met = [None] * threads

    def work(number):
        met[number] = function(table.ctypes.data, number, threads)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert met == [-1] * threads


def test_two_threads_build_at_once():
    results = {}

    def work(number):
        source = PLAIN.replace("100", str(number))
        results[number] = build(source, "step", f"<thread {number}>").load()(0, 7, 1)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(2, 6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == {number: 7 * number + 1 for number in range(2, 6)}
