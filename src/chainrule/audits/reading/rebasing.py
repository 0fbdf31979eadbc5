"""Moving a cost to where the claims are: before the update, and onto the values already there.

A script may compute its cost by a function of its own, after an update, or not at all (then it is given from
outside). It then recomputes the forward part; the claims are about the values of the first forward part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chainrule.graph.node import CONSTANT, INPUT, Node, apply
from chainrule.graph.order import ancestors


def rebased(node: Node, before: Mapping[Node, Node], known: Iterable[Node]) -> Node:
    """Return a node with updated values replaced by those ``before``, made of ``known`` nodes where equal."""
    table: dict[Any, Node] = {}
    number: dict[Node, Any] = {}
    for old in ancestors(list(known)):
        key = _key(old, number)
        number[old] = key
        table.setdefault(key, old)
    stop = set(before)
    made: dict[Node, Node] = {}
    for current in ancestors([node], stop=list(stop)):
        made[current] = _again(current, made, table, number, before)
    return made[node]


def _again(
    node: Node,
    made: dict[Node, Node],
    table: dict[Any, Node],
    number: dict[Node, Any],
    before: Mapping[Node, Node],
) -> Node:
    old = node
    while old in before:
        old = before[old]
    if old is not node:
        return old
    if node.primitive in (INPUT, CONSTANT):
        return table.get(_key(node, number), node)
    inputs = tuple([_earlier(source, made, before) for source in node.inputs])
    same = all(one is other for one, other in zip(inputs, node.inputs, strict=True))
    copy = node if same else apply(node.primitive, *inputs, **node.settings)
    key = _key(copy, number)
    number.setdefault(copy, key)
    return table.setdefault(key, copy)


def _earlier(source: Node, made: dict[Node, Node], before: Mapping[Node, Node]) -> Node:
    while source in before:
        source = before[source]
    return made.get(source, source)


def _key(node: Node, number: dict[Node, Any]) -> Any:
    """Return what is equal for nodes that compute the same; inputs and unknown nodes are themselves."""
    if node.primitive is INPUT:
        return id(node)
    if node.primitive is CONSTANT:
        value = node.value
        return ("constant", node.shape, node.dtype.str, value.tobytes() if node.shape else repr(value))
    sources = tuple([hash(number[source]) if source in number else id(source) for source in node.inputs])
    return node.primitive.name, sources, repr(sorted(node.settings.items(), key=str))
