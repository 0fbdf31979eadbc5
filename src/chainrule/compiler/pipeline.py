"""The stages in order: expand, fuse, lower, emit; each is a value that prints."""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from dataclasses import dataclass

from chainrule.compiler.emit import emit
from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.fuse import Fused, fuse
from chainrule.compiler.layout import Layout
from chainrule.compiler.lower import Lowered, Lowerer
from chainrule.compiler.memory import plan
from chainrule.compiler.naming import IMPORTED
from chainrule.compiler.passes import LOWERINGS
from chainrule.compiler.products import product
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.graph.writer import identifier

MOST_NODES = 1500  # operations beyond which compiling takes longer than it is worth


@dataclass(frozen=True)
class Stages:
    """What a graph becomes on its way to machine code; ``bytes`` is the size of its block of memory."""

    graph: Graph
    fused: Fused
    lowered: Lowered
    source: str
    bytes: int


def is_checked() -> bool:
    """Return whether every access to memory shall be tested: ``CHAINRULE_BOUNDSCHECK`` asks for that.

    So does ``NUMBA_BOUNDSCHECK``, which people set for compiled Python.
    """
    return any(os.environ.get(f"{name}_BOUNDSCHECK", "") not in ("", "0") for name in ("CHAINRULE", "NUMBA"))


def lower(fused: Fused, layout: Layout | None = None) -> Lowered:
    """Return a fused graph as arrays and loops."""
    return run_kernels(Lowerer(fused, layout or Layout()))


def run_kernels(lowerer: Lowerer, skip: Set[Node] = frozenset()) -> Lowered:
    """Lower all kernels; ``skip`` are inputs that have no memory."""
    fused = lowerer.fused
    lowerer.read_numbers()
    inputs = [node for node in fused.graph.inputs if node not in skip]
    for node in inputs:
        lowerer.buffer(node)
    for kernel in fused.kernels:
        (LOWERINGS.get(kernel.kind) or product)(lowerer, kernel)
    lowerer.write_numbers()
    outputs = tuple(lowerer.buffer(node) for node in fused.graph.outputs)
    known = [lowerer.buffers[node] for node in inputs]
    buffers = tuple(dict.fromkeys((*known, *outputs, *lowerer.buffers.values(), *lowerer.extra)))
    name = identifier(fused.graph.name)
    name = f"{name}_" if name in IMPORTED else name
    return Lowered(
        name,
        tuple(known),
        outputs,
        buffers,
        lowerer.stages,
        lowerer.names,
        lowerer.buffers,
        lowerer.layout.shared,
    )


def stages(graph: Graph, *, own_slots: Sequence[int] = (), checked: bool = False) -> Stages:
    """Return all stages of a graph.

    ``own_slots`` are bytes from which an input or output has an entry of its own in the table of addresses.

    Raises
    ------
    Refusal
        If the graph cannot be lowered.
    """
    if len(graph.nodes) > MOST_NODES:
        raise Refusal("compile.too_long", name=graph.name, count=len(graph.nodes), most=MOST_NODES)
    fused = fuse(expand(graph))
    lowered = lower(fused)
    threshold = own_slots[0] if own_slots else None
    slot = 1
    for buffer in dict.fromkeys((*lowered.inputs, *lowered.outputs)):
        size = buffer.entries * buffer.dtype.itemsize
        if threshold is not None and size >= threshold and buffer.role != "constant" and not buffer.padded:
            buffer.slot, buffer.offset, slot = slot, 0, slot + 1
    total = plan(lowered.buffers, lowered.stages)
    return Stages(graph, fused, lowered, emit(lowered, checked=checked), total)
