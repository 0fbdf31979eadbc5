"""The `Ledger`: the one running graph of a script that is read, and how its values and nodes come about."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.reading.limits import LOOKS, Limits, shortened
from chainrule.audits.reading.values import Array, Foreign, Library, Scalar, Storage, shadow
from chainrule.errors import AuditError
from chainrule.graph import context
from chainrule.graph.node import INPUT, Node, constant, input_node
from chainrule.graph.order import ancestors
from chainrule.graph.trace import Trace
from chainrule.primitives.shapes import stack

KINDS = {"builtins.float": float, "builtins.int": int, "builtins.bool": bool}


class Place(NamedTuple):
    """On whose behalf nodes are made: the script's line, in the form in which the graph asks for it."""

    location: context.Location
    scope: str = ""


@dataclass(eq=False)
class Start:
    """A number or an array with which the script starts; ``literal`` is where it is written, if it is."""

    node: Node
    name: str
    value: Any
    line: int
    literal: tuple[int, int] | None = None
    computed: bool = False


@dataclass(eq=False)
class Ledger:
    """All that is known while a script is read.

    ``pinned`` are the literals (line, column) that turned out to be counts, indices or shapes: read as plain
    whole numbers. ``guards`` are the truth values on which the script's course depends, ``real`` the numbers
    that are written with a point.
    """

    source: list[str]
    filename: str
    limits: Limits
    pinned: set[tuple[int, int]] = field(default_factory=set)
    line: int = 0
    trace: Trace = field(default_factory=lambda: Trace(None))
    starts: dict[Node, Start] = field(default_factory=dict)
    guards: list[Node] = field(default_factory=list)
    newly_pinned: set[tuple[int, int]] = field(default_factory=set)
    reads: list[Any] = field(default_factory=list)
    real: set[Node] = field(default_factory=set)
    clock: int = 0

    def at(self, line: int) -> None:
        """Let what follows happen on behalf of a line of the script."""
        self.line = line
        place: Any = Place(context.Location(self.filename, line))
        context.behalf.set(place)

    def code(self, line: int | None = None) -> str:
        """Return the text of a line; empty where there is none."""
        number = self.line if line is None else line
        return self.source[number - 1].strip() if 0 < number <= len(self.source) else ""

    def refusal(self, key: str, line: int | None = None, **values: Any) -> AuditError:
        """Return the error that names a line of the script."""
        number = self.line if line is None else line
        return AuditError(key, file=self.filename, line=number, code=shortened(self.code(number)), **values)

    # Values and nodes.

    def traced(self, value: Any) -> bool:
        """Return whether a value depends on what the script starts from."""
        if isinstance(value, Array):
            storage = value.storage
            return storage.node is not None or bool(storage.name) or storage.origin is not None
        if isinstance(value, list | tuple):
            return any(map(self.traced, value))
        return isinstance(value, Scalar)

    def node(self, value: Any) -> Any:
        """Return a value as an operand: its node if it is traced, else the plain number or array."""
        if isinstance(value, Scalar):
            return value.node
        if isinstance(value, Array):
            return value.seen(self.base(value.storage)) if self.traced(value) else value.value
        if isinstance(value, list | tuple):
            return self.joined(value) if self.traced(value) else value
        if isinstance(value, Foreign):
            raise self.refusal("reading.foreign", name=value.name, origin=value.line)
        return value

    def base(self, storage: Storage) -> Node:
        """Return the node of all of a storage; what has no node yet becomes an input."""
        if storage.node is None:
            copied = None if storage.name or storage.origin is None else storage.origin()
            storage.node = self.start(storage.root, storage.name, storage.line) if copied is None else copied
            if storage.changes:
                storage.changes[-1] = storage.changes[-1]._replace(node=storage.node)
            else:
                storage.first = storage.node
        return storage.node

    def joined(self, values: Any) -> Node:
        """Return the node of a list of numbers or arrays, as `numpy.array` would make it."""
        return stack([self.node(value) for value in values])

    def start(
        self,
        value: Any,
        name: str,
        line: int,
        literal: tuple[int, int] | None = None,
        *,
        computed: bool = False,
    ) -> Node:
        """Return a new input of the graph with a value of the script."""
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise self.refusal("reading.kind", kind=array.dtype)
        dtype = array.dtype if array.dtype.kind == "b" else np.dtype(float)
        node = input_node(array.shape, dtype, name)
        kept = array.astype(dtype)
        self.trace.values[node] = kept if kept.ndim else kept[()]
        self.starts[node] = Start(node, name, self.trace.values[node], line, literal, computed)
        return node

    def number(self, value: Any, name: str, literal: tuple[int, int] | None) -> Any:
        """Return a plain number that was given a name as an input of the graph; counts stay as they are."""
        if literal in self.pinned:
            return value
        node = self.start(value, name, self.line, literal, computed=literal is None)
        if isinstance(value, float):
            self.real.add(node)
        return Scalar(value, node)

    def labelled(self, number: Scalar) -> Scalar:
        """Return a number that may be a label or a flag: it varies only if a claim is about it."""
        self.starts[number.node].computed = True
        return number

    def wrapped(self, value: Any, node: Any) -> Any:
        """Return a result: what NumPy made of the values, and what the graph made of the nodes."""
        if isinstance(node, Node) and not isinstance(value, np.ndarray):
            return Scalar(value, node)
        if isinstance(value, np.ndarray):
            return self.fresh(value, node if isinstance(node, Node) else None)
        return value

    def fresh(self, value: Any, node: Node | None = None) -> Array:
        """Return a new array with memory of its own."""
        self.limits.allocate(value.size)
        root = value if value.flags.owndata and value.flags.c_contiguous else np.array(value, order="C")
        return Array(root, Storage(root, node, node, line=self.line))

    def drawn(self, value: Any) -> Any:
        """Return what was drawn at random: data or parameters, once it has a name."""
        result = self.wrapped(value, None)
        if isinstance(result, Array):
            result.storage.drawn = True
        return result

    # Arithmetic.

    def apply(self, function: Callable[..., Any], *operands: Any) -> Any:
        """Return an operator applied to numbers and arrays, whether traced or not."""
        self.limits.check(function, operands)
        values = [np.asarray(shadow(v)) if isinstance(v, list | tuple) else shadow(v) for v in operands]
        with np.errstate(all="ignore"):
            value = function(*values)
        if any(map(_drawn, operands)) and not any(map(_is_variable, operands)):
            return self.drawn(value)  # the scale of a random draw belongs to the draw
        if not any(map(self.traced, operands)):
            return self.wrapped(value, None)
        nodes = [self.node(operand) for operand in operands]
        if function is operator.pow and isinstance(operands[1], Scalar):
            nodes[1] = self.exponent(operands[1])
        return self.wrapped(value, function(*nodes))

    def exponent(self, power: Scalar) -> Any:
        """Return an exponent: a whole number is one for good, since other powers of x < 0 do not exist."""
        if float(power.value).is_integer():
            self.pin(power.node)
            return power.value
        return power.node

    # Where the course of the script depends on numbers.

    def truth(self, value: Any) -> bool:
        """Return the truth of a value, and remember what it depends on."""
        if isinstance(value, Foreign):
            raise self.refusal("reading.foreign", name=value.name, origin=value.line)
        if not isinstance(value, Scalar | Array):
            return bool(value)
        known = bool(value.value)
        if self.traced(value):
            node = self.node(value)
            if node.primitive is INPUT or node.primitive.name in ("equal", "not_equal"):
                self.pin(node, every=True)
            else:
                self.pin(node)
            if node.size == 1:
                self.guard(node if node.dtype == bool else node != 0, known)
        return known

    def guard(self, node: Any, known: Any) -> None:
        """Remember that a node has this truth (or these truths) along the course that is read."""
        found = ancestors([node]) if isinstance(node, Node) else []
        self.limits.step(len(found) // LOOKS)
        if any(source.primitive is INPUT for source in found):
            self.guards.append((node == known).all() if node.shape else node == known)

    def pin(self, node: Node, *, every: bool = False) -> None:
        """Take the whole numbers behind a node (or ``every`` number) for counts, which never vary."""
        found = ancestors([node])
        self.limits.step(len(found) // LOOKS)
        for source in found:
            start = self.starts.get(source)
            literal = None if start is None else start.literal
            if start is None or literal is None:
                continue
            if every or (source not in self.real and float(start.value).is_integer()):
                self.newly_pinned.add(literal)

    def plain(self, value: Any) -> Any:
        """Return the plain number or array where only that will do: a count, a shape, an index."""
        if isinstance(value, Foreign):
            raise self.refusal("reading.foreign", name=value.name, origin=value.line)
        if isinstance(value, Library):
            return KINDS.get(value.path, value)
        if isinstance(value, list | tuple):
            return type(value)([self.plain(item) for item in value])
        if isinstance(value, Scalar) or (isinstance(value, Array) and value.storage.node is not None):
            node = self.node(value)
            self.pin(node)
            if any(not part.primitive.differentiable for part in ancestors([node])):
                self.guard(node == constant(value.value), np.bool_(True))
        return shadow(value)


def _drawn(value: Any) -> bool:
    return isinstance(value, Array) and value.storage.drawn and not value.storage.name


def _is_variable(value: Any) -> bool:
    """Return whether a value is an array that the script computes with already."""
    return isinstance(value, Array) and (value.storage.node is not None or bool(value.storage.name))
