"""Lowering: from kernels to arrays in memory, and loops over their entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.compiler.fuse import Fused, Kernel
from chainrule.compiler.layout import Layout, memory_row, nest, wrapped
from chainrule.compiler.loops import (
    Access,
    Buffer,
    Let,
    Loop,
    Stage,
    Statement,
    Store,
    in_mathematics,
    iterations,
    plain_range,
    printed,
    read,
)
from chainrule.compiler.naming import fit_name
from chainrule.compiler.places import variable
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.primitive import Shape

WORTH_SHARING = 4096  # iterations of a stage's loops from which two threads share them
MOST_SHOWN = 6  # names in the title of a stage


@dataclass(eq=False)
class Lowered:
    """Arrays, and the stages that compute them, in order."""

    name: str
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    buffers: tuple[Buffer, ...]
    stages: list[Stage]
    names: Mapping[Node, str]
    buffer_of: Mapping[Node, Buffer] = field(default_factory=dict)
    shared: bool = False

    def __str__(self) -> str:
        lines = [f"lowered {self.name}"]
        lines += [f"  {buffer.role:8} {buffer.name}: {buffer}" for buffer in self.buffers]
        for stage in self.stages:
            lines += ["", f"  {stage.title}"]
            lines += ["    " + line for line in printed(stage.body, in_mathematics, plain_range)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class SparseRows:
    """The rows of a mini-batch in a table that holds only what is not 0.

    Row r of the table has the entries ``starts[r]`` to before ``starts[r + 1]``: their columns and values.
    ``order[begin + i]`` is the row of the mini-batch's example i; ``count`` is the length of ``order``.
    """

    batch: int
    starts: Buffer
    columns: Buffer
    values: Buffer
    order: Buffer


class Lowerer:
    """Lowers the kernels of a fused graph, one after the other.

    ``given`` are the buffers of inputs that the caller has already; ``carried`` outputs are written over
    their input where nothing reads it any more.
    """

    def __init__(self, fused: Fused, layout: Layout, given: Mapping[Node, Buffer] | None = None) -> None:
        self.fused = fused
        self.inputs, self.outputs = set(fused.graph.inputs), set(fused.graph.outputs)
        self.layout = layout
        self.names = self._fit_names()
        self.known_names = frozenset(self.names.values())
        self.locals: dict[Node, str] = {}
        self.buffers: dict[Node, Buffer] = dict(given or {})
        self.extra: list[Buffer] = []
        self.sparse: dict[Node, SparseRows] = {}
        self.stages: list[Stage] = []
        self.late: list[Statement] = []
        self.copies: list[tuple[Buffer, Buffer, Node]] = []

    def _fit_names(self) -> dict[Node, str]:
        names = self.fused.graph.node_names()
        known = set(names.values())
        return {node: fit_name(name, known) for node, name in names.items()}

    # Buffers.

    def buffer(self, node: Node) -> Buffer:
        """Return the memory of a stored node."""
        if node not in self.buffers:
            self.buffers[node] = self._new_buffer(node)
        return self.buffers[node]

    def _new_buffer(self, node: Node) -> Buffer:
        if node.primitive is CONSTANT:
            name = self.names.get(node) or self._free_name("number")
            row = node.shape[-1] if node.shape else 1
            return Buffer(name, node.shape, node.dtype, row, "constant", np.ascontiguousarray(node.value))
        if node in self.inputs:
            name = self.names[node] if node.shape else f"{self.names[node]}_at"
            return Buffer(name, node.shape, node.dtype, self.input_row(node), "input")
        return self.scratch(node, padded=False)

    def input_row(self, node: Node) -> int:
        """Return the length of an input's rows in memory."""
        if not node.shape:
            return 1
        wide = self.layout.pad_inputs and len(node.shape) > 1 and node.dtype.kind == "f"
        return memory_row(node.shape[-1], node.dtype) if wide else node.shape[-1]

    def scratch(self, node: Node, *, padded: bool) -> Buffer:
        """Return new memory for a node's value; that of an output may be that of the input it replaces."""
        row = node.shape[-1] if node.shape else 1
        if padded:
            row = memory_row(row, node.dtype)
        role = "output" if node in self.outputs else "scratch"
        name = self.names[node] if node.shape else f"{self.names[node]}_at"
        self.buffers[node] = buffer = Buffer(name, node.shape, node.dtype, row, role)
        return buffer

    def temporary(self, name: str, shape: Shape, dtype: np.dtype[Any], row: int) -> Buffer:
        """Return new memory for something that is no node's value."""
        buffer = Buffer(self._free_name(name), shape, dtype, row)
        self.extra.append(buffer)
        return buffer

    def _free_name(self, name: str) -> str:
        """Return a name that no array and no value has."""
        taken = {buffer.name for buffer in (*self.buffers.values(), *self.extra)} | self.known_names
        return next(f"{name}{n or ''}" for n in range(len(taken) + 1) if f"{name}{n or ''}" not in taken)

    def output_buffer(self, node: Node, kernel: Kernel, *, padded: bool) -> Buffer:
        """Return the memory that a kernel writes a node's value to."""
        target = self.fused.carried.get(node)
        if target is None or not node.shape:
            return self.scratch(node, padded=padded)
        if self._may_overwrite(target, kernel):
            self.buffers[node] = self.buffer(target)
            return self.buffers[node]
        buffer = self.scratch(node, padded=self.buffer(target).padded)
        self.copies.append((buffer, self.buffer(target), node))
        return buffer

    def whole_buffer(self, node: Node) -> Buffer:
        """Return memory for a node's value, no room between rows; it is copied last to what it replaces."""
        target = self.fused.carried.get(node)
        buffer = self.scratch(node, padded=False)
        if target is not None:
            self.copies.append((buffer, self.buffer(target), node))
        return buffer

    def _may_overwrite(self, target: Node, kernel: Kernel) -> bool:
        """Return whether nothing reads ``target`` after the kernel, and the kernel only where it writes."""
        place = self.fused.kernels.index(kernel)
        if any(node is target for later in self.fused.kernels[place + 1 :] for node, _ in later.reads):
            return False
        mine = [index for node, index in kernel.reads if node is target]
        if not mine:
            return True
        identity = tuple([variable(f"v{axis}") for axis in range(len(target.shape))])
        return kernel.kind == "map" and kernel.shape == target.shape and all(i == identity for i in mine)

    # The whole.

    def add(self, title: str, nodes: Sequence[Node], body: Sequence[Statement], sharing: str = "one") -> None:
        """Append a stage; one that is done sooner than threads can meet is not shared."""
        divisible = all(isinstance(statement, Let | Loop) for statement in body)
        if sharing == "rows" and divisible and iterations(body) < WORTH_SHARING:
            sharing = "one"
        self.stages.append(Stage(title, tuple(nodes), tuple(body), sharing))

    def title(self, nodes: Sequence[Node]) -> str:
        """Return what a stage is called: the scope and the names of what it computes."""
        shown = [self.names[node] for node in nodes]
        names = ", ".join(shown if len(shown) <= MOST_SHOWN else [*shown[:2], "…", shown[-1]])
        scopes = list(dict.fromkeys(node.scope for node in nodes if node.scope))
        return f"{' · '.join(scopes)} · {names}" if scopes else names

    def read_numbers(self) -> None:
        """Append the stage that reads inputs without axes into variables."""
        body: list[Statement] = []
        for node in self.fused.graph.inputs:
            if not node.shape:
                self.locals[node] = self.names[node]
                body.append(Let(self.names[node], read(Access(self.buffer(node), ()))))
        if body:
            self.add("numbers", (), body, "each")

    def write_numbers(self) -> None:
        """Append the stage that writes outputs without axes, and copies what could not be written over."""
        body: list[Statement] = []
        for node in dict.fromkeys(self.fused.graph.outputs):
            if node.shape or node.primitive is CONSTANT:
                continue
            target = self.fused.carried.get(node)
            if target is not None:
                self.buffers[node] = self.buffer(target)
            elif node in self.inputs:
                continue
            else:
                self.scratch(node, padded=False)
            body.append(Store(Access(self.buffers[node], ()), read(self.locals[node])))
        for source, target_buffer, _ in self.copies:
            index, loops = nest(source.shape)
            loops_body: list[Statement] = [Store(Access(target_buffer, index), read(Access(source, index)))]
            body += wrapped(loops, loops_body)
        if body:
            self.add("results", (), body)
