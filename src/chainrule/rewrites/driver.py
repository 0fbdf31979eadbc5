"""Applying rewrites to whole graphs, inputs first, equal nodes made one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# The rules enter themselves into the tables when their modules are imported.
import chainrule.rewrites.simplifications
import chainrule.rewrites.stabilisations  # noqa: F401
from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import constant_key
from chainrule.graph.writer import variables
from chainrule.rewrites.rule import EVERY, SIMPLIFICATIONS, STABILISATIONS, Rule, Table

MOST_COMPARED = 1024  # entries of constants that are compared by value


class _Rewriter:
    """Rewrites the nodes of one graph, one after the other, by the rules of a table."""

    def __init__(self, table: Table, inputs: Iterable[Node]) -> None:
        self.table = table
        self.new: dict[Node, Node] = {node: node for node in inputs}
        self.shared: dict[Any, Node] = {}
        self.rules: dict[tuple[str, bool], list[Rule]] = {}

    def rewrite(self, node: Node) -> Node:
        """Return what a node becomes; the nodes of the graph come in topological order."""
        better = self._improved(self._rebuilt(node)) if node.inputs else node
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

    def _improved(self, node: Node) -> Node:
        """Return the node after all rules that fit, one after the other."""
        while True:
            better = self._after_one_rule(node)
            if better is None:
                return node
            node = self._rebuilt(better)

    def _after_one_rule(self, node: Node) -> Node | None:
        for rule in self._rules_for(node):
            better = rule(node)
            if better is None or better.weak:
                continue
            if better.shape == node.shape and better.dtype == node.dtype:
                return better
        return None

    def _rules_for(self, node: Node) -> list[Rule]:
        constant = False
        for source in node.inputs:
            if source.primitive is CONSTANT:
                constant = True
        key = node.primitive.name, constant
        if key not in self.rules:
            entries = [entry for name in (key[0], EVERY) for entry in self.table.get(name, ())]
            self.rules[key] = [entry.rule for entry in entries if constant or not entry.constant]
        return self.rules[key]


def _key(node: Node) -> Any:
    """Return what is equal for equal nodes whose operands are the same ones."""
    if node.primitive is CONSTANT:
        return constant_key(node) if node.size <= MOST_COMPARED else id(node)
    if not node.inputs:
        return id(node)
    return node.primitive.name, *map(id, node.inputs), *node.settings.items()


def _rewritten(graph: Graph, table: Table) -> Graph:
    rewriter = _Rewriter(table, graph.inputs)
    with context.on_behalf() as on_behalf_of:
        for node in graph.nodes:
            on_behalf_of(node)
            rewriter.rewrite(node)
    new = rewriter.new
    names = variables(graph.nodes) if graph.names is None else graph.names
    return graph.replaced(
        [new[node] for node in graph.outputs],
        guards=[Guard(new[guard.node], guard.truth) for guard in graph.guards],
        names={new[node]: name for node, name in names.items() if node in new},
    )


def stabilise(graph: Graph) -> Graph:
    """Return a graph in which log-sum-exp, sigmoid and the like are done in one stable step.

    A value may then be finite where that of plain NumPy is not: log(1 + exp(800)) is 800, not infinity.
    """
    return _rewritten(graph, STABILISATIONS)


def simplify(graph: Graph) -> Graph:
    """Return a smaller graph of the same value: x·1 = x, constants folded, equal nodes made one, and more."""
    return _rewritten(graph, SIMPLIFICATIONS)
