"""Emission: from loops to the text of one Python function, which Numba compiles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from chainrule.compiler import runtime
from chainrule.compiler.formulas import module_of
from chainrule.compiler.loops import (
    Address,
    Buffer,
    Comment,
    If,
    Let,
    Loop,
    Operand,
    Stage,
    Statement,
    Text,
    Whole,
    Write,
    accesses,
    plain_range,
    printed,
    statements,
)
from chainrule.compiler.lower import Lowered, type_name
from chainrule.graph.node import Node

_FUNCTIONS = re.compile(r"\b([A-Za-z_]\w*)\(")
_TYPES = re.compile(r"\b((?:u?int|float)(?:8|16|32|64)|bool_|inf|nan)\b")
ALIGNED = 16  # iterations of which a share is a multiple
PYTHON = frozenset(("range", "min", "max", "abs", "if", "in", "or", "and", "not", "for", "return"))


def emit(lowered: Lowered, *, checked: bool = False, steps: bool = False) -> str:
    """Return the source of a function ``name(memory, first, last)``.

    ``memory`` is a table of addresses. ``checked`` guards every place in memory by a test. With ``steps``
    everything is done for each step from ``first`` to before ``last``.
    """
    body = list(_body(lowered, checked=checked))
    if steps:
        inside = [f"    {line}" for line in body]
        body = ["", "for step in range(first, last):", *inside]
    arrays = [_declaration(buffer) for buffer in _used(lowered)]
    lines = [*arrays, *body, "", "return last"]
    function = [f"def {function_name(lowered)}(memory, first, last):", *("    " + line for line in lines)]
    text = "\n".join(line.rstrip() for line in function)
    return f"{_imports(text)}\n\n\n{text}\n"


def function_name(lowered: Lowered) -> str:
    """Return the name of the emitted function."""
    return lowered.name


def _used(lowered: Lowered) -> list[Buffer]:
    found = dict.fromkeys(access.buffer for stage in lowered.stages for access, _ in accesses(stage.body))
    return [buffer for buffer in lowered.buffers if buffer in found or buffer.role == "shared"]


def _declaration(buffer: Buffer) -> str:
    call = f"{buffer.name} = array(memory, {buffer.slot}, {buffer.offset}, {type_name(buffer.dtype)})"
    return f"{call}  # {buffer.role}: {buffer}"


def _body(lowered: Lowered, *, checked: bool) -> Iterator[str]:
    write = _Writer(checked=checked).operand
    if lowered.shared:
        yield from ("thread = threads_at[0]", "threads = threads_at[1]", "shares = thread + 3 - threads")
    for stage in lowered.stages:
        yield ""
        yield f"# {stage.title}"
        yield from _user_lines(stage)
        if not lowered.shared:
            yield from printed(stage.body, write, range_in_source)
            continue
        yield from _shared(stage, write)
        if any(True for _ in accesses(stage.body)):
            yield "barrier(gate, threads)"


def _shared(stage: Stage, write: Write) -> Iterator[str]:
    """Yield the lines of a stage that two threads share, or that one does alone, in two fixed shares."""
    if stage.sharing == "each":
        yield from printed(stage.body, write, range_in_source)
        return
    if stage.sharing == "one":
        yield "if thread == 0:"
        lines: Iterable[str] = printed(stage.body, write, range_in_source)
    else:
        yield "for part in range(thread, shares):"
        lines = printed(list(map(_half, stage.body)), write, range_in_source)
    yield from ("    " + line for line in lines)


def _half(statement: Statement) -> Statement:
    """Return a loop that does the share ``part`` of its iterations; the second share takes what is left."""
    if not isinstance(statement, Loop):
        return statement
    if not isinstance(statement.stop, int) or statement.start != 0:
        return If(Text("part == 1"), [statement])
    quantum = statement.step if statement.step > 1 else ALIGNED
    middle = statement.stop // 2 // quantum * quantum
    start, stop = f"{middle} * part", f"{middle} + {statement.stop - middle} * part"
    return Loop(statement.variable, stop, statement.body, start=start, step=statement.step)


def _user_lines(stage: Stage) -> Iterator[str]:
    """Yield the user's lines that a stage computes, as comments."""
    seen: dict[str, None] = {}
    for node in (*stage.nodes, *_nodes_in(stage.body)):
        if node.location is not None:
            code = f"  {node.location.code}" if node.location.code else ""
            seen.setdefault(f"#   {node.location}{code}")
    yield from seen


def _nodes_in(body: Sequence[Statement]) -> list[Node]:
    found = [s.node for s in statements(body) if isinstance(s, Let) and s.node is not None]
    found += [node for s in statements(body) if isinstance(s, Comment) for node in s.nodes]
    return sorted(set(found), key=lambda node: node.serial)


class _Writer:
    def __init__(self, *, checked: bool) -> None:
        self.checked = checked

    def operand(self, operand: Operand) -> str:
        """Write an operand with its place in memory: ``t3[i * 32 + j]``."""
        if isinstance(operand, str):
            return operand
        if isinstance(operand, Whole):
            return operand.access.buffer.name
        if isinstance(operand, Address):
            return f"{operand.access.buffer.name}, {operand.access.place}"
        place = str(operand.place)
        if self.checked:
            place = f"inside(memory, {place}, {operand.buffer.entries})"
        return f"{operand.buffer.name}[{place}]"


def range_in_source(loop: Loop) -> str:
    """Write the range of a loop.

    ``length`` hides a number from the optimiser, which would else write out the whole loop instead of using
    vector registers, and take many times as long for it.
    """
    if isinstance(loop.stop, int) and not loop.short:
        bounds = [str(loop.start), f"length({loop.stop})"] + ([str(loop.step)] if loop.step != 1 else [])
        return f"range({', '.join(bounds if loop.start or loop.step != 1 else bounds[1:])})"
    return plain_range(loop)


def _imports(text: str) -> str:
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    names = {*_FUNCTIONS.findall(code), *_TYPES.findall(code)} - PYTHON
    names -= {text.split("(", 1)[0].removeprefix("def ")}
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        module = runtime.__name__ if name in runtime.__all__ else module_of(name)
        groups.setdefault(module, []).append(name)
    return "\n".join(f"from {module} import {', '.join(names)}" for module, names in sorted(groups.items()))
