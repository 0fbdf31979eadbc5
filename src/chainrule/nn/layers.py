"""Layers as functions of nodes, and the network of dense layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.graph.context import scope
from chainrule.graph.node import Node
from chainrule.nn.activations import Activation


def dense(x: Node, W: Node, b: Node, activation: Activation) -> Node:
    """Return a = g(x W + b) for x of shape (m, inputs), W (inputs, outputs), b (outputs,)."""
    return activation(x @ W + b)


def feedforward(parameters: Mapping[str, Node], x: Node, activations: Sequence[Activation]) -> Node:
    """Return the output of dense layers, shape (m, k): layer l has W_l, b_l and the l-th activation."""
    for place, activation in enumerate(activations, start=1):
        with scope(f"layer {place}"):
            x = dense(x, parameters[f"W{place}"], parameters[f"b{place}"], activation)
    return x


def parameter_names(layers: int) -> list[str]:
    """Return W1, b1, W2, b2 … in order.

    Examples
    --------
    >>> parameter_names(2)
    ['W1', 'b1', 'W2', 'b2']
    """
    return [f"{kind}{place}" for place in range(1, layers + 1) for kind in "Wb"]
