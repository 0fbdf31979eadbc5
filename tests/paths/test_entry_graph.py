"""Paths between numbers: against enumeration, complex steps, closed forms, and worked examples."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import GradientError, SettingError
from chainrule.expressions import read_expression
from chainrule.graph.graph import Graph
from chainrule.graph.node import apply, constant, input_node
from chainrule.graph.primitive import PRIMITIVES
from chainrule.paths import EntryGraph


def enumerated(between):
    """Return the products of all paths, followed edge by edge."""
    leaving = {}
    for edge in between.edges:
        leaving.setdefault(edge.source, []).append(edge)
    products, waiting = [], [(between.source, 1.0)]
    while waiting:
        vertex, product = waiting.pop()
        if vertex == between.output:
            products.append(product)
        waiting += [(edge.consumer, product * edge.local) for edge in leaving.get(vertex, ())]
    return products


def routes(paths):
    return {str(path): path.product for path in paths}


def _steps(graph):
    """Return the inputs and the computed nodes."""
    return [*graph.inputs, *[node for node in graph.nodes if node.inputs]]


def of_expression(text, wrt, **values):
    graph = read_expression(text, list(values))
    names = dict(zip(graph.inputs, values, strict=True))
    return EntryGraph(graph, list(values.values()), wrt, names=names)


def test_a_variable_on_two_paths():
    """J = 2·(a·b + c + b) at 1, 2, 3: dJ/db = 2 directly and 2·a = 2 through the product."""
    graph = cr.trace(lambda a, b, c: 2 * ((a * b + c) + b), 1.0, 2.0, 3.0)
    names = dict(zip(_steps(graph), ["a", "b", "c", "u", "v", "s", "J"], strict=True))
    paths = EntryGraph(graph, [1, 2, 3], "b", names=names).paths()
    assert routes(paths) == {"b → s → J": 2.0, "b → u → v → s → J": 2.0}
    assert (paths.count, paths.total, paths.remainder, paths.more) == (2, 4.0, 0.0, 0)
    assert [vertex.name for vertex in paths[0].vertices] == ["b", "s", "J"]


@pytest.mark.parametrize(("name", "slope"), [("a", 3.0), ("b", 6.0), ("c", 12.0)])
def test_one_path_each(name, slope):
    paths = of_expression("3*(a + b*c)", name, a=7.0, b=4.0, c=2.0).paths()
    assert (paths.count, paths.total, paths[0].product) == (1, slope, slope)


def test_a_value_used_twice_by_one_operation_has_two_edges():
    doubled = of_expression("a + a", "a", a=5.0)
    assert [edge.place for edge in doubled.edges] == [0, 1]
    assert (doubled.count, doubled.total) == (2, 2.0)
    squared = of_expression("a * a", "a", a=5.0)
    assert (squared.count, squared.total) == (2, 10.0)


def test_paths_double_at_every_step():
    graph = cr.trace(lambda x: _doubled(x, 100), 1.0)
    between = EntryGraph(graph, [1.0], "x")
    assert between.count == 2**100
    paths = between.paths(7)
    assert (len(paths), paths.more, paths.total) == (7, 2**100 - 7, 2.0**100)
    assert sum(path.product for path in paths) + paths.remainder == 2.0**100


def _doubled(x, times):
    for _ in range(times):
        x = x + x
    return x


def test_an_entry_of_a_matrix_product_with_names_and_symbols():
    graph = cr.trace(lambda W, x: np.sum(np.tanh(x @ W) ** 2), np.ones((3, 2)), np.ones(3))
    W, x = np.arange(6.0).reshape(3, 2) / 7, np.array([0.3, -0.2, 0.5])
    steps = dict(zip(["W", "x", "z", "a", "s", "J"], _steps(graph), strict=True))
    between = EntryGraph(graph, [W, x], "W", (-1, 1), names={node: name for name, node in steps.items()})
    z = x @ W
    assert [vertex.name for vertex in between.vertices] == ["W[2, 1]", "z[1]", "a[1]", "s[1]", "J"]
    assert [edge.local for edge in between.edges] == pytest.approx(
        [0.5, 1 - np.tanh(z[1]) ** 2, 2 * np.tanh(z[1]), 1]
    )
    assert between.values == pytest.approx(
        [W[2, 1], z[1], np.tanh(z[1]), np.tanh(z[1]) ** 2, np.sum(np.tanh(z) ** 2)]
    )
    assert [edge.symbol is None for edge in between.edges] == [True, False, False, True]
    assert between.edges[1].symbol.shape == (2,)
    assert between.slopes[-2:] == [1.0, 1.0]
    assert between.slopes[:2] == pytest.approx([between.total, between.total / 0.5])


def network(sizes, examples=1, **settings_):
    net = cr.Network(sizes, seed=3, dtype="float64", **settings_)
    graph = net.graph(examples, cost=True)
    rng = np.random.default_rng(5)
    x = rng.uniform(0.1, 1, (examples, sizes[0]))
    y = np.eye(sizes[-1])[rng.integers(0, sizes[-1], examples)]
    return graph, [*net.parameters.values(), x, y]


def test_a_weight_of_the_digits_network():
    """One path for each of the ten outputs; z = x·W + b, a = σ(z), cost |y − a|² / 2, by hand."""
    graph, values = network([784, 30, 10], cost="quadratic")
    W1, b1, W2, b2, x, y = values
    a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))[0]
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    through = (a2 - y[0]) * a2 * (1 - a2) * W2[12] * a1[12] * (1 - a1[12]) * x[0, 3]
    between = EntryGraph(graph, values, "W1", (3, 12))
    paths = between.paths()
    assert paths.count == 10
    assert sorted(path.product for path in paths) == pytest.approx(sorted(through), rel=1e-10)
    assert abs(paths.total - through.sum()) <= 1e-12 * paths.absolute
    sizes = [abs(path.product) for path in paths]
    assert sizes == sorted(sizes, reverse=True)
    largest = between.paths(3)
    assert [str(path) for path in largest] == [str(path) for path in paths[:3]]
    assert largest.remainder == pytest.approx(math.fsum(path.product for path in paths[3:]), rel=1e-12)


def test_paths_multiply_with_every_layer():
    """From a weight of layer 1: one neuron of layer 2, then all of each layer, then softmax's square."""
    graph, values = network([3, 4, 5, 6, 2], activation="tanh")
    between = EntryGraph(graph, values, "W1", (0, 0))
    assert between.count == 5 * 6 * 2 * 2
    slope = cr.gradient(graph, "W1")(*values)[0, 0]
    assert abs(between.total - slope) <= 1e-12 * between.absolute
    assert math.fsum(enumerated(between)) == pytest.approx(between.total, abs=1e-13 * between.absolute)


def test_a_mini_batch():
    graph, values = network([5, 4, 3], examples=50, activation="relu")
    gradient = cr.gradient(graph, "W1")(*values)
    for index in [(0, 0), (4, 3), (2, 1)]:
        between = EntryGraph(graph, values, "W1", index)
        assert between.count == 50 * 3 * 3
        assert abs(between.total - gradient[index]) <= 1e-12 * between.absolute


def test_zeros_keep_their_edges():
    """A zero input, a zero weight and a dead relu make the product 0; the paths are there."""
    graph = cr.trace(lambda x, w, v: np.maximum(0, 1) * np.sum(_relu(x * w) @ v), *_ones(2, 2, (2, 2)))
    x, w, v = np.array([0.0, -1.0]), np.array([1.0, 1.0]), np.array([[0.0, 1.0], [1.0, 1.0]])
    by_zero_input = EntryGraph(graph, [x, w, v], "w", (0,))
    assert by_zero_input.count == 2
    assert by_zero_input.edges[0].local == 0
    assert 0 in [edge.local for edge in EntryGraph(graph, [x + 2, w, v], "w", (0,)).edges]
    dead = EntryGraph(graph, [x, w, v], "w", (1,))
    assert [edge.masked for edge in dead.edges].count(True) == 1
    assert (dead.total, dead.count) == (0, 2)


def _relu(x):
    return np.where(x > 0, x, 0)


def _ones(*shapes):
    return [np.ones(shape) for shape in shapes]


def test_a_branch_not_taken_does_not_poison_the_sum():
    def function(x):
        return np.sum(np.where(x > 0, np.log(np.abs(x)) / x, x * x))

    graph = cr.trace(function, np.ones(2))
    assert EntryGraph(graph, [np.array([0.0, 1.0])], "x", (0,)).total == 0
    between = EntryGraph(graph, [np.array([-2.0, 1.0])], "x", (0,))
    assert between.total == -4
    assert between.paths()[0].product == -2


def test_a_saturated_softmax_keeps_its_edges():
    graph = cr.trace(lambda z: _softmax(z)[0], np.ones(3))
    between = EntryGraph(graph, [np.array([1000.0, 0.0, 0.0])], "z", (1,))
    assert between.total == 0
    assert between.count >= 1


def _softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


STEPS = [
    lambda y, x: np.sin(y) * y,
    lambda y, x: y + y,
    lambda y, x: y @ (x.T * 0.3) @ x,
    lambda y, x: np.exp(y - 1.5) / np.sum(np.exp(y - 1.5), axis=1, keepdims=True),
    lambda y, x: y * x[:1] + x[:, 1:2],
    lambda y, x: np.concatenate([y[:, ::-1][:, :1], y[:, 1:]], axis=1),
    lambda y, x: y - np.mean(y, axis=0),
    lambda y, x: np.cumsum(y, axis=1) * np.prod(x, axis=1, keepdims=True),
    lambda y, x: y[[1, 0]] + np.einsum("ij,kj->ik", x, y) @ y,
]


def smooth(steps, x):
    """Return a number made from an array step by step; plain NumPy, complex arrays too."""
    y = x
    for step in steps:
        y = STEPS[step](y, x)
    return np.sum(y * y)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(STEPS) - 1), max_size=5), st.integers(0, 2**20), st.integers(0, 30))
def test_the_sum_over_paths_is_the_derivative(steps, seed, limit):
    x = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    graph = cr.trace(lambda x: smooth(steps, x), x)
    gradient = cr.gradient(graph)(x)
    index = (seed % 2, seed % 3)
    nudged = x.astype(complex)
    nudged[index] += 1e-30j
    derivative = smooth(steps, nudged).imag / 1e-30
    between = EntryGraph(graph, [x], "x", index)
    assert abs(between.total - gradient[index]) <= 1e-12 * between.absolute
    assert between.total == pytest.approx(derivative, rel=1e-9, abs=1e-12 * between.absolute)
    paths = between.paths(limit)
    listed = math.fsum(path.product for path in paths)
    assert abs(listed + paths.remainder - paths.total) <= 1e-12 * paths.absolute
    assert len(paths) == min(limit, paths.count)
    if between.count <= 20_000:
        products = enumerated(between)
        assert len(products) == between.count
        assert math.fsum(map(abs, products)) == pytest.approx(between.absolute)
        largest = sorted(map(abs, products), reverse=True)[: len(paths)]
        assert [abs(path.product) for path in paths] == pytest.approx(largest, rel=1e-9)


SAMPLED = [
    (primitive, sample)
    for primitive in list(PRIMITIVES.values())
    if primitive.pullback and primitive.differentiable
    for sample in primitive.samples
]


@pytest.mark.parametrize(
    ("primitive", "sample"), SAMPLED, ids=[f"{p.name}-{n}" for n, (p, _) in enumerate(SAMPLED)]
)
def test_every_operation_with_a_pullback(primitive, sample):
    """Each row of its Jacobian matrix, found entry by entry, against central differences."""
    rng = np.random.default_rng(4)
    values = []
    for place, shape in enumerate(sample.shapes):
        domain = sample.domain or primitive.domain
        low, high = domain if np.ndim(domain[0]) == 0 else domain[place]
        whole = place in sample.integers
        values.append(rng.integers(low, high, shape) if whole else rng.uniform(low, high, shape))
    inputs = [input_node(value.shape, value.dtype, f"x{place}") for place, value in enumerate(values)]
    result = apply(primitive, *inputs, **sample.settings)
    weights = rng.uniform(0.5, 1.5, result.shape)
    output = apply("sum", result * constant(weights), axis=tuple(range(result.ndim)), keepdims=False)
    graph = Graph(inputs, [output])
    real = [place for place, value in enumerate(values) if value.dtype.kind == "f" and value.size]
    for place in real:
        entry = np.unravel_index(int(rng.integers(values[place].size)), values[place].shape)
        ahead, behind = [[value.copy() for value in values] for _ in range(2)]
        ahead[place][entry] += 1e-6
        behind[place][entry] -= 1e-6
        slope = (graph(*ahead) - graph(*behind)) / 2e-6
        between = EntryGraph(graph, values, inputs[place], entry)
        assert between.total == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_an_entry_that_feeds_many_entries_that_are_moved():
    """More entries than are followed one by one: they are moved, summed, and repeated."""

    def function(w, x):
        y = np.reshape(np.transpose(np.broadcast_to(w * x, (3, 40, 50)), (2, 0, 1)), (60, 100))
        return np.sum(np.concatenate([np.mean(y, axis=0), np.sum(y[::2], axis=1)]) ** 2)

    x = np.random.default_rng(0).uniform(-1, 1, (40, 50))
    graph = cr.trace(function, 0.7, x)
    between = EntryGraph(graph, [0.7, x], "w")
    assert abs(between.total - cr.gradient(graph, "w")(0.7, x)) <= 1e-12 * between.absolute
    assert between.count == 2000 * 3 + 2000 * 3 // 2


def test_between_a_value_on_the_way_and_the_output():
    graph = cr.trace(lambda a, b: np.exp(a * b) * b, 0.5, 2.0)
    u = next(node for node in graph.nodes if node.primitive.name == "multiply")
    between = EntryGraph(graph, [0.5, 2.0], u, names={u: "u"})
    assert (between.source.name, between.count) == ("u", 1)
    assert between.total == pytest.approx(2 * math.e)


def test_no_path_and_the_output_itself():
    graph = cr.trace(lambda a, b: np.floor(a) * 1.0 + b, 0.5, 2.0)
    apart = EntryGraph(graph, [0.5, 2.0], "a")
    assert apart.total == 0
    whole = cr.trace(lambda x, k: np.sum(x[k] * 1.0), np.ones(3), np.array([0, 1]))
    unread = EntryGraph(whole, [np.ones(3), np.array([0, 1])], "x", (2,))
    assert (unread.count, unread.total, unread.edges, len(unread.paths())) == (0, 0, (), 0)
    assert unread.source.name == "x[2]"
    assert unread.factored().value == 0
    itself = EntryGraph(graph, [0.5, 2.0], graph.outputs[0])
    assert (itself.count, itself.total, itself.edges) == (1, 1.0, ())
    assert itself.paths()[0].product == 1.0
    assert itself.multiplications == (0, 0, 0)


def test_an_output_with_axes_of_length_one():
    graph = cr.trace(lambda x: (x @ x.T) * 2, np.ones((1, 3)))
    assert EntryGraph(graph, [np.array([[1.0, 2.0, 3.0]])], "x", (0, 1)).total == 8


def test_single_precision_is_followed_in_double():
    x = np.array([0.3, 0.7], "float32")
    graph = cr.trace(lambda x: np.sum(np.sin(x) * x), x)
    between = EntryGraph(graph, [x], "x", (1,))
    exact = float(x[1])
    assert between.total == pytest.approx(math.sin(exact) + exact * math.cos(exact), rel=1e-7)
    assert math.cos(exact) in [edge.local for edge in between.edges]


def test_a_deep_graph():
    def function(x):
        for _ in range(5_000):
            x = np.sin(x) * 1.001
        return x

    graph = cr.trace(function, 0.3)
    between = EntryGraph(graph, [0.3], "x")
    assert (between.count, len(between.paths()[0].edges)) == (1, 10_000)
    assert between.total == pytest.approx(cr.gradient(graph)(0.3), rel=1e-12)
    assert between.multiplications == (9_999, 9_999, 9_999)
    assert between.factored().value == pytest.approx(between.total)


def test_too_many_edges_are_refused():
    graph = cr.trace(lambda w, x: np.sum(np.tanh(w * x)), 1.0, np.ones(150_000))
    with pytest.raises(GradientError, match="fewer examples"):
        EntryGraph(graph, [1.0, np.ones(150_000)], "w")


def test_sums_of_too_many_pairs_are_refused_at_once():
    """Each running sum depends on all entries before it: 30,000² / 2 edges."""
    x = np.ones(30_000)
    graph = cr.trace(lambda w, x: np.sum(np.cumsum(w * x) ** 2), 1.0, x)
    with pytest.raises(GradientError, match="whole arrays"):
        EntryGraph(graph, [1.0, x], "w")


def test_indices_from_the_end():
    graph = cr.trace(lambda x: np.sum(x * np.array([[1.0, 2.0], [3.0, 4.0]])), np.ones((2, 2)))
    for index, slope in [((0, -1), 2.0), ((-2, 0), 1.0), ((-1, -2), 3.0)]:
        assert EntryGraph(graph, [np.ones((2, 2))], "x", index).total == slope


@pytest.mark.parametrize("index", [(), (3,), (-4,), (0, 0)])
def test_an_entry_that_is_not_there(index):
    graph = cr.trace(lambda x: np.sum(x), np.ones(3))
    with pytest.raises(GradientError, match=r"x has shape \(3,\)"):
        EntryGraph(graph, [np.ones(3)], "x", index)


def test_refusals():
    graph = cr.trace(lambda x: np.sum(x), np.ones(3))
    with pytest.raises(GradientError, match="no input 'w'"):
        EntryGraph(graph, [np.ones(3)], "w", (0,))
    whole = cr.trace(lambda x, k: np.sum(x[k]), np.ones(3), 1)
    with pytest.raises(GradientError, match="no real numbers"):
        EntryGraph(whole, [np.ones(3), 1], "k")
    vector = cr.trace(lambda x: x * 2, np.ones(3))
    with pytest.raises(GradientError):
        EntryGraph(vector, [np.ones(3)], "x", (0,))
    for limit in (-1, 2.5, True):
        with pytest.raises(SettingError, match="limit"):
            EntryGraph(graph, [np.ones(3)], "x", (0,)).paths(limit)
