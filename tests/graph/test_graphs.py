"""`Graph`: printed, called, checked, compared, substituted into, pickled, copied; nodes know their lines."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph.node import Node, apply, constant, input_node

V = np.array([0.3, -0.4, 2.5])


def cost(a, b, c):
    u = b * c
    v = a + u
    return 3 * v


def regression(params, x, y):
    z = params["W"].T @ x + params["b"]
    A = 1 / (1 + np.exp(-z))
    loss = -np.mean(y * np.log(A) + (1 - y) * np.log(1 - A))
    if loss > 0:
        loss = 2 * loss
    return loss


def parameters():
    return {"W": np.full((3, 1), 0.1), "b": np.zeros(1)}


def test_print_for_people():
    assert str(cr.trace(cost, 7.0, 4.0, 2.0)) == (
        "def cost(a: float64, b: float64, c: float64):\n"
        "    u = b * c   # float64  test_graphs.py:19\n"
        "    v = a + u   # float64  test_graphs.py:20\n"
        "    t1 = 3 * v  # float64  test_graphs.py:21\n"
        "    return t1\n"
    )


def test_print_of_a_gradient_names_what_it_derives_by():
    def curve(a, b):
        v = a * b
        return np.sin(v)

    assert str(cr.gradient(cr.trace(curve, 7.0, 4.0))) == (
        "def gradient_of_curve(a: float64, b: float64):\n"
        "    v = a * b      # float64  test_graphs.py:49\n"
        "    d_v = cos(v)   # float64  test_graphs.py:50\n"
        "    d_a = d_v * b  # float64  test_graphs.py:49\n"
        "    d_b = d_v * a  # float64  test_graphs.py:49\n"
        "    return d_a, d_b\n"
    )


def test_print_leaves_out_the_entries_of_large_constants():
    table = np.arange(100.0).reshape(20, 5)
    with cr.scope("layer 1"):
        graph = cr.trace(
            lambda x: [table @ x, x[1:3], x[::-1, None], x[np.array([0, 0])] ** -2.0], np.ones(5)
        )
    text = str(graph)
    assert "= constant(...)" in text
    assert "# float64[20, 5]" in text
    assert "= x[1:3]" in text
    assert "= x[::-1, None]" in text
    assert "** (-2.0)" in text
    assert "layer 1  test_graphs.py:" in text
    assert "..." not in graph.to_text()
    assert max(map(len, text.splitlines())) < 110


def test_names_are_fit_for_python():
    def 代价(权重, sum, x_1):  # noqa: A002
        v = 权重 * sum
        v_2 = v + x_1
        v = v_2 * v
        class_ = np.exp(v)
        return class_ * np.stack([v])

    graph = cr.trace(代价, 2.0, 3.0, 4.0)
    scope = {}
    exec(graph.to_text(), scope)
    np.testing.assert_array_equal(scope["代价"](2.0, 3.0, 4.0), graph(2.0, 3.0, 4.0))
    assert cr.read_graph(graph.to_text()) == graph
    assert "def 代价(权重: float64, _sum: float64, x_1: float64)" in str(graph)


def test_repr():
    graph = cr.trace(cost, 7.0, 4.0, 2.0)
    assert repr(graph) == "<Graph cost: 3 inputs, 3 operations, 1 outputs>"
    assert repr(graph.inputs[0]) == "<Node a: float64[]>"


def test_call_with_wrong_arguments():
    graph = cr.trace(lambda x, n: x * n, V, 2)
    for arguments, reason in [
        ((V,), "takes 2 arguments, 1 given"),
        ((V, 2, 3), "takes 2 arguments, 3 given"),
        ((V[:2], 2), r"shape \(2,\), but \(3,\) was traced"),
        ((V, 2.5), "float64, but int64 was traced"),
        ((V * 1j, 2), "complex128, but float64"),
    ]:
        with pytest.raises(cr.ChainruleError, match=reason) as caught:
            graph(*arguments)
        assert type(caught.value).__name__ == "ShapeError"


def test_call_converts_safely():
    graph = cr.trace(lambda x: x * 2, V.astype("float32"))
    assert graph([1, 2, 3]).dtype == np.float32
    assert graph(V).dtype == np.float32


def test_nested_results_come_back_nested():
    graph = cr.trace(lambda x: {"a": [x, (x * 2,)], "b": 1.0}, 3.0)
    assert graph(5.0) == {"a": [5.0, (10.0,)], "b": 1.0}


def test_scopes_and_lines():
    def layers(x):
        with cr.scope("layer 1"):
            x = np.tanh(x)
            with cr.scope("activation"):
                x = x * 2
        return x + 1

    graph = cr.trace(layers, V)
    assert [node.scope for node in graph.nodes if node.inputs] == ["layer 1", "layer 1/activation", ""]
    assert [node.location.code for node in graph.nodes if node.inputs] == [
        "x = np.tanh(x)",
        "x = x * 2",
        "return x + 1",
    ]
    scopes = {
        node.scope for node in cr.gradient(cr.trace(lambda x: np.sum(layers(x)), V)).nodes if node.inputs
    }
    assert "layer 1" in scopes


def test_equality_is_that_of_the_computation():
    graph = cr.trace(cost, 7.0, 4.0, 2.0)
    assert graph == cr.trace(lambda p, q, r: 3 * (p + q * r), 1.0, 2.0, 3.0)
    assert hash(graph) == hash(cr.trace(lambda p, q, r: 3 * (p + q * r), 1.0, 2.0, 3.0))
    others = [
        cr.trace(lambda a, b, c: 3 * (b * c + a), 1.0, 1.0, 1.0),
        cr.trace(lambda a, b, c: 3.0 * (a + b * c), 1.0, 1.0, 1.0),
        cr.trace(lambda a, b, c: 3 * (a + b * b), 1.0, 1.0, 1.0),
        cr.trace(lambda a, b, c: 3 * (a + b * c), 1.0, 1.0, np.float32(1)),
        cr.trace(lambda a, b, c: 3 * (a + b * c), 1.0, 1.0, V),
        cr.trace(lambda a, b, c: [3 * (a + b * c)], 1.0, 1.0, 1.0),
    ]
    for other in others:
        assert graph != other
    assert graph != "cost"
    assert len({graph, *others, cr.trace(cost, 0.0, 0.0, 0.0)}) == 7


@pytest.mark.parametrize(
    "pair", [(0.0, -0.0), (1, 1.0), (1, True), (np.nan, np.inf), (V, V.astype("float32"))]
)
def test_constants_count_by_type_and_bits(pair):
    first, second = [cr.trace(lambda x: x + value, V) for value in pair]  # noqa: B023
    assert first != second
    assert first == cr.read_graph(first.to_text())
    assert second == cr.read_graph(second.to_text())


def test_an_operand_used_twice_is_two_edges():
    (node,) = cr.trace(lambda a: a + a, 3.0).nodes
    assert node.inputs[0] is node.inputs[1]
    assert len(node.inputs) == 2


def test_check_finds_what_is_wrong():
    x = input_node((3,), "float64", "x")
    good = apply("exp", x)
    cr.Graph([x], [good]).check()
    wrong = Node(good.primitive, good.inputs, good.settings, (4,), good.dtype)
    with pytest.raises(cr.ChainruleError, match=r"exp claims to be float64\(4,\), but is float64\(3,\)"):
        cr.Graph([x], [wrong]).check()
    with pytest.raises(cr.ChainruleError, match="twice"):
        cr.Graph([x, x], [good]).check()
    with pytest.raises(cr.ChainruleError, match="not among its inputs"):
        cr.Graph([], [good])


def test_substitute():
    graph = cr.trace(lambda a, b: a * b + 1, 2.0, 3.0)
    x = input_node((), "float64", "x")
    (output,) = graph.substitute(apply("exp", x), constant(5.0))
    assert cr.Graph([x], [output]) == cr.trace(lambda x: np.exp(x) * 5.0 + 1, 1.0)


def test_pickle_keeps_the_form_of_arguments_and_results():
    x, y = np.ones((3, 4)), np.array([0.0, 1.0, 1.0, 0.0])
    graph = cr.trace(lambda p: {"loss": regression(p, x, y)}, parameters())
    for again in (pickle.loads(pickle.dumps(graph)), copy.deepcopy(graph), copy.copy(graph)):
        assert again == graph
        assert again(parameters()) == graph(parameters())
    with pytest.raises(cr.ChainruleError, match="branch"):
        pickle.loads(pickle.dumps(cr.trace(lambda x: x if x > 0 else -x, 1.0)))(-1.0)


def test_a_graph_is_freed_when_nobody_needs_it():
    graph = cr.trace(lambda x: np.sum(np.exp(x)), V)
    node = weakref.ref(graph.nodes[0])
    del graph
    gc.collect()
    assert node() is None


def test_many_threads_trace_at_once():
    found, problems = {}, []
    start = threading.Barrier(8)

    def work(number):
        def function(x):
            with cr.scope(f"thread {number}"):
                for _ in range(50):
                    x = np.sin(x) * number if np.all(x < 100) else x
            return np.sum(x)

        try:
            start.wait()
            for _ in range(3):
                graph = cr.trace(function, V)
                found.setdefault(number, []).append((graph, cr.grad(function)(V)))
        except Exception as problem:  # reported below
            problems.append(problem)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    for number, results in found.items():
        for graph, slope in results:
            assert {node.scope for node in graph.nodes if node.inputs} - {""} == {f"thread {number}"}
            np.testing.assert_array_equal(slope, results[0][1])
            assert graph == results[0][0]


def test_first_non_finite_node():
    from chainrule.graph.interpreter import Program

    graph = cr.trace(lambda x: np.exp(np.log(x) * 2), V)
    assert Program(graph.inputs, graph.outputs).first_non_finite(V).primitive.name == "log"
    assert Program(graph.inputs, graph.outputs).first_non_finite(np.abs(V)) is None
