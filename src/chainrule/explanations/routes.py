"""The paths from a variable to the output, with local derivatives in symbols and numbers, and their sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from chainrule import paths as between
from chainrule.explanations.entries import find_entry, split_name
from chainrule.explanations.plain_paths import bracketed, to_text
from chainrule.explanations.readable import Readable
from chainrule.explanations.run import Run
from chainrule.explanations.terms import local_symbol
from chainrule.graph.node import Node

MOST_TERMS = 12  # of a bracket


@dataclass(frozen=True)
class PathEdge:
    """An edge of a path: ∂through/∂source in symbols (empty where there is no short form) and its value."""

    source: str
    through: str
    local: str
    local_value: Any


@dataclass(frozen=True)
class Path:
    """One path from a variable to the output.

    Attributes
    ----------
    edges
        Its edges, from the variable on.
    product
        The product of their local derivatives; between whole arrays, what comes back along this path.
    """

    edges: tuple[PathEdge, ...]
    product: Any

    @property
    def names(self) -> tuple[str, ...]:
        """The values on the path, both ends included."""
        return (*[edge.source for edge in self.edges[:1]], *[edge.through for edge in self.edges])

    def __str__(self) -> str:
        return " → ".join(self.names)


@dataclass(frozen=True)
class Multiplications:
    """How many multiplications the derivative costs, written in three ways.

    ``expanded``: as the sum over all paths; ``bracketed``: with common factors outside of brackets;
    ``backpropagation``: each value's derivative once, handed on.
    """

    expanded: int
    bracketed: int
    backpropagation: int


@dataclass(frozen=True)
class Factored:
    """The derivative with common factors outside of brackets: in symbols, and with this run's numbers."""

    symbols: str
    numbers: str


@dataclass(frozen=True, repr=False)
class Paths(Readable):
    """The paths from a variable to the output; as a sequence, those that are listed, the largest first.

    Attributes
    ----------
    name, output
        The two ends.
    count
        The number of all paths.
    listed
        Those that are listed.
    total
        The sum of all products: the derivative.
    remainder
        The sum of the products of the paths that are not listed.
    absolute
        The sum of all absolute products, by which rounding is judged; None between whole arrays.
    multiplications
        What the sum over all paths costs, beside brackets and backpropagation; None between whole arrays.
    factored
        The derivative with common factors outside of brackets; None between whole arrays.
    """

    shown = ("name", "output", "count", "total")

    name: str
    output: str
    count: int
    listed: tuple[Path, ...]
    total: Any
    remainder: Any
    absolute: float | None
    multiplications: Multiplications | None
    factored: Factored | None

    @property
    def more(self) -> int:
        """The number of paths that are not listed."""
        return self.count - len(self.listed)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Path, ...]: ...
    def __getitem__(self, index: int | slice) -> Path | tuple[Path, ...]:
        return self.listed[index]

    def __len__(self) -> int:
        return len(self.listed)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.listed)

    def to_text(self) -> str:
        """Return the paths as lines of text, in the current language."""
        return to_text(self)


Sequence.register(Paths)  # not a subclass: `count` is the number of paths here, not a method


def find_paths(run: Run, name: str, most: int) -> Paths:
    """Return the paths from a value, or from an entry of one, to the output, ``most`` of them listed."""
    head, index = split_name(name)
    values = {source: value for source, value in run.by_name.items() if run.nodes[source].dtype.kind == "f"}
    if index is None and head in values and np.ndim(values[head]) > 0:
        return _between_arrays(run, head, most)
    entry = find_entry(name, values)
    found = between.EntryGraph(run.graph, run.given, run.nodes[entry.name], entry.index, run.names)
    symbols = _Symbols(run)
    paths = found.paths(most)
    product = found.factored(terms=MOST_TERMS)
    return Paths(
        name=str(entry),
        output=run.output_name,
        count=paths.count,
        listed=tuple([_path(symbols, path.edges, path.product) for path in paths]),
        total=paths.total,
        remainder=paths.remainder,
        absolute=paths.absolute,
        multiplications=Multiplications(*found.multiplications),
        factored=_factored(symbols, product) if product.factors else None,
    )


def _between_arrays(run: Run, name: str, most: int) -> Paths:
    found = between.array_paths(run.graph, run.given, run.nodes[name], most, run.names)
    symbols = _Symbols(run)
    listed = tuple([_path(symbols, path.edges, path.contribution) for path in found])
    return Paths(name, run.output_name, found.count, listed, found.total, found.remainder, None, None, None)


class _Symbols:
    """The local derivatives of a run's edges in symbols, found by their ends."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._numbers: dict[tuple[Node, Node, int], int] = {}
        for number, edge in enumerate(run.edges):
            self._numbers[edge.source, edge.consumer, run.place_in_consumer(number)] = number

    def __call__(self, edge: between.Edge) -> str:
        """Return the symbols of an edge; "" where there is no short form."""
        number = self._numbers.get((edge.source.node, edge.consumer.node, edge.place))
        if number is None:
            return ""
        whole = not edge.source.index and edge.source.node.shape
        ends = None if whole else (edge.source.index, edge.consumer.index)
        return local_symbol(self._run, number, ends, edge.local)


def _path(symbols: _Symbols, edges: Sequence[between.Edge], product: Any) -> Path:
    parts = [PathEdge(edge.source.name, edge.consumer.name, symbols(edge), edge.local) for edge in edges]
    return Path(tuple(parts), product)


def _factored(symbols: _Symbols, product: between.Product) -> Factored:
    return Factored(bracketed(product, symbols), bracketed(product, None))
