"""Machine code over blocks of rows, with memory for every call that is running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from chainrule.compiler.rows import RowsCode
from chainrule.compiler.workspace import RowsMemory

Array = np.ndarray[Any, Any]


class Machine:
    """Machine code that several threads may run at once: each call has memory of its own."""

    def __init__(self, code: RowsCode) -> None:
        self.code = code
        self._free: list[tuple[RowsMemory, Sequence[Array] | None]] = []

    @contextlib.contextmanager
    def memory(self, values: Sequence[Array]) -> Iterator[RowsMemory]:
        """Lend memory that nobody else uses meanwhile, with the parameters in it."""
        try:
            memory, held = self._free.pop()
        except IndexError:
            memory, held = RowsMemory(self.code), None
        if held is not values:
            memory.give(*values)
        try:
            yield memory
        finally:
            memory.release()
            self._free.append((memory, values))


class CompiledParts(NamedTuple):
    """Which parts of a network run as machine code, and why others cannot, as far as is known by now."""

    parts: tuple[str, ...]
    reasons: dict[str, str]


class Part(Protocol):
    """A part of a network that may run as machine code."""

    @property
    def compiled(self) -> bool:
        """Whether there is machine code."""

    @property
    def reason(self) -> str | None:
        """Why there can be none; None if nothing is in the way."""


def report(**parts: Part) -> CompiledParts:
    """Return which parts run as machine code by now."""
    reasons = {name: part.reason for name, part in parts.items() if part.reason is not None}
    return CompiledParts(tuple(name for name, part in parts.items() if part.compiled), reasons)
