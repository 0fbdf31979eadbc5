"""The derivative with brackets, and what each way of writing it costs in multiplications."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.expressions import read_expression
from chainrule.paths import Bracket, Edge, EntryGraph, Slope


def worked_out(product):
    """Return the value of a product by multiplying and adding what it says."""
    return math.prod([_factor(factor) for factor in product.factors])


def _factor(factor):
    if isinstance(factor, Bracket):
        terms = [worked_out(term) for term in factor.terms]
        assert terms == pytest.approx([term.value for term in factor.terms], rel=1e-9, abs=1e-12)
        return math.fsum(terms) + factor.remainder
    return factor.local if isinstance(factor, Edge) else factor.value


def signs(product):
    """Return how many multiplications a product takes, brackets included."""
    inner = [term for factor in product.factors if isinstance(factor, Bracket) for term in factor.terms]
    return len(product.factors) - 1 + sum(map(signs, inner))


def shape(product):
    """Return a product as text: edges as their consumers, brackets with their terms."""
    return " ".join(map(_shape_of, product.factors))


def _shape_of(factor):
    if isinstance(factor, Bracket):
        more = [f"… {factor.more}"] if factor.more else []
        return f"[{' + '.join([*map(shape, factor.terms), *more])}]"
    return factor.consumer.name if isinstance(factor, Edge) else f"d{factor.of}/d{factor.by}"


def layered(hidden):
    """Return a network of one output and its weights: y = w3 · tanh(W2 · tanh(w1 · x))."""
    rng = np.random.default_rng(1)
    sizes = [1, *hidden, 1]
    weights = [rng.uniform(-1, 1, (m, n)) for n, m in itertools.pairwise(sizes)]

    def output(*weights):
        a = np.array([[0.7]])
        for W in weights[:-1]:
            a = np.tanh(W @ a)
        return (weights[-1] @ a)[0, 0]

    graph = cr.trace(output, *weights)
    names = dict(zip(graph.inputs, [f"W{n}" for n in range(1, len(sizes))], strict=True))
    steps = [node for node in graph.nodes if node.primitive.name in ("matmul", "tanh")]
    for place, node in enumerate(steps):
        names[node] = f"{'za'[place % 2]}{place // 2 + 1}"
    names[graph.outputs[0]] = "y"
    return graph, weights, names


def test_an_early_weight_of_a_layered_network():
    """A common factor, and a bracket with one term for each neuron of the next layer."""
    graph, weights, names = layered([2, 3])
    between = EntryGraph(graph, weights, "W1", (0, 0), names)
    product = between.factored()
    a, b, c = (f"z2[{n}, 0] a2[{n}, 0] z3[0, 0]" for n in range(3))
    assert shape(product) == f"z1[0, 0] a1[0, 0] [{a} + {b} + {c}] y"
    W1, W2, W3 = weights
    a1 = np.tanh(W1 * 0.7)
    a2 = np.tanh(W2 @ a1)
    terms = W2[:, 0] * (1 - a2[:, 0] ** 2) * W3[0]
    assert [term.value for term in product.factors[2].terms] == pytest.approx(terms)
    assert product.value == pytest.approx(0.7 * (1 - a1[0, 0] ** 2) * terms.sum())
    assert worked_out(product) == pytest.approx(product.value)
    assert between.multiplications == (3 * 5, 3 * 2 + 3, 2 + 3 * 3)


def test_brackets_in_brackets():
    graph, weights, names = layered([2, 2, 2])
    between = EntryGraph(graph, weights, "W1", (1, 0), names)
    inner = "[z3[0, 0] a3[0, 0] z4[0, 0] + z3[1, 0] a3[1, 0] z4[0, 0]]"
    both = f"z2[0, 0] a2[0, 0] {inner} + z2[1, 0] a2[1, 0] {inner}"
    assert shape(between.factored()) == f"z1[1, 0] a1[1, 0] [{both}] y"
    flat = between.factored(depth=1)
    assert shape(flat) == (
        "z1[1, 0] a1[1, 0] [z2[0, 0] a2[0, 0] dz4[0, 0]/da2[0, 0] + z2[1, 0] a2[1, 0] dz4[0, 0]/da2[1, 0]] y"
    )
    folded = flat.factors[2].terms[0].factors[-1]
    assert isinstance(folded, Slope)
    assert folded.count == 2
    assert worked_out(flat) == pytest.approx(between.total)
    assert shape(between.factored(depth=0)) == "z1[1, 0] a1[1, 0] dz4[0, 0]/da1[1, 0] y"


def test_only_the_largest_terms_are_written():
    graph, weights, names = layered([1, 9])
    bracket = EntryGraph(graph, weights, "W1", (0, 0), names).factored(terms=4).factors[2]
    every = EntryGraph(graph, weights, "W1", (0, 0), names).factored(terms=9).factors[2]
    sizes = sorted([abs(term.value) for term in every.terms], reverse=True)
    assert (len(bracket.terms), bracket.more) == (4, 5)
    assert sorted([abs(term.value) for term in bracket.terms], reverse=True) == sizes[:4]
    shown = [term.factors[0].consumer.name for term in bracket.terms]
    assert shown == sorted(shown)
    assert bracket.remainder == pytest.approx(every.value - sum(term.value for term in bracket.terms))


def test_a_large_network_stays_readable():
    graph, weights, names = layered([20] * 12)
    between = EntryGraph(graph, weights, "W1", (0, 0), names)
    product = between.factored(depth=12, terms=20)
    assert shape(product).count("+") < 2_000
    assert between.count == 20**11
    assert between.multiplications.backpropagation == 2 + 20 * 2 + 10 * (20 * 20 + 20) + 20
    assert worked_out(between.factored()) == pytest.approx(between.total)


def test_expanding_costs_more_with_every_layer_and_backpropagation_does_not():
    """Of n layers with 3 neurons each: 3ⁿ⁻¹ paths of 2n + 2 edges; 12 multiplications for each layer more."""
    for layers in (1, 2, 3, 4):
        graph, weights, names = layered([3] * layers)
        costs = EntryGraph(graph, weights, "W1", (0, 0), names).multiplications
        assert costs.expanded == 3 ** (layers - 1) * (2 * layers + 1)
        assert costs.backpropagation == (3 if layers == 1 else 11 + 12 * (layers - 2))


def test_two_uses_side_by_side():
    graph = read_expression("(a + a) * 3", ["a"])
    product = EntryGraph(graph, [2.0], "a", names={graph.inputs[0]: "a"}).factored()
    assert [type(factor) for factor in product.factors] == [Bracket, Edge]
    assert [term.value for term in product.factors[0].terms] == [1, 1]
    assert product.value == 6


def test_a_long_chain_is_folded():
    def chain(x):
        for _ in range(100):
            x = np.sin(x)
        return x

    graph = cr.trace(chain, 0.5)
    between = EntryGraph(graph, [0.5], "x")
    product = between.factored()
    assert len(product.factors) == 41
    assert isinstance(product.factors[-1], Slope)
    assert worked_out(product) == pytest.approx(between.total)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12), st.integers(0, 4)
)
def test_the_brackets_say_the_derivative(pairs, depth):
    """Whatever values are multiplied and added, in any order."""

    def function(x):
        values = [np.sin(x)]
        for first, second in pairs:
            values.append(values[first % len(values)] * 0.9 + np.cos(values[second % len(values)]))
        return values[-1] * values[len(values) // 2]

    graph = cr.trace(function, 0.4)
    between = EntryGraph(graph, [0.4], "x")
    slope = (function(0.4 + 1e-6) - function(0.4 - 1e-6)) / 2e-6
    for terms in (1, 2, 8):
        product = between.factored(depth, terms)
        assert worked_out(product) == pytest.approx(slope, abs=1e-6 * max(1, between.absolute))
        assert product.value == pytest.approx(between.total)
    spelt_out = between.factored(99, 99)
    if "/d" not in shape(spelt_out):
        assert between.multiplications.bracketed == signs(spelt_out)
