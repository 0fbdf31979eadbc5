"""A formula in steps: ``z = w*x + b; a = tanh(z); (a - y)**2``, where the user names what lies between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from chainrule.errors import ExpressionError
from chainrule.expressions import read_expression
from chainrule.expressions.tokens import tokenise
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, INPUT, Node, input_node
from chainrule.text import say

BETWEEN = re.compile(r"[;；\n]")
NAMED = re.compile(r"\s*([^\W\d]\w*)\s*[=＝](?![=＝])")


def read_steps(text: str, names: Sequence[str]) -> Graph:
    """Return the graph of a formula, or of several, each but the last with a name.

    Parameters
    ----------
    text
        Formulas as of `read_expression`, with semicolons or new lines between them, and a name and an equal
        sign before each that the later ones use.
    names
        The variables, in the order of the graph's inputs.

    Raises
    ------
    ExpressionError
        If a part is no formula, or one before the last has no name; if a name stands for two things, has no
        value, or has one that nothing uses.

    Examples
    --------
    >>> graph = read_steps("z = 2*x; z*z", ["x"])
    >>> graph(3.0), [graph.names.get(node) for node in graph.nodes]
    (np.float64(36.0), [None, 'z', None])
    """
    parts = [part for part in BETWEEN.split(text) if part.strip()]
    if len(parts) < 2 and not NAMED.match(text):
        return read_expression(text, names)
    inputs = {name: input_node((), "float64", name) for name in names}
    known: dict[str, Node] = dict(inputs)
    used: set[str] = set()
    found: dict[Node, str] = {}
    for number, part in enumerate(parts, start=1):
        name, formula = _named(part)
        if not name and number < len(parts):
            raise ExpressionError("expression.nameless", part=part.strip())
        if name in inputs:
            raise ExpressionError("expression.twice", name=name)
        needed = _occurring(formula, known)
        (output,) = read_expression(formula, needed).substitute(*[known[other] for other in needed])
        used.update(needed)
        if name and output.primitive not in (CONSTANT, INPUT):
            found.setdefault(output, name)
        known[name] = output
    for name in names:
        if name not in used:
            raise ExpressionError("expression.unused", name=name, hint=say("expression.no_names"))
    return Graph(list(inputs.values()), [output], name="expression", names=found)


def _named(part: str) -> tuple[str, str]:
    """Return the name that a part gives, empty if it gives none, and its formula."""
    match = NAMED.match(part)
    return ("", part.strip()) if match is None else (match[1], part[match.end() :].strip())


def _occurring(formula: str, known: dict[str, Node]) -> list[str]:
    """Return the known names in a formula, each once."""
    pairs = pairwise(tokenise(formula))
    found = [token.text for token, after in pairs if token.kind == "name" and after.text != "("]
    return [name for name in dict.fromkeys(found) if name in known]
