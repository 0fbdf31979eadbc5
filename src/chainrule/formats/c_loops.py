"""From the recipe of one row to C: a loop for each array, around the formula of one entry.

An operation that is used once, entry for entry, is written into the formula of its consumer; so a layer
becomes one loop: a sum of products, a bias, an activation. Axes of length 1 are left out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from chainrule.formats.c_places import Index, counters, fitted, moved, plus, squeezed, with_gaps
from chainrule.formats.c_words import (
    FUNCTIONS,
    MOVES,
    REDUCTIONS,
    TYPES,
    called,
    formula,
    is_formula,
    literal,
)
from chainrule.formats.recipe import Recipe, part_of
from chainrule.formats.writing import PRODUCT, SIGN, Text
from chainrule.graph.node import CONSTANT, Node

INDENT = "    "
MOST_INLINE = 6  # operations in one formula


@dataclass
class Block:
    """Lines of C, and loops that are open around the next of them."""

    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def add(self, line: str) -> None:
        """Add a line."""
        self.lines.append(INDENT * self.depth + line)

    def nest(self, loops: Sequence[tuple[str, int]], write: Callable[[], None]) -> None:
        """Write inside loops, each of them a variable and how far it counts; braces where they are needed."""
        for variable, count in loops:
            self.add(f"for (int {variable} = 0; {variable} < {count}; {variable}++)")
            self.depth += 1
        first = len(self.lines)
        write()
        self.depth -= len(loops)
        if loops and len(self.lines) - first > 1:
            self.lines[first - 1] += " {"
            self.lines.append(INDENT * (self.depth + len(loops) - 1) + "}")


class Loops:
    """Writes the body of ``predict``.

    Parameters
    ----------
    made
        The recipe of one row.
    names
        The names of its nodes.
    """

    def __init__(self, made: Recipe, names: Mapping[Node, str]) -> None:
        self.made = made
        self.names = dict(names)
        self.functions: dict[str, Node] = {}
        self._inline: set[Node] = set()
        self._place()
        self._block = Block()
        self._totals: set[str] = set()

    def parts(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each part of the network with the lines that compute it."""
        written = [node for node in self.made.steps if node not in self._inline]
        for part, nodes in itertools.groupby(written, part_of):
            self._block = Block()
            for node in nodes:
                self._write(node)
            yield part, self._block.lines
        if not self.made.output.inputs:
            self._block = Block()
            self._copy(self.made.output)
            yield part_of(self.made.output), self._block.lines

    # What is written where.

    def _place(self) -> None:
        """Find the nodes that are written into the formula of what uses them."""
        operations: dict[Node, int] = {}
        for node in self.made.steps:
            inner = [operations[source] for source in node.inputs if source in self._inline]
            operations[node] = 1 + sum(inner)
            if self._may_be_inline(node) and (operations[node] < MOST_INLINE or node.primitive.name in MOVES):
                self._inline.add(node)

    def _may_be_inline(self, node: Node) -> bool:
        name = node.primitive.name
        consumers = self.made.uses.get(node, [])
        if node is self.made.output or any(_is_copy(consumer) for consumer in consumers):
            return False
        if name in MOVES:
            return name != "concatenate" and not _is_copy(node)
        if len(consumers) != 1 or part_of(consumers[0]) != part_of(node):
            return False
        consumer = consumers[0]
        if is_formula(consumer):
            return consumer.size == node.size
        return consumer.primitive.name in REDUCTIONS and is_formula(node)

    # Writing.

    def _write(self, node: Node) -> None:
        name = node.primitive.name
        target = self._target(node)
        if name == "concatenate":
            self._declare(node, target)
            self._concatenate(node, target)
        elif _is_copy(node):
            self._declare(node, target)
            size = f"{node.size} * sizeof out[0]" if target == "out" else f"sizeof {target}"
            self._block.add(f"memcpy({target}, {self._target(node.inputs[0])}, {size});")
        elif not squeezed(node.shape) and target != "out":
            self._scalar(node, target)
        else:
            self._declare(node, target)
            self._loop(node, target)

    def _scalar(self, node: Node, target: str) -> None:
        """Write a single number; a total is gathered under its own name."""
        if node.primitive.name in REDUCTIONS:
            self._reduce(node, ("0",) * len(node.shape), target)
        else:
            value = self._value(node, ("0",) * len(node.shape))
            self._block.add(f"const {TYPES[node.dtype.name]} {target} = {value.text};")

    def _declare(self, node: Node, target: str) -> None:
        if target != "out":
            lengths = "".join(f"[{length}]" for length in squeezed(node.shape))
            self._block.add(f"{TYPES[node.dtype.name]} {target}{lengths};")

    def _loop(self, node: Node, target: str) -> None:
        loops, index = counters(node.shape)

        def write() -> None:
            value = self._value(node, index, top=True)
            self._block.add(f"{self._entry(target, node.shape, index)} = {value.text};")

        outer = self._totals
        self._totals = set() if loops else outer
        self._block.nest(loops, write)
        self._totals = outer

    def _copy(self, node: Node) -> None:
        loops, index = counters(node.shape)
        self._block.nest(
            loops,
            lambda: self._block.add(
                f"{self._entry('out', node.shape, index)} = {self._operand(node, index).text};"
            ),
        )

    def _concatenate(self, node: Node, target: str) -> None:
        axis, start = node.settings["axis"], 0
        for source in node.inputs:
            loops, index = counters(source.shape)
            place = list(index)
            place[axis] = plus(index[axis], start)
            value = self._operand(source, index).text
            line = f"{self._entry(target, node.shape, place)} = {value};"
            self._block.nest(loops, lambda line=line: self._block.add(line))  # type: ignore[misc]
            start += source.shape[axis]

    def _target(self, node: Node) -> str:
        return "out" if node is self.made.output else self.names[node]

    # Values of entries.

    def _operand(self, node: Node, index: Index) -> Text:
        """Return the entry of an operand: a number, an entry of an array, or a formula."""
        if node.primitive is CONSTANT and not node.shape:
            return literal(node.value if node.weak else node.value[()], np.dtype(node.dtype))
        if node in self._inline:
            return self._value(node, index)
        return Text(self._entry(self._target(node), node.shape, index))

    def _entry(self, name: str, shape: Sequence[int], index: Index) -> str:
        """Return ``name[i][j]``; the input and the output are rows, also of a single number."""
        used = [place for place, length in zip(index, shape, strict=True) if length != 1]
        if not used and name in ("out", self.names[self.made.x]):
            used = ["0"]
        return name + "".join(f"[{place}]" for place in used)

    def _value(self, node: Node, index: Index, *, top: bool = False) -> Text:
        name = node.primitive.name
        if name in MOVES:
            return self._operand(node.inputs[0], moved(node, index))
        if is_formula(node):
            operands = [self._typed(source, node, index) for source in node.inputs]
            return formula(node, operands, self._function(node))
        total = self._free("sum" if name in ("matmul", "einsum") else name)
        return self._reduce(node, index, total, bare=top)

    def _typed(self, source: Node, node: Node, index: Index) -> Text:
        """Return an operand of a formula; a plain number takes the dtype that it has there."""
        if source.weak:
            others = [other.dtype for other in node.inputs if not other.weak]
            dtype = np.result_type(*others, type(source.value)(1)) if others else source.dtype
            return literal(source.value, np.dtype(dtype))
        return self._operand(source, fitted(index, source.shape))

    def _function(self, node: Node) -> str:
        name = node.primitive.name
        if name not in FUNCTIONS:
            return called(node)
        plain = TYPES[node.dtype.name] == TYPES[self.made.x.dtype.name]
        wanted = name if plain else f"{name}_{TYPES[node.dtype.name]}"
        while wanted in self.functions and not _same_function(self.functions[wanted], node):
            wanted += "_"
        self.functions.setdefault(wanted, node)
        return wanted

    def _free(self, name: str) -> str:
        free, count = name, 1
        while free in self._totals or free in self.names.values():
            count += 1
            free = f"{name}_{count}"
        self._totals.add(free)
        return free

    # Many entries that become one.

    def _reduce(self, node: Node, index: Index, total: str, *, bare: bool = False) -> Text:
        """Write the loop that gathers a total in double; return the total in the node's dtype."""
        name = node.primitive.name
        loops, entry = self._gathered(node, index)
        start, step = REDUCTIONS.get(name, REDUCTIONS["sum"])
        self._block.add(f"double {total} = {start};")
        self._block.nest(loops, lambda: self._block.add(step.format(total=total, entry=entry().text)))
        if name == "mean":
            self._block.add(f"{total} /= {math.prod(count for _, count in loops)};")
        kind = TYPES[node.dtype.name]
        return Text(total) if bare or kind == "double" else Text(f"({kind}){total}", SIGN)

    def _gathered(self, node: Node, index: Index) -> tuple[list[tuple[str, int]], Callable[[], Text]]:
        """Return the loops over what becomes one entry, and a function that returns its text inside them."""
        name = node.primitive.name
        free = (letter for letter in "ijklmnpqrstuvw" if letter not in "".join(index))
        if name == "matmul":
            return self._product(node, index, next(free))
        if name == "einsum":
            return self._einsum(node, index, free)
        source, axes = node.inputs[0], node.settings["axis"]
        kept = list(index) if node.settings["keepdims"] else with_gaps(index, axes)
        loops = []
        for axis in axes:
            kept[axis] = "0"
            if source.shape[axis] != 1:
                kept[axis] = next(free)
                loops.append((kept[axis], source.shape[axis]))
        return loops, lambda: self._operand(source, kept)

    def _product(
        self, node: Node, index: Index, variable: str
    ) -> tuple[list[tuple[str, int]], Callable[[], Text]]:
        """Return the loop of a product of matrices; a vector is a row on the left, a column on the right."""
        x, y = node.inputs
        place = list(index)
        column = [place.pop()] if y.ndim > 1 else []
        row = [place.pop()] if x.ndim > 1 else []
        count = x.shape[-1]
        at = variable if count != 1 else "0"
        left = [*fitted(place, x.shape[:-2]), *row, at]
        right = [*fitted(place, y.shape[:-2]), at, *column]

        def entry() -> Text:
            parts = [self._operand(x, left), self._operand(y, right)]
            first = parts[0] if x.dtype == np.float64 else Text(f"(double){parts[0].within(SIGN)}", SIGN)
            return Text(f"{first.within(PRODUCT)} * {parts[1].within(PRODUCT + 1)}", PRODUCT)

        return ([(variable, count)] if count != 1 else []), entry

    def _einsum(
        self, node: Node, index: Index, free: Iterator[str]
    ) -> tuple[list[tuple[str, int]], Callable[[], Text]]:
        """Return the loops over the letters that an einsum sums over."""
        terms, _, output = node.settings["subscripts"].partition("->")
        at = dict(zip(output, index, strict=True))
        lengths: dict[str, int] = {}
        for term, source in zip(terms.split(","), node.inputs, strict=True):
            for sign, length in zip(term, source.shape, strict=True):
                lengths[sign] = max(length, lengths.get(sign, 1))
        summed = [sign for sign in dict.fromkeys(terms.replace(",", "")) if sign not in at]
        at |= {sign: next(free) if lengths[sign] != 1 else "0" for sign in summed}

        def entry() -> Text:
            pairs = zip(terms.split(","), node.inputs, strict=True)
            factors = [
                self._operand(source, fitted([at[sign] for sign in term], source.shape))
                for term, source in pairs
            ]
            return Text("(double)" + " * ".join(factor.within(SIGN) for factor in factors), PRODUCT)

        return [(at[sign], lengths[sign]) for sign in summed if lengths[sign] != 1], entry


def _same_function(one: Node, other: Node) -> bool:
    return one.primitive is other.primitive and dict(one.settings) == dict(other.settings)


def _is_copy(node: Node) -> bool:
    """Return whether a node is a reshape that does more than to add or drop axes of length 1."""
    return node.primitive.name == "reshape" and squeezed(node.shape) != squeezed(node.inputs[0].shape)
