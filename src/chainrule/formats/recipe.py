"""`Recipe`: the graph of a network's prediction, from raw inputs to outputs, for any number of rows.

A graph is traced for a number of rows. To find out where the rows are, it is traced for two numbers: a length
or a setting that is 2 in one and 3 in the other is the number of rows; what is the same in both is no matter
of rows. Anything else depends on the rows in a way that no format can say, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.errors import GraphError, ShapeError
from chainrule.formats.expansion import Dialect, expanded
from chainrule.graph.context import described, scope
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node, apply
from chainrule.graph.order import constant_key
from chainrule.graph.trace import ArraySpec, trace_call
from chainrule.network import Network
from chainrule.rewrites import simplify, stabilise

Array = np.ndarray[Any, Any]
ROWS = "rows"
Length = int | str
ANY_NUMBER = (2, 3)
ONE = (1, 1)


@dataclass(frozen=True, eq=False)
class Recipe:
    """The steps from raw inputs to outputs.

    Parameters
    ----------
    graph
        The graph, traced for a number of rows, in operations that the format knows.
    arrays
        The values of its inputs but the first, by their names: the parameters, and how inputs are scaled.
    shapes
        The shape of each node; `ROWS` stands for the number of rows.
    settings
        The settings of each operation, with `ROWS` likewise.
    """

    graph: Graph
    arrays: Mapping[str, Array]
    shapes: Mapping[Node, tuple[Length, ...]]
    settings: Mapping[Node, Mapping[str, Any]]

    @property
    def x(self) -> Node:
        """The raw inputs, shape (rows, n)."""
        return self.graph.inputs[0]

    @property
    def output(self) -> Node:
        """The outputs, shape (rows, k)."""
        return self.graph.outputs[0]

    @property
    def steps(self) -> list[Node]:
        """The operations, in order."""
        return _operations(self.graph)

    @cached_property
    def uses(self) -> dict[Node, list[Node]]:
        """The consumers of each node, one for each edge."""
        found: dict[Node, list[Node]] = {}
        for node in self.steps:
            for source in node.inputs:
                found.setdefault(source, []).append(node)
        return found

    def values(self) -> dict[Node, Array]:
        """Return the arrays that the steps use: parameters, and constants that have axes."""
        used = {source for node in self.steps for source in node.inputs}
        named = {node: self.arrays[node.label] for node in self.graph.inputs[1:] if node in used}
        constants = {node: node.value for node in self.graph.nodes if is_array_constant(node)}
        return {**named, **constants}

    def names(self, reserved: Iterable[str]) -> dict[Node, str]:
        """Return a name for every node that is no number; none is reserved.

        Layer l: p_l = a_{l−1} W_l, z_l = p_l + b_l, a_l what it hands on; others after their operation.
        """
        names: dict[Node, str] = {}
        taken = set(reserved)
        for node in (*self.graph.inputs, *filter(is_array_constant, self.graph.nodes), *self.steps):
            wanted = self._wanted.get(node) or node.label or "k"
            names[node] = _free(_identifier(wanted), taken)
            taken.add(names[node])
        return names

    @cached_property
    def _wanted(self) -> dict[Node, str]:
        last = {part_of(node): node for node in self.steps}
        wanted: dict[Node, str] = {}
        for node in self.steps:
            part = part_of(node)
            layer = re.search(r"[0-9]+", part)
            number = layer[0] if layer else ""
            name = {"matmul": f"p{number}", "add": f"z{number}"}.get(node.primitive.name, "")
            if not number or not name or name in wanted.values():
                name = f"{node.primitive.name}_{number}" if number else node.primitive.name
            if part and last[part] is node:
                name = f"a{number}" if number else part
            wanted[node] = name
        return wanted


def is_array_constant(node: Node) -> bool:
    """Return whether a node is a constant that has axes; one that has none is written where it is used."""
    return node.primitive is CONSTANT and bool(node.shape)


def _identifier(name: str) -> str:
    """Return a name that every format takes: letters of ASCII, digits and underscores."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if plain[:1].isdigit() else plain


def _free(name: str, taken: set[str]) -> str:
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free


def recipe(
    net: Network, dialect: Dialect, *, rows: tuple[int, int] = ANY_NUMBER, dtype: Any = None
) -> Recipe:
    """Return the recipe of a network's outputs.

    Parameters
    ----------
    net
        The network.
    dialect
        What the format knows.
    rows
        `ANY_NUMBER` for recipes in `ROWS`, `ONE` for those of one row.
    dtype
        Of the raw inputs; None: that of the network.

    Raises
    ------
    GraphError
        If an operation, or how it depends on the number of rows, cannot be said in the format.
    """
    given = np.dtype(dtype or net.architecture.dtype)
    first, arrays = _prediction(net, rows[0], given)
    second, _ = _prediction(net, rows[1], given)
    one, other = expanded(first, dialect), expanded(second, dialect)
    pairing = _Pairing(rows)
    mine, theirs = ([*graph.inputs, *_operations(graph)] for graph in (one, other))
    try:
        if len(mine) != len(theirs):
            raise _Unalike(mine[-1])
        for node, twin in zip(mine, theirs, strict=True):
            pairing.enter(node, twin)
    except _Unalike as unalike:
        node = unalike.args[0]
        where = described(node.location)
        raise GraphError("formats.rows", format=dialect.name, name=node.primitive.name, where=where) from None
    return Recipe(one, arrays, pairing.shapes, pairing.settings)


def _operations(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.primitive is not CONSTANT]


class _Unalike(Exception):  # noqa: N818 - a signal: here two traces differ in more than the number of rows
    pass


class _Pairing:
    """Goes through two traces side by side and notes what they have in common."""

    def __init__(self, rows: tuple[int, int]) -> None:
        self._rows = rows
        self._twins: dict[Node, Node] = {}
        self.shapes: dict[Node, tuple[Length, ...]] = {}
        self.settings: dict[Node, Mapping[str, Any]] = {}

    def enter(self, node: Node, twin: Node) -> None:
        """Note two nodes as one: the same operation on the same operands."""
        if node.primitive is not twin.primitive or len(node.inputs) != len(twin.inputs):
            raise _Unalike(node)
        for mine, theirs in zip(node.inputs, twin.inputs, strict=True):
            if mine.primitive is CONSTANT and theirs.primitive is CONSTANT:
                if constant_key(mine) != constant_key(theirs):
                    raise _Unalike(node)
                self.shapes[mine] = mine.shape
            elif self._twins.get(mine) is not theirs:
                raise _Unalike(node)
        self._twins[node] = twin
        self.shapes[node] = self._common(node, node.shape, twin.shape)
        self.settings[node] = {
            key: self._common(node, value, twin.settings.get(key)) for key, value in node.settings.items()
        }

    def _common(self, node: Node, mine: Any, theirs: Any) -> Any:
        """Return what two values have in common, `ROWS` where they are the numbers of rows."""
        if isinstance(mine, tuple) and type(mine) is type(theirs) and len(mine) == len(theirs):
            parts = [self._common(node, a, b) for a, b in zip(mine, theirs, strict=True)]
            return tuple(parts) if type(mine) is tuple else type(mine)(*parts)
        if type(mine) is type(theirs) and mine == theirs:
            return mine
        if (mine, theirs) == self._rows:
            return ROWS
        raise _Unalike(node)


def _prediction(net: Network, rows: int, dtype: np.dtype[Any]) -> tuple[Graph, dict[str, Array]]:
    """Return the graph from raw inputs to outputs for so many rows, and the values of its other inputs."""
    inner = net.graph(rows)
    labels = [node.label for node in inner.inputs[1:]]
    parameters = net.parameters
    arrays = {label: np.asarray(parameters[label]) for label in labels if label in parameters}
    unknown = [label for label in labels if label not in parameters]
    if unknown:
        raise ShapeError("formats.parameter", name=unknown[0])
    scale = _scaling(net)
    arrays |= {name: value for name, value in scale.items() if isinstance(value, np.ndarray)}

    def prediction(x: Node, *values: Node) -> Node:
        given = {**scale, **dict(zip(arrays, values, strict=True))}
        with scope("scaled"):
            scaled = (
                _scaled(x, given, net.architecture.dtype) if scale else _converted(x, inner.inputs[0].dtype)
            )
        return inner.substitute(scaled, *[given[label] for label in labels])[0]

    specs = [ArraySpec((rows, net.architecture.sizes[0]), dtype)]
    specs += [ArraySpec(value.shape, value.dtype) for value in arrays.values()]
    graph = trace_call(prediction, specs, {}, ["x", *arrays]).graph
    return simplify(stabilise(graph)), arrays


def _scaling(net: Network) -> dict[str, Any]:
    """Return how inputs are scaled: arrays, one entry a column, or plain numbers."""
    if net.scaling is None:
        return {}
    parts = {"offset": net.scaling.offset, "scale": net.scaling.scale}
    return {name: np.array(part, "float64") if np.ndim(part) else float(part) for name, part in parts.items()}


def _scaled(x: Node, given: Mapping[str, Any], dtype: str) -> Node:
    """Return (x − offset) / scale, in float64 as `chainrule.datasets.Scaling` does, then rounded."""
    wide = _converted(x, np.dtype("float64"))
    return _converted((wide - given["offset"]) / given["scale"], np.dtype(dtype))


def _converted(x: Node, dtype: np.dtype[Any]) -> Node:
    return x if x.dtype == dtype else apply("convert", x, dtype=dtype.name)


def part_of(node: Node) -> str:
    """Return the part of the network to which a node belongs: "layer 1", "scaled", or "" for none."""
    return node.scope.partition("/")[0]
