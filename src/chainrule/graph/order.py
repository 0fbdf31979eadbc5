"""The order of a graph's nodes. Loops, never recursion: a graph may be 100,000 operations deep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from chainrule.graph.node import CONSTANT, Node

MOST_KEYED = 1024  # entries of a constant whose bits are part of a key


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
    found.sort(key=attrgetter("serial"))
    return found


def dependents(nodes: Iterable[Node], sources: Iterable[Node]) -> set[Node]:
    """Return the ``sources`` and those of ``nodes`` (in topological order) that depend on one of them."""
    reached = set(sources)
    for node in nodes:
        if not reached.isdisjoint(node.inputs):
            reached.add(node)
    return reached


def structure(
    inputs: Sequence[Node], outputs: Sequence[Node], arrays: list[Node] | None = None
) -> tuple[Any, ...]:
    """Return a value that is equal for two graphs if, and only if, they compute the same in the same way.

    Nodes are numbered in the order in which a walk from the outputs finishes them, so neither the time of
    birth nor names matter; a constant counts by its value. With a list for ``arrays``, constant arrays whose
    entries differ count as inputs instead, and are appended to it; so are large ones whose entries are all
    equal, which count by their one entry too.
    """
    number: dict[Node, Any] = {node: place for place, node in enumerate(inputs)}
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
        if node.primitive is not CONSTANT:
            number[node] = len(entries)
            settings = tuple(sorted(node.settings.items(), key=itemgetter(0))) if node.settings else ()
            entries.append((node.primitive.name, tuple([number[source] for source in node.inputs]), settings))
            continue
        uniform = arrays is None or is_uniform(node)
        if arrays is None or (uniform and node.size <= MOST_KEYED):
            number[node] = constant_key(node)
        else:
            number[node] = len(entries)
            entry = node.value.reshape(-1)[:1].tobytes() if uniform else b""
            entries.append((node.shape, node.dtype.str, entry))
            arrays.append(node)
    return len(inputs), tuple(entries), tuple([number[node] for node in outputs])


def constant_key(node: Node) -> tuple[Any, ...]:
    """Return what makes a constant the same as another: type or dtype, shape and bits."""
    if node.weak:
        return "number", type(node.value).__name__, repr(node.value)
    return "array", node.dtype.str, node.shape, node.value.tobytes()


def is_uniform(node: Node) -> bool:
    """Return whether a constant has one value only; then rewrites may look at it."""
    if node.weak or node.size <= 1:
        return True
    entries = node.value.reshape(-1)
    return all(bool((part == entries[0]).all()) for part in (entries[:MOST_KEYED], entries))
