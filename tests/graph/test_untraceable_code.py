"""What NumPy's protocols cannot see is refused: with the user's line, and with what to write instead."""

import contextlib
import copy
import math
import pickle
import threading

import numpy as np
import pytest

import chainrule as cr

V = np.array([0.3, -0.4, 2.5])
RNG = np.random.default_rng(0)


def assign(t):
    a = np.zeros(3)
    a[0] = t[0]
    return a


def add_to_entry(t):
    a = np.zeros(3)
    a[0] += t[0]
    return a


def add_to_row(t):
    a = np.zeros((2, 3))
    a[0] += t
    return a


def add_to_view(t):
    a = np.zeros((2, 3))
    row = a[0]
    row += t
    return a


def assign_to_traced(t):
    t[0] = 1.0
    return t


def add_to_traced_entry(t):
    t[0] += 1.0
    return t


def out(t):
    a = np.zeros(3)
    np.add(t, 1.0, out=a)
    return a


def out_of_its_own(t):
    a = np.zeros(3)
    np.add(a, t, out=a)
    return a


def branch_in_another_thread(t):
    problems = []

    def work():
        try:
            bool(t[0] > 0)
        except cr.ChainruleError as problem:
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise problems[0]


def in_place_method(t):
    t.sort()
    return t


REFUSED = {
    "np.array": (lambda t: np.array([t[0], t[1]]), "np.stack"),
    "np.asarray": (lambda t: np.asarray(t), "np.stack"),
    "np.sum of a list": (lambda t: np.sum([t[0], t[1]]), "np.stack"),
    "np.full": (lambda t: np.full(3, t[0]), r"np\.ones\(shape\)"),
    "a[0] = t": (assign, "np.where"),
    "a[0] += t": (add_to_entry, "np.where"),
    "a[0] += t, a row": (add_to_row, "new name"),
    "row += t": (add_to_view, "new name"),
    "t[0] = 1": (assign_to_traced, "np.where"),
    "t[0] += 1": (add_to_traced_entry, "np.where"),
    "out=": (out, "Use its return value"),
    "np.add(a, t, out=a)": (out_of_its_own, "Use its return value"),
    "math.exp": (lambda t: math.exp(t[0]), r"np\.exp"),
    "float": (lambda t: float(t[0]), "derivatives cannot follow"),
    "int": (lambda t: int(t[0]), "derivatives cannot follow"),
    "complex": (lambda t: complex(t[0]), "derivatives cannot follow"),
    "round": (lambda t: round(t[0], 2), "derivatives cannot follow"),
    "math.floor": (lambda t: math.floor(t[0]), r"np\.exp"),
    "item": (lambda t: t[0].item(), "derivatives cannot follow"),
    "tolist": (lambda t: t.tolist(), "derivatives cannot follow"),
    "np.float64": (lambda t: np.float64(t[0]), "derivatives cannot follow"),
    "format": (lambda t: f"{t[0]:.3f}", "after the call"),
    "% format": (lambda t: "%.3f" % t[0], "derivatives cannot follow"),  # noqa: UP031
    "range": (lambda t: [i for i in range(t[0])], "by keyword"),  # noqa: C416
    "list index": (lambda t: [1, 2, 3][t[0]], "by keyword"),
    "np.zeros(t)": (lambda t: np.zeros(t[0]), "by keyword"),
    "unknown function": (lambda t: np.fft.fft(t), r"np\.fft\.fft is not known.*chainrule primitives"),
    "nearly known function": (lambda t: np.logspace(0, t[0]), "np.logspace is not known"),
    "np.put": (lambda t: np.put(np.zeros(3), [0], t[0]), "np.where"),
    "np.add.at": (lambda t: np.add.at(np.zeros(3), [0], t[0]), "np.where"),
    "an array of objects": (lambda t: np.array([t[0], t[1]], dtype=object), "np.stack"),
    "astype(complex)": (lambda t: t.astype(complex), "complex128"),
    "misspelled attribute": (lambda t: t.summ(), "Did you mean 'sum'"),
    "in-place method": (in_place_method, "no attribute 'sort'"),
    "np.random": (lambda t: np.random.normal(t), "Draw random numbers first"),  # noqa: NPY002
    "Generator": (lambda t: RNG.normal(loc=t), "derivatives cannot follow"),
    "np.vectorize": (lambda t: np.vectorize(lambda x: x * 2)(t), "derivatives cannot follow"),
    "np.apply_along_axis": (lambda t: np.apply_along_axis(np.sum, 0, t), "is not known"),
    "np.fromiter": (lambda t: np.fromiter(t, float), "derivatives cannot follow"),
    "pickle": (lambda t: pickle.dumps(t), "Pickle the Graph"),
    "a complex number": (lambda t: t * 1j, "complex128"),
    "a word": (lambda t: t + "one", "Use numbers and arrays"),
    "a set": (lambda t: t + {1, 2}, "Use numbers and arrays"),
    "returning nothing": (lambda t: None, "returned a NoneType"),
    "returning a word": (lambda t: "done", "returned a str"),
    "a generator": (lambda t: (x for x in t), "returned a generator"),
    "shapes that do not fit": (lambda t: t + np.ones(4), r"\(3,\), \(4,\)"),
    "matrices that do not fit": (lambda t: np.ones((2, 4)) @ t, "matmul"),
    "a setting NumPy lacks": (lambda t: t.sum(axes=0), "not with these arguments"),
    "where=": (lambda t: np.exp(t, where=V > 0), "not with these arguments"),
    "axis out of range": (lambda t: np.sum(t, axis=3), "axis 3 is out of bounds"),
    "index out of range": (lambda t: t[7], "out of bounds"),
    "another thread": (branch_in_another_thread, "outside the function"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_line_and_remedy(name):
    function, remedy = REFUSED[name]
    with pytest.raises(cr.ChainruleError, match=r"test_untraceable_code\.py:\d+: `") as caught:
        cr.trace(function, V)
    caught.match(remedy)
    with pytest.raises(cr.ChainruleError):
        cr.jacobian(function)(V)


def test_full_like_takes_a_traced_value():
    """NumPy does hand `np.full_like(array of the graph, t)` to us, but not with an array of numbers."""
    np.testing.assert_array_equal(cr.trace(lambda t: np.full_like(t, t[0]), V)(V), np.full(3, 0.3))
    with pytest.raises(cr.ChainruleError, match=r"np\.ones"):
        cr.trace(lambda t: np.full_like(V, t[0]), V)


@pytest.mark.parametrize("function", [np.isclose, np.allclose, np.array_equal])
def test_comparisons_with_a_tolerance_are_never_constants(function):
    """They are refused, or they are part of the graph, or they guard it."""
    with contextlib.suppress(cr.ChainruleError):
        graph = cr.trace(lambda t: t * 1.0 if np.all(function(t, V)) else t * 2.0, V)
        assert graph.guards


LEAKED = []


def leak(t):
    LEAKED.append(t * 2)
    return t


def test_a_value_kept_from_an_earlier_trace_is_refused():
    LEAKED.clear()
    cr.trace(leak, V)
    old = LEAKED[0]
    for use in (float, bool, np.asarray, "{:.2f}".format):
        with pytest.raises(cr.ChainruleError, match="outside the function"):
            use(old)
    with pytest.raises(
        cr.ChainruleError, match=r"test_untraceable_code\.py:\d+: `cr\.trace\(lambda t: t \+ old"
    ):
        cr.trace(lambda t: t + old, V)
    with pytest.raises(cr.ChainruleError, match="outside the function"):
        cr.grad(lambda t: np.sum(old))(V)


def test_a_value_kept_from_an_inner_derivative_is_refused():
    kept = []

    def inner(x):
        kept.append(x)
        return x * x

    def outer(x):
        return cr.grad(inner)(x) + kept[0]

    with pytest.raises(cr.ChainruleError, match="outside the function"):
        cr.grad(outer)(3.0)


def test_an_accumulator_outside_of_the_function_is_refused_on_its_next_use():
    total = np.zeros(3)

    def accumulate(t):
        nonlocal total
        total += t
        return np.sum(total)

    assert cr.grad(accumulate)(V).tolist() == [1, 1, 1]
    with pytest.raises(cr.ChainruleError, match="outside the function"):
        cr.grad(accumulate)(V)


def test_an_error_of_the_function_itself_comes_through():
    with pytest.raises(ZeroDivisionError):
        cr.trace(lambda t: t / (1 // 0), V)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        cr.trace(lambda t, u: t, V)


def test_after_an_error_tracing_goes_on_as_before():
    with pytest.raises(cr.ChainruleError):
        cr.grad(lambda t: np.sum(t @ np.ones(7)))(V)
    (node,) = cr.trace(lambda t: t * 2, V).nodes[-1:]
    assert node.location.file == __file__


@pytest.mark.parametrize("value", [1j, np.ones(2, complex)])
def test_complex_arguments_are_refused(value):
    with pytest.raises(cr.ChainruleError, match="only whole and real numbers"):
        cr.trace(lambda z: z * 2, value)


def test_messages_in_chinese():
    from chainrule.text import use_language

    use_language("zh")
    try:
        with pytest.raises(cr.ChainruleError, match="请写"):
            cr.trace(lambda t: math.exp(t[0]), V)
    finally:
        use_language(None)


def test_an_error_can_be_pickled_and_copied():
    with pytest.raises(cr.ChainruleError) as caught:
        cr.trace(lambda t: float(t[0]), V)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert str(again) == str(caught.value) == str(copy.copy(caught.value))


def test_a_node_is_frozen():
    (node,) = cr.trace(lambda t: t * 2, V).outputs
    with pytest.raises(AttributeError, match="frozen"):
        node.shape = ()
    with pytest.raises(AttributeError, match="frozen"):
        del node.dtype
