"""Where two threads that share the stages of a step must wait for each other, and where they need not.

A stage is cut in two shares of fixed bounds, and each thread does one. If what a thread reads was written in
the same rows by its own share, it goes on; it waits before it touches what the other may still be writing,
or reading where it writes. Arrays that share room count as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chainrule.compiler.loops import (
    Access,
    Address,
    Buffer,
    Do,
    If,
    Let,
    Loop,
    Stage,
    Statement,
    Store,
    Text,
    Whole,
    statements,
)
from chainrule.compiler.memory import size_of

ALIGNED = 16  # iterations of which a share is a multiple

Cut = tuple[int, int]
"""How many rows there are, and where the second share begins."""


class _Use(NamedTuple):
    """An array that a stage reads or writes; ``cut`` if each share touches only its own rows of it."""

    buffer: Buffer
    writes: bool
    cut: Cut | None
    alone: bool


def cut_of(loop: Loop) -> Cut | None:
    """Return how a loop is shared; None if it is not: the second share does all of it."""
    if not isinstance(loop.stop, int) or loop.start != 0:
        return None
    quantum = loop.step if loop.step > 1 else ALIGNED
    return loop.stop, loop.stop // 2 // quantum * quantum


def must_wait(stages: Sequence[Stage]) -> list[bool]:
    """Return for each stage whether threads must wait for each other before it."""
    since: dict[_Use, None] = {}
    answers: list[bool] = []
    for stage in stages:
        uses = dict.fromkeys(_uses(stage))
        waits = any(_conflict(earlier, use) for earlier in since for use in uses)
        answers.append(waits)
        since = uses if waits else since | uses
    return answers


def _conflict(a: _Use, b: _Use) -> bool:
    if (a.alone and b.alone) or not (a.writes or b.writes) or a.buffer.slot != b.buffer.slot:
        return False
    if a.buffer is b.buffer:
        return a.cut is None or a.cut != b.cut
    if a.buffer.slot:
        return False
    first, second = sorted((a.buffer, b.buffer), key=lambda buffer: buffer.offset)
    return first.offset + size_of(first) > second.offset


def _uses(stage: Stage) -> Iterator[_Use]:
    for statement in stage.body:
        loop = statement if isinstance(statement, Loop) else None
        shared = stage.sharing in ("rows", "columns")
        for access, writes, cut in _touched(statement):
            if shared and cut is None and loop is not None:
                cut = (
                    _own_columns(statement, access) if stage.sharing == "columns" else _own_rows(loop, access)
                )
            yield _Use(access.buffer, writes, cut if shared else None, stage.sharing == "one")


def _own_rows(loop: Loop, access: Access) -> Cut | None:
    """Return how a loop cuts the rows of an array, if it touches only those that it stands at."""
    cut = cut_of(loop)
    if cut is None or access.flat or not access.index or access.buffer.shape[0] != cut[0]:
        return None
    row = access.index[0]
    own = row.terms == ((loop.variable, 1),) and 0 <= row.constant < loop.step
    return cut if own else None


def _own_columns(statement: Statement, access: Access) -> Cut | None:
    """Return how the innermost loops cut a row of numbers, if they touch only those that they stand at."""
    inner = [s for s in statements([statement]) if isinstance(s, Loop)][-1]
    return _own_rows(inner, access) if len(access.index) == 1 else None


def _touched(statement: Statement) -> Iterator[tuple[Access, bool, Cut | None]]:
    """Yield every access in a statement: whether it writes, and the cut that it brings."""
    for inner in statements([statement]):
        if isinstance(inner, Store):
            yield inner.access, True, None
            yield from _operands(inner.text, None)
        elif isinstance(inner, Let):
            yield from _operands(inner.text, None)
        elif isinstance(inner, If):
            yield from _operands(inner.condition, None)
        elif isinstance(inner, Do):
            last = len(inner.text.operands) - 1
            yield from _operands(inner.text, last if inner.text.template.startswith("gemm(") else 0)


def _operands(text: Text, written: int | None) -> Iterator[tuple[Access, bool, Cut | None]]:
    for place, operand in enumerate(text.operands):
        if isinstance(operand, Access):
            yield operand, False, None
        elif isinstance(operand, Address):
            yield operand.access, place == written, operand.cut if isinstance(operand, Whole) else None
