"""A script with one statement replaced: its text, and what its values are then."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.reading.history import History, source_of
from chainrule.audits.reading.values import Array, Scalar, shadow

MOST = 200  # values of one name


class Trial(NamedTuple):
    """What a script computes with a statement replaced: the values under each name, and the steps it took."""

    values: Callable[[str], list[Any]]
    names: tuple[str, ...]
    steps: int


def with_statement(source: str, line: int, statement: str) -> str | None:
    r"""Return a script with the innermost statement at a line replaced; None where there is none.

    Examples
    --------
    >>> with_statement("a = 1\nb = 2\n", 2, "b = 3")
    'a = 1\nb = 3\n'
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or 0)]
    if not found:
        return None
    node = max(found, key=lambda part: (part.lineno, part.col_offset))
    lines = source.splitlines()
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    before, after = lines[first][: node.col_offset], lines[last - 1][node.end_col_offset :]
    new = before + statement.strip() + after
    return "\n".join([*lines[:first], new, *[""] * (last - first - 1), *lines[last:]]) + "\n"


def trial(history: History, steps: int) -> Trial:
    """Return the values of a reading, each place once."""

    def values(name: str) -> list[Any]:
        known = {id(source_of(store.value)): store.value for store in history.by_text.get(name, [])}
        last = list(known.values())[-MOST:]
        found = [shadow(v) for v in last if isinstance(v, Scalar | Array | int | float)]
        return [np.asarray(value) for value in found]

    return Trial(values, tuple(history.by_text), steps)
