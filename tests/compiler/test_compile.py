"""`cr.compile`: what callers see, against the plain function."""

from __future__ import annotations

import functools
import linecache
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import chainrule as cr
from chainrule.errors import ChainruleError, SettingError, TraceError, TraceValueError
from chainrule.graph.tree import leaves

RNG = np.random.default_rng(20)
A = RNG.standard_normal


def same(result: Any, expected: Any) -> None:
    """Assert that two structures are alike and hold the same numbers up to rounding, in memory they own."""
    ours, theirs = list(leaves(result)), list(leaves(expected))
    assert [leaf.path for leaf in ours] == [leaf.path for leaf in theirs]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        assert np.asarray(mine).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12, strict=np.ndim(other) > 0)
        assert not isinstance(mine, np.ndarray) or (mine.flags.owndata and mine.flags.writeable)


CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "no rows": (
        lambda x, W: (np.sum(np.tanh(x @ W)), np.mean(x @ W, axis=1), (x @ W).T),
        (A((0, 3)), A((3, 4))),
    ),
    "no inner axis": (lambda x, W: x @ W + 1, (A((50, 0)), A((0, 40)))),
    "numbers": (lambda x, y: (x * y, np.sin(x)), (2.0, 3)),
    "arrays without axes": (lambda x: (x + 1, x), (np.array(2.0),)),
    "steps and reversed axes": (lambda x, y: x @ y, (A((10, 8))[::2, ::-1], A((8, 20)).T[:8, :])),
    "large": (lambda x, y: (x + y, x @ y, np.sum(x, 0)), (A((150, 150)), A((150, 150)))),
    "large, with steps": (lambda x: (x * 2, x.T), (A((120, 240))[:, ::2].T,)),
    "large, given back": (lambda x: (x.T, x, x[::2], x), (A((120, 120)),)),
    "large, twice": (lambda x: (lambda y: (y, y))(np.exp(x)), (A((120, 120)),)),
    "an output that is an input": (lambda x, y: (x, x, y, x + y), (A(3), A(3))),
    "an output that is a constant": (lambda x: (x, np.arange(3.0), 5.0, True), (A(3),)),
    "an output that is there twice": (lambda x: (lambda y: [y, {"y": y}])(np.exp(x)), (A(3),)),
    "a number that is there twice": (lambda x: (lambda y: (y, y, x))(np.sum(x)), (A(()),)),
    "an input without use": (lambda x, y: x * 2, (A(3), A(4))),
    "views of an input": (lambda x: (x.T, x[1:], x[:, None], x.reshape(-1), x[::-1, 0]), (A((3, 2)),)),
    "views of a result": (lambda x: (lambda y: (y.T, y[1:], y.reshape(6), y))(np.exp(x)), (A((3, 2)),)),
    "entries picked": (lambda x, i: (x[i], x[1][i], x[i][:, i]), (A((4, 4)), np.array([0, -1, -4, 3]))),
    "entries picked by bytes": (lambda x, i: x[i], (A((400, 3)), np.array([-3, 100], np.int8))),
    "places by several arrays": (
        lambda x, i, j: (x[i, :, j], x[i[:, None], i, j], x[..., j]),
        (A((4, 3, 5)), np.array([1, -1]), np.array([4, -5])),
    ),
    "names of our own": (
        lambda first, memory, i, exp, total, part: first + memory * i + exp - total * part,
        tuple(A((6, 3))),
    ),
    "names that look like ours": (
        lambda float64, x_, x, array, sums0, place1, i_2: float64 + x_ * x - array * sums0 + place1 * i_2,
        tuple(A((7, 3))),
    ),
    "a name used again": (lambda x: renamed(x), (A(5),)),
    "a deep graph": (lambda x: _folded(lambda a: np.sin(a) + a, 100, x), (A(5),)),
    "a fan": (lambda x: _folded(lambda a: np.tanh(a + a[::-1]), 40, x), (A(5),)),
    "a fan of cheap operations": (lambda x: _folded(lambda a: (a + a.T) * 0.5, 60, x), (A((3, 3)),)),
    "a long sum": (lambda x: np.sum(x * x), (A(100_000),)),
    "an axis of five": (
        lambda x: (np.sum(x, axis=(0, 2, 4)), x.transpose(4, 2, 0, 1, 3)),
        (A((2, 3, 2, 3, 2)),),
    ),
    "wrap-around": (
        lambda x, y: (x // y, x % y, x * y, np.sum(x), np.cumsum(x), -x),
        (np.array([-128, 100, 9], np.int8), np.array([-1, -3, 0], np.int8)),
    ),
}


def renamed(x: Any) -> Any:
    h = x * 2.0
    first = h
    h = h + 1  # it is called h_2, as the second entry of h in one expression might be
    return h, first[1:] + first[:-1] * h[1:] - first[1:] * first[0]


def _folded(function: Callable[[Any], Any], times: int, x: Any) -> Any:
    for _ in range(times):
        x = function(x)
    return x


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_the_interpreter(name: str) -> None:
    function, arguments = CASES[name]
    fast = cr.compile(function)
    expected = cr.trace(function, *arguments)(*arguments)
    for _ in range(2):  # the second time in memory that was used
        same(fast(*arguments), expected)
    assert fast.reason is None
    assert "(compiled)" in repr(fast)


class Pair(NamedTuple):
    first: Any
    second: Any


@pytest.mark.parametrize(
    "argument",
    [
        {"W": A((2, 3)), "b": A(2)},
        {0: A((2, 3)), 1: A(2)},
        [A((2, 3)), A(2)],
        (A((2, 3)), A(2)),
        Pair(A((2, 3)), A(2)),
        [[A((2, 3))], {}, A(2)],
    ],
    ids=str,
)
def test_structures(argument: Any) -> None:
    def twice(p: Any) -> Any:
        return [p, {"sums": tuple(2 * np.sum(leaf.value) for leaf in leaves(p))}]

    fast = cr.compile(twice)
    result = fast(argument)
    assert type(result[0]) is type(argument)
    same(result, twice(argument))


def test_structures_with_the_same_entries_are_told_apart() -> None:
    fast = cr.compile(lambda *p: len(p[0]) * np.sum(p[-1]) if isinstance(p[0], list) else p[0])
    x = np.ones(3)
    assert fast([x, x], x) == 6.0
    assert fast([x], x) == 3.0
    assert fast([], x) == 0.0
    same(fast((x,)), (x,))
    same(fast(x), x)


def test_closures_and_settings() -> None:
    scale = np.array([1.0, 10.0, 100.0])

    def f(x: Any, axis: Any = None, *, offset: Any = 0.0, weights: Any = None) -> Any:
        weighted = x if weights is None else x * weights
        return np.sum(scale * weighted, axis=axis) + offset

    fast, x, weights = cr.compile(f), A((2, 3)), np.ones(3)
    for settings in ({}, {"axis": 0}, {"axis": 1}, {"offset": 1.0}, {"offset": -0.0}, {"weights": weights}):
        same(fast(x, **settings), f(x, **settings))
    weights[0] = 5.0  # the same object, with other entries
    same(fast(x, weights=weights), f(x, weights=weights))
    same(fast(x, None), f(x, None))


def test_shapes_and_dtypes_are_compiled_apart() -> None:
    fast = cr.compile(lambda x: np.sum(x * 2, axis=0))
    for x in (A(3), A(4), A((2, 3)), A(3).astype("float32"), np.arange(3), np.array([True, False])):
        same(fast(x), np.sum(x * 2, axis=0))
    backwards = A(3).astype(">f8")
    with pytest.warns(cr.InterpretedWarning):
        same(fast(backwards), np.sum(backwards * 2, axis=0))


def cost(W: Any, x: Any) -> Any:
    return np.sum(np.tanh(x @ W) ** 2)


@pytest.mark.parametrize("derive", [cr.grad, cr.value_and_grad, cr.hessian, cr.jacobian])
def test_derivatives_inside(derive: Any) -> None:
    W, x = A((3, 2)), A((5, 3))
    same(cr.compile(derive(cost))(W, x), derive(cost)(W, x))


@pytest.mark.parametrize("derive", [cr.grad, cr.value_and_grad])
def test_derivatives_outside(derive: Any) -> None:
    W, x = A((3, 2)), A((5, 3))
    same(derive(cr.compile(cost))(W, x), derive(cost)(W, x))
    assert cr.trace(cr.compile(cost), W, x) == cr.trace(cost, W, x)


def test_branching_on_values_is_refused() -> None:
    with pytest.raises(TraceValueError):
        cr.compile(lambda x: x if x > 0 else -x)(2.0)
    with pytest.raises(TraceError):
        cr.compile(lambda x: float(x))(2.0)
    with pytest.raises(ChainruleError):
        cr.compile(lambda x: 2 * x)(1j)


OUTSIDE: dict[str, tuple[Callable[..., Any], Any]] = {
    "beyond the end": (lambda x, i: x[i], [0, 4]),
    "before the beginning": (lambda x, i: x[i], [0, -5]),
    "far away": (lambda x, i: x[i], [2**62]),
    "not read": (lambda x, i: x[i][0], [0, 77]),
    "not chosen": (lambda x, i: np.where(i[:, None] < 4, x[i % 100], 0.0), [0, 77]),
    "nothing there": (lambda x, i: x[:, :0][i], [9]),
    "in a gradient": (lambda x, i: cr.grad(lambda x: np.sum(2 * x[i]))(x), [0, 0, -9]),
}


@pytest.mark.filterwarnings("ignore::chainrule.InterpretedWarning")
@pytest.mark.parametrize("name", OUTSIDE)
def test_indices_outside_are_numpys_error(name: str) -> None:
    function, indices = OUTSIDE[name]
    fast, x = cr.compile(function), A((4, 3))
    with pytest.raises(IndexError, match="out of bounds"):
        fast(x, np.array(indices))
    inside = np.zeros(len(indices), int)
    same(fast(x, inside), function(x, inside))


def test_source_is_readable_and_known_to_tracebacks() -> None:
    def layer(x: Any, W: Any) -> Any:
        hidden = np.tanh(W @ x)
        return hidden * 2

    fast = cr.compile(layer)
    assert (fast.source, fast.stages, fast.reason) == ("", None, None)
    fast(A(3), A((2, 3)))
    assert "def layer(" in fast.source
    assert "hidden = np.tanh(W @ x)" in fast.source
    assert "tanh(" in fast.source
    assert fast.stages is not None
    assert fast.source in {"".join(entry[2]) for entry in linecache.cache.values() if len(entry) == 4}


def sort_rows(x: Any) -> Any:
    return 2 * np.sort(x, axis=1)


def test_what_cannot_be_compiled_runs_by_the_interpreter_and_says_so() -> None:
    fast, x = cr.compile(sort_rows), A((4, 3))
    with pytest.warns(cr.InterpretedWarning, match=r"argsort.*test_compile\.py") as warned:
        same(fast(x), sort_rows(x))
    assert warned[0].filename == __file__
    assert fast.reason is not None
    assert "argsort" in fast.reason
    assert fast.source == ""
    assert "(interpreted)" in repr(fast)
    same(fast(x + 1), sort_rows(x + 1))  # without a second warning


def test_threads() -> None:
    fast = cr.compile(lambda x, W: np.tanh(W @ x) @ W)
    pairs = [(A(30), A((20, 30))) for _ in range(40)]

    def work(pair: Any) -> list[Any]:
        return [fast(*pair) for _ in range(50)]

    with ThreadPoolExecutor(8) as pool:
        for pair, results in zip(pairs, pool.map(work, pairs), strict=True):
            for result in results:
                same(result, np.tanh(pair[1] @ pair[0]) @ pair[1])


@pytest.fixture
def counter() -> Iterator[Callable[[], int]]:
    """Return what reads a number that another thread counts up for as long as it is let."""
    count, over = [0], threading.Event()

    def run() -> None:
        while not over.is_set():
            count[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=run)
    thread.start()
    yield lambda: count[0]
    over.set()
    thread.join()


def test_other_threads_run_meanwhile(counter: Callable[[], int]) -> None:
    fast = cr.compile(lambda x: np.sum(np.sin(x)))
    x = A(3_000_000)
    fast(x[:10])
    fast(x)
    before = counter()
    fast(x)
    assert counter() > before + 10


def test_a_number_or_array_bound_anew_around_the_function_is_noticed():
    x = np.arange(3.0)
    k, shift = 2.0, np.ones(3)
    scaled = cr.compile(lambda x: x * k + shift)
    assert_array_equal(scaled(x), [1, 3, 5])
    k = 3.0
    assert_array_equal(scaled(x), [1, 4, 7])
    shift = np.zeros(3)
    assert_array_equal(scaled(x), [0, 3, 6])
    k = 2.0
    assert_array_equal(scaled(x), [0, 2, 4])


FACTOR = 2.0


def tripled(x):
    return FACTOR * x


def test_so_are_globals_and_those_of_functions_that_it_calls(monkeypatch):
    gradient = cr.compile(cr.grad(lambda x: np.sum(tripled(x))))
    assert_array_equal(gradient(np.ones(2)), [2, 2])
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 5.0)
    assert_array_equal(gradient(np.ones(2)), [5, 5])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (True, False),
        ("double", "treble"),
        (None, False),
        ([np.ones(2), 2.0], [np.ones(2), 3.0]),
        ((1.0, (2.0, 3.0)), (1.0, (2.0, 4.0))),
        ({"scale": 2.0}, {"scale": 5.0}),
        (np.sin, np.cos),
    ],
    ids=str,
)
def test_whatever_is_bound_anew_is_noticed(first, second):
    def value(given, x):
        if given is None or isinstance(given, bool | str):
            return x * (2.0 if given in (None, True, "double") else 3.0)
        if isinstance(given, dict):
            return x * given["scale"]
        if callable(given):
            return given(x)
        return x * given[1] if isinstance(given, list) else x * given[1][1]

    x, now = np.array([0.5, 1.5]), first
    fast = cr.compile(lambda x: value(now, x))
    assert_allclose(fast(x), value(first, x), rtol=1e-15)
    now = second
    assert_allclose(fast(x), value(second, x), rtol=1e-15)


def test_an_entry_of_a_list_or_dictionary_that_is_replaced_is_noticed():
    layers, table = [np.ones(2), 2.0 * np.ones(2)], {"shift": 1.0}
    fast = cr.compile(lambda x: layers[0] * x + layers[1] + table["shift"])
    assert_array_equal(fast(np.ones(2)), [4, 4])
    layers[0] = np.array([3.0, 4.0])
    assert_array_equal(fast(np.ones(2)), [6, 7])
    table["shift"] = 0.0
    assert_array_equal(fast(np.ones(2)), [5, 6])


class Tripling:
    def __call__(self, x):
        return tripled(x)

    def called(self, x):
        return self(x)


@pytest.mark.parametrize(
    "function", [Tripling(), Tripling().called, functools.partial(tripled), cr.compile(tripled), [tripled][0]]
)
def test_what_is_behind_objects_methods_and_partial_functions_is_seen(function, monkeypatch):
    fast = cr.compile(function)
    assert fast(1.0) == 2.0
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 5.0)
    assert fast(1.0) == 5.0


def test_what_a_function_changes_itself_does_not_have_it_compiled_again():
    calls, shapes = [], {}

    def noted(x):
        calls.append(x)
        shapes[x.shape] = x
        return 2 * x

    fast = cr.compile(noted)
    for _ in range(5):
        fast(np.ones(2))
    assert len(calls) <= 2


@pytest.mark.parametrize(
    "product",
    [
        lambda row, square: np.broadcast_to(row, square.shape) @ square,
        lambda row, square: np.broadcast_to(row[:, None], square.shape) @ square,
        lambda row, square: square @ np.broadcast_to(row, square.shape),
        lambda row, square: square @ np.broadcast_to(row[:, None], square.shape),
        lambda row, square: square.T @ np.broadcast_to(row, square.shape).T,
        lambda row, square: square[::2] @ square[:, ::2],
        lambda row, square: square[::-1] @ square[:, ::-1],
    ],
    ids=("rows", "columns", "rows right", "columns right", "transposed", "every second", "backwards"),
)
@pytest.mark.parametrize("by_blas", [True, False])
def test_large_products_of_views(product, by_blas, monkeypatch):
    monkeypatch.setattr("chainrule.compiler.products.BLAS_FROM", 1e7 if by_blas else 1e9)
    row, square = A(300), A((300, 300))
    fast = cr.compile(product)
    assert_allclose(fast(row, square), product(row, square), rtol=1e-9, atol=1e-9)
    assert ("gemm(" in fast.source) == by_blas


@pytest.mark.parametrize("given", [3, "x * 2", None])
def test_what_is_no_function_is_refused_at_once(given):
    with pytest.raises(SettingError, match="takes a function"):
        cr.compile(given)
