"""The record of a rewrite, the tables of all of them, and the questions that rules ask of nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph.node import CONSTANT, Node

Rule = Callable[[Node], Node | None]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewrite: its name, the operation at which it looks, why it is right, and the rule.

    ``constant`` says that it fits only where an operand is a constant; ``rounds`` that the last bits of the
    value may change, so that it must keep away from what is compared.
    """

    name: str
    primitive: str
    because: str
    rule: Rule
    constant: bool
    rounds: bool


Table = dict[str, list[Rewrite]]
EVERY = "every operation"
SIMPLIFICATIONS: Table = {}
STABILISATIONS: Table = {}


def rewriting(
    table: Table, primitive: str, because: str, *, constant: bool = False, rounds: bool = False
) -> Callable[[Rule], Rule]:
    """Decorate a rule: enter it into a table, under the operation at which it looks."""

    def enter(rule: Rule) -> Rule:
        record = Rewrite(rule.__name__.strip("_"), primitive, because, rule, constant, rounds)
        table.setdefault(primitive, []).append(record)
        return rule

    return enter


def is_number(node: Any, value: float) -> bool:
    """Return whether a node is a constant all of whose entries are ``value``."""
    if not isinstance(node, Node) or node.primitive is not CONSTANT:
        return False
    if node.weak:
        return bool(node.value == value)
    array: np.ndarray[Any, Any] = node.value
    return array.size > 0 and array.item(0) == value and bool((array == value).all())


def is_scalar(node: Node) -> bool:
    """Return whether a node is a constant without axes."""
    return node.primitive is CONSTANT and not node.shape


def is_a(node: Node, name: str) -> bool:
    """Return whether a node is the result of this operation."""
    return node.primitive.name == name
