"""What a computation is lowered to: arrays in memory, and statements in loops over their entries.

It prints with indices as in mathematics, ``t3[i, j]``; the emitted source has the places in memory instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.compiler.places import ZERO, Affine, Index
from chainrule.graph.node import Node
from chainrule.graph.primitive import Shape


@dataclass(eq=False)
class Buffer:
    """An array of the computation, row by row in memory; a row may be longer than the entries it holds.

    Attributes
    ----------
    name, shape, dtype
        Of the array.
    row
        How many entries lie between the beginnings of two rows.
    role
        "input", "output", "constant" (whose ``value`` is known), or "scratch".
    slot, offset
        The entry of the table of addresses, and the bytes from there; decided last.
    """

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    row: int
    role: str = "scratch"
    value: Any = None
    slot: int = 0
    offset: int = -1

    @property
    def strides(self) -> tuple[int, ...]:
        """Entries from one place to the next along each axis."""
        steps = [1] * len(self.shape)
        for axis in range(len(self.shape) - 2, -1, -1):
            steps[axis] = self.row if axis == len(self.shape) - 2 else steps[axis + 1] * self.shape[axis + 1]
        return tuple(steps)

    @property
    def entries(self) -> int:
        """Entries from the first to behind the last row, padding included."""
        return self.row * int(np.prod(self.shape[:-1], dtype=np.int64)) if self.shape else 1

    @property
    def kind(self) -> str:
        """Dtype and shape: ``float64[3, 2]``; without axes ``float64``."""
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]" if self.shape else str(self.dtype)

    @property
    def padded(self) -> bool:
        """Whether rows are longer than what they hold."""
        return bool(self.shape) and self.row != self.shape[-1]

    def place(self, index: Index) -> Affine:
        """Return the place of an entry in memory, counted in entries."""
        place = ZERO
        for step, part in zip(self.strides, index, strict=True):
            place = place + part * step
        return place

    def __str__(self) -> str:
        return f"{self.kind}, rows of {self.row}" if self.padded else self.kind


@dataclass(frozen=True)
class Access:
    """An entry of a buffer; ``flat`` places count through memory instead of along the axes."""

    buffer: Buffer
    index: Index
    flat: bool = False

    @property
    def place(self) -> Affine:
        """Return the place in memory."""
        return self.index[0] if self.flat else self.buffer.place(self.index)


@dataclass(frozen=True)
class Address:
    """The place where a vector register's entries begin."""

    access: Access


@dataclass(frozen=True)
class Whole(Address):
    """The place where an array begins, handed to a function that takes all of it.

    ``cut`` is how many rows it has and where the second share's begin, if each share takes its own only.
    """

    cut: tuple[int, int] | None = None


Operand = str | Access | Address
Write = Callable[[Operand], str]
UNKNOWN = 64  # iterations of a loop whose bounds are known at run time only
_HOLE = re.compile("⟨(\\d+)⟩")


@dataclass(frozen=True)
class Text:
    """A piece of source in which ⟨0⟩, ⟨1⟩ stand for operands that are written later."""

    template: str
    operands: tuple[Operand, ...] = ()

    def written(self, write: Write) -> str:
        """Return the source, operands written by ``write``."""
        return _HOLE.sub(lambda match: write(self.operands[int(match[1])]), self.template)


def joined(template: str, *texts: Text) -> Text:
    """Return ``template`` with its holes filled by texts, which have holes of their own."""
    operands: list[Operand] = []
    filled: list[str] = []
    for text in texts:
        base = len(operands)
        filled.append(_HOLE.sub(lambda match, base=base: f"⟨{int(match[1]) + base}⟩", text.template))  # type: ignore[misc]
        operands.extend(text.operands)
    return Text(_HOLE.sub(lambda match: filled[int(match[1])], template), tuple(operands))


def read(operand: Operand) -> Text:
    """Return the text that is one operand."""
    return Text("⟨0⟩", (operand,))


@dataclass(frozen=True)
class Let:
    """``name = text``; ``node`` is what it computes."""

    name: str
    text: Text
    node: Node | None = None


@dataclass(frozen=True)
class Store:
    """``access = text``."""

    access: Access
    text: Text


@dataclass(frozen=True)
class Do:
    """A call for what it does, such as a product by BLAS, or a line such as ``return step``."""

    text: Text


@dataclass(frozen=True)
class Comment:
    """A line for the reader; ``nodes`` are those whose user lines belong to it."""

    text: str
    nodes: tuple[Node, ...] = ()


@dataclass
class If:
    """Statements that are executed if a condition holds."""

    condition: Text
    body: list[Statement] = field(default_factory=list)


@dataclass
class Loop:
    """``for variable in range(start, stop, step)``; a ``short`` one may be written out by the optimiser."""

    variable: str
    stop: int | str
    body: list[Statement] = field(default_factory=list)
    start: int | str = 0
    step: int = 1
    short: bool = False


Statement = Let | Store | Do | Comment | If | Loop


@dataclass(frozen=True)
class Stage:
    """The statements that one kernel is lowered to.

    ``sharing`` says how two threads do it: "rows" (each does half of every outermost loop), "columns" (half
    of every innermost one), "each" (both do all of it, into variables of their own), or "one".
    """

    title: str
    nodes: tuple[Node, ...]
    body: tuple[Statement, ...]
    sharing: str = "one"


def statements(body: Sequence[Statement]) -> Iterator[Statement]:
    """Yield all statements, those inside loops too."""
    for statement in body:
        yield statement
        if isinstance(statement, Loop | If):
            yield from statements(statement.body)


def iterations(body: Sequence[Statement]) -> float:
    """Return about how often the innermost statements are executed; a call counts as very often."""
    count = 0.0
    for statement in body:
        if isinstance(statement, Loop):
            times = statement.stop if isinstance(statement.stop, int) else UNKNOWN
            begin = statement.start if isinstance(statement.start, int) else 0
            count += max(times - begin, 0) / statement.step * max(iterations(statement.body), 1)
        elif isinstance(statement, If):
            count += iterations(statement.body)
        elif isinstance(statement, Do) and statement.text.template.startswith("gemm("):
            return math.inf
    return count


def accesses(body: Sequence[Statement]) -> Iterator[tuple[Access, bool]]:
    """Yield every access to memory, and whether it writes."""
    for statement in statements(body):
        if isinstance(statement, Store):
            yield statement.access, True
            yield from _read(statement.text)
        elif isinstance(statement, Let | Do):
            yield from _read(statement.text)
        elif isinstance(statement, If):
            yield from _read(statement.condition)


def _read(text: Text) -> Iterator[tuple[Access, bool]]:
    writes = text.template.startswith(("store(", "gemm("))
    for operand in text.operands:
        if isinstance(operand, Access):
            yield operand, False
        elif isinstance(operand, Address):
            yield operand.access, writes


def printed(body: Sequence[Statement], write: Write, range_of: Callable[[Loop], str]) -> Iterator[str]:
    """Yield the lines of statements, four spaces a level."""
    for statement in body:
        if isinstance(statement, Let):
            yield f"{statement.name} = {statement.text.written(write)}"
        elif isinstance(statement, Store):
            yield f"{write(statement.access)} = {statement.text.written(write)}"
        elif isinstance(statement, Do):
            yield statement.text.written(write)
        elif isinstance(statement, Comment):
            yield f"# {statement.text}"
        else:
            if isinstance(statement, If):
                yield f"if {statement.condition.written(write)}:"
            else:
                yield f"for {statement.variable} in {range_of(statement)}:"
            lines = list(printed(statement.body, write, range_of)) or ["pass"]
            yield from ("    " + line for line in lines)


def in_mathematics(operand: Operand) -> str:
    """Write an operand with its indices: ``t3[i, j]``."""
    if isinstance(operand, str):
        return operand
    if isinstance(operand, Address):
        return in_mathematics(operand.access)
    return f"{operand.buffer.name}[{', '.join(map(str, operand.index)) or '()'}]"


def plain_range(loop: Loop) -> str:
    """Write the range of a loop."""
    if loop.step != 1:
        return f"range({loop.start}, {loop.stop}, {loop.step})"
    return f"range({loop.stop})" if loop.start == 0 else f"range({loop.start}, {loop.stop})"
