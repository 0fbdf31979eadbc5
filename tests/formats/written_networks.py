"""Networks of all kinds, and networks that are drawn by hand: what the exporters must be able to write."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
from chainrule.datasets import Scaling
from chainrule.graph.trace import ArraySpec, trace_call
from chainrule.nn.activations import ACTIVATIONS

OUTPUTS = {
    "cross_entropy": ("softmax", "sigmoid"),
    "quadratic": ("sigmoid", "tanh", "identity"),
    "mse": ("identity", "softplus", "relu"),
    "mae": ("identity", "gelu"),
    "huber": ("identity", "elu"),
}
PAIRS = [(cost, output) for cost, outputs in OUTPUTS.items() for output in outputs]


@st.composite
def networks(draw):
    """Return a network of any activations, outputs, cost, scaling, labels and dtype, not at its start."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=2, max_size=4))
    cost, output = draw(st.sampled_from(PAIRS))
    if output == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    hidden = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in sizes[2:]]
    dtype = draw(st.sampled_from(["float32", "float64"]))
    net = cr.Network(sizes, activation=hidden, cost=cost, output=output, dtype=dtype)
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    size = draw(st.sampled_from([1.0, 4.0]))
    net.set_parameters(
        **{name: size * random.normal(size=value.shape) for name, value in net.parameters.items()}
    )
    net.scaling = draw(st.sampled_from([None, Scaling(0.0, 255.0), Scaling(1e6, 0.5), "columns"]))
    if net.scaling == "columns":
        net.scaling = Scaling(random.normal(size=sizes[0]), np.exp(random.normal(size=sizes[0])))
    kinds = ["regression", "numbers", "words"] if cost in ("cross_entropy", "quadratic") else ["regression"]
    kind = draw(st.sampled_from([None, *kinds]))
    if kind is not None:
        net.targets = cr.training.targets.Targets(sizes[-1], labels(kind, max(sizes[-1], 2)))
    return net


def labels(kind, count):
    if kind == "regression":
        return None
    return np.arange(3, 3 + count) if kind == "numbers" else np.array([f"wörd {n}" for n in range(count)])


def raw_inputs(net, rows=7, seed=0):
    """Return raw inputs, in the network's dtype, that are of a usual size once they are scaled."""
    x = np.random.default_rng(seed).normal(size=(rows, net.architecture.sizes[0]))
    if net.scaling is not None:
        x = x * net.scaling.scale + net.scaling.offset
    return x.astype(net.architecture.dtype)


def own_error(net, x):
    """Return how far a network's outputs are from those of the same network in float64."""
    a = net.architecture
    precise = cr.Network(
        a.sizes, activation=a.activations, cost=a.cost, output=a.output, dtype="float64", seed=0
    )
    precise.set_parameters(**net.parameters)
    precise.scaling = net.scaling
    return float(np.max(np.abs(precise(x) - net(x)), initial=0.0))


def assert_same(found, expected, digits, own=0.0):
    """Compare outputs; the error may be as large as the largest of them times 10 to the minus digits.

    Where the network's ``own`` error is larger, sums in another order may differ by some of that.
    """
    assert np.shape(found) == expected.shape
    size = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(
        np.asarray(found, float), expected, rtol=0, atol=size * 10.0**-digits + 10 * own
    )


def sure(outputs, own=0.0):
    """Return the rows whose label is no matter of rounding."""
    limit = 1e-5 + 20 * own
    if outputs.shape[1] == 1:
        return np.abs(outputs[:, 0] - 0.5) > limit
    largest = np.sort(outputs, axis=1)
    return largest[:, -1] - largest[:, -2] > limit * np.maximum(1, np.abs(largest[:, -1]))


class Drawn(cr.Network):
    """A network whose graph is any function of (x, parameters …)."""

    def __init__(self, function, inputs, example, dtype="float64", **arrays):
        shape = function(np.zeros((1, inputs)) + example, **arrays).shape
        super().__init__([inputs, shape[-1]], cost="mse", dtype=dtype)
        self.function = function
        self.arrays = {name: np.asarray(value, dtype) for name, value in arrays.items()}

    @property
    def parameters(self):
        return self.arrays

    def graph(self, examples=1, *, cost=False):
        specs = [ArraySpec((examples, self.architecture.sizes[0]), self.architecture.dtype)]
        specs += [ArraySpec(value.shape, value.dtype) for value in self.arrays.values()]
        return trace_call(
            lambda x, *values: self.function(x, **dict(zip(self.arrays, values, strict=True))),
            specs,
            {},
            ["x", *self.arrays],
        ).graph

    def expected(self, x):
        return self.graph(len(x))(x, *self.arrays.values())


def layer_norm(x, W, b, gain, shift):
    """A normalised layer with a bridge over it, and its inputs joined to its outputs."""
    with cr.scope("layer 1"):
        z = x @ W + b
        mean = np.mean(z, axis=1, keepdims=True)
        spread = np.sqrt(np.mean(np.square(z - mean), axis=1, keepdims=True) + 1e-5)
        normal = (z - mean) / spread * gain + shift
        h = x + np.tanh(normal)
    with cr.scope("layer 2"):
        return np.concatenate([cr.relu(h), x[:, ::-1], h[:, 1:2] * 2], axis=1)


def batch_norm(x, W, b, mean, variance, gain, shift):
    """A layer normalised by what was seen in training, then one more."""
    with cr.scope("layer 1"), cr.scope("batch norm"):
        z = (x @ W + b - mean) / np.sqrt(variance + 1e-5) * gain + shift
    with cr.scope("layer 2"):
        return cr.softmax(cr.gelu(z) @ W.T, axis=1)


def elementwise_cases(knows):
    """Yield the primitives that work entry by entry on real numbers and that a format knows."""
    from chainrule.graph.node import apply, input_node
    from chainrule.graph.primitive import PRIMITIVES

    for name, primitive in sorted(PRIMITIVES.items()):
        domain = primitive.domain
        count = len(domain) if isinstance(domain[0], tuple) else None
        if not primitive.elementwise or not primitive.differentiable or name in ("convert", "where", "clip"):
            continue
        for operands in [count] if count else [1, 2]:
            try:
                node = apply(name, *[input_node((2,), "float64", "x") for _ in range(operands)])
            except cr.ChainruleError:
                continue
            if knows(node):
                yield name, operands


def elementwise_network(name, operands, dtype):
    """Return a network that applies a primitive to its inputs, and inputs from its domain."""
    from chainrule.graph.node import apply
    from chainrule.graph.primitive import PRIMITIVES

    domain = PRIMITIVES[name].domain
    intervals = domain if isinstance(domain[0], tuple) else (domain,) * operands
    columns = [np.random.default_rng(1).uniform(*interval, size=(9, 2)) for interval in intervals]

    def function(x):
        if isinstance(x, np.ndarray):
            return np.zeros((1, 2))
        return apply(name, *[x[:, 2 * place : 2 * place + 2] for place in range(operands)])

    return Drawn(function, 2 * operands, 0.0, dtype), np.concatenate(columns, axis=1).astype(dtype)


def moves(x):
    """Arrays that are moved about, and summed in ways that networks may yet need."""
    if isinstance(x, np.ndarray):
        return np.zeros((1, 12))
    rows = x.shape[0]
    cube = x.reshape(rows, 2, 3)
    turned = np.transpose(cube, (0, 2, 1)).reshape(rows, 6)
    totals = [
        np.sum(cube, axis=2),
        np.max(cube, axis=(1, 2), keepdims=True)[:, 0],
        np.min(cube, axis=1)[:, :1],
    ]
    wide = np.broadcast_to(np.prod(cube, axis=2)[:, :, None], (rows, 2, 2))
    parts = [turned[:, 1::2], *totals, np.where(wide[:, 1] > 0.1, wide[:, 0], 0.5)]
    near = np.logical_and(x[:, :1] > -0.5, np.logical_or(x[:, 1:2] < 0.5, x[:, 2:3] < 0))
    parts.append(np.where(near, np.clip(x[:, 3:4], -0.5, 0.5), x[:, 4:5]))
    parts.append(x[:, 1:][:, ::-1][:, 1::2])
    return np.concatenate(parts, axis=1) + np.einsum("mij,mij->m", cube, cube)[:, None]
