"""A training epoch as one compiled function: mini-batch after mini-batch, without returning to Python."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.compiler.cache import machine_code
from chainrule.compiler.emit import emit
from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.fuse import Fused, fuse, seen_through
from chainrule.compiler.loops import Access, Buffer, Do, If, Let, Loop, Stage, Statement, Store, Text, read
from chainrule.compiler.lower import Layout, Lowered, Lowerer, SparseRows
from chainrule.compiler.memory import LINE, plan
from chainrule.compiler.pipeline import run_kernels
from chainrule.compiler.places import ZERO, variable
from chainrule.compiler.runtime.external import blas_threads
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node

Array = np.ndarray[Any, Any]
SHARED_FROM = 10_000_000  # multiplications of a step from which two threads share them
MOST_SPARSE_COLUMNS = 256  # results of the first layer from which dense products are faster


@dataclass(frozen=True)
class Data:
    """The examples of a fit in memory: dense rows, or sparse ones (starts, columns, values); and targets."""

    rows: tuple[Array, ...]
    target: Array

    @property
    def sparse(self) -> bool:
        """Whether the rows hold only what is not 0."""
        return len(self.rows) == 3


class EpochCode:
    """The step's graph, compiled for mini-batches of one size.

    Parameters
    ----------
    graph
        From (carried …, x, target, learning rate) to (cost, carried …), as
        `chainrule.training.step.step_graph` makes it; x has the shape of a mini-batch.
    sparse
        The dtype of the columns if x is a table that holds only what is not 0; None if it is dense.

    Raises
    ------
    Refusal
        If the graph cannot be lowered.
    """

    def __init__(self, graph: Graph, sparse: np.dtype[Any] | None = None) -> None:
        self.graph = expand(graph)
        *self.carried, self.x, self.target, self.rate = self.graph.inputs
        self.batch = self.x.shape[0]
        self.fused = fuse(self.graph, self._replaced())
        self.shared = sparse is None and _work(self.fused) >= SHARED_FROM
        self.lowered, self.outer = self._lower(self.fused, sparse)
        self.bytes = plan(self.lowered.buffers, self.lowered.stages)
        self.source = emit(self.lowered, steps=True)
        self._code = machine_code(self.source, self.lowered.name, f"<chainrule epoch {id(self):x}>")
        self.run = self._code.load()

    def _replaced(self) -> dict[Node, Node]:
        """Return which output takes the place of which input."""
        new = self.graph.outputs[1:]
        if len(set(new)) < len(new) or any(node.primitive is CONSTANT for node in self.graph.outputs):
            raise Refusal("compile.update")
        pairs = list(zip(new, self.carried, strict=True))
        inputs = set(self.graph.inputs)
        if any(node in inputs and node is not old for node, old in pairs):
            raise Refusal("compile.update")
        return {node: old for node, old in pairs if node is not old}

    def _lower(self, fused: Fused, sparse: np.dtype[Any] | None) -> tuple[Lowered, dict[str, Buffer]]:
        lowerer = Lowerer(fused, Layout(pad_inputs=True, shared=self.shared))
        outer = _outer_buffers(self.x, self.target, sparse, shared=self.shared)
        for name, buffer in outer.items():
            buffer.slot, buffer.offset = list(outer).index(name) + 1, 0
        lowerer.extra += outer.values()
        gathered = [(self.target, outer["targets"])]
        if sparse is None:
            gathered.insert(0, (self.x, outer["examples"]))
        else:
            lowerer.sparse[self.x] = SparseRows(
                outer["starts"], outer["columns"], outer["values"], outer["order"], self.batch
            )
        begin: list[Statement] = [Let("begin", Text(f"step * {self.batch}"))]
        if sparse is not None:
            last = Text(f"min(begin + {self.batch}, ⟨0⟩ - {self.batch})", (Access(outer["count"], (ZERO,)),))
            begin.append(Let("following", last))
        lowerer.add("the mini-batch", (), begin, "each")
        rows = _gather(lowerer, gathered, outer["order"], self.batch)
        lowerer.add("its rows", (), rows, "rows")
        for buffer in (lowerer.buffers[node] for node, _ in gathered):
            buffer.role = "scratch"
        lowered = run_kernels(lowerer, skip=set() if sparse is None else {self.x})
        lowered.stages.append(_report(lowerer, self.graph.outputs[0], outer["costs"]))
        return lowered, outer


def _work(fused: Fused) -> int:
    """Return the multiplications of a step's products."""
    return sum(math.prod(kernel.shape) for kernel in fused.kernels if kernel.kind == "product")


def _outer_buffers(x: Node, target: Node, sparse: np.dtype[Any] | None, *, shared: bool) -> dict[str, Buffer]:
    """Return the arrays of a fit that lie outside: data, order, costs; one slot each."""
    whole = np.dtype(np.int64)

    def outside(name: str, dtype: np.dtype[Any], row: int = 1) -> Buffer:
        return Buffer(name, (1, row) if row > 1 else (1,), dtype, row, "input")

    found = {
        "order": outside("order", whole),
        "costs": outside("costs", x.dtype),
        "targets": Buffer("targets", target.shape, target.dtype, target.shape[1], "input"),
    }
    if shared:
        found |= {name: Buffer(name, (2,), whole, 2, "shared") for name in ("threads_at", "gate")}
    if sparse is None:
        return found | {"examples": Buffer("examples", x.shape, x.dtype, x.shape[1], "input")}
    return found | {
        "starts": outside("starts", whole),
        "columns": outside("columns", sparse),
        "values": outside("values", x.dtype),
        "count": outside("count", whole),
    }


def _gather(
    lowerer: Lowerer, pairs: Sequence[tuple[Node, Buffer]], order: Buffer, batch: int
) -> list[Statement]:
    """Return the loop that copies the rows of a mini-batch to where the step reads them."""
    row = variable("row")
    body: list[Statement] = [Let("row", read(Access(order, (variable("begin") + variable("i"),))))]
    for node, source in pairs:
        place = Access(lowerer.buffer(node), (variable("i"), variable("j")))
        copy: list[Statement] = [Store(place, read(Access(source, (row, variable("j")))))]
        body.append(Loop("j", node.shape[1], copy, short=node.shape[1] <= 16))
    return [Loop("i", batch, body)]


def _report(lowerer: Lowerer, cost: Node, costs: Buffer) -> Stage:
    """Return the stage that hands over the cost, and stops if it is not finite."""
    name = lowerer.locals[cost]
    stop = If(Text(f"not is_finite({name})"), [Do(Text("return step"))])
    body = (Store(Access(costs, (variable("step"),)), Text(name)), stop)
    return Stage("cost", (), body, "each")


def sparse_pays(graph: Graph) -> bool:
    """Return whether x is only multiplied from the left, by so few columns that sparse rows pay."""
    x = graph.inputs[-3]
    users = [node for node in graph.nodes if any(source is x for source in node.inputs)]
    seen = list(users)
    for node in users:
        if node.primitive.name == "transpose":
            seen += [user for user in graph.nodes if any(source is node for source in user.inputs)]
    products = [node for node in seen if node.primitive.name == "matmul"]
    return len(products) == len([node for node in seen if node.primitive.name != "transpose"]) and all(
        seen_through(node.inputs[0]) is x
        and seen_through(node.inputs[1]) is not x
        and node.shape[1] <= MOST_SPARSE_COLUMNS
        for node in products
    )


def threads() -> int:
    """Return how many threads share a step: two if there are as many processors, or ``CHAINRULE_THREADS``."""
    wanted = os.environ.get("CHAINRULE_THREADS", "")
    present = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(2, int(wanted) if wanted.isdigit() else present))


class EpochMemory:
    """The memory of a compiled epoch: parameters and state, padded, and everything that a step needs."""

    def __init__(self, code: EpochCode) -> None:
        self.code = code
        self._block = np.zeros(code.bytes + LINE, np.uint8)
        self._start = -self._block.ctypes.data % LINE
        buffers = code.lowered.buffers
        self._table = np.zeros(max(buffer.slot for buffer in buffers) + 1, np.int64)
        self._table[0] = self._block.ctypes.data + self._start
        for buffer in buffers:
            if buffer.role == "constant":
                self._view(buffer)[...] = buffer.value
        inputs = code.lowered.inputs
        self._carried = [self._view(buffer) for buffer in inputs[: len(code.carried)]]
        self._rate = self._view(inputs[-1])
        self._held: dict[str, Array] = {}

    def _view(self, buffer: Buffer) -> Array:
        strides = [step * buffer.dtype.itemsize for step in buffer.strides]
        return np.ndarray(buffer.shape, buffer.dtype, self._block.data, self._start + buffer.offset, strides)

    def _point(self, name: str, array: Array) -> None:
        self._held[name] = array
        self._table[self.code.outer[name].slot] = array.ctypes.data

    def use(self, data: Data, order: Array) -> None:
        """Work on these examples from now on, in this order."""
        names = ("starts", "columns", "values") if data.sparse else ("examples",)
        for name, array in zip((*names, "targets"), (*data.rows, data.target), strict=True):
            self._point(name, array)
        self._point("order", np.ascontiguousarray(order, np.int64))
        if data.sparse:
            self._point("count", np.array([len(order)], np.int64))

    def begin(self, carried: Sequence[Array], learning_rate: float) -> None:
        """Take over parameters and state."""
        for mine, given in zip(self._carried, carried, strict=True):
            mine[...] = given
        self._rate[...] = learning_rate

    def run(self, first: int, last: int) -> tuple[int, Array]:
        """Run steps ``first`` to before ``last``; return ``last`` or the step not finite, and costs."""
        costs = np.zeros(last - first, self._rate.dtype)
        self._table[self.code.outer["costs"].slot] = costs.ctypes.data - first * costs.itemsize
        if self.code.shared:
            return self._run_shared(first, last), costs
        return self.code.run(self._table.ctypes.data, first, last), costs

    def _run_shared(self, first: int, last: int) -> int:
        """Run steps by as many threads as there are processors, at most two; BLAS makes none of its own."""
        count = threads()
        self._point("gate", np.zeros(2, np.int64))
        tables = [self._table.copy() for _ in range(count)]
        numbers = np.array([[place, count] for place in range(count)], np.int64)
        for table, row in zip(tables, numbers, strict=True):
            table[self.code.outer["threads_at"].slot] = row.ctypes.data
        others = [
            threading.Thread(target=self.code.run, args=(table.ctypes.data, first, last))
            for table in tables[1:]
        ]
        with blas_threads(1):
            for other in others:
                other.start()
            done = self.code.run(tables[0].ctypes.data, first, last)
            for other in others:
                other.join()
        return done

    def carried(self) -> list[Array]:
        """Return copies of parameters and state."""
        return [np.array(view) for view in self._carried]

    def finite(self) -> bool:
        """Return whether all parameters and all state are finite."""
        return all(bool(np.isfinite(view).all()) for view in self._carried)
