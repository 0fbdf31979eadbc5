"""Lowering: from kernels to arrays in memory, and loops over their entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.compiler import formulas, runtime
from chainrule.compiler.formulas import expression, literal, loop_dtypes
from chainrule.compiler.fuse import Fused, Kernel
from chainrule.compiler.loops import (
    Access,
    Buffer,
    Do,
    If,
    Let,
    Loop,
    Stage,
    Statement,
    Store,
    Text,
    accesses,
    in_mathematics,
    joined,
    plain_range,
    printed,
    read,
)
from chainrule.compiler.places import ZERO, Affine, Index, broadcast_index, gathered, through_view, variable
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import is_uniform
from chainrule.graph.primitive import Array, Shape

REGISTER = 32  # bytes of a vector register
CACHE_LINE = 64  # bytes
LONG_ROW = 16  # cache lines
MOST_SHOWN = 6  # names in the title of a stage
TINY = 8  # entries up to which a loop is written out rather than vectorised
VARIABLES = "ijkl"
OWN_NAMES = (
    "memory first last step range min max abs part total best place count entry block factor line row here "
    "thread threads share shares gate begin following ahead ahead_start ahead_stop start stop column change"
).split()
DEEP_VARIABLES = [f"i{depth}" for depth in range(len(VARIABLES), 64)]
IMPORTED = frozenset((*formulas.RESERVED, *runtime.__all__))
RESERVED = IMPORTED.union(VARIABLES, DEEP_VARIABLES, OWN_NAMES)
_OWN = re.compile(r"(sums|place)\d+(_\d+)?")
_OF_ENTRY = re.compile(
    r"(.+)_(?:at|0|[ijkl][ijkl0-9]*)"
)  # what a scalar's memory, or an array's entry, is called


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
class Layout:
    """How arrays lie in memory, and who computes them.

    ``pad_inputs``: the inputs' rows are padded to whole registers. ``shared``: the work is cut in two shares
    of fixed bounds, for one thread or two; so the result has the same bits with either.
    """

    pad_inputs: bool = False
    shared: bool = False


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


def padded_row(length: int, dtype: np.dtype[Any]) -> int:
    """Return the entries of a row in whole vector registers."""
    per_register = REGISTER // dtype.itemsize
    return -(-length // per_register) * per_register


def memory_row(length: int, dtype: np.dtype[Any]) -> int:
    """Return the entries from one row to the next: whole registers, and not a power of two where rows are long.

    Rows that lie 4096 bytes apart compete for the same few lines of the caches.
    """
    row = padded_row(length, dtype)
    lines = row * dtype.itemsize / CACHE_LINE
    return row + CACHE_LINE // dtype.itemsize if lines >= LONG_ROW and lines % 2 == 0 else row


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
            name = self.names.get(node) or f"number{len(self.buffers)}"
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
        taken = {buffer.name for buffer in (*self.buffers.values(), *self.extra)} | set(self.names.values())
        free = next(f"{name}{n or ''}" for n in range(len(taken) + 1) if f"{name}{n or ''}" not in taken)
        buffer = Buffer(free, shape, dtype, row)
        self.extra.append(buffer)
        return buffer

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
        """Append a stage."""
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


class Body:
    """The statements inside the innermost loop of a kernel, as they are found to be needed."""

    def __init__(self, lowerer: Lowerer) -> None:
        self.lowerer = lowerer
        self.statements: list[Statement] = []
        self.known: dict[tuple[Node, Index], str] = {}
        self._taken: set[str] = set()

    def value(self, node: Node, index: Index) -> Text:
        """Return an entry of a node's value, computed here if it is not stored."""
        known = self.known.get((node, index))
        if known is not None:
            return read(known)
        if node.primitive is CONSTANT:
            return self._constant(node, index)
        if node in self.lowerer.locals:
            return read(self.lowerer.locals[node])
        if self.lowerer.fused.is_stored(node):
            return read(Access(self.lowerer.buffer(node), index))
        inner = through_view(node, index) if node.inputs else None
        if inner is not None:
            return self.value(node.inputs[0], inner)
        return self.computed(node, index)

    def computed(self, node: Node, index: Index) -> Text:
        """Return an entry of a node's value, computed here even if it is stored elsewhere."""
        inner = through_view(node, index) if node.inputs else None
        if inner is not None:
            text = self.value(node.inputs[0], inner)
        elif node.primitive.name == "index":
            text = self._gathered(node, index)
        else:
            text = self._elementwise(node, index)
        name = self.free_name(self._local_name(node, index))
        self.statements.append(Let(name, text, node))
        self.known[node, index] = name
        return read(name)

    def _local_name(self, node: Node, index: Index) -> str:
        """Return the name of one entry: that of the array with its indices, if the array is in memory."""
        name = self.lowerer.names[node]
        if not node.shape or node not in self.lowerer.fused.kept:
            return name
        return f"{name}_{''.join([term for part in index for term, _ in part.terms]) or 0}"

    def free_name(self, name: str) -> str:
        """Return a name that no other value has here; a numbered one that no other value has anywhere."""
        free, number = name, 1
        while free in self._taken or (number > 1 and free in self.lowerer.known_names):
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def _constant(self, node: Node, index: Index) -> Text:
        if is_uniform(node):
            return read(literal(_only_entry(node), node.dtype))
        return read(Access(self.lowerer.buffer(node), index))

    def _elementwise(self, node: Node, index: Index) -> Text:
        dtypes = loop_dtypes(node) or ()
        operands = [
            self.converted(source, broadcast_index(index, source.shape), dtype)
            for source, dtype in zip(node.inputs, dtypes, strict=True)
        ]
        made = expression(node, [f"⟨{place}⟩" for place in range(len(operands))])
        if made is None:
            raise AssertionError(node.primitive.name)
        return joined(made.text, *operands)

    def converted(self, source: Node, index: Index, dtype: np.dtype[Any]) -> Text:
        """Return an entry of a node's value in another dtype."""
        if source.weak:
            return read(literal(source.value, dtype))
        text = self.value(source, index)
        if source.dtype == dtype:
            return text
        if source.primitive is CONSTANT and is_uniform(source):
            return read(literal(_only_entry(source), dtype))
        return joined(f"{type_name(dtype)}(⟨0⟩)", text)

    def _gathered(self, node: Node, index: Index) -> Text:
        """Return an entry that index arrays point at; one that points outside ends the function."""
        source, *arrays = node.inputs
        place = self.picked(node.settings["template"], source.shape, index, arrays)
        return self.value(source, place)

    def picked(
        self, template: tuple[Any, ...], shape: Shape, index: Index, arrays: Sequence[Node]
    ) -> tuple[Affine, ...]:
        """Return the entry of an array of ``shape`` that an index with index arrays means."""
        rank = len(np.broadcast_shapes(*[array.shape for array in arrays]))
        places, inner = gathered(template, shape, index, rank)
        result: list[Affine] = []
        for part in places:
            if isinstance(part, Affine):
                result.append(part)
                continue
            array, length = part
            result.append(variable(self._checked(arrays[array.position], inner, length, array)))
        return tuple(result)

    def _checked(self, array: Node, inner: Index, length: int, part: Array) -> str:
        text = self.value(array, broadcast_index(inner, array.shape))
        name = self.free_name(f"place{part.position}")
        self.statements.append(Let(name, joined("int64(⟨0⟩)", text)))
        self.statements.append(If(Text(f"{name} < 0"), [Let(name, Text(f"{name} + {length}"))]))
        self.statements.append(Fail(f"{name} < 0 or {name} >= {length}"))
        return name


def _only_entry(node: Node) -> Any:
    """Return what all entries of a constant are; 0 if it has none, for then it is never read."""
    if node.weak:
        return node.value
    return node.value.reshape(-1)[0] if node.size else node.dtype.type(0)


def fit_name(name: str, known: Set[str] = frozenset()) -> str:
    """Return a name for emitted source, ending in ``_`` if it means something else there.

    ``known`` are the names of all values: ``a_i`` is an entry of ``a``.
    """
    fit = name
    while _is_reserved(fit, known) or (fit != name and fit in known):
        fit += "_"
    return fit


def _is_reserved(name: str, known: Set[str]) -> bool:
    entry = _OF_ENTRY.fullmatch(name)
    own = name in RESERVED or _OWN.fullmatch(name) is not None
    return own or (entry is not None and entry[1] in known)


def Fail(condition: str) -> If:  # noqa: N802 - it makes a statement, like the classes beside it
    """Return the statement that ends the function: the interpreter then says what is wrong."""
    return If(Text(condition), [Do(Text("return -1"))])


def type_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype's scalar type in emitted source."""
    return "bool_" if dtype.kind == "b" else str(dtype.name)


def nest(shape: Shape) -> tuple[Index, list[tuple[str, int]]]:
    """Return the index of an entry, and the loops over all entries: a variable and a length each."""
    index: list[Affine] = []
    loops: list[tuple[str, int]] = []
    for length in shape:
        if length == 1:
            index.append(ZERO)
            continue
        name = VARIABLES[len(loops)] if len(loops) < len(VARIABLES) else f"i{len(loops)}"
        loops.append((name, length))
        index.append(variable(name))
    return tuple(index), loops


def wrapped(loops: Sequence[tuple[str, int]], body: list[Statement]) -> list[Statement]:
    """Return the body inside loops, the first outermost; an innermost loop that is tiny is written out."""
    for place, (name, length) in enumerate(reversed(loops)):
        body = [Loop(name, length, body, short=place == 0 and length <= TINY)]
    return body


def rounded(layout: Layout, loops: list[tuple[str, int]], body: Sequence[Statement]) -> list[tuple[str, int]]:
    """Return the loops, the innermost over whole vector registers if all its arrays have room for that.

    What is computed in the padding is never read as an entry.
    """
    if not layout.pad_inputs or not loops or not all(isinstance(s, Let | Store) for s in body):
        return loops
    name, length = loops[-1]
    found = [access for access, _ in accesses(body)]
    last = variable(name)
    wide = max([padded_row(length, access.buffer.dtype) for access in found], default=length)
    for access in found:
        if any(name == term for part in access.index[:-1] for term, _ in part.terms):
            return loops
        if not access.index or not any(name == term for term, _ in access.index[-1].terms):
            continue
        narrow = len(access.buffer.shape) > 1 and access.buffer.row < wide
        if access.index[-1] != last or access.buffer.slot or narrow or access.buffer.shape[-1] != length:
            return loops
    return [*loops[:-1], (name, wide)]


def flattened(
    layout: Layout, body: list[Statement], index: Index, shape: Shape, loops: list[tuple[str, int]]
) -> list[Statement]:
    """Return a body in its loops, in one loop if every array is read and written place by place."""
    found = [access for access, _ in accesses(body)]
    layouts = {(access.buffer.shape, access.buffer.row) for access in found}
    simple = all(isinstance(statement, Let | Store) for statement in body)
    if len(loops) < 1 or not simple or len(layouts) != 1 or not found or next(iter(layouts))[0] != shape:
        return wrapped(rounded(layout, loops, body), body)
    if any(access.index != index for access in found):
        return wrapped(rounded(layout, loops, body), body)
    place = (variable("i"),)

    def flat(text: Text) -> Text:
        operands = [Access(o.buffer, place, flat=True) if isinstance(o, Access) else o for o in text.operands]
        return Text(text.template, tuple(operands))

    inner: list[Statement] = []
    for statement in body:
        if isinstance(statement, Let):
            inner.append(Let(statement.name, flat(statement.text), statement.node))
        elif isinstance(statement, Store):
            inner.append(Store(Access(statement.access.buffer, place, flat=True), flat(statement.text)))
    if len(shape) == 1:
        return wrapped([("i", length) for _, length in rounded(layout, loops, body)], inner)
    return wrapped([("i", found[0].buffer.entries)], inner)
