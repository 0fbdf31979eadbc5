"""`Run`: a graph at some values, with its edges back from the output to the chosen inputs.

No derivative is known here: the edges come from the driver in `chainrule.gradients`, and only their values
are computed.
"""

from __future__ import annotations

import re
from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.errors import GuardError, unknown_name
from chainrule.explanations.conditions import without_exceptions
from chainrule.explanations.formulas import SHORT, formula, in_names, with_numbers
from chainrule.explanations.names import step_names
from chainrule.explanations.returning import returned
from chainrule.explanations.rules import rule_of
from chainrule.explanations.steps import BackwardStep, ForwardStep, Rule, Use
from chainrule.gradients import Edge, pull_back
from chainrule.graph import context
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import CONSTANT, INPUT, Node, lift
from chainrule.graph.order import dependents
from chainrule.rewrites import simplify

Values = dict[Node, Any]
WEIGHT = re.compile(r"[wW]|theta|θ")
Wrt = str | Sequence[str] | None


class Run:
    """A graph at some values, differentiated by some of its inputs.

    Parameters
    ----------
    graph
        A graph with one output, a number.
    given
        The values of its inputs.
    wrt
        The names of the inputs to differentiate by; None: all that are real.
    names
        Names of nodes; those without one get their own.
    weights
        The names of the inputs that are weights, the others being data; None: those called w, W1, theta ….
    """

    def __init__(
        self,
        graph: Graph,
        given: Sequence[Any],
        wrt: Wrt = None,
        names: Mapping[Node, str] | None = None,
        weights: Sequence[str] | None = None,
    ) -> None:
        self.graph, self.given = graph, list(given)
        self.names = step_names(graph, names)
        self.nodes = {name: node for node, name in self.names.items()}
        self.weights = {
            node
            for node in graph.inputs
            if (WEIGHT.match(self.names[node]) if weights is None else self.names[node] in weights)
        }
        self.output = graph.outputs[0]
        self.output_name = self.names.get(self.output, "J")
        self.sources = self._chosen(wrt)
        self.edges: list[Edge] = []
        slopes = pull_back(self.output, self.sources, edges=self.edges) if self.sources else []
        self.slopes = dict(zip(self.sources, slopes, strict=True))
        self.locals = [None if edge.local is None else lift(edge.local) for edge in self.edges]
        self.values = self._computed()

    def _chosen(self, wrt: Wrt) -> list[Node]:
        by_name = {self.names[node]: node for node in self.graph.inputs if node.dtype.kind == "f"}
        chosen = list(by_name) if wrt is None else [wrt] if isinstance(wrt, str) else list(dict.fromkeys(wrt))
        for name in chosen:
            if name not in by_name:
                raise unknown_name("wrt", name, by_name)
        return [by_name[name] for name in chosen]

    def _computed(self) -> Values:
        """Return the value of every node that an explanation shows."""
        nodes = [self.output, *self.graph.nodes, *self.slopes.values()]
        nodes += [node for edge in self.edges for node in (edge.incoming, edge.gradient)]
        nodes += [node for node in self.locals if node is not None]
        shown = list(dict.fromkeys(nodes))
        results = Program(self.graph.inputs, shown).run(*self.given)
        pairs = zip([*shown, *self.graph.inputs], [*results, *self.given], strict=True)
        return {node: _plain(value) for node, value in pairs}

    # What the explanation is made of.

    @property
    def inputs(self) -> dict[str, Any]:
        """The given values by name."""
        return {self.names[node]: self.values[node] for node in self.graph.inputs}

    @property
    def value(self) -> Any:
        """The value of the output."""
        return self.values[self.output]

    @cached_property
    def gradient(self) -> dict[str, Any]:
        """The derivative of the output by each chosen input, by name."""
        return {self.names[node]: self.values[slope] for node, slope in self.slopes.items()}

    def forward_steps(self) -> tuple[ForwardStep, ...]:
        """Return the values, in the order in which they are computed."""
        return tuple([self._forward(node) for node in self.graph.nodes if node in self.names])

    def _forward(self, node: Node) -> ForwardStep:
        few = sum(source.size for source in node.inputs) <= 2 * SHORT
        return ForwardStep(
            name=self.names[node],
            formula=formula(node, self.names),
            numbers=with_numbers(node, self.values) if few else "",
            value=self.values[node],
            operands=tuple([self.names[source] for source in node.inputs if source in self.names]),
            line=str(node.location) if node.location else None,
            operation=node.primitive.name,
            scope=node.scope,
        )

    def backward_steps(self) -> tuple[BackwardStep, ...]:
        """Return the derivatives of the output by each value, from the output back.

        Those by inputs come last; with named scopes, after the last step of the scope that uses them.
        """
        uses: dict[Node, list[Use]] = {}
        for edge, use in zip(self.edges, self._uses(), strict=True):
            uses.setdefault(edge.source, []).append(use)
        between = [node for node in reversed(self.graph.nodes) if node in uses and node not in self.slopes]
        steps = [
            BackwardStep(self.names[node], tuple(uses[node]), _total(uses[node]), node.scope)
            for node in between
        ]
        for node in self.sources:
            if node is not self.output:
                value, scope = self.values[self.slopes[node]], self.scope_of(node)
                step = BackwardStep(self.names[node], tuple(uses.get(node, ())), value, scope)
                steps.insert(_place_for(step, steps), step)
        return tuple(steps)

    def scope_of(self, node: Node) -> str:
        """Return the scope to which a node belongs: of an input, that in which it is first used."""
        if node.primitive is not INPUT:
            return node.scope
        return self._first_users[node].scope if node in self._first_users else ""

    @cached_property
    def _first_users(self) -> dict[Node, Node]:
        return {operand: node for node in reversed(self.graph.nodes) for operand in node.inputs}

    @cached_property
    def by_name(self) -> dict[str, Any]:
        """The values of all that has a name."""
        return {name: self.values[node] for name, node in self.nodes.items()}

    def _uses(self) -> list[Use]:
        return [
            Use(
                through=self.names[edge.consumer],
                local=self._returned(edge) if local is None else self.symbols[local],
                elementwise=local is not None,
                local_value=None if local is None else self.values[local],
                incoming=self.values[edge.incoming],
                value=self.values[edge.gradient],
                summed=local is not None and edge.consumer.shape != edge.source.shape,
                rule=rule,
            )
            for edge, local, rule in zip(self.edges, self.locals, self.rules, strict=True)
        ]

    def _returned(self, edge: Edge) -> str:
        """Return what comes back along an edge, in symbols."""
        names = ChainMap(self.names, self._slope_names)
        if edge.incoming.primitive is CONSTANT or edge.incoming in self.names:
            return returned(edge, names)
        # The derivatives of several values may be one node: here it is that of this edge's consumer.
        own = {edge.incoming: f"d{self.output_name}/d{self.names[edge.consumer]}"}
        return returned(edge, ChainMap(own, *names.maps))

    @cached_property
    def _slope_names(self) -> dict[Node, str]:
        """The names of the derivatives that come in along the edges."""
        return {
            edge.incoming: f"d{self.output_name}/d{self.names[edge.consumer]}"
            for edge in self.edges
            if edge.incoming.primitive is not CONSTANT
        }

    @cached_property
    def _places(self) -> list[int]:
        """The operand of its consumer that each edge leads to; two edges between the same nodes in order."""
        seen: Counter[tuple[Node, Node]] = Counter()
        found = []
        for edge in self.edges:
            pair = edge.source, edge.consumer
            places = [place for place, operand in enumerate(edge.consumer.inputs) if operand is edge.source]
            found.append(places[min(seen[pair], len(places) - 1)])
            seen[pair] += 1
        return found

    def place_in_consumer(self, number: int) -> int:
        """Return which operand of its consumer the source of the edge of this number is."""
        return self._places[number]

    @cached_property
    def rules(self) -> list[Rule]:
        """The rule of each edge."""
        return [rule_of(edge.consumer, place) for edge, place in zip(self.edges, self._places, strict=True)]

    def slope(self, node: Node) -> Any:
        """Return the derivative of the output by a node; None where none comes back to it."""
        if node is self.output:
            return 1.0
        if node in self.slopes:
            return self.values[self.slopes[node]]
        parts = [self.values[self.edges[number].gradient] for number in self.edges_from.get(node, ())]
        return sum(parts[1:], parts[0]) if parts else None

    @cached_property
    def edges_from(self) -> dict[Node, list[int]]:
        """The numbers of the edges that lead from a node to where it is used."""
        found: dict[Node, list[int]] = {}
        for number, edge in enumerate(self.edges):
            found.setdefault(edge.source, []).append(number)
        return found

    def local_value(self, number: int) -> Any:
        """Return the value of the local derivative of the edge of this number; it must be elementwise."""
        return self.values[lift(self.locals[number])]

    def simple_local(self, number: int) -> Node:
        """Return the local derivative of the edge of this number, simplified; it must be elementwise."""
        return self.simple_locals[lift(self.locals[number])]

    @cached_property
    def simple_locals(self) -> dict[Node, Node]:
        """Each elementwise local derivative, simplified without looking behind a node that has a name."""
        locals_ = list(dict.fromkeys(node for node in self.locals if node is not None))
        given = dict(zip(self.graph.inputs, self.given, strict=True))
        settled = without_exceptions(locals_, self.names, given)
        simple = simplify(Graph(list(self.names), settled, single=False)).outputs
        return dict(zip(locals_, simple, strict=True))

    @cached_property
    def symbols(self) -> dict[Node, str]:
        """Each elementwise local derivative as a formula of this run's names."""
        return {node: in_names(plain, self.names) for node, plain in self.simple_locals.items()}

    # Asking further.

    @cached_property
    def _evaluation(self) -> Program:
        return Program(self.graph.inputs, [self.output, *[guard.node for guard in self.graph.guards]])

    def output_at(self, changes: Mapping[Node, Any]) -> Any:
        """Return the output's value where some inputs have other values, complex ones too.

        Raises
        ------
        GuardError
            If the function takes another branch there.
        """
        values = [changes.get(node, value) for node, value in zip(self.graph.inputs, self.given, strict=True)]
        output, *tested = self._evaluation.run(*values)
        for guard, value in zip(self.graph.guards, tested, strict=True):
            if bool(value) != guard.truth:
                where = context.described(guard.node.location)
                raise GuardError("graph.guard", truth=guard.truth, where=where)
        return np.asarray(output).reshape(()).item()

    def is_holomorphic_in(self, source: Node) -> bool:
        """Return whether all operations between an input and the output continue to complex numbers."""
        nodes = self.graph.nodes
        behind = dependents(nodes, [source]) - {source}
        leading = {self.output}
        for node in reversed(nodes):
            if node in leading:
                leading.update(node.inputs)
        return all(
            node.primitive.holomorphic and node.primitive.differentiable
            for node in behind & leading
            if node.primitive not in (CONSTANT, INPUT)
        )


def _place_for(step: BackwardStep, steps: Sequence[BackwardStep]) -> int:
    """Return where a step by an input belongs: after the last step of its scope, else at the end."""
    places = [place for place, other in enumerate(steps) if step.scope and other.scope == step.scope]
    return places[-1] + 1 if places else len(steps)


def _total(uses: Sequence[Use]) -> Any:
    total = uses[0].value
    for use in uses[1:]:
        total = total + use.value
    return total


def _plain(value: Any) -> Any:
    """Return a number as Python's own, an array as it is."""
    array = np.asarray(value)
    return array if array.ndim else array.item()
