"""`Architecture`: all settings that make a network, checked, and the graphs that they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.graph.context import scope
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.graph.order import ancestors
from chainrule.graph.trace import ArraySpec, trace_call
from chainrule.nn.activations import RELU_FAMILY, Activation, activation, output_activation
from chainrule.nn.costs import COSTS, CostFunction, binary_cross_entropy, named_cost
from chainrule.nn.initialisers import initialiser
from chainrule.nn.layers import feedforward, parameter_names

Array = np.ndarray[Any, Any]
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Architecture:
    """The settings of a network of dense layers.

    Parameters
    ----------
    sizes
        The number of inputs, of units in each hidden layer, and of outputs.
    activations
        The names of the hidden layers' activations, one for each.
    output
        The name of the output activation.
    cost
        The name of the cost, or a function of (output, target) that returns one number, or one for each
        example.
    initialiser
        The name of the initialiser.
    dtype
        "float32" or "float64".
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    output: str
    cost: str | CostFunction
    initialiser: str
    dtype: str

    @property
    def layers(self) -> int:
        """The number of layers that have weights."""
        return len(self.sizes) - 1

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter: W1 (inputs, outputs), b1 (outputs,) …."""
        pairs = zip(self.sizes[:-1], self.sizes[1:], strict=True)
        shapes = [shape for inputs, outputs in pairs for shape in ((inputs, outputs), (outputs,))]
        return dict(zip(parameter_names(self.layers), shapes, strict=True))

    @property
    def expects_labels(self) -> bool:
        """Whether targets are labels unless they look otherwise."""
        return isinstance(self.cost, str) and COSTS[self.cost].labels

    def start(self, random: np.random.Generator) -> list[Array]:
        """Return the initial parameters, drawn layer by layer."""
        draw = initialiser(self.initialiser)
        pairs = zip(self.sizes[:-1], self.sizes[1:], strict=True)
        drawn = [draw(random, inputs, outputs) for inputs, outputs in pairs]
        return [array.astype(self.dtype) for layer in drawn for array in layer]

    def forward(self, parameters: Sequence[Node], x: Node) -> Node:
        """Return the network's output for examples in rows."""
        functions: list[Activation] = [activation(name) for name in self.activations]
        named = dict(zip(parameter_names(self.layers), parameters, strict=True))
        return feedforward(named, x, [*functions, output_activation(self.output)])

    def output_graph(self, examples: int) -> Graph:
        """Return the graph from (x, parameters …) to the outputs, for a number of examples."""

        def network(x: Node, *parameters: Node) -> Node:
            return self.forward(parameters, x)

        specs = [self._table(examples, self.sizes[0]), *self._parameter_specs()]
        return trace_call(network, specs, {}, ["x", *self.parameter_shapes]).graph

    def cost_graph(self, examples: int, *, weighted: bool = False) -> Graph:
        """Return the graph from (parameters …, x, target) to the mean cost, for a number of examples.

        With ``weighted`` the last column of ``target`` is a weight for each example.

        Raises
        ------
        SettingError
            If a cost function of the user does not return one number, or one for each example, that depends
            on the outputs.
        """
        judged = self.judged_graph(examples, weighted=weighted)
        return Graph(judged.inputs, judged.outputs[:1], name="cost")

    def judged_graph(self, examples: int, *, weighted: bool = False) -> Graph:
        """Return the graph from (parameters …, x, target) to the mean cost and the outputs."""
        inputs, outputs = self.sizes[0], self.sizes[-1]

        def judged(*arguments: Node) -> tuple[Node, Node]:
            *parameters, x, target = arguments
            output = self.forward(parameters, x)
            with scope("cost"):
                if weighted:
                    return self._cost(output, target[:, :outputs], target[:, outputs:]), output
                return self._cost(output, target, None), output

        columns = outputs + weighted
        specs = [*self._parameter_specs(), self._table(examples, inputs), self._table(examples, columns)]
        graph = trace_call(judged, specs, {}, [*self.parameter_shapes, "x", "target"]).graph
        if not set(graph.inputs[:-2]) & set(ancestors(graph.outputs[:1])):
            raise SettingError("setting.cost_constant", name=_name_of(self._cost_function()))
        return graph

    def _cost(self, output: Node, target: Node, weights: Node | None) -> Node:
        """Return the mean cost; ``weights`` (m, 1) are those of the examples."""
        cost = self._cost_function()
        if callable(self.cost):
            return _own_cost(cost, output, target, weights)
        found: Node = cost(output, target) if weights is None else cost(output, target, weights)
        return found

    def _cost_function(self) -> CostFunction:
        if callable(self.cost):
            return self.cost
        if self.cost == "cross_entropy" and self.output == "sigmoid":
            return binary_cross_entropy
        return named_cost(self.cost).function

    def _parameter_specs(self) -> list[ArraySpec]:
        return [ArraySpec(shape, self.dtype) for shape in self.parameter_shapes.values()]

    def _table(self, examples: int, columns: int) -> ArraySpec:
        return ArraySpec((examples, columns), self.dtype)

    def plain(self) -> dict[str, Any]:
        """Return the settings as plain data for the model file; a cost function becomes None."""
        return {
            "sizes": list(self.sizes),
            "activation": list(self.activations),
            "output": self.output,
            "cost": self.cost if isinstance(self.cost, str) else None,
            "initialiser": self.initialiser,
            "dtype": self.dtype,
        }


def _name_of(cost: CostFunction) -> str:
    return getattr(cost, "__name__", "cost")


def _own_cost(cost: CostFunction, output: Node, target: Node, weights: Node | None) -> Node:
    """Return what a user's function makes of outputs and targets: one number, or the mean of one for each."""
    name = _name_of(cost)
    try:
        inspect.signature(cost).bind(output, target)
    except TypeError as error:
        raise SettingError("setting.cost_call", name=name, reason=error) from None
    value = cost(output, target)
    if isinstance(value, int | float | np.number):
        raise SettingError("setting.cost_constant", name=name)
    if not isinstance(value, Node):
        raise SettingError("setting.cost_value", name=name, value=type(value).__name__)
    of_each = value.shape == (output.shape[0],)
    if not (of_each or value.size == 1) or value.dtype.kind != "f":
        raise SettingError("setting.cost_value", name=name, value=f"{value.dtype}{list(value.shape)}")
    if weights is not None:
        if not of_each:
            raise SettingError("setting.cost_weights", name=name)
        value = value * weights.reshape(-1)
    number: Any = np.mean(value) if of_each else value.reshape(()) if value.shape else value
    found: Node = number
    return found


def read_settings(
    sizes: Sequence[int],
    hidden: str | Sequence[str],
    cost: str | CostFunction,
    output: str | None,
    start: str | None,
    dtype: Any,
) -> Architecture:
    """Return the architecture that a user's settings describe, defaults filled in.

    Raises
    ------
    SettingError
        If a size is no positive whole number, there are fewer than two of them, or the number of activations
        is not that of the hidden layers.
    UnknownNameError
        If there is no such activation, cost, output or initialiser; suggests the nearest.
    """
    lengths = _sizes(sizes)
    activations = _activations(hidden, len(lengths) - 2)
    single = lengths[-1] == 1
    if callable(cost):
        last = output or "identity"
    else:
        usual = named_cost(cost).output
        last = output or ("sigmoid" if usual == "softmax" and single else usual)
    output_activation(last)
    if cost == "cross_entropy" and last not in ("softmax", "sigmoid"):
        raise SettingError("setting.probabilities", output=last)
    if last == "softmax" and single:
        raise SettingError("setting.softmax")
    if start is None:
        start = "he" if activations and set(activations) <= RELU_FAMILY else "xavier"
    initialiser(start)
    return Architecture(lengths, activations, last, cost, start, _dtype(dtype))


def _sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    try:
        lengths: tuple[Any, ...] = tuple(sizes)
    except TypeError:
        raise SettingError("setting.sizes", value=sizes) from None
    if len(lengths) < 2:
        raise SettingError("setting.sizes", value=sizes)
    for length in lengths:
        if isinstance(length, bool) or not isinstance(length, int | np.integer) or length < 1:
            raise SettingError("setting.positive", setting="sizes", value=length)
    return tuple(int(length) for length in lengths)


def _activations(hidden: str | Sequence[str], layers: int) -> tuple[str, ...]:
    if isinstance(hidden, str):
        activation(hidden)
        return (hidden,) * layers
    names = tuple(hidden) if isinstance(hidden, Sequence) else (hidden,)
    for name in names:
        activation(name)
    if len(names) != layers:
        raise SettingError("setting.activations", given=len(names), hidden=layers)
    return names


def _dtype(dtype: Any) -> str:
    try:
        name = str(np.dtype(dtype))
    except TypeError:
        name = str(dtype)
    if name not in DTYPES:
        raise SettingError("setting.dtype", value=name)
    return name
