"""Operations that a format lacks become those that it has: ``forward`` says what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.compiler.expand import SPACE
from chainrule.errors import ChainruleError, GraphError
from chainrule.graph.context import described, on_behalf
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, INPUT, Node, apply
from chainrule.graph.order import ancestors

DEEPEST = 8  # expansions within expansions


@dataclass(frozen=True)
class Dialect:
    """What a format can say.

    Parameters
    ----------
    name
        What people call the format; for messages.
    knows
        Whether the format has a word for a node's operation.
    """

    name: str
    knows: Callable[[Node], bool]

    def refused(self, node: Node) -> GraphError:
        """Return the error that an operation has no words in this format."""
        name, where = node.primitive.name, described(node.location)
        return GraphError("formats.operation", format=self.name, name=name, where=where)


def expanded(graph: Graph, dialect: Dialect) -> Graph:
    """Return the graph in operations that the dialect knows.

    Raises
    ------
    GraphError
        If an operation is neither known nor made of known ones; names it.
    """
    new = {node: node for node in graph.inputs}
    _enter(graph.outputs, new, dialect, 0)
    return Graph(graph.inputs, [new[node] for node in graph.outputs], name=graph.name)


def _enter(outputs: tuple[Node, ...], new: dict[Node, Node], dialect: Dialect, depth: int) -> None:
    """Enter what stands for the outputs, and for all that they are computed from."""
    with on_behalf() as on_behalf_of:
        for node in ancestors(outputs, stop=list(new)):
            on_behalf_of(node)
            new[node] = _standing_for(node, new, dialect, depth)


def _standing_for(node: Node, new: dict[Node, Node], dialect: Dialect, depth: int) -> Node:
    if node.primitive in (INPUT, CONSTANT):
        return node
    operands = [new[source] for source in node.inputs]
    same = all(a is b for a, b in zip(operands, node.inputs, strict=True))
    made = node if same else apply(node.primitive, *operands, **node.settings)
    if dialect.knows(made):
        new[made] = made
        return made
    if depth == DEEPEST:
        raise dialect.refused(made)
    parts = _composition(made, dialect)
    _enter((parts,), new, dialect, depth + 1)
    return new[parts]


def _composition(node: Node, dialect: Dialect) -> Node:
    """Return what a node is made of: its primitive's ``forward``, run on nodes."""
    operands = [source.value if source.weak else source for source in node.inputs]
    try:
        made = node.primitive.forward(SPACE, *operands, **node.settings)
    except ChainruleError:
        made = None
    if not isinstance(made, Node) or made.primitive is node.primitive:
        raise dialect.refused(node)
    if made.shape != node.shape:
        made = apply("broadcast_to", made, shape=node.shape)
    return made if made.dtype == node.dtype else apply("convert", made, dtype=node.dtype.name)
