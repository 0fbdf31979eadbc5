"""From a plain Python function on NumPy arrays to a `Graph`: call it once with nodes for arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np

import chainrule.graph.reader  # noqa: F401 - it teaches `pickle` to read graphs
from chainrule.errors import ChainruleError, ShapeError, TraceError, TraceValueError
from chainrule.graph import context
from chainrule.graph.dispatch import check_plain
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import CONSTANT, INPUT, Node, input_node, lift, next_serial
from chainrule.graph.order import ancestors
from chainrule.graph.tree import Leaf, fill, leaves, rebuild
from chainrule.graph.writer import variables

Function = Callable[..., Any]


@dataclass(frozen=True)
class ArraySpec:
    """The shape and dtype of an argument whose values are not known while a function is traced.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.trace(lambda x: 2 * x, cr.ArraySpec((3,)))
    <Graph <lambda>: 1 inputs, 1 operations, 1 outputs>
    """

    shape: tuple[int, ...]
    dtype: Any = "float64"


class Trace:
    """A running trace: the values of its inputs, where they are known, and the branches taken so far.

    ``names`` are those of nodes that a derivative brought into this trace, ``made_for_user`` the serials of
    all that it brought: they have the user's lines, but the variables there stand for other nodes.
    """

    def __init__(self, outer: Trace | None) -> None:
        self.outer = outer
        self.first = next_serial()
        self.values: dict[Node, Any] = {}
        self.origins: dict[Node, Node] = {}
        self.guards: list[Guard] = []
        self.names: dict[Node, str] = {}
        self.made_for_user: list[range] = []
        self.refused: tuple[Exception, context.Location | None] | None = None

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
        """Return the nodes that must be computed first, in order; outer traces see to theirs."""
        found: set[Node] = set()
        waiting = [node]
        while waiting:
            candidate = waiting.pop()
            if candidate not in self.values and candidate not in found:
                found.add(candidate)
                if candidate.serial >= self.first:
                    waiting.extend(candidate.inputs)
        return sorted(found, key=attrgetter("serial"))

    def _outside(self, node: Node) -> Any:
        origin = self.origins.get(node, node if node.serial < self.first else None)
        if origin is None or self.outer is None:
            error = TraceValueError("trace.value", name=node.label or "?", where=context.here())
            self.refused = error, context.location()
            raise error
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
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufc"
    return isinstance(value, ARRAYS) and not isinstance(value, bool)


ARRAYS = (Node, ArraySpec, np.number, int, float, complex)


def trace_call(
    function: Function, arguments: Sequence[Any], settings: dict[str, Any], names: Sequence[str] | None = None
) -> Traced:
    """Call ``function`` with fresh inputs in place of all arrays in ``arguments``; see `Traced`.

    ``names`` label the arguments; without them the function's own parameters do.
    """
    outer = context.tracing.get()
    running = Trace(outer if isinstance(outer, Trace) else None)
    labels = parameter_names(function) if names is None else names
    flat = list(leaves(tuple(arguments)))
    given = [
        _input(running, leaf_label(leaf, labels), leaf.value) if is_array(leaf.value) else leaf.value
        for leaf in flat
    ]
    result = _call(function, fill(tuple(arguments), given), settings, running)
    outputs = [_output(leaf.value) for leaf in leaves(result)]
    inputs = [node for node, leaf in zip(given, flat, strict=True) if is_array(leaf.value)]
    graph = Graph(
        [*inputs, *_free(running, [*outputs, *[guard.node for guard in running.guards]], inputs)],
        outputs,
        guards=running.guards,
        name=function_name(function),
        single=not isinstance(result, list | tuple | dict),
        flatten=partial(flatten_like, function_name(function), labels, rebuild(tuple(arguments), _form)),
        restore=partial(fill, rebuild(result, lambda _: None)),
    )
    if running.made_for_user:
        graph.names = _names(running, graph)
    return Traced(graph, inputs, list(graph.inputs[len(inputs) :]), running.guards)


def _call(function: Function, arguments: Any, settings: dict[str, Any], running: Trace) -> Any:
    token = context.tracing.set(running)
    try:
        result = function(*arguments, **settings)
    except (TypeError, ValueError) as error:
        if isinstance(error, ChainruleError) or running.refused is None:
            raise
        refused, place = running.refused
        if place != context.place_of(error):
            raise
        raise refused from error  # NumPy has put an error of its own in the place of ours
    finally:
        context.tracing.reset(token)
    if running.refused is not None:
        raise running.refused[0]  # the function has caught it, and gone on with a constant instead
    return result


context.trace_code = _call.__code__


def _form(value: Any) -> Any:
    """Return an `ArraySpec` for an array, and all else as it is."""
    if not is_array(value) or isinstance(value, ArraySpec):
        return value
    return ArraySpec(np.shape(value), value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype)


def flatten_like(
    name: str, labels: Sequence[str], form: tuple[Any, ...], values: tuple[Any, ...]
) -> list[Any]:
    """Return the arrays in the arguments of a graph, in the order in which they were traced.

    ``form`` are the arguments with which it was traced, an `ArraySpec` for each array. What is no array must
    be the same: the graph was traced with it.
    """
    if len(form) != len(values):
        raise ShapeError("graph.count", name=name, expected=len(form), given=len(values))
    found: list[Any] = []
    for place, pair in enumerate(zip(form, values, strict=True)):
        found.extend(_matching(*pair, labels[place] if place < len(labels) else f"x{place}"))
    return found


def _matching(form: Any, value: Any, place: str) -> Iterator[Any]:
    if isinstance(form, ArraySpec):
        yield value
    elif isinstance(form, dict | list | tuple):
        keys = form.keys() if isinstance(form, dict) else range(len(form))
        fits = isinstance(value, dict if isinstance(form, dict) else list | tuple)
        if not fits or keys != (value.keys() if isinstance(form, dict) else range(len(value))):
            raise ShapeError("graph.structure", place=place, form=type(form).__name__, keys=list(keys))
        for key in keys:
            yield from _matching(form[key], value[key], f"{place}[{key!r}]")
    elif value is not form and not (type(value) is type(form) and value == form):
        raise ShapeError("graph.fixed", place=place, traced=repr(form), given=repr(value))


def function_name(function: Function) -> str:
    """Return a function's name; that of its class if it is another callable object."""
    return getattr(function, "__name__", type(function).__name__)


def parameter_names(function: Function) -> list[str]:
    """Return the names of a function's positional parameters, as far as it has names for them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def leaf_label(leaf: Leaf, labels: Sequence[str]) -> str:
    """Return the name of an input: its argument's, with its place if it is an entry of a list."""
    place, *inner = leaf.path
    argument = labels[place] if place < len(labels) else f"x{place}"
    if inner and not isinstance(inner[-1], int):
        return str(inner[-1])
    return "_".join([argument, *map(str, inner)])


def _input(running: Trace, label: str, value: Any) -> Node:
    if isinstance(value, ArraySpec):
        return input_node(value.shape, value.dtype, label)
    if isinstance(value, Node):
        node = input_node(value.shape, value.dtype, label)
        running.origins[node] = value
        return node
    check_plain(value)
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        raise TraceError("trace.complex", name=label, dtype=array.dtype, where=context.here())
    node = input_node(array.shape, array.dtype, label)
    running.values[node] = array[()] if array.ndim == 0 else array
    return node


def _output(value: Any) -> Node:
    if isinstance(value, Node) or is_array(value) or isinstance(value, bool | np.bool_):
        return lift(value)
    raise TraceError("trace.result", kind=type(value).__name__, where=context.here())


def _names(running: Trace, graph: Graph) -> dict[Node, str]:
    """Return the names of a graph's nodes, those of derivatives inside it too."""
    own = [node for node in graph.nodes if not any(node.serial in made for made in running.made_for_user)]
    return {**variables(own), **running.names}


def _free(running: Trace, outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """Return the nodes of outer traces on which the outputs depend; refuse those of a trace that is over."""
    free: list[Node] = []
    seen = set(inputs)
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if _is_foreign(running, node):
            if running.outer is None:
                raise TraceError("trace.leaked", where=_use(node, outputs))
            free.append(node)
        else:
            waiting.extend(node.inputs)
    return sorted(free, key=attrgetter("serial"))


def _use(leaked: Node, outputs: Sequence[Node]) -> str:
    """Return the line where a node is used."""
    users = [node for node in ancestors(outputs) if any(source is leaked for source in node.inputs)]
    return context.described(users[0].location) if users else context.here()


def _is_foreign(running: Trace, node: Node) -> bool:
    """Return whether a node comes from outside of the running trace."""
    return node.primitive is INPUT or (node.serial < running.first and node.primitive is not CONSTANT)


def trace(function: Function, *arguments: Any, **settings: Any) -> Graph:
    """Trace a plain function on NumPy arrays into a `Graph`.

    Parameters
    ----------
    function
        A Python function built from operators, NumPy's functions and methods of arrays. It may use closures
        and loops, and take and return nested lists, tuples and dicts of arrays.
    arguments
        Example arguments: numbers, arrays, `ArraySpec` where only the shape is known, or nested lists, tuples
        and dicts of these. None, truth values, words and other objects are handed on as they are; the graph
        can then be called with the same ones only.
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
