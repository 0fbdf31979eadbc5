"""`Truths`: what the claims ought to be: the gradients of the cost, as nodes of the same graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.audits.derivation import Claim, Derivation
from chainrule.gradients import Edge, gradients_of_all, pull_back
from chainrule.graph.node import Node, constant
from chainrule.graph.order import ancestors

MOST_EDGES = 24  # behind a variable, whose share in its gradient is looked at


class Truths:
    """The gradient of the cost by every value on the way to it.

    Parameters
    ----------
    derivation
        What is claimed.
    cost
        What is differentiated: the derivation's cost, or the one that the script shows.
    """

    def __init__(self, derivation: Derivation, cost: Node) -> None:
        self.cost = cost
        self.edges: list[Edge] = []
        sources = [leaf.node for leaf in derivation.leaves if leaf.node.dtype.kind == "f"]
        self.found = gradients_of_all(cost, sources, edges=self.edges)
        made = {claim.node for claim in derivation.claims}
        self.reaching = frozenset(ancestors([cost]))
        starts = [leaf.node for leaf in derivation.leaves if leaf.node not in made]
        self.forward = frozenset([*self.reaching, *starts])
        for claim in derivation.claims:
            if claim.of not in self.found and claim.of in self.forward:
                self.found[claim.of] = pull_back(cost, [claim.of])[0]

    def of(self, variable: Node) -> Node:
        """Return the true derivative by a value; zeros where the cost does not use it."""
        return self.found[variable] if variable in self.found else constant(np.zeros(variable.shape))

    def is_unused(self, claim: Claim) -> bool:
        """Return whether no path leads from the claim's variable to the cost."""
        return claim.of not in self.reaching

    def uses(self, variable: Node) -> list[Edge]:
        """Return the edges that leave a value towards the cost."""
        return [edge for edge in self.edges if edge.source is variable]

    def shares(self, variable: Node, blocked: Sequence[Node] = ()) -> Iterator[tuple[Edge, Node]]:
        """Yield edges on the way from a variable to the cost, and what each adds to its gradient.

        Nothing passes through ``blocked`` values. Only edges that leave a value with several uses: without
        another way, an edge carries everything. Edges to one consumer, as in w·w, are taken together.
        """
        seen, stops = 0, [variable, *blocked]
        for source in self.between(variable):
            uses: dict[Node, list[Edge]] = {}
            for edge in self.uses(source):
                uses.setdefault(edge.consumer, []).append(edge)
            if len(uses) < 2:
                continue
            for edge, *others in uses.values():
                seen += source is not variable
                if seen > MOST_EDGES:
                    return
                share = sum([other.gradient for other in others], start=edge.gradient)
                yield edge, share if source is variable else pull_back(source, stops, seed=share)[0]

    def between(self, variable: Node) -> list[Node]:
        """Return the values on paths from a variable to the cost, the variable first."""
        reached = {variable}
        for node in ancestors([self.cost]):
            if not reached.isdisjoint(node.inputs) and node in self.found:
                reached.add(node)
        return sorted(reached, key=lambda node: node.serial)
