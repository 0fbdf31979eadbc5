"""Emission: from loops to the text of one Python function, which `translator` compiles."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from chainrule.compiler import runtime
from chainrule.compiler.formulas import module_of
from chainrule.compiler.layout import SLACK
from chainrule.compiler.loops import (
    Access,
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
from chainrule.compiler.lower import Lowered
from chainrule.compiler.naming import type_name
from chainrule.compiler.waiting import cut_of, must_wait
from chainrule.graph.node import Node

_FUNCTIONS = re.compile(r"\b([A-Za-z_]\w*)\(")
_TYPES = re.compile(r"\b((?:u?int|float)(?:8|16|32|64)|bool_|inf|nan)\b")
ROLES = {
    "input": "inputs",
    "output": "outputs",
    "constant": "constants",
    "shared": "what threads share",
    "scratch": "scratch: arrays that are not needed at the same time may share a place",
}
SHARING = (
    "# one thread does shares 0 and 1; of two threads each does that of its own number",
    "thread = threads_at[0]",
    "threads = threads_at[1]",
    "shares = thread + 3 - threads",
)
WIDEST = 90  # columns of a docstring
HARD = "\u00a0"  # a space at which no line ends
LONGEST = 110  # columns of a line of code
PYTHON = frozenset(("range", "min", "max", "abs", "if", "in", "or", "and", "not", "for", "return"))


def emit(lowered: Lowered, *, checked: bool = False, steps: bool = False, flushing: bool = False) -> str:
    """Return the source of a function ``name(memory, first, last)``.

    ``memory`` is a table of addresses. ``checked`` guards every place in memory by a test. With ``steps``
    everything is done for each step from ``first`` to before ``last``. With ``flushing`` numbers below
    the smallest normal one count as 0.
    """
    body = list(_body(lowered, checked=checked, steps=steps))
    if steps:
        inside = [f"    {line}" for line in body[1:]]
        body = ["", "for step in range(first, last):", *inside]
    if flushing:
        body = ["", "mode = flush_subnormals()", *body, "", "restore_mode(mode)"]
    head = f"def {lowered.name}(memory, first, last):"
    sharing = SHARING if lowered.shared else ()
    text = _indented([*_declarations(lowered, steps=steps), *sharing, *body, "", "return last"])
    described = _indented(_description(lowered, steps=steps))
    return f"{_imports(f'{head}{text}')}\n\n\n{head}\n{described}\n{text}\n"


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"    {line}".rstrip() for line in lines)


def _description(lowered: Lowered, *, steps: bool) -> Iterator[str]:
    """Yield the lines of the docstring: what is computed, for which dtypes and shapes."""
    names: dict[Buffer, str] = {}
    for node, buffer in lowered.buffer_of.items():
        names.setdefault(buffer, lowered.names.get(node, buffer.name))
    inputs = [f"{names.get(buffer, buffer.name)}: {buffer.kind}" for buffer in lowered.inputs]
    outputs = [buffer.kind for buffer in lowered.outputs]
    given, made = [", ".join([part.replace(" ", HARD) for part in parts]) for parts in (inputs, outputs)]
    wrapped = textwrap.wrap(f"{lowered.name}({given}) → {made}.", WIDEST)
    signature = [line.replace(HARD, " ") for line in wrapped]
    if steps:
        yield '"""Do steps `first` to before `last`, one for each mini-batch; return `last`, or what failed.'
        yield ""
        yield from signature
    else:
        yield f'"""Compute {signature[0]}'
        yield from signature[1:]
    yield ""
    yield "`memory` is a table of addresses; array(memory, n, offset, type) begins behind the nth of them."
    yield '"""'


def _used(lowered: Lowered) -> list[Buffer]:
    found = dict.fromkeys(access.buffer for stage in lowered.stages for access, _ in accesses(stage.body))
    return [buffer for buffer in lowered.buffers if buffer in found or buffer.role == "shared"]


def _declarations(lowered: Lowered, *, steps: bool) -> Iterator[str]:
    """Yield the lines that name the arrays, by role; those that span all steps are of any length."""
    used = _used(lowered)
    for role, title in ROLES.items():
        buffers = [buffer for buffer in used if buffer.role == role]
        if buffers:
            yield f"# {title}"
        for buffer in buffers:
            call = f"{buffer.name} = array(memory, {buffer.slot}, {buffer.offset}, {type_name(buffer.dtype)})"
            spans = steps and buffer.slot > 0 and role != "shared"
            yield f"{call}  # {_of_any_length(buffer) if spans else buffer}"


def _of_any_length(buffer: Buffer) -> str:
    return f"{buffer.dtype}[{', '.join(['…', *map(str, buffer.shape[1:])])}]"


def _body(lowered: Lowered, *, checked: bool, steps: bool) -> Iterator[str]:
    write = _Writer(checked=checked, steps=steps).operand
    waits = must_wait(lowered.stages) if lowered.shared else [False] * len(lowered.stages)
    for stage, wait in zip(lowered.stages, waits, strict=True):
        if wait:
            yield "barrier(gate, threads)"
        yield ""
        yield f"# {stage.title}"
        yield from _user_lines(stage)
        if not lowered.shared:
            yield from printed(stage.body, write, range_in_source)
            continue
        yield from _shared(stage, write)
    if lowered.shared:
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
        yield "for share in range(thread, shares):"
        halved = _halved(stage.body) if stage.sharing == "columns" else list(map(_half, stage.body))
        lines = printed(halved, write, range_in_source)
    yield from ("    " + line for line in lines)


def _half(statement: Statement) -> Statement:
    """Return a loop that does the ``share`` of its iterations; the second share takes what is left."""
    if not isinstance(statement, Loop):
        return statement
    cut = cut_of(statement)
    if cut is None:
        return If(Text("share == 1"), [statement])
    count, middle = cut
    start, stop = f"{middle} * share", f"{middle} + {count - middle} * share"
    return Loop(statement.variable, stop, statement.body, start=start, step=statement.step)


def _halved(body: Sequence[Statement]) -> list[Statement]:
    """Return statements in which the innermost loops do the ``share`` of their iterations."""
    done: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop) and any(isinstance(s, Loop) for s in statement.body):
            loop = replace(statement, body=_halved(statement.body))
            done.append(loop)
        else:
            done.append(_half(statement))
    return done


def _user_lines(stage: Stage) -> Iterator[str]:
    """Yield the user's lines that a stage computes, as comments."""
    nodes = (*stage.nodes, *_nodes_in(stage.body))
    for place in sorted({node.location for node in nodes if node.location is not None}):
        yield f"#   {place}  {place.code}".rstrip()


def _nodes_in(body: Sequence[Statement]) -> list[Node]:
    found = [s.node for s in statements(body) if isinstance(s, Let) and s.node is not None]
    found += [node for s in statements(body) if isinstance(s, Comment) for node in s.nodes]
    return sorted(set(found), key=lambda node: node.serial)


class _Writer:
    def __init__(self, *, checked: bool, steps: bool) -> None:
        self.checked, self.steps = checked, steps

    def operand(self, operand: Operand) -> str:
        """Write an operand with its place in memory: ``t3[i * 32 + j]``."""
        if isinstance(operand, str):
            return operand
        if isinstance(operand, Whole):
            return operand.access.buffer.name
        if isinstance(operand, Address):
            return f"{operand.access.buffer.name}, {self._place(operand.access)}"
        return f"{operand.buffer.name}[{self._place(operand)}]"

    def _place(self, access: Access) -> str:
        known = not (self.steps and access.buffer.slot)  # how long a fit's data is, no code knows
        if self.checked and known:
            whole = access.buffer.entries + SLACK // access.buffer.dtype.itemsize  # for whole registers
            return f"inside({access.place}, {whole})"
        return str(access.place)


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
    return "\n".join(_import(module, names) for module, names in sorted(groups.items()))


def _import(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LONGEST:
        return line
    return "\n".join([f"from {module} import (", *[f"    {name}," for name in names], ")"])
