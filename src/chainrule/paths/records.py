"""The records of a path: its vertices, its edges with their local derivatives, and their product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

from chainrule.graph import context
from chainrule.graph.node import Node


@dataclass(frozen=True)
class Vertex:
    """One value of a computation: an entry of an array, a number, or an array as a whole.

    Attributes
    ----------
    name
        ``W1[3, 12]`` for an entry, else the bare name.
    index
        The entry's place in the array.
    node
        The array.
    """

    name: str
    index: tuple[int, ...]
    node: Node = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.name


def vertex_of(node: Node, index: tuple[int, ...], names: Mapping[Node, str]) -> Vertex:
    """Return the vertex of an entry of a node, or of the whole node; ``names`` has the node's name."""
    name = names.get(node) or node.label or node.primitive.name
    return Vertex(f"{name}[{', '.join(map(str, index))}]" if index else name, index, node)


@dataclass(frozen=True)
class Edge:
    """One use of a value by another, and the local derivative.

    Attributes
    ----------
    source, consumer
        The value that is used, and the one computed from it.
    place
        Which operand of the consumer it is: ``a + a`` has two edges.
    local
        The local derivative: a number between entries. Between arrays it is an array in the consumer's shape
        for an elementwise operation, else None: there the pullback stands for it.
    masked
        Whether the edge is a branch not taken here, as a dead relu: a product along it is 0 whatever follows.
    """

    source: Vertex
    consumer: Vertex
    place: int
    local: Any
    masked: bool = False

    @cached_property
    def symbol(self) -> Any:
        """The local derivative in symbols, by the graph's own nodes: a node or a number.

        None where the consumer is not elementwise. It is of whole arrays; an entry of it belongs to an edge
        between entries.
        """
        node = self.consumer.node
        if node.primitive.partials is None:
            return None
        with context.on_behalf() as on_behalf_of:
            on_behalf_of(node)
            return node.primitive.partials(node, *node.inputs, **node.settings)[self.place]

    def __str__(self) -> str:
        return f"{self.source} → {self.consumer}"


@dataclass(frozen=True)
class Route:
    """Edges one after another, from the variable to the output.

    Attributes
    ----------
    edges
        The edges, from the variable on.
    """

    edges: tuple[Edge, ...]

    @property
    def vertices(self) -> tuple[Vertex, ...]:
        """The values along the path, both ends included; none if it has no edge."""
        return (*[edge.source for edge in self.edges[:1]], *[edge.consumer for edge in self.edges])

    def __str__(self) -> str:
        return " → ".join([vertex.name for vertex in self.vertices])


AnyRoute = TypeVar("AnyRoute", bound=Route)


@dataclass(frozen=True)
class Listing(Generic[AnyRoute]):
    """Some of the paths from a variable to the output, as a sequence, and the number of all.

    Attributes
    ----------
    listed
        The paths that are listed.
    count
        The number of all paths.
    """

    listed: tuple[AnyRoute, ...]
    count: int

    @property
    def more(self) -> int:
        """The number of paths that are not listed."""
        return self.count - len(self.listed)

    @overload
    def __getitem__(self, index: int) -> AnyRoute: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[AnyRoute, ...]: ...
    def __getitem__(self, index: int | slice) -> AnyRoute | tuple[AnyRoute, ...]:
        return self.listed[index]

    def __len__(self) -> int:
        return len(self.listed)

    def __iter__(self) -> Iterator[AnyRoute]:
        return iter(self.listed)
