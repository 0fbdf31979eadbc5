"""What variables of a script hold while it is read: its numbers and arrays, each with its node beside it.

Every traced value has two halves. ``value`` is what plain NumPy has at this place, with its dtype, its views
and its errors; the node says the same in the graph. Arrays that were computed from constants alone have no
node until somebody computes with them under a name: then they are what the computation starts from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from chainrule.graph.node import Node


class Scalar:
    """A number that depends on what the script starts from; it never changes, as in Python."""

    __slots__ = ("node", "read", "value")

    def __init__(self, value: Any, node: Node) -> None:
        self.value = value
        self.node = node
        self.read = False


class Change(NamedTuple):
    """Something was written into a storage: when, on which line, its node then, what the line looked at."""

    time: int
    line: int
    node: Node | None
    reads: list[Any]


@dataclass(slots=True, eq=False)
class Storage:
    """The memory behind an array and all its views.

    ``node`` is None as long as the content is known from constants alone; ``first`` is the one before all
    ``changes``. ``read`` says whether a statement has computed something else with it, ``drawn`` whether it
    comes from random numbers. ``origin`` gives the node of what it is a copy of, which counts as long as the
    copy has no name.
    """

    root: Any
    node: Node | None = None
    first: Node | None = None
    name: str = ""
    line: int = 0
    read: bool = False
    drawn: bool = False
    origin: Callable[[], Any] | None = None
    changes: list[Change] = field(default_factory=list)


class Array:
    """An array that can be written to: all of a storage, or a view made by ``make`` from a ``parent``."""

    __slots__ = ("_nodes", "make", "parent", "storage", "value")

    def __init__(
        self,
        value: Any,
        storage: Storage,
        parent: Array | None = None,
        make: Callable[[Any], Any] | None = None,
    ) -> None:
        self.value = value
        self.storage = storage
        self.parent = parent
        self.make = make
        self._nodes: dict[Node, Node] = {}

    def seen(self, base: Node) -> Node:
        """Return the node of this view, given that of the whole storage; always the same one."""
        if self.parent is None or self.make is None:
            return base
        if base not in self._nodes:
            self._nodes[base] = self.make(self.parent.seen(base))
        return self._nodes[base]

    def positions(self) -> Any:
        """Return for each entry its place in the storage, counted through."""
        root = self.storage.root
        start = self.value.__array_interface__["data"][0] - root.__array_interface__["data"][0]
        places = np.full((), start // root.itemsize)
        for length, stride in zip(self.value.shape, self.value.strides, strict=True):
            places = places[..., None] + np.arange(length) * (stride // root.itemsize)
        return places


class Foreign:
    """Something whose inside is not read: a module that draws, a clock, a progress bar.

    It swallows calls and attributes; only where it meets numbers is it refused.
    """

    __slots__ = ("line", "name", "subject")

    def __init__(self, name: str, line: int, subject: Any = None) -> None:
        self.name = name
        self.line = line
        self.subject = subject


@dataclass(frozen=True)
class Library:
    """A module or a function of a library that is known, by its full path: ``numpy.random.randn``."""

    path: str


@dataclass(eq=False)
class Bound:
    """A method of something that is no script's own object: an array, a list, a word, a generator."""

    owner: Any
    name: str


@dataclass(eq=False)
class Scope:
    """The variables of a function's call, or of the script; ``outer`` is where others are looked up."""

    variables: dict[str, Any]
    outer: Scope | None = None
    name: str = ""
    shared: dict[str, Scope] = field(default_factory=dict)
    yielded: list[Any] | None = None
    owner: Any = None
    caller: Scope | None = None

    def home(self, name: str) -> Scope | None:
        """Return the scope in which a name is bound."""
        scope: Scope | None = self.shared.get(name, self)
        while scope is not None and name not in scope.variables:
            scope = scope.outer
        return scope


def shadow(value: Any) -> Any:
    """Return what plain Python has in this place, also inside lists, tuples and dicts."""
    if isinstance(value, Scalar | Array):
        return value.value
    if type(value) in (list, tuple):
        return type(value)([shadow(item) for item in value])
    if type(value) is dict:
        return {key: shadow(item) for key, item in value.items()}
    return value


def numbers(value: Any) -> bool:
    """Return whether a value is a number, an array, or a list of these."""
    if isinstance(value, list | tuple):
        return all(numbers(item) for item in value)
    return isinstance(value, Scalar | Array | int | float | np.generic)
