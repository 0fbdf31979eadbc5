"""The text form: it runs as it stands, reads back to the same graph, and no text is dangerous to read."""

import contextlib
import linecache
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(20, 5))


def network(x):
    hidden = np.maximum(TABLE @ x, 0)
    return np.sum(np.where(hidden > 1, hidden, -np.inf)) * np.nan


GRAPHS = {
    "numbers": (lambda a, b: 3 * (a + b) ** 2.5 - True, (1.5, 2)),
    "a network": (network, (np.ones(5),)),
    "no argument": (lambda: 3.0, ()),
    "a constant": (lambda x: np.array([np.nan, -np.nan, np.inf, -0.0]), (1.0,)),
    "one in a tuple": (lambda x: (x,), (1.0,)),
    "no result": (lambda x: (), (1.0,)),
    "the argument itself": (lambda x: x, (1.0,)),
    "indices": (lambda x: [x[0], x[-1:, None], x[..., ::2], x[[0, 2]], x[x > 0]], (np.array([1.0, -2, 3]),)),
    "dtypes": (
        lambda a, b, c: [a * 1.5, b + 1, a + b, c & True, a.astype("float16"), np.float32(0.1) * a],
        (np.ones(2, "float32"), np.arange(2, dtype="uint8"), np.array([True, False])),
    ),
    "empty": (lambda x: np.concatenate([x, np.zeros((0, 2))]), (np.zeros((3, 2)),)),
    "large integers": (lambda x: x * np.uint64(2**64 - 1) + np.array([-(2**63)]), (np.ones(1),)),
    "long double": (lambda x: x * np.longdouble("0.1"), (np.ones(2, np.longdouble),)),
    "a guard": (lambda x: x if x > 0 else -x, (2.0,)),
    "settings": (lambda x: np.einsum("ij,kj->ik", x, x).sum(axis=(0,), keepdims=True), (np.ones((2, 3)),)),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_round_trip(name):
    function, arguments = GRAPHS[name]
    graph = cr.trace(function, *arguments)
    again = cr.read_graph(graph.to_text())
    again.check()
    assert again == graph
    assert hash(again) == hash(graph)
    assert cr.read_graph(again.to_text()) == graph
    flat = again(*arguments) if not graph.single else (again(*arguments),)
    expected = graph(*arguments) if not graph.single else (graph(*arguments),)
    for pair in zip(flat, expected, strict=True):
        np.testing.assert_array_equal(*pair, strict=True)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_text_runs_as_it_stands(name):
    function, arguments = GRAPHS[name]
    graph = cr.trace(function, *arguments)
    scope = {}
    exec(graph.to_text(), scope)
    result = scope["network" if name == "a network" else "function"](*arguments)
    expected = graph(*arguments)
    for pair in zip(*((result, expected) if not graph.single else ((result,), (expected,))), strict=True):
        np.testing.assert_array_equal(*pair)


def test_a_gradient_survives_the_round_trip():
    graph = cr.gradient(
        cr.trace(lambda W, x: np.sum(np.tanh(W @ x) ** 2), RNG.normal(size=(4, 5)), np.ones(5))
    )
    assert cr.read_graph(graph.to_text()) == graph


def test_the_brief_form_is_not_for_reading():
    graph = cr.trace(lambda x: TABLE @ x, np.ones(5))
    with pytest.raises(cr.ChainruleError, match=r"Graph\.to_text"):
        cr.read_graph(str(graph))


HEAD = "def f(x: float64[3], i: int64[268435456]):\n"
BROKEN = {
    "empty": ("", 0, "one function"),
    "no return": (HEAD, 1, "one function"),
    "not Python": (HEAD + "    y = exp(x\n", 2, "never closed"),
    "two functions": (HEAD + "    return x\n" + HEAD + "    return x\n", 3, "one function"),
    "an import": ("import os\n" + HEAD, 1, "def name"),
    "a call of a builtin": (HEAD + "    y = open('secret')\n", 2, "no primitive 'open'"),
    "a method": (HEAD + "    y = x.tofile('secret')\n", 2, "a line is"),
    "an attribute": (HEAD + "    y = exp(x.T)\n", 2, "an operand is|only literals"),
    "nested calls": (HEAD + "    y = exp(exp(x))\n", 2, "only literals"),
    "a lambda": (HEAD + "    y = sum(x, axis=(lambda: 1)(), keepdims=False)\n", 2, "only literals"),
    "unknown primitive": (HEAD + "    y = rellu(x)\n", 2, "relu"),
    "unknown name": (HEAD + "    y = exp(z)\n", 2, "only literals"),
    "wrong settings": (HEAD + "    y = sum(x, axes=0)\n", 2, "sum"),
    "absurd settings": (HEAD + "    y = sum(x, axis='a', keepdims=None)\n", 2, "sum"),
    "too few operands": (HEAD + "    y = add(x)\n", 2, "add"),
    "wrong shapes": (HEAD + "    y = matmul(x, constant('float64', (2,), [1.0, 2.0]))\n", 2, "only literals"),
    "entries that do not fit": (HEAD + "    y = constant('float64', (2,), [1.0])\n", 2, "reshape"),
    "damaged bytes": (HEAD + "    y = constant('float64', (1,), 'AAAA')\n", 2, "constant"),
    "objects": (HEAD + "    y = constant('object', (1,), ['a'])\n", 2, "a constant is"),
    "complex": (HEAD + "    y = constant('complex128', (1,), [1.0])\n", 2, "a constant is"),
    "a number of 5,000 digits": (HEAD + f"    y = add(x, {'9' * 5000})\n", 2, "syntax"),
    "deep": (HEAD + f"    y = add(x, {'-' * 20_000}1)\n", 2, "nested|syntax"),
    "deep parentheses": (HEAD + f"    y = add(x, {'(' * 5_000}1{')' * 5_000})\n", 2, "nested|syntax"),
    "a null character": (HEAD + "    y = exp(x)\0\n", 2, "syntax"),
    "negative lengths": ("def f(x: float64[-1]):\n    return x\n", 1, "no possible shape"),
    "gigantic argument": ("def f(x: float64[999999999999]):\n    return x\n", 1, "no possible shape"),
    "gigantic rank": (f"def f(x: float64[{'1, ' * 40}]):\n    return x\n", 1, "no possible shape"),
    "gigantic constant": (
        HEAD + "    y = constant('float64', (99999999999,), [0.0])\n",
        2,
        "no possible shape",
    ),
    "a long line": (HEAD + f"    y = add(x, ({'1,' * 600_000}))\n", 2, "longer than"),
    "elided": (HEAD + "    y = constant('float64', (3,), Ellipsis)\n", 0, "left out"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_text_is_refused_with_its_line(name):
    text, line, reason = BROKEN[name]
    with pytest.raises(cr.ChainruleError, match=reason) as caught:
        cr.read_graph(text)
    assert type(caught.value).__name__ == "GraphError"
    if line:
        assert caught.value.values["line"] == line


@pytest.mark.parametrize(
    "line",
    [
        "broadcast_to(x, shape=(1000000, 1000000, 3))",
        "add_at(x, template=(Slice(start=0, stop=3, step=None),), shape=(1000000000000,))",
        "index(x, i, template=(Array(position=0),))",
        "reshape(i, shape=(16384, 16384))",
        "concatenate(i, i, i, i, axis=0)",
        "multiply(i, 2)",
        "sum(i, axis=(0,), keepdims=True)",
    ],
)
def test_a_gigantic_value_takes_no_memory_while_it_is_read(line):
    text = HEAD + f"    y = {line}\n    return y\n"
    tracemalloc.start()
    try:
        graph = cr.read_graph(text)
        graph.check()
        assert cr.read_graph(graph.to_text()) == graph
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


SAMPLE = cr.trace(*[GRAPHS["indices"][0], *GRAPHS["indices"][1]]).to_text()
PIECES = """x t1 exp( index( constant('float64',(2,),[ template= Slice( Array(position= axis= ( ) [ ] , = 1 -
1e999 nan None Ellipsis ... ' return guard( True \\ # lambda: * ** float64[ é"""
WORDS = st.sampled_from([*PIECES.split(), "\n    ", "\0", " ", "def f(x: float64[3]):\n    "])


def read_whatever(text):
    """Read a text; if it is a graph it has all that a graph has, and if not only our own error comes out."""
    with contextlib.suppress(cr.ChainruleError):
        graph = cr.read_graph(text)
        assert cr.read_graph(graph.to_text()) == graph
        str(graph)


@settings(deadline=1000, max_examples=200)
@given(st.lists(WORDS, max_size=30))
def test_fuzzed_words(words):
    read_whatever("def f(x: float64[3]):\n    t1 = " + "".join(words))


@settings(deadline=1000, max_examples=100)
@given(st.text(max_size=200))
def test_fuzzed_text(text):
    read_whatever(text)


@settings(deadline=1000, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_text(data):
    text = SAMPLE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        new = data.draw(st.one_of(WORDS, st.text(max_size=3), st.sampled_from(["9" * 12, "-5", text[:40]])))
        text = text[:start] + new + text[start + length :]
    read_whatever(text)


def test_reading_never_executes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for attack in ["__import__('os').mkdir('made')", "exec('1')", 'eval(\'open("made", "w")\')']:
        for form in ["    y = {}", "    return {}", "    y = add(x, {})", "    guard({}, True)", "    {}"]:
            read_whatever(HEAD + form.format(attack) + "\n    return x\n")
        read_whatever(f"def f(x: float64[{attack}] = {attack}):\n    return x\n")
        read_whatever(f"@{attack}\n{HEAD}    return x\n")
    assert list(tmp_path.iterdir()) == []


def test_names_come_from_the_line_as_it_is_now():
    """A notebook's cell, or a file that is edited and read again, has other lines in the same places."""
    place = "edited.py"
    for name in ("first", "second"):
        source = f"def f(x):\n    {name} = x * x\n    return {name} + 1\n"
        linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
        space = {}
        exec(compile(source, place, "exec"), space)
        assert f"{name} = x * x" in str(cr.trace(space["f"], 2.0))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_a_variable_that_a_function_of_the_users_own_fills_names_nothing_else():
    place = "several.py"
    source = """def deeper(w, x):
    h = sigmoid(w * x)
    a = np.tanh(h)
    b = a * a; c = b * x
    return c + h
"""
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    space = {"np": np, "sigmoid": sigmoid}
    exec(compile(source, place, "exec"), space)
    text = str(cr.trace(space["deeper"], 1.0, 2.0))
    assert " a = tanh(" in text
    for wrong in ("h", "b", "c"):
        assert f" {wrong} = " not in text
