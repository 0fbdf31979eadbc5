"""The order of a graph's nodes. Loops, never recursion: a graph may be 100,000 operations deep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.graph.node import CONSTANT, Node


def ancestors(outputs: Iterable[Node], stop: Iterable[Node] = ()) -> list[Node]:
    """Return the outputs and all that they are computed from, inputs first; do not look behind ``stop``.

    The order is that of the nodes' birth, which is a topological order.
    """
    seen = set(stop)
    found: list[Node] = []
    waiting = list(outputs)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            found.append(node)
            waiting.extend(node.inputs)
    found.sort(key=_birth)
    return found


def _birth(node: Node) -> int:
    return node.serial


def dependents(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """Return those of ``nodes`` (in topological order) that depend on one of ``sources``; sources included."""
    reached = set(sources)
    for node in nodes:
        if node not in reached and any(source in reached for source in node.inputs):
            reached.add(node)
    return reached


def structure(inputs: Sequence[Node], outputs: Sequence[Node]) -> tuple[Any, ...]:
    """Return a value that is equal for two graphs if, and only if, they compute the same in the same way.

    Nodes are numbered in the order in which a walk from the outputs finishes them, so neither the time of
    birth nor names matter; a constant counts by its value.
    """
    number: dict[Node, Any] = {node: ("input", place) for place, node in enumerate(inputs)}
    entries: list[Any] = [(node.shape, node.dtype.str) for node in inputs]
    waiting = list(reversed(outputs))
    while waiting:
        node = waiting[-1]
        if node in number:
            waiting.pop()
            continue
        missing = [source for source in node.inputs if source not in number]
        if missing:
            waiting.extend(reversed(missing))
            continue
        waiting.pop()
        if node.primitive is CONSTANT:
            number[node] = constant_key(node)
            continue
        settings = tuple(sorted(node.settings.items(), key=_first))
        number[node] = len(entries)
        entries.append((node.primitive.name, tuple(number[source] for source in node.inputs), settings))
    return tuple(entries), tuple(number[node] for node in outputs)


def _first(item: tuple[str, Any]) -> str:
    return item[0]


def constant_key(node: Node) -> tuple[Any, ...]:
    """Return what makes a constant the same as another: type or dtype, shape and bits."""
    if node.weak:
        return "number", type(node.value).__name__, repr(node.value)
    return "array", node.dtype.str, node.shape, node.value.tobytes()
