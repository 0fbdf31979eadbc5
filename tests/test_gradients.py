"""The gradient as a graph: what its nodes are, and what it refuses."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import GradientError
from chainrule.gradients import Edge, pull_back, unbroadcast
from chainrule.graph import context, primitive
from chainrule.graph.node import Node, apply, input_node

V = np.array([0.5, -1.5, 2.0])


def graph_of(function, *arguments):
    return cr.trace(function, *arguments)


def test_the_tutorials_example():
    slope = cr.gradient(graph_of(lambda a, b, c: 3 * (a + b * c), 7.0, 4.0, 2.0))
    assert slope(7.0, 4.0, 2.0) == (3.0, 6.0, 12.0)
    assert slope(7.0, 3.0, 2.0) == (3.0, 6.0, 9.0)


def test_the_gradient_is_a_graph_that_can_be_differentiated():
    graph = graph_of(lambda x: x**4, 3.0)
    for expected in (4 * 27.0, 12 * 9.0, 24 * 3.0, 24.0):
        graph = cr.gradient(graph)
        graph.check()
        assert graph(3.0) == expected


def test_taking_it_twice_gives_the_same():
    graph = graph_of(lambda x: x * x + x, 3.0)
    first, second = cr.gradient(graph), cr.gradient(graph)
    assert first == second
    assert first(3.0) == second(3.0) == first(3.0) == 7.0


def test_inputs_without_derivative_are_left_out():
    slope = cr.gradient(graph_of(lambda x, n, mask: np.sum(np.where(mask, x * n, 0)), V, 3, V > 0))
    assert len(slope.outputs) == 1
    np.testing.assert_array_equal(slope(V, 5, V > 0), [5, 0, 5])


def test_gradients_keep_shapes_and_dtypes():
    arguments = (V.astype("float32"), np.ones((2, 1)), np.float16(2), np.ones((1, 1, 3)))
    slope = cr.gradient(graph_of(lambda a, b, c, d: np.sum(a * b * c + d), *arguments))
    for found, argument in zip(slope(*arguments), arguments, strict=True):
        assert np.shape(found) == np.shape(argument)
        assert found.dtype == argument.dtype


@pytest.mark.parametrize(
    ("shape", "wide"),
    [
        ((), (2, 3)),
        ((1,), (3,)),
        ((3,), (2, 3)),
        ((1, 3), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 1), (2, 3)),
        ((1,), (2, 3)),
        ((3, 1), (2, 3, 4)),
        ((1, 3, 1), (2, 3, 4)),
        ((1, 0), (2, 0)),
        ((1,), (0,)),
        ((2, 3), (2, 3)),
    ],
)
def test_broadcasting_is_undone(shape, wide):
    """Each entry receives the sum over the places to which it was repeated."""
    incoming = np.random.default_rng(0).normal(size=wide)
    g = input_node(wide, "float64", "g")
    result = unbroadcast(g, shape, g)
    assert result.shape == shape
    found = cr.Graph([g], [result])(incoming)
    expected = np.zeros(shape)
    places = np.broadcast_to(np.arange(np.prod(shape, dtype=int)).reshape(shape), wide)
    np.add.at(expected.reshape(-1), places, incoming)
    np.testing.assert_allclose(found, expected)


def test_pull_back_with_a_seed():
    x, seed = input_node((3,), "float64", "x"), input_node((3,), "float64", "seed")
    y = apply("exp", x)
    (pulled,) = pull_back(y, [x], seed)
    np.testing.assert_allclose(cr.Graph([x, seed], [pulled])(V, [1.0, 0.0, -2.0]), np.exp(V) * [1, 0, -2])


def test_pull_back_stops_at_its_sources():
    x = input_node((), "float64", "x")
    middle = apply("exp", x)
    output = apply("sin", middle)
    by_middle, by_x = pull_back(output, [middle, x])
    graph = cr.Graph([x], [by_middle, by_x], single=False)
    assert graph(0.5) == pytest.approx((np.cos(np.exp(0.5)), 0.0))


def test_edges_carry_local_derivatives():
    a, b = input_node((), "float64", "a"), input_node((), "float64", "b")
    output = (a + a) * b
    edges: list[Edge] = []
    pull_back(output, [a, b], edges=edges)
    uses = [(edge.source, edge.consumer) for edge in edges]
    total = output.inputs[0]
    assert uses == [(total, output), (b, output), (a, total), (a, total)]
    assert [edge.local for edge in edges[2:]] == [1, 1]
    assert edges[0].local is b


@pytest.fixture
def made_up():
    """Enter primitives that break a rule, and take them out again."""
    record = primitive.PRIMITIVES["sum"]
    names = []

    def enter(**fields):
        names.append(f"made_up_{len(names)}")
        rules = {"forward": lambda xp, x: x, "shape": lambda shape: shape, "dtype": lambda kind: kind}
        primitive.PRIMITIVES[names[-1]] = type(record)(names[-1], **rules, **fields)
        return names[-1]

    yield enter
    for name in names:
        del primitive.PRIMITIVES[name]


def test_an_operation_without_a_rule(made_up):
    name = made_up()
    with pytest.raises(
        cr.ChainruleError, match=rf"test_gradients\.py:\d+: `.*`: {name} has no derivative rule"
    ):
        cr.grad(lambda x: apply(name, x))(1.0)


def test_a_pullback_that_returns_a_wrong_shape(made_up):
    name = made_up(pullback=lambda g, y, x: (g[:2],))
    with pytest.raises(cr.ChainruleError, match=rf"test_gradients\.py.*{name}.*\(2,\).*\(3,\)"):
        cr.grad(lambda x: np.sum(apply(name, x)))(V)


def test_after_an_error_new_nodes_know_their_own_lines(made_up):
    name = made_up()
    with pytest.raises(cr.ChainruleError):
        cr.grad(lambda x: apply(name, x))(1.0)
    assert context.behalf.get() is None
    node: Node = input_node((), "float64", "x") + 1
    assert node.location is not None
    assert node.location.code == 'node: Node = input_node((), "float64", "x") + 1'


def test_nodes_of_a_gradient_point_at_the_line_they_come_from():
    def cost(x):
        y = np.sin(x)
        return y * y

    slope = cr.gradient(cr.trace(cost, 0.5))
    lines = {node.primitive.name: node.location.code for node in slope.nodes if node.inputs}
    assert lines["cos"] == "y = np.sin(x)"


@pytest.mark.parametrize("function", [lambda x: x * 2, lambda x: (x[0], x[1]), lambda x: x[0] > 0])
def test_only_one_real_number_has_a_gradient(function):
    with pytest.raises(cr.ChainruleError):
        cr.gradient(cr.trace(function, V))


def test_nothing_to_differentiate_by():
    with pytest.raises(cr.ChainruleError, match="argument n holds no real numbers"):
        cr.gradient(cr.trace(lambda n: n * 1.0, 3))
    with pytest.raises(cr.ChainruleError, match="no real numbers"):
        cr.gradient(cr.trace(lambda: 1.0))


def test_gradient_by_chosen_inputs():
    graph = cr.trace(lambda a, b, c: 3 * (a + b * c), 7.0, 4.0, 2.0)
    assert cr.gradient(graph, "c")(7.0, 4.0, 2.0) == 12
    assert cr.gradient(graph, ["c", "a"])(7.0, 4.0, 2.0) == (12, 3)
    with pytest.raises(GradientError, match=r"no input 'd'.*Known: a, b, c"):
        cr.gradient(graph, "d")
    counted = cr.trace(lambda x, n: x * n, 2.0, 3)
    with pytest.raises(GradientError, match="n holds no real numbers"):
        cr.gradient(counted, "n")
    assert cr.gradient(counted)(2.0, 3) == 3
