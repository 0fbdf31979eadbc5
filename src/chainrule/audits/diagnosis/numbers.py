"""Claims made of numbers: which value would make them right, and what a number stands for."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product
from typing import Any

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind, is_literal, value_of
from chainrule.audits.diagnosis.expression import ordinary
from chainrule.audits.diagnosis.factors import wrong_number
from chainrule.audits.points import Values
from chainrule.audits.statements import Statement
from chainrule.explanations.formulas import number
from chainrule.graph.graph import substitute
from chainrule.graph.node import Node, constant
from chainrule.graph.order import ancestors

OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
MOST_LITERALS = 4
SIMPLE = (2.0, 0.5, -2.0, -0.5)


def arithmetic(case: Case) -> Iterator[Diagnosis]:
    """Find a sign or a factor in a line that is written in numbers only: 3*8 - 4."""
    if not case.is_number or np.size(case.target[0]) != 1:
        return
    try:
        statement = Statement(case.claim.text.strip())
    except SyntaxError:
        return
    true = float(np.ravel(case.target[0])[0])
    for text in statement.terms_negated():
        if _close(_sum(Statement(text).value), true):
            yield Diagnosis(Kind.SIGN, "sign_of_line", edits=(("negate_term",),))


def _sum(node: ast.expr) -> float | None:
    """Return the value of an expression in plain numbers; None for any other."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _sum(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
        left, right = _sum(node.left), _sum(node.right)
        if left is not None and right is not None and (right or not isinstance(node.op, ast.Div)):
            return float(OPERATIONS[type(node.op)](left, right))
    return None


def numeric_sign(case: Case) -> Iterator[Diagnosis]:
    """Find a number whose sign is wrong."""
    if case.is_number and case.fits(-np.asarray(value) for value in case.local):
        yield Diagnosis(Kind.SIGN, "sign", edits=(("negate",),))


def numeric(case: Case) -> Iterator[Diagnosis]:
    """Find why a claim that is made of numbers is not the true number."""
    if not case.is_number or np.size(case.target[0]) != 1 or np.size(case.local[0]) != 1:
        return
    claimed, true = float(np.ravel(case.local[0])[0]), float(np.ravel(case.target[0])[0])
    yield from _missing(case, claimed, true)
    yield from _right_if(
        case, claimed, [value for value in case.literals if value != claimed or claimed == 0]
    )
    yield from _right_if(case, claimed, case.literals)
    yield from _factor(case, claimed, true)
    yield from _right_if(case, claimed, None)
    yield wrong_number(case, claimed, true)


def _missing(case: Case, claimed: float, true: float) -> Iterator[Diagnosis]:
    """Find a value that is missing as a factor, where the line holds no number that may stand for it."""
    if claimed and not [literal for literal in case.literals if literal != 1]:
        for node, values in case.candidates.items():
            if node in case.points.varied and _close(float(np.ravel(values[0])[0]) * claimed, true):
                name = case.name(node)
                yield Diagnosis(
                    Kind.MISSING_FACTOR, "missing_factor", {"factor": name}, edits=(("multiply", name),)
                )


def _factor(case: Case, claimed: float, true: float) -> Iterator[Diagnosis]:
    needed = true / claimed if claimed else 0.0
    for literal in case.literals:
        if len(case.literals) > 1 and literal not in (0.0, 1.0) and abs(needed * literal - 1) < 1e-9:
            edits = (("drop", number(literal)),)
            yield Diagnosis(Kind.EXTRA_FACTOR, "extra_factor", {"factor": number(literal)}, edits=edits)
    if needed in SIMPLE and abs(claimed) != abs(1 / needed):
        factor = number(needed)
        yield Diagnosis(
            Kind.MISSING_FACTOR, "missing_factor", {"factor": factor}, edits=(("multiply", factor),)
        )


def _right_if(case: Case, claimed: float, wanted: list[float] | None) -> Iterator[Diagnosis]:
    """Find a variable that would make the claim right if it had one of the wanted values, or a simple one."""
    true = case.truths.of(case.variable)
    inside = set(ancestors([true]))
    for node, values in case.candidates.items():
        if node not in inside or np.size(values[0]) != 1 or not case.points.varied & set(ancestors([node])):
            continue
        own = float(np.ravel(values[0])[0])
        for value in _solutions(case, node, own, claimed) if wanted is None else wanted:
            if value != own and _close(_truth_at(case, node, value), claimed):
                details = {"name": case.name(node), "value": number(value), "own": number(own)}
                edits = (("literal", number(value), number(own)),)
                yield Diagnosis(Kind.WRONG_NUMBER, "right_if", details, edits=edits)


def _solutions(case: Case, node: Node, own: float, claimed: float) -> list[float]:
    """Return the value at which the truth would be the claim, if the one is linear in the other."""
    here, there = _truth_at(case, node, own), _truth_at(case, node, own + 1)
    if here is None or there is None or here == there:
        return []
    value = own + (claimed - here) / (there - here)
    return [round(2 * value) / 2] if abs(2 * value - round(2 * value)) < 1e-6 else []


def _truth_at(case: Case, node: Node, value: float) -> float | None:
    new = constant(np.full(node.shape, float(value)))
    (changed,) = substitute([case.truths.of(case.variable)], {node: new})
    found = case.factor * float(np.ravel(case.points.of(changed)[0])[0])
    return found if np.isfinite(found) else None


def _close(found: float | None, claimed: float) -> bool:
    return found is not None and abs(found - claimed) <= 1e-9 * max(abs(claimed), 1e-3)


def stands_for_values(case: Case) -> bool:
    """Return whether numbers of the line stand for values of the forward part, so that the claim is right.

    A claim such as ``dw = dv * 2`` is right at the script's own values, where c is 2. With c in place of the
    2 it must be right everywhere.
    """
    if case.is_number or not case.fits(case.local[:1]):
        return False
    places = [
        (group, place, value_of(operand))
        for group in case.expression.groups()
        for place, operand in enumerate(group[-1].inputs)
        if is_literal(operand)
    ][:MOST_LITERALS]
    meanings = [_values_that_are(case, literal) for _, _, literal in places]
    for count in (1, 2):
        for chosen in combinations(range(len(places)), count):
            for values in product(*[meanings[n] for n in chosen]):
                new = {places[n][:2]: given for n, given in zip(chosen, values, strict=True)}
                if case.fits(_with_all(case, new)):
                    return True
    return False


def _values_that_are(case: Case, literal: float) -> list[Values]:
    """Return the values of the forward part, and local derivatives, that are this number."""
    found = [values for values in case.candidates.values() if np.size(values[0]) == 1]
    slopes = [edge.local for edge in case.truths.edges if isinstance(edge.local, Node)]
    found += [case.points.of(slope) for slope in slopes if slope.size == 1]
    found += [case.points.of(node) for node in case.truths.found.values() if node.size == 1]
    return [
        values for values in found if float(np.ravel(values[0])[0]) == literal and np.ptp(np.ravel(values))
    ]


def _with_all(case: Case, new: Mapping[tuple[tuple[Node, ...], int], Values]) -> Iterator[Any]:
    groups = {node: (place, values) for (group, place), values in new.items() for node in group}

    def act(node: Node, operands: Any, point: int) -> Any:
        place, values = groups[node]
        value = np.ravel(values[point])[0]
        return ordinary(node, [value if n == place else x for n, x in enumerate(operands)])

    return case.expression.changed(list(groups), act)
