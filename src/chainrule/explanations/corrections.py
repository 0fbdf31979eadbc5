"""Adam's update in the form of its paper: with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chainrule.graph.graph import Graph, substitute
from chainrule.graph.node import CONSTANT, Node, apply

HAT = "\N{COMBINING CIRCUMFLEX ACCENT}"


def corrected_for_start(graph: Graph, states: Mapping[Node, str]) -> tuple[Node, dict[Node, str]]:
    """Return the new parameter, written with corrected averages, and the names of these.

    Training divides the learning rate by 1 − β₁ᵗ, a number that all parameters share, instead of every
    average; here it is the average again. An update without such factors stays as it is.

    Parameters
    ----------
    graph
        The update of a single number; its first output is the new parameter.
    states
        The names of its other outputs, the new state: ``m′``.
    """
    names: dict[Node, str] = {}
    better: dict[Node, Node] = {}
    for node in graph.nodes:
        if node.primitive.name != "multiply":
            continue
        for factor, other in (node.inputs, node.inputs[::-1]):
            found = _corrected(factor, other, states)
            if found is not None:
                average, state, better[node] = found
                names[average] = states[state].removesuffix("′") + HAT
                break
    (moved,) = substitute(graph.outputs[:1], better)
    return moved, names


def _corrected(factor: Node, other: Node, states: Collection[Node]) -> tuple[Node, Node, Node] | None:
    """Return a corrected average, what it is the average of, and a product with it; None if it is none."""
    if factor.primitive.name != "divide":
        return None
    above, below = factor.inputs
    if other in states and _is_one_less_power(below):
        average = other / below
        return average, other, above * average
    if {other.primitive.name, below.primitive.name} == {"sqrt"} and _is_number(above, 1.0):
        (state,), (share,) = other.inputs, below.inputs
        if state in states and _is_one_less_power(share):
            average = state / share
            return average, state, apply("sqrt", average)
    return None


def _is_one_less_power(node: Node) -> bool:
    """Return whether a node is 1 − βᵗ."""
    if node.primitive.name != "subtract":
        return False
    one, power = node.inputs
    return _is_number(one, 1.0) and power.primitive.name == "power" and power.inputs[0].primitive is CONSTANT


def _is_number(node: Node, number: float) -> bool:
    return node.primitive is CONSTANT and node.size == 1 and float(node.value) == number
