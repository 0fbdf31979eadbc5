"""The activation functions that a network can name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import chainrule.primitives  # noqa: F401 - enters the primitives that layers are made of
from chainrule.errors import unknown_name
from chainrule.graph.node import Node, apply

Activation = Callable[[Node], Node]

ACTIVATIONS: dict[str, Activation] = {
    "identity": lambda z: z,
    **{
        name: partial(apply, name)
        for name in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
    },
}
RELU_FAMILY = frozenset({"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"})

OUTPUTS: dict[str, Activation] = {
    **ACTIVATIONS,
    "exp": partial(apply, "exp"),
    "softmax": lambda z: apply("softmax", z, axis=(z.ndim - 1,)),
}


def activation(name: str) -> Activation:
    """Return the activation of this name; raise `UnknownNameError` with the nearest name if there is none.

    Examples
    --------
    >>> activation("rellu")
    Traceback (most recent call last):
    ...
    chainrule.errors.UnknownNameError: activation: there is no 'rellu'. Did you mean 'relu'?
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise unknown_name("activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]


def output_activation(name: str) -> Activation:
    """Return the activation of the output layer; all activations, exp, and softmax over the outputs."""
    if not isinstance(name, str) or name not in OUTPUTS:
        raise unknown_name("output", name, OUTPUTS)
    return OUTPUTS[name]
