"""Expansion: operations that the compiler does not know by themselves become those that it does.

A primitive's own ``forward`` says what it is made of: it is run on nodes instead of arrays. So softmax
becomes largest entries, exponentials and sums, gelu a product, and an operation that somebody adds tomorrow
compiles without a line here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.compiler.formulas import DTYPE_NAMES, expression, loop_dtypes
from chainrule.errors import ChainruleError
from chainrule.graph.context import described, on_behalf
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, INPUT, Node, apply, lift
from chainrule.graph.order import ancestors, constant_key

LOWERED = frozenset(
    (
        *("reshape", "transpose", "broadcast_to", "concatenate", "index", "add_at", "matmul", "einsum"),
        *("sum", "prod", "max", "min", "all", "any", "cumsum", "argmax", "argmin"),
    )
)
DEEPEST = 8  # expansions within expansions


class Refusal(Exception):  # noqa: N818 - a signal: this graph runs by the interpreter
    """A graph, or a part of it, that cannot be lowered; ``reason`` is a key of the texts."""

    def __init__(self, reason: str, **values: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


class _Space:
    """NumPy as ``forward`` functions see it while they make nodes; what it lacks are primitives of ours."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name) if hasattr(np, name) else partial(apply, name)

    @staticmethod
    def asarray(x: Any) -> Any:
        return lift(x)

    @staticmethod
    def real(x: Any) -> Any:
        return lift(x)  # no node is complex

    @staticmethod
    def mean(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        node = lift(x)
        real = node if node.dtype.kind == "f" else apply("convert", node, dtype="float64")
        count = math.prod(node.shape[place] for place in axis)
        return np.sum(real, axis=axis, keepdims=keepdims) / (count or math.nan)


SPACE: Any = _Space()


def expand(graph: Graph) -> Graph:
    """Return the graph in operations that can be lowered, under the same names.

    Raises
    ------
    Refusal
        If an operation can neither be lowered nor expanded.
    """
    expander = _Expander(graph.inputs)
    expander.enter(graph.outputs)
    new, named = expander.new, graph.node_names()
    names = {new[node]: named[node] for node in set(graph.nodes) - set(graph.inputs) if node in named}
    outputs = [new[node] for node in graph.outputs]
    return Graph(graph.inputs, outputs, name=graph.name, single=False, names=names)


class _Expander:
    """Finds, for each node, the one that stands for it; equal operations on equal operands are one node."""

    def __init__(self, inputs: Sequence[Node]) -> None:
        for node in inputs:
            if not is_known(node):
                raise refused(node)
        self.new: dict[Node, Node] = {node: node for node in inputs}
        self._made: dict[Any, Node] = {}

    def enter(self, outputs: Sequence[Node], depth: int = 0) -> None:
        """Enter all ancestors of ``outputs``."""
        with on_behalf() as on_behalf_of:
            for node in ancestors(outputs, stop=list(self.new)):
                on_behalf_of(node)
                self.new[node] = self._standing_for(node, depth)

    def _standing_for(self, node: Node, depth: int) -> Node:
        made = self._short_cut(node)
        if made is None:
            operands = tuple([self.new[source] for source in node.inputs])
            same = _are_same(operands, node.inputs)
            made = node if same else apply(node.primitive, *operands, **node.settings)
            if is_known(made):
                return self._made.setdefault(_key(made), made)
            if depth == DEEPEST:
                raise refused(made)
            made = _expansion(made)
        self.enter([made], depth + 1)
        return self.new[made]

    def _short_cut(self, node: Node) -> Node | None:
        """Return softmax for exp(log_softmax): its exponentials are there already."""
        source = node.inputs[0] if node.primitive.name == "exp" else None
        if source is None or source.primitive.name != "log_softmax":
            return None
        return apply("softmax", self.new[source.inputs[0]], **source.settings)


def _key(node: Node) -> Any:
    """Return a value that two nodes share if they are the same operation on the same operands."""
    if node.primitive is CONSTANT:
        return constant_key(node) if node.weak else id(node)
    # ``==`` of nodes makes a node, so they count by their identity.
    operands = tuple([constant_key(source) if source.weak else id(source) for source in node.inputs])
    return node.primitive.name, operands, repr(sorted(node.settings.items()))


def is_known(node: Node) -> bool:
    """Return whether a node is a leaf, can be lowered, or has a formula."""
    if node.primitive in (INPUT, CONSTANT) or node.primitive.name in LOWERED:
        return node.dtype.name in DTYPE_NAMES and node.dtype.isnative and not _skips_indices(node)
    if not node.primitive.elementwise or loop_dtypes(node) is None:
        return False
    return expression(node, ["x", "y", "z"][: len(node.inputs)]) is not None


def _skips_indices(node: Node) -> bool:
    """Return whether there are indices but no entries at them: one outside is an error all the same."""
    entries = node.inputs[0] if node.primitive.name == "add_at" else node
    arrays = node.inputs[1:] if node.primitive.name in ("add_at", "index") else ()
    return not entries.size and any(array.size for array in arrays)


def _expansion(node: Node) -> Node:
    """Return what a node is made of: its primitive's ``forward``, run on nodes."""
    operands = [source.value if source.weak else source for source in node.inputs]
    try:
        made = node.primitive.forward(SPACE, *operands, **node.settings)
    except ChainruleError:
        made = None
    if not isinstance(made, Node) or _is_itself(made, node):
        raise refused(node)
    if made.shape != node.shape:
        made = apply("broadcast_to", made, shape=node.shape)
    return made if made.dtype == node.dtype else apply("convert", made, dtype=node.dtype.name)


def _is_itself(made: Node, node: Node) -> bool:
    return made.primitive is node.primitive and _are_same(made.inputs, node.inputs)


def _are_same(some: Sequence[Node], others: Sequence[Node]) -> bool:
    return all(a is b for a, b in zip(some, others, strict=True))


def refused(node: Node) -> Refusal:
    """Return the signal that a node cannot be compiled."""
    place = described(node.location)
    return Refusal("compile.operation", name=node.primitive.name, dtype=str(node.dtype), where=place)
