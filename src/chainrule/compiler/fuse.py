"""Fusion: which values are kept in memory, and which operations share one pass over it.

A *kernel* is a pass over an iteration space. An elementwise operation is done inside the pass that needs its
value, and does not reach memory, unless several passes need it and doing it again would cost more than
keeping it. Views (transposes, slices, broadcasts) never cost anything: they only say where to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chainrule.compiler.formulas import cost
from chainrule.compiler.places import Index, broadcast_index, is_view, through_view, variable
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, INPUT, Node
from chainrule.graph.primitive import Shape
from chainrule.graph.writer import operation_text

REDUCTIONS = frozenset(("sum", "prod", "max", "min", "all", "any", "argmax", "argmin"))
CHEAP = 6  # an operation that costs no more is done again rather than kept
DEEPEST = 40  # operations done inside one another
SHORT_ROW = 64  # expensive operations are not done inside the sum of a row as short as this
SMALL_PRODUCT = 256  # multiplications from which on a product of matrices is worth registers


@dataclass(eq=False)
class Onto:
    """An update that a product makes itself: ``new = target ± factor · product``, written over ``target``."""

    new: Node
    target: Node
    factor: Node
    sign: int


@dataclass(eq=False)
class Kernel:
    """One pass: the values that it leaves behind, and the shape that it runs over.

    ``kind`` is "scalars", "map", "reduction", "product" (of two matrices), "contraction" (any other product),
    "joining" (concatenate), "scatter" (add_at), "running" (cumsum), or "reshape".
    """

    kind: str
    shape: Shape
    nodes: list[Node] = field(default_factory=list)
    reads: list[tuple[Node, Index | None]] = field(default_factory=list)
    onto: Onto | None = None


@dataclass(frozen=True)
class Fused:
    """A graph cut into kernels, in the order in which they run; ``kept`` are the nodes that reach memory."""

    graph: Graph
    kernels: tuple[Kernel, ...]
    kept: frozenset[Node]
    carried: Mapping[Node, Node]

    def __str__(self) -> str:
        names = self.graph.node_names()
        plural = "" if len(self.kernels) == 1 else "s"
        lines = [f"fused {self.graph.name}: {len(self.kernels)} kernel{plural}"]
        for number, kernel in enumerate(self.kernels, start=1):
            shape = f"[{', '.join(map(str, kernel.shape))}]" if kernel.shape else ""
            lines.append(f"{number:3}  {kernel.kind}{shape}")
            lines += [
                f"       {operation_text(node, names)}{self._fate(node)}" for node in self._shown(kernel)
            ]
            lines += self._update(kernel, names)
        return "\n".join(lines) + "\n"

    def _update(self, kernel: Kernel, names: Mapping[Node, str]) -> list[str]:
        """Return the line of the update that a product makes itself."""
        if kernel.onto is None:
            return []
        onto, (product,) = kernel.onto, kernel.nodes
        factor = names.get(onto.factor) or repr(onto.factor.value)
        change = f"{names[onto.target]} {'+' if onto.sign > 0 else '-'} {factor} * {names[product]}"
        return [f"       {names[onto.new]} = {change}  → over {onto.target.label}"]

    def _shown(self, kernel: Kernel) -> list[Node]:
        inner = {node for kept in kernel.nodes for node in inlined(kept, self.is_stored)}
        return sorted({*kernel.nodes, *inner}, key=lambda node: node.serial)

    def _fate(self, node: Node) -> str:
        if node in self.carried:
            return f"  → over {self.carried[node].label}"
        return "  → kept" if node in self.kept and node.shape else ""

    def is_stored(self, node: Node) -> bool:
        """Return whether a node's value can be read: from memory, or from a local variable."""
        return node.primitive in (INPUT, CONSTANT) or node in self.kept


def inlined(node: Node, is_stored: object) -> Iterator[Node]:
    """Yield the operations that are done inside the pass which computes ``node``."""
    waiting, seen = list(node.inputs), set()
    while waiting:
        source = waiting.pop()
        if source not in seen and not is_stored(source):  # type: ignore[operator]
            seen.add(source)
            yield source
            waiting.extend(source.inputs)


def fuse(graph: Graph, carried: Mapping[Node, Node] | None = None) -> Fused:
    """Cut a graph (of operations that can be lowered) into kernels.

    Parameters
    ----------
    graph
        As `chainrule.compiler.expand.expand` returns it.
    carried
        Outputs that take the place of inputs, such as new parameters that of the old ones.
    """
    fused = _Fuser(graph, carried or {}, updates=True).fused()
    return _Fuser(graph, carried or {}, updates=False).fused() if _overwrites_too_early(fused) else fused


def _overwrites_too_early(fused: Fused) -> bool:
    """Return whether a product writes over a value that is still to be read."""
    for place, kernel in enumerate(fused.kernels):
        if kernel.onto is not None:
            rest = [kernel.reads, *[later.reads for later in fused.kernels[place + 1 :]]]
            if any(node is kernel.onto.target for reads in rest for node, _ in reads):
                return True
    return False


def is_product(node: Node) -> bool:
    """Return whether a node is a product of two matrices for which vector registers pay."""
    if node.primitive.name != "matmul" or node.dtype.name not in ("float32", "float64"):
        return False
    left, right = node.inputs
    if len(left.shape) != 2 or len(right.shape) != 2 or left.dtype != node.dtype or right.dtype != node.dtype:
        return False
    return node.size * left.shape[1] >= SMALL_PRODUCT and left.shape[1] > 0


def seen_through(node: Node) -> Node:
    """Return what a node shows, if it is a view of a view of …."""
    while node.primitive not in (INPUT, CONSTANT) and is_view(node):
        node = node.inputs[0]
    return node


class _Fuser:
    def __init__(self, graph: Graph, carried: Mapping[Node, Node], *, updates: bool) -> None:
        self.graph = graph
        self.outputs = set(graph.outputs)
        self.carried = carried
        self.nodes = [node for node in graph.nodes if node.primitive is not CONSTANT]
        self.consumers: dict[Node, list[Node]] = {}
        for node in self.nodes:
            for source in node.inputs:
                self.consumers.setdefault(source, []).append(node)
        self.onto = self._updates() if updates else {}
        self.skipped = {node for _, step in self.onto.values() for node in (step, *self._product_of(step))}
        self.kept = self._choose_kept()

    # Updates that a product can write itself.

    def _updates(self) -> dict[Node, tuple[Onto, Node]]:
        """Return, by ``new``, the updates ``target ± factor · product`` whose product has no other use."""
        found: dict[Node, tuple[Onto, Node]] = {}
        for new, target in self.carried.items():
            if new.primitive.name not in ("subtract", "add") or new.inputs[0] is not target:
                continue
            step = new.inputs[1]
            if step.primitive.name != "multiply" or self._only_use(step) is not new:
                continue
            for factor, product in (step.inputs, step.inputs[::-1]):
                if not factor.shape and is_product(product) and self._only_use(product) is step:
                    sign = -1 if new.primitive.name == "subtract" else 1
                    found[new] = Onto(new, target, factor, sign), step
        return found

    def _product_of(self, step: Node) -> list[Node]:
        return [source for source in step.inputs if is_product(source)]

    def _only_use(self, node: Node) -> Node | None:
        users = self.consumers.get(node, [])
        return users[0] if len(users) == 1 and node not in self.outputs else None

    # What is kept.

    def _choose_kept(self) -> frozenset[Node]:
        kept = {node for node in self.graph.outputs if node.primitive is not CONSTANT}
        for node in self.nodes:
            if self._is_anchor(node):
                kept.add(node)
                kept.update(self._forced(node))
            if not node.shape and node.primitive.elementwise:
                kept.add(node)
        kept |= self._partly_read()
        kept -= self.skipped
        roots: dict[Node, set[Node]] = {}
        depth: dict[Node, int] = {}
        for node in reversed(self.nodes):
            if node in self.skipped:
                continue
            users = self.consumers.get(node, [])
            mine = {node} if node in kept else set()
            for user in users:
                mine |= {user} if user in kept or user in self.skipped else roots.get(user, set())
            if node not in kept and node.primitive.elementwise and self._is_worth(node, mine):
                kept.add(node)
            roots[node] = {node} if node in kept else mine
            depth[node] = 0 if node in kept else 1 + max([depth.get(user, 0) for user in users], default=0)
            if depth[node] > DEEPEST and not is_view(node):
                kept.add(node)
                roots[node], depth[node] = {node}, 0
        return frozenset(kept)

    def _partly_read(self) -> set[Node]:
        """Return the gathers of which not all entries are read: an index outside must still be noticed."""
        partly: set[Node] = set()
        for node in reversed(self.nodes):
            for user in self.consumers.get(node, []):
                picks = _is_gather(user) and user.inputs[0] is node
                if picks or (not self._is_anchor(user) and (user in partly or user.size < node.size)):
                    partly.add(node)
        return {node for node in partly if _is_gather(node)}

    def _is_anchor(self, node: Node) -> bool:
        return not (node.primitive.elementwise or is_view(node) or _is_gather(node))

    def _forced(self, node: Node) -> list[Node]:
        """Return the operands that must be in memory for an anchor to read them."""
        if node.primitive.name in ("matmul", "einsum", "reshape", "cumsum"):
            found = [seen_through(source) for source in node.inputs]
            return [source for source in found if source.primitive not in (INPUT, CONSTANT)]
        return []

    def _is_worth(self, node: Node, users: set[Node]) -> bool:
        """Return whether to keep a value rather than to compute it wherever it is needed."""
        if cost(node) <= CHEAP:
            return False
        if len(users) > 1 or any(self._is_short_sum(user) for user in users):
            return True
        return any(
            (user.primitive.elementwise and user.size > node.size)
            or user.primitive.name == "broadcast_to"
            or _is_gather(user)
            for user in self.consumers.get(node, [])
        )

    def _is_short_sum(self, node: Node) -> bool:
        return node.primitive.name in REDUCTIONS and self._sums_short_rows(node)

    def _sums_short_rows(self, node: Node) -> bool:
        shape = node.inputs[0].shape
        return bool(shape) and shape[-1] < SHORT_ROW and node.inputs[0].size > shape[-1]

    # Kernels.

    def fused(self) -> Fused:
        """Return the kernels in order."""
        kernels: list[Kernel] = []
        home: dict[Node, int] = {}
        for node in self.nodes:
            if node not in self.kept:
                continue
            update = self.onto.get(node)
            if update is not None:
                (product,) = self._product_of(update[1])
                factor: list[tuple[Node, Index | None]] = [(update[0].factor, ())]
                reads = factor + list(self._needs(product))
                kernels.append(Kernel(*self._kind(product), [product], reads, update[0]))
                home[node] = len(kernels) - 1
                continue
            reads = list(self._needs(node))
            place = home[node] = self._find(node, reads, kernels, home)
            kernels[place].nodes.append(node)
            kernels[place].reads += reads
        return Fused(self.graph, tuple(kernels), self._seen_outside(kernels, home), self.carried)

    def _find(
        self,
        node: Node,
        reads: list[tuple[Node, Index | None]],
        kernels: list[Kernel],
        home: Mapping[Node, int],
    ) -> int:
        """Return the place of the kernel that computes ``node``: one that is there, or a new one."""
        kind, shape = self._kind(node)
        earliest = max([home[source] for source, _ in reads if source in home], default=-1)
        if kind in ("map", "scalars"):
            identity = tuple([variable(f"v{axis}") for axis in range(len(shape))])
            for place in range(len(kernels) - 1, max(earliest, 0) - 1, -1):
                kernel = kernels[place]
                if kernel.kind != kind or kernel.shape != shape:
                    continue
                if all(index == identity for source, index in reads if home.get(source) == place):
                    return place
        kernels.append(Kernel(kind, shape))
        return len(kernels) - 1

    def _kind(self, node: Node) -> tuple[str, Shape]:
        name = node.primitive.name
        if node.primitive.elementwise or is_view(node) or _is_gather(node):
            return ("map", node.shape) if node.shape else ("scalars", ())
        if name in REDUCTIONS:
            return "reduction", node.inputs[0].shape
        if is_product(node):
            return "product", (*node.shape, node.inputs[0].shape[1])
        kinds = {"concatenate": "joining", "add_at": "scatter", "cumsum": "running", "reshape": "reshape"}
        return kinds.get(name, "contraction"), node.shape

    def _needs(self, node: Node) -> Iterator[tuple[Node, Index | None]]:
        """Yield the stored nodes that computing ``node`` reads, and where for the entry v0, v1 …."""
        identity: Index = tuple([variable(f"v{axis}") for axis in range(len(node.shape))])
        waiting = self._read_by(node, identity)
        seen = set()
        while waiting:
            source, place = waiting.pop()
            if (source, place) in seen or source.primitive is CONSTANT:
                continue
            seen.add((source, place))
            if source in self.kept or source.primitive is INPUT:
                yield source, place
            else:
                waiting += self._read_by(source, place)

    def _read_by(self, node: Node, index: Index | None) -> list[tuple[Node, Index | None]]:
        if index is None or self._is_anchor(node) or _is_gather(node):
            return [(source, None if source.shape else ()) for source in node.inputs]
        if is_view(node):
            return [(node.inputs[0], through_view(node, index))]
        return [(source, broadcast_index(index, source.shape)) for source in node.inputs]

    def _seen_outside(self, kernels: Sequence[Kernel], home: Mapping[Node, int]) -> frozenset[Node]:
        """Return the kept nodes that are outputs, or that another kernel reads: only these reach memory."""
        seen = {node for node in self.graph.outputs if node.primitive is not CONSTANT}
        for place, kernel in enumerate(kernels):
            outside = kernel.kind not in ("map", "scalars")
            seen.update(node for node, _ in kernel.reads if outside or home.get(node) != place)
            seen.update(node for node in kernel.nodes if not node.shape)
        return frozenset(seen)


def _is_gather(node: Node) -> bool:
    return node.primitive.name == "index" and len(node.inputs) > 1
