"""What a value becomes when it is given a name: plain numbers and constant arrays start the graph."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array

MANY = 16  # a longer list of numbers is data: it becomes one array, not a start for each number
MODULES = frozenset({"np", "numpy", "math"})


def literal_at(node: ast.expr | None) -> tuple[int, int] | None:
    """Return where a number is written: 7, -0.5, 1/3, math.pi; None if the expression is anything else."""
    if node is None or not _literal(node):
        return None
    return node.lineno, node.col_offset


def _literal(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    if isinstance(node, ast.UnaryOp):
        return _literal(node.operand)
    if isinstance(node, ast.BinOp):
        return _literal(node.left) and _literal(node.right)
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in MODULES
    if isinstance(node, ast.Call):
        return _literal(node.func) and not node.keywords and all(map(_literal, node.args))
    return False


def named(ledger: Ledger, value: Any, text: str, expression: ast.expr | None) -> Any:
    """Return a value that is given a name.

    Numbers written out and arrays of constants become inputs of the graph as soon as something is computed
    from them; counts, words and what has been computed already stay what they are.
    """
    if isinstance(value, Array):
        storage = value.storage
        if storage.node is None and not storage.name and storage.root.dtype.kind in "biuf":
            storage.name, storage.line = text, ledger.line
        return value
    if type(value) in (int, float, np.float64):
        literal = literal_at(expression)
        counted = literal is None and type(value) is int
        return value if counted else ledger.number(value, text, literal)
    if isinstance(value, list | tuple) and len(value) <= MANY:
        return _several(ledger, value, text, expression)
    if type(value) is dict and len(value) <= 4 * MANY:
        parts = expression.values if isinstance(expression, ast.Dict) else []
        parts = parts if len(parts) == len(value) else [None] * len(value)  # type: ignore[list-item]
        for (key, item), part in zip(list(value.items()), parts, strict=True):
            value[key] = named(ledger, item, f"{text}[{quoted(key)}]", part)
    return value


def _several(ledger: Ledger, values: Any, text: str, expression: ast.expr | None) -> Any:
    parts: list[Any] = list(expression.elts) if isinstance(expression, ast.List | ast.Tuple) else []
    if len(parts) != len(values):
        parts = [None] * len(values)
    plain = [value for value in values if type(value) in (int, float)]
    whole = all(float(value).is_integer() for value in plain)
    result = []
    for place, (value, part) in enumerate(zip(values, parts, strict=True)):
        name = f"{text}[{place}]"
        literal = literal_at(part)
        if type(value) in (int, float) and literal is not None and whole:
            node = None if literal in ledger.pinned else ledger.number(value, name, literal)
            result.append(value if node is None else ledger.labelled(node))
        else:
            result.append(named(ledger, value, name, part))
    if isinstance(values, list):
        values[:] = result
        return values
    return tuple(result)


def quoted(key: Any) -> str:
    """Return a key of a dict as it is written: words in double quotes."""
    return f'"{key}"' if isinstance(key, str) else repr(key)
