"""Local derivatives without the exceptions that do not occur here, such as "but 0 where y = 0"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph.graph import substitute
from chainrule.graph.interpreter import Program
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors

EXCEPTIONS = frozenset({"equal", "not_equal"})  # conditions that single out a point


def without_exceptions(
    locals_: Sequence[Node], names: Mapping[Node, str], given: Mapping[Node, Any]
) -> list[Node]:
    """Return local derivatives in which a choice is what is chosen for all entries, if it is by an equation.

    Parameters
    ----------
    locals_
        The local derivatives.
    names
        The nodes that have a name; nothing behind them is changed.
    given
        The values of the inputs.
    """
    choices = [
        node
        for node in ancestors(locals_, stop=names)
        if node.primitive.name == "where" and node.inputs[0].primitive.name in EXCEPTIONS
    ]
    conditions = [node.inputs[0] for node in choices]
    values = Program(list(given), conditions).run(*given.values()) if choices else []
    chosen: dict[Node, Node] = {}
    for node, value in zip(choices, values, strict=True):
        if np.all(value) and node.inputs[1].primitive is CONSTANT:  # "0 where x = 0" tells more than 0
            inner = set(ancestors([node.inputs[2]], stop=names))
            chosen.update(
                {other: other.inputs[2] for other in choices if other in inner and _same(other, node)}
            )
        elif node not in chosen and (np.all(value) or not np.any(value)):
            chosen[node] = node.inputs[1 if np.all(value) else 2]
    found = list(locals_)
    for _ in range(len(chosen)):  # a branch may hold a choice
        found = list(substitute(found, chosen))
        if not any(node in chosen for node in ancestors(found, stop=names)):
            break
    return found


def _same(choice: Node, other: Node) -> bool:
    """Return whether two choices are by one condition."""
    first, second = choice.inputs[0], other.inputs[0]
    if first.primitive is not second.primitive:
        return False
    pairs = zip(first.inputs, second.inputs, strict=True)
    return all(
        a is b or (a.primitive is b.primitive is CONSTANT and np.all(a.value == b.value)) for a, b in pairs
    )
