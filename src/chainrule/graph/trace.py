"""From a plain Python function on NumPy arrays to a `Graph`: call it once with nodes for arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import TraceError, TraceValueError
from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import CONSTANT, INPUT, Node, input_node, lift
from chainrule.graph.tree import Leaf, fill, leaves

Function = Callable[..., Any]


@dataclass(frozen=True)
class ArraySpec:
    """The shape and dtype of an argument whose values are not known while a function is traced.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.trace(lambda x: 2 * x, cr.ArraySpec((3,)))
    <Graph function: 1 inputs, 1 operations, 1 outputs>
    """

    shape: tuple[int, ...]
    dtype: Any = "float64"


class Trace:
    """A running trace: the values of its inputs, where they are known, and the branches taken so far."""

    def __init__(self, outer: Trace | None) -> None:
        self.outer = outer
        self.first = input_node((), "float64", "birth").serial
        self.values: dict[Node, Any] = {}
        self.origins: dict[Node, Node] = {}
        self.guards: list[Guard] = []

    def truth(self, node: Node) -> bool:
        """Return the truth of a node's value, and remember it as a guard."""
        if node.size != 1:
            raise TraceError("trace.truth", shape=node.shape, where=context.here())
        truth = bool(self.value(node))
        self.guards.append(Guard(node, truth))
        return truth

    def settle(self, node: Node) -> Any:
        """Return the value of a traced mask, and remember as a guard that it has this very value."""
        value = np.array(self.value(node))
        self.guards.append(Guard((node == value).all(), truth=True))
        return value

    def value(self, node: Node) -> Any:
        """Return a node's value; raise `TraceValueError` if an input that it depends on has only a shape."""
        missing = self._missing(node)
        for leaf in missing:
            if leaf.primitive is CONSTANT:
                self.values[leaf] = leaf.value
            elif leaf.primitive is INPUT or leaf.serial < self.first:
                self.values[leaf] = self._outside(leaf)
            else:
                arguments = [self.values[source] for source in leaf.inputs]
                with np.errstate(all="ignore"):
                    self.values[leaf] = leaf.primitive.forward(np, *arguments, **leaf.settings)
        return self.values[node]

    def _missing(self, node: Node) -> list[Node]:
        """Return the nodes that must be computed first, in order; those of an outer trace are its business."""
        found: set[Node] = set()
        waiting = [node]
        while waiting:
            candidate = waiting.pop()
            if candidate not in self.values and candidate not in found:
                found.add(candidate)
                if candidate.serial >= self.first:
                    waiting.extend(candidate.inputs)
        return sorted(found, key=lambda node: node.serial)

    def _outside(self, node: Node) -> Any:
        origin = self.origins.get(node, node if node.serial < self.first else None)
        if origin is None or self.outer is None:
            raise TraceValueError("trace.value", name=node.label or "?", where=context.here())
        return self.outer.value(origin)


@dataclass(frozen=True)
class Traced:
    """What a trace found: a graph over the arguments *and* the nodes of outer traces that the function used.

    ``arguments`` are the flat arguments, ``free`` the outer nodes; both together are the graph's inputs.
    """

    graph: Graph
    arguments: list[Node]
    free: list[Node]
    guards: list[Guard]


def is_array(value: Any) -> bool:
    """Return whether a leaf is traced: numbers and arrays are; None, truth values, words, objects are not."""
    if isinstance(value, Node | ArraySpec | np.ndarray | np.number | int | float | complex):
        return not isinstance(value, bool)
    return False


def trace_call(
    function: Function, arguments: Sequence[Any], settings: dict[str, Any], names: Sequence[str] | None = None
) -> Traced:
    """Call ``function`` with fresh inputs in place of all arrays in ``arguments``; see `Traced`.

    ``names`` label the arguments; without them the function's own parameters do.
    """
    outer = context.tracing.get()
    running = Trace(outer if isinstance(outer, Trace) else None)
    labels = parameter_names(function, len(arguments)) if names is None else names
    flat = [leaf for name, value in zip(labels, arguments, strict=True) for leaf in leaves(value, (name,))]
    nodes = {place: _input(running, leaf) for place, leaf in enumerate(flat) if is_array(leaf.value)}
    filled = fill(tuple(arguments), [nodes.get(place, leaf.value) for place, leaf in enumerate(flat)])
    token = context.tracing.set(running)
    try:
        result = function(*filled, **settings)
        outputs = [_output(leaf.value) for leaf in leaves(result)]
    finally:
        context.tracing.reset(token)
    inputs = list(nodes.values())
    free = _free(running, [*outputs, *[guard.node for guard in running.guards]], set(inputs))
    if free and running.outer is None:
        raise TraceError("trace.leaked", where=context.here())
    graph = Graph(
        [*inputs, *free],
        outputs,
        guards=running.guards,
        name=getattr(function, "__name__", "function"),
        single=isinstance(result, Node) or not isinstance(result, list | tuple | dict),
        flatten=lambda values: [leaf.value for leaf in leaves(values) if is_array(leaf.value)],
        restore=lambda flat: fill(result, flat),
    )
    return Traced(graph, inputs, free, running.guards)


def parameter_names(function: Function, count: int) -> list[str]:
    """Return the names of a function's first ``count`` positional parameters; x0, x1 … where it has none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[place] if place < len(names) else f"x{place}" for place in range(count)]


def _input(running: Trace, leaf: Leaf) -> Node:
    label = "_".join(leaf.path) if len(leaf.path) < 2 or leaf.path[-1].isdigit() else leaf.path[-1]
    value = leaf.value
    if isinstance(value, ArraySpec):
        return input_node(value.shape, value.dtype, label)
    if isinstance(value, Node):
        node = input_node(value.shape, value.dtype, label)
        running.origins[node] = value
        return node
    array = np.array(value)
    if array.dtype.kind not in "iuf":
        raise TraceError("trace.complex", name=label, dtype=array.dtype, where=context.here())
    node = input_node(array.shape, array.dtype, label)
    running.values[node] = array[()] if array.ndim == 0 else array
    return node


def _output(value: Any) -> Node:
    if isinstance(value, Node) or is_array(value) or isinstance(value, bool | np.bool_):
        return lift(value)
    raise TraceError("trace.result", kind=type(value).__name__, where=context.here())


def _free(running: Trace, outputs: Sequence[Node], inputs: set[Node]) -> list[Node]:
    """Return the nodes of outer traces on which the outputs depend."""
    free: set[Node] = set()
    seen: set[Node] = set(inputs)
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.primitive is INPUT or (node.serial < running.first and node.primitive is not CONSTANT):
            free.add(node)
        else:
            waiting.extend(node.inputs)
    return sorted(free, key=lambda node: node.serial)


def trace(function: Function, *arguments: Any, **settings: Any) -> Graph:
    """Trace a plain function on NumPy arrays into a `Graph`.

    Parameters
    ----------
    function
        A Python function built from operators, NumPy's functions and methods of arrays. It may use closures
        and loops, and take and return nested lists, tuples and dicts of arrays.
    arguments
        Example arguments: numbers, arrays, `ArraySpec` where only the shape is known, or nested lists, tuples
        and dicts of these. None, truth values, words and other objects are handed on as they are.
    settings
        Keyword arguments, handed on as they are.

    Returns
    -------
    Graph
        With the arrays of the arguments for inputs, in order. Where the function branched on values
        (``if x > 0``) the graph carries guards.

    Raises
    ------
    TraceError
        If the function does something that NumPy's protocols cannot see, such as ``np.array([x, y])``,
        ``a[0] = x`` or ``math.exp(x)``; the message names the line and what to write instead.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda W, x: np.tanh(W @ x), np.ones((2, 3)), np.ones(3))
    >>> [node.primitive.name for node in graph.nodes]
    ['matmul', 'tanh']
    """
    return trace_call(function, arguments, settings).graph
