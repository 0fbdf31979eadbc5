"""How much a script may do while it is read: steps, depth of calls, entries of arrays, digits of numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.audits.reading.values import Array, shadow

STEPS = 200_000
LOOKS = 20  # looking at so many nodes counts as one step
ENTRIES = 50_000_000
LARGEST = 10_000_000
DEPTH = 40
DIGITS = 4_000  # bits of a whole number
WORDS = 100_000  # characters, or entries of a list
MOST_SHOWN = 100  # characters of a line, in a message


class Exceeded(Exception):  # noqa: N818 - it never leaves the reading: `statements` names the line
    """A bound was reached: which text says so, and the bound."""

    def __init__(self, key: str, limit: int) -> None:
        super().__init__(key)
        self.key = key
        self.limit = limit


class Limits:
    """Counts what has been used, and refuses to go on beyond the bounds."""

    def __init__(self) -> None:
        self.steps = 0
        self.entries = 0
        self.depth = 0

    def step(self, count: int = 1) -> None:
        """Count one statement or expression."""
        self.steps += count
        if self.steps > STEPS:
            raise Exceeded("reading.steps", STEPS)

    def allocate(self, size: int) -> None:
        """Count the entries of a new array."""
        self.entries += size
        if size > LARGEST or self.entries > ENTRIES:
            raise Exceeded("reading.memory", ENTRIES)

    def length(self, count: Any) -> None:
        """Refuse words and lists that are too long."""
        if count > WORDS:
            raise Exceeded("audit.too_long", WORDS)

    def shape(self, shape: Any) -> None:
        """Refuse an array that would be too large, before it is made."""
        size = 1
        for length in np.atleast_1d(np.asarray(shape, dtype=object)).ravel():
            size *= max(int(length), 1)
        if size > LARGEST:
            raise Exceeded("reading.memory", LARGEST)

    def check(self, function: Any, operands: Any) -> None:
        """Refuse an operation whose result would be too large, before it is computed."""
        if len(operands) != 2:
            return
        left, right = operands
        if isinstance(left, Array) and isinstance(right, Array):
            if function is operator.matmul:
                self.shape([*left.value.shape[:-1], *right.value.shape[-1:]])
            else:
                self.shape(np.broadcast_shapes(left.value.shape, right.value.shape))
            return
        self.whole(function, shadow(left), shadow(right))

    def whole(self, function: Any, left: Any, right: Any) -> None:
        """Refuse whole numbers with too many digits, and words and lists repeated too often."""
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length()
            if function is operator.pow:
                bits *= max(right, 1)
            elif function is operator.lshift:
                bits += max(right, 0)
            if bits > DIGITS:
                raise Exceeded("reading.memory", DIGITS)
        elif function is operator.mul:
            for words, count in ((left, right), (right, left)):
                if isinstance(words, str | bytes | list | tuple) and isinstance(count, int):
                    self.length(len(words) * count)
        elif function is operator.mod and isinstance(left, str) and any(map(str.isdigit, left)):
            self.form(left)

    def form(self, text: str) -> None:
        """Refuse a format that asks for very many characters."""
        digits = max(
            (len(run) for run in "".join(c if c.isdigit() else " " for c in text).split()), default=0
        )
        if digits > 3 or len(text) > WORDS:
            raise Exceeded("audit.too_long", WORDS)


def shortened(code: str) -> str:
    """Return a line as messages show it: cut where it is very long."""
    return code if len(code) <= MOST_SHOWN else code[:MOST_SHOWN] + " …"
