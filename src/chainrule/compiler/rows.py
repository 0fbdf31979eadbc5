"""Work on many mini-batches as one compiled function: a training epoch, judging, predicting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.compiler.cache import machine_code
from chainrule.compiler.emit import emit
from chainrule.compiler.expand import Refusal, expand, refused
from chainrule.compiler.fuse import Fused, fuse, is_product, seen_through
from chainrule.compiler.layout import CACHE_LINE, REGISTER, Layout
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
    read,
    statements,
)
from chainrule.compiler.lower import WORTH_SHARING, Lowered, Lowerer, SparseRows
from chainrule.compiler.memory import plan
from chainrule.compiler.pipeline import MOST_NODES, is_checked, run_kernels
from chainrule.compiler.places import ZERO, Affine, may_point_outside, variable
from chainrule.compiler.sparse_products import dense_rows
from chainrule.compiler.tiles import tiles_of
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node

Array = np.ndarray[Any, Any]
SHARED_FROM = 1_000_000  # multiplications of a step from which two threads share them
SPARSE_PRICE = 0.4  # of a product with sparse rows, against one with dense rows
RETRY = 32  # portions after which the other number of threads is tried again, and how small a part is
COPIED = 128  # bytes copied at a time
FETCHED = 512  # bytes of a row that are asked for ahead of time
MOST_SPARSE_COLUMNS = 4096  # results of the first layer from which dense products are faster


@dataclass(frozen=True)
class Roles:
    """What the inputs and outputs of a graph over a mini-batch are.

    Parameters
    ----------
    x, target
        The inputs that are rows of the data; ``target`` may be missing.
    carried
        Outputs that take the place of inputs: new parameters that of the old ones.
    cost
        The output to be handed over for every mini-batch; ``stops`` says that one that is not finite ends
        the run.
    collected
        The output with a row for every example, to be handed over for all of them.
    """

    x: Node
    target: Node | None = None
    carried: Mapping[Node, Node] = field(default_factory=dict)
    cost: Node | None = None
    stops: bool = False
    collected: Node | None = None


def training_step(graph: Graph) -> tuple[Graph, Roles]:
    """Return the expanded graph of a training step, and its roles.

    From (carried …, x, target, learning rate) to (cost, carried …), as
    `chainrule.training.step.step_graph` makes it.

    Raises
    ------
    Refusal
        If an output is a constant, or takes the place of several inputs.
    """
    graph = expand(graph)
    *carried, x, target, _ = graph.inputs
    cost, *new = graph.outputs
    pairs = list(zip(new, carried, strict=True))
    inputs = set(graph.inputs)
    doubtful = any(node in inputs and node is not old for node, old in pairs)
    if doubtful or len(set(new)) < len(new) or any(node.primitive is CONSTANT for node in graph.outputs):
        raise Refusal("compile.update")
    replaced = {node: old for node, old in pairs if node is not old}
    return graph, Roles(x, target, replaced, cost, stops=True)


class RowsCode:
    """A graph over a mini-batch as machine code that runs over many mini-batches of one size.

    Parameters
    ----------
    graph, roles
        The graph, in operations that can be lowered, and what its inputs and outputs are. Inputs that are
        neither rows nor carried stay as they are.
    sparse
        The dtype of the columns if x is a table that holds only what is not 0; None if it is dense.

    Raises
    ------
    Refusal
        If the graph cannot be lowered.
    """

    def __init__(self, graph: Graph, roles: Roles, sparse: np.dtype[Any] | None = None) -> None:
        if len(graph.nodes) > MOST_NODES:
            raise Refusal("compile.too_long", name=graph.name, count=len(graph.nodes), most=MOST_NODES)
        for node in filter(may_point_outside, graph.nodes):
            raise refused(node)  # a thread that gave up there would leave the other one waiting
        self.graph, self.roles, self.sparse = graph, roles, sparse
        self.batch = roles.x.shape[0]
        self.fused = fuse(graph, roles.carried)
        self.shared = _work(self.fused, sparse is not None) >= SHARED_FROM
        self.outer = self._outside()
        self.lowered = self._lower()
        self.bytes = plan(self.lowered.buffers, self.lowered.stages)
        self.source = emit(self.lowered, checked=is_checked(), steps=True, flushing=bool(roles.carried))
        self.machine = machine_code(self.source, self.lowered.name, f"<chainrule {graph.name} {id(self):x}>")
        self.run = self.machine.load(hold_gil=False)

    def _outside(self) -> dict[str, Buffer]:
        """Return the arrays that lie outside, each with a slot of its own: data, order, costs, results."""
        roles, whole = self.roles, np.dtype(np.int64)
        found = {"order": Buffer("order", (1,), whole, 1, "input")}
        if roles.target is not None:
            found["targets"] = _rows("targets", roles.target, "input")
        if roles.cost is not None:
            found["costs"] = Buffer("costs", (1,), roles.cost.dtype, 1, "output")
        if roles.collected is not None:
            found["collected"] = _rows("collected", roles.collected, "output")
        if self.shared:
            found |= {name: Buffer(name, (2,), whole, 2, "shared") for name in ("threads_at", "gate")}
        if self.sparse is None:
            found["examples"] = _rows("examples", roles.x, "input")
        else:
            kinds = {"starts": whole, "columns": self.sparse, "values": roles.x.dtype}
            found |= {name: Buffer(name, (1,), kind, 1, "input") for name, kind in kinds.items()}
        if self.sparse is not None or roles.carried:
            found["count"] = Buffer("count", (1,), whole, 1, "input")
        for slot, buffer in enumerate(found.values(), start=1):
            buffer.slot, buffer.offset = slot, 0
        return found

    def _lower(self) -> Lowered:
        roles, outer = self.roles, self.outer
        lowerer = Lowerer(self.fused, Layout(pad_inputs=True, shared=self.shared))
        lowerer.extra += outer.values()
        gathered = [(roles.target, outer["targets"])] if roles.target is not None else []
        filled: list[Statement] = []
        begin: list[Statement] = [Let("begin", Text(f"step * {self.batch}"))]
        if self.sparse is None:
            gathered.insert(0, (roles.x, outer["examples"]))
        else:
            table = [outer[name] for name in ("starts", "columns", "values", "order")]
            rows = SparseRows(self.batch, *table)
            if _only_multiplied(self.fused, roles.x):
                lowerer.sparse[roles.x] = rows
            else:
                filled = [dense_rows(rows, lowerer.buffer(roles.x))]
                lowerer.buffers[roles.x].role = "scratch"
        if "count" in outer:
            last = Text(f"min(begin + {self.batch}, ⟨0⟩ - {self.batch})", (Access(outer["count"], (ZERO,)),))
            begin.append(Let("following", last))
        lowerer.add("the mini-batch", (), begin, "each")
        if gathered:
            filled.append(_gather(lowerer, gathered, outer["order"], self.batch))
        if filled:
            wide = self.sparse is None and self.batch * roles.x.shape[1] >= WORTH_SHARING
            lowerer.stages.append(Stage("its rows", (), tuple(filled), "rows" if wide else "one"))
        for node, _ in gathered:
            lowerer.buffers[node].role = "scratch"
        lowered = run_kernels(lowerer, skip=set(lowerer.sparse))
        if "count" in outer:
            _fetch_ahead(lowered.stages, [source for _, source in gathered], outer["order"], self.batch)
        lowered.stages += _reports(lowerer, roles, outer, self.batch)
        return lowered


def _only_multiplied(fused: Fused, x: Node) -> bool:
    """Return whether all kernels that read x are products with it on the left, large enough for registers."""
    readers = [kernel for kernel in fused.kernels if any(node is x for node, _ in kernel.reads)]
    return all(
        kernel.kind == "product"
        and seen_through(kernel.nodes[0].inputs[0]) is x
        and seen_through(kernel.nodes[0].inputs[1]) is not x
        for kernel in readers
    )


def _work(fused: Fused, sparse: bool) -> float:
    """Return about how many multiplications the products of a step are."""
    products = [kernel for kernel in fused.kernels if kernel.kind == "product"]
    x = fused.graph.inputs
    work = 0.0
    for kernel in products:
        thin = sparse and seen_through(kernel.nodes[0].inputs[0]) in set(x) - set(fused.carried.values())
        work += math.prod(kernel.shape) * (SPARSE_PRICE if thin else 1)
    return work


def _rows(name: str, node: Node, role: str) -> Buffer:
    """Return the memory of all rows of which ``node`` holds some."""
    return Buffer(name, node.shape, node.dtype, node.shape[1], role)


def _gather(lowerer: Lowerer, pairs: Sequence[tuple[Node, Buffer]], order: Buffer, batch: int) -> Loop:
    """Return the loop that copies the rows of a mini-batch to where the step reads them."""
    body: list[Statement] = [Let("row", read(Access(order, (variable("begin") + variable("i"),))))]
    for node, source in pairs:
        body += _copied_row(source, lowerer.buffer(node))
    return Loop("i", batch, body)


def _fetch_ahead(stages: Sequence[Stage], sources: Sequence[Buffer], order: Buffer, batch: int) -> None:
    """Have the caches fetch the next mini-batch's rows, spread over the first product with this one's.

    All at once they would be more than the processor can wait for while it goes on. Where no product is
    written out here they are asked for as rows are copied.
    """
    every = [
        [loop for loop in stage.body if isinstance(loop, Loop) and loop.variable == "i"] for stage in stages
    ]
    whole = [loops for loops in every if loops and loops[0].start == 0 and loops[-1].stop == batch]
    for loop in next(iter([*filter(_multiply, whole), *whole]), []):
        row = variable("following") + variable("i") + variable("near")
        body: list[Statement] = [Let("ahead", read(Access(order, (row,))))]
        for source in sources:
            body += _fetched_row(source)
        loop.body.insert(0, Loop("near", loop.step, body, short=True))


def _multiply(loops: Sequence[Loop]) -> bool:
    """Return whether loops add up products in registers."""
    lets = [statement for statement in statements(loops) if isinstance(statement, Let)]
    return any(statement.text.template.startswith("multiply_add(") for statement in lets)


def _fetched_row(source: Buffer) -> Iterator[Statement]:
    """Yield what has the caches fetch the beginning of a row; they go on with the rest by themselves."""
    line = CACHE_LINE // source.dtype.itemsize
    for column in range(0, min(source.shape[1], FETCHED // source.dtype.itemsize), line):
        place = Address(Access(source, (variable("ahead"), Affine(column))))
        yield Do(Text("prefetch(⟨0⟩)", (place,)))


def _copied_row(source: Buffer, target: Buffer) -> Iterator[Statement]:
    """Yield what copies one row: register by register, then entry by entry."""
    row, columns = (variable("row"), variable("i")), source.shape[1]
    done = 0
    for width in (COPIED // source.dtype.itemsize, REGISTER // source.dtype.itemsize):
        end = done + (columns - done) // width * width

        def copy(column: Affine, width: int = width) -> list[Statement]:
            places = (Address(Access(target, (row[1], column))), Address(Access(source, (row[0], column))))
            return [Do(Text(f"store(⟨0⟩, load(⟨1⟩, {width}))", places))]

        if end > done:
            yield from tiles_of(done, end, width, copy)
        done = end
    if done < columns:
        column = variable("j")
        single = Store(Access(target, (row[1], column)), read(Access(source, (row[0], column))))
        yield Loop("j", columns, [single], start=done, short=True)


def _reports(lowerer: Lowerer, roles: Roles, outer: Mapping[str, Buffer], batch: int) -> Iterator[Stage]:
    """Yield the stages that hand over rows of results, and the cost; one that is not finite may stop."""
    if roles.collected is not None:
        source = lowerer.buffer(roles.collected)
        row, column = variable("i"), variable("j")
        place = Access(outer["collected"], (variable("begin") + row, column))
        copy = Loop("j", source.shape[1], [Store(place, read(Access(source, (row, column))))])
        yield Stage("results", (), (Loop("i", batch, [copy]),), "rows")
    if roles.cost is not None:
        name = lowerer.locals[roles.cost]
        body: list[Statement] = [Store(Access(outer["costs"], (variable("step"),)), Text(name))]
        restored = [Do(Text("restore_mode(mode)"))] if roles.carried else []
        if roles.stops:
            body.append(If(Text(f"not is_finite({name})"), [*restored, Do(Text("return step"))]))
        yield Stage("cost", (), tuple(body), "each")


def sparse_pays(graph: Graph, x: Node) -> bool:
    """Return whether x is only the left operand of products that are worth registers, of few columns."""
    users = [node for node in graph.nodes if any(source is x for source in node.inputs)]
    seen = list(users)
    for node in users:
        if node.primitive.name == "transpose":
            seen += [user for user in graph.nodes if any(source is node for source in user.inputs)]
    products = [node for node in seen if node.primitive.name == "matmul"]
    return len(products) == len([node for node in seen if node.primitive.name != "transpose"]) and all(
        is_product(node)
        and seen_through(node.inputs[0]) is x
        and seen_through(node.inputs[1]) is not x
        and node.shape[1] <= MOST_SPARSE_COLUMNS
        for node in products
    )
