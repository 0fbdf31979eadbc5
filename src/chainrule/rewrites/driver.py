"""Applying rewrites to whole graphs, inputs first, equal nodes made one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# The rules enter themselves into the tables when their modules are imported.
import chainrule.rewrites.simplifications
import chainrule.rewrites.stabilisations  # noqa: F401
from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard, substitute
from chainrule.graph.node import CONSTANT, Node, input_node
from chainrule.graph.order import constant_key
from chainrule.graph.writer import variables
from chainrule.rewrites.rule import EVERY, SIMPLIFICATIONS, STABILISATIONS, Rule, Table

MOST_COMPARED = 1024  # entries of constants that are compared by value


class _Rewriter:
    """Rewrites the nodes of one graph, one after the other, by the rules of a table."""

    def __init__(self, table: Table, inputs: Iterable[Node], exact: set[Node]) -> None:
        self.table = table
        self.exact = exact
        self.new: dict[Node, Node] = {node: node for node in inputs}
        self.shared: dict[Any, Node] = {}
        self.rules: dict[tuple[str, bool, bool], list[Rule]] = {}

    def rewrite(self, node: Node) -> Node:
        """Return what a node becomes; the nodes of the graph come in topological order."""
        better = self._improved(self._rebuilt(node), node in self.exact) if node.inputs else node
        better = self.new[node] = self.shared.setdefault(_key(better), better)
        self.new[better] = better
        return better

    def _rebuilt(self, node: Node) -> Node:
        """Return the node applied to what its operands became; its shape and dtype stay, since theirs do.

        An operand that is not known yet was made by a rule just now.
        """
        new = self.new
        operands = tuple([new[source] if source in new else self.rewrite(source) for source in node.inputs])
        for operand, source in zip(operands, node.inputs, strict=True):
            if operand is not source:
                return Node(node.primitive, operands, node.settings, node.shape, node.dtype)
        return node

    def _improved(self, node: Node, exact: bool) -> Node:
        """Return the node after all rules that fit, one after the other."""
        while True:
            better = self._after_one_rule(node, exact)
            if better is None:
                return node
            node = self._rebuilt(better)

    def _after_one_rule(self, node: Node, exact: bool) -> Node | None:
        for rule in self._rules_for(node, exact):
            better = rule(node)
            if better is None or better.weak:
                continue
            if better.shape == node.shape and better.dtype == node.dtype:
                return better
        return None

    def _rules_for(self, node: Node, exact: bool) -> list[Rule]:
        constant = False
        for source in node.inputs:
            if source.primitive is CONSTANT:
                constant = True
        key = node.primitive.name, constant, exact
        if key not in self.rules:
            entries = [entry for name in (key[0], EVERY) for entry in self.table.get(name, ())]
            fitting = [entry for entry in entries if constant or not entry.constant]
            self.rules[key] = [entry.rule for entry in fitting if not (exact and entry.rounds)]
        return self.rules[key]


def _compared(nodes: list[Node], guards: Iterable[Guard]) -> set[Node]:
    """Return the nodes on which a comparison depends: a changed last bit might choose another branch."""
    compared = {guard.node for guard in guards}
    for node in reversed(nodes):
        if node in compared or not node.primitive.differentiable:
            compared.add(node)
            compared.update(node.inputs)
    return compared


def _key(node: Node) -> Any:
    """Return what is equal for equal nodes whose operands are the same ones."""
    if node.primitive is CONSTANT:
        return constant_key(node) if node.size <= MOST_COMPARED else id(node)
    if not node.inputs:
        return id(node)
    return node.primitive.name, *map(id, node.inputs), *node.settings.items()


def _rewritten(graph: Graph, table: Table) -> Graph:
    new = _rewritten_nodes(graph, table)
    names = variables(graph.nodes) if graph.names is None else graph.names
    return graph.replaced(
        [new[node] for node in graph.outputs],
        guards=[Guard(new[guard.node], guard.truth) for guard in graph.guards],
        names={new[node]: name for node, name in names.items() if node in new},
    )


def _rewritten_nodes(graph: Graph, table: Table) -> dict[Node, Node]:
    """Return what each node of a graph becomes.

    Nothing behind an input belongs to the graph, so no rule may see it: an input that is computed elsewhere,
    as in a graph inside another, is hidden behind a fresh one meanwhile.
    """
    hidden = {node: input_node(node.shape, node.dtype, node.label) for node in _computed(graph.inputs)}
    own = list(graph.nodes)
    nodes = list(substitute(own, hidden)) if hidden else own
    exact = _compared(own, graph.guards)
    if hidden:
        exact = {new for new, node in zip(nodes, own, strict=True) if node in exact}
    rewriter = _Rewriter(table, [hidden.get(node, node) for node in graph.inputs], exact)
    with context.on_behalf() as on_behalf_of:
        for node in nodes:
            on_behalf_of(node)
            rewriter.rewrite(node)
    better = [rewriter.new[node] for node in nodes]
    if hidden:
        better = list(substitute(better, {fresh: node for node, fresh in hidden.items()}))
    return {**{node: node for node in graph.inputs}, **dict(zip(own, better, strict=True))}


def _computed(inputs: Iterable[Node]) -> list[Node]:
    return [node for node in inputs if node.inputs]


def stabilise(graph: Graph) -> Graph:
    """Return a graph in which log-sum-exp, sigmoid and the like are done in one stable step.

    A value may then be finite where that of plain NumPy is not: log(1 + exp(800)) is 800, not infinity.
    """
    return _rewritten(graph, STABILISATIONS)


def simplify(graph: Graph) -> Graph:
    """Return a smaller graph of the same value: x·1 = x, constants folded, equal nodes made one, and more."""
    return _rewritten(graph, SIMPLIFICATIONS)
