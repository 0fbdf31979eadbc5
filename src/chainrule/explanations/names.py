"""What the values of a graph are called in an explanation: as the user called them, else u, v, w …, and J."""

from __future__ import annotations

import linecache
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, INPUT, Node

LETTERS = ("u", "v", "w", "p", "q", "r")
OUTPUTS = ("J", "y", "f", "out")
_BOUND = re.compile(r"\b([^\W\d]\w*)\s*(?:,[\w\s,]*)?(?:[-+*/@]|\*\*|//)?=(?!=)|\b(?:for|as)\s+([^\W\d]\w*)")
FARTHEST = 200  # lines above a function's first operation in which its beginning is looked for


def step_names(graph: Graph, chosen: Mapping[Node, str] | None = None) -> dict[Node, str]:
    """Return a name for each input and each computed node; those of ``chosen`` have theirs already.

    Examples
    --------
    >>> from chainrule.expressions import read_expression
    >>> list(step_names(read_expression("3*(a + b*c)")).values())
    ['a', 'b', 'c', 'u', 'v', 'J']
    """
    known = graph.node_names()
    labels = [node.label for node in graph.inputs]
    # The text form renames inputs that are called like a primitive; here they keep their names.
    names = {node: node.label if labels.count(node.label) == 1 else known[node] for node in graph.inputs}
    wanted = chosen or {}
    names = {node: wanted.get(node, name) for node, name in names.items()}
    steps = {node: None for node in graph.nodes if node.primitive not in (CONSTANT, INPUT)}
    if graph.names is None:
        given = {node: known[node] for node in steps if not re.fullmatch(r"t[0-9]+(_[0-9]+)?", known[node])}
    else:
        given = _numbered({node: graph.names[node] for node in steps if node in graph.names}, names.values())
    given.update({node: wanted[node] for node in steps if node in wanted})
    taken = {*names.values(), *given.values(), *_bound_around(graph.nodes)}
    output = graph.outputs[0]
    free_outputs = [name for name in OUTPUTS if name not in taken]
    if output in steps and output not in given:
        given[output] = free_outputs[0] if free_outputs else "J_"
    unnamed = [node for node in steps if node not in given]
    letters = [letter for letter in LETTERS if letter not in taken]
    if len(unnamed) > len(letters):
        letters = [name for n in range(1, len(unnamed) + len(taken) + 1) if (name := f"t{n}") not in taken]
    given.update(zip(unnamed, letters, strict=False))
    return {**names, **{node: given[node] for node in steps}}


def _numbered(variables: Mapping[Node, str], taken: Iterable[str]) -> dict[Node, str]:
    """Return names for nodes: where a name stands for several, or is taken, the next is ``h_2``."""
    used = {*taken}
    counts: Counter[str] = Counter(used)
    found = {}
    for node, name in variables.items():
        counts[name] += 1
        free = name if counts[name] == 1 else f"{name}_{counts[name]}"
        while free in used:
            counts[name] += 1
            free = f"{name}_{counts[name]}"
        used.add(free)
        found[node] = free
    return found


def _bound_around(nodes: Iterable[Node]) -> set[str]:
    """Return the names to which the user's functions assign: for something else they would mislead."""
    lines: dict[str, set[int]] = {}
    for node in nodes:
        if node.location is not None:
            lines.setdefault(node.location.file, set()).add(node.location.line)
    found: set[str] = set()
    for file, used in lines.items():
        text = linecache.getlines(file)[: max(used)]
        if len(text) < max(used):
            continue  # the source is not at hand
        first = min(used)
        while first > max(min(used) - FARTHEST, 1) and not text[first - 1].lstrip().startswith("def "):
            first -= 1
        for line in text[first - 1 :]:
            found.update(name for pair in _BOUND.findall(line.partition("#")[0]) for name in pair if name)
    return found
