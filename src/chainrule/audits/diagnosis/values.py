"""Another value than the right one: another variable, or one of another layer or another round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind, is_literal, value_of
from chainrule.audits.diagnosis.expression import ordinary
from chainrule.audits.diagnosis.factors import wrong_number
from chainrule.audits.points import Values
from chainrule.explanations.formulas import number
from chainrule.graph.node import CONSTANT, Node

Replacement = dict[Node, Values]


def another_value(case: Case) -> Iterator[Diagnosis]:
    """Find a value in the claim's expression that must be another one."""
    if case.is_number:
        return
    sources = [node for node in case.expression.sources if node.primitive is not CONSTANT]
    for source in sources:
        for node, values in case.candidates.items():
            if node is source or not _comparable(source, node):
                continue
            if case.fits(case.expression.replaced({source: values})):
                yield _diagnosis(case, source, node)
        yield from _without_a_function(case, source)
    yield from _in_one_place(case)
    yield from _in_all_rounds(case)


def _without_a_function(case: Case, source: Node) -> Iterator[Diagnosis]:
    """Find a value in the place of what the forward part makes of it: ``c`` for ``tanh(c)``."""
    for node in case.truths.forward:
        applied = len(node.inputs) == 1 and node.inputs[0] is source and node.shape == source.shape
        known = not applied or node in case.names
        if not known and case.fits(case.expression.replaced({source: case.points.of(node)})):
            yield _diagnosis(case, source, node)


def _comparable(source: Node, other: Node) -> bool:
    """Return whether values may be taken for one another: both are arrays, or both numbers."""
    return source.ndim == other.ndim or (source.size == 1) == (other.size == 1)


def _in_one_place(case: Case) -> Iterator[Diagnosis]:
    for group in case.expression.groups():
        node = group[-1]
        for place, operand in enumerate(node.inputs):
            known = operand in case.expression.sources or operand in case.derivation.names
            if not known or operand.primitive is CONSTANT:
                continue
            for other, values in case.candidates.items():
                if other is operand or not _comparable(operand, other):
                    continue
                if case.fits(case.expression.changed(group, _with(place, values))):
                    yield _diagnosis(case, operand, other)


def _with(place: int, values: Values) -> Any:
    def act(node: Node, operands: Sequence[Any], point: int) -> Any:
        return ordinary(node, [values[point] if n == place else x for n, x in enumerate(operands)])

    return act


def _in_all_rounds(case: Case) -> Iterator[Diagnosis]:
    """Find a value that must be another one in every round of a loop: of a neighbour's round, perhaps."""
    for group in case.expression.groups():
        for place in range(len(group[0].inputs)):
            operands = [node.inputs[place] for node in group]
            if len(group) < 2 or not all(x in case.expression.sources for x in operands):
                continue
            if len(set(operands)) == 1:
                yield from _in_turn(case, group, place)
            own = sorted(set(operands), key=lambda node: node.serial)
            for family in case.families.values():
                for others in _aligned(own, family):
                    new = {a: case.candidates[b] for a, b in zip(own, others, strict=True)}
                    if case.fits(case.expression.changed(group, _by_source(place, new))):
                        yield _diagnosis(case, own[-1], others[-1])


def _in_turn(case: Case, group: Sequence[Node], place: int) -> Iterator[Diagnosis]:
    """Find a value that is the same in every round of a loop, where one of each round should be."""
    rounds = sorted(group, key=lambda node: node.serial)
    for family in case.families.values():
        if len(family) != len(rounds) or not _comparable(rounds[0].inputs[place], family[0]):
            continue
        new = {node: case.candidates[value] for node, value in zip(rounds, family, strict=True)}
        if case.fits(case.expression.changed(group, _by_round(place, new))):
            yield _diagnosis(case, rounds[-1].inputs[place], family[-1])


def _by_round(place: int, new: Replacement) -> Any:
    def act(node: Node, operands: Sequence[Any], point: int) -> Any:
        return ordinary(node, [new[node][point] if n == place else x for n, x in enumerate(operands)])

    return act


def _aligned(own: list[Node], family: list[Node]) -> Iterator[list[Node]]:
    spare = len(family) - len(own)
    if 0 <= spare <= 2:
        for start in range(spare + 1):
            others = family[start : start + len(own)]
            if any(a is not b for a, b in zip(own, others, strict=True)):
                yield others


def _by_source(place: int, new: Replacement) -> Any:
    def act(node: Node, operands: Sequence[Any], point: int) -> Any:
        source = node.inputs[place]
        value = new[source][point] if source in new else operands[place]
        return ordinary(node, [value if n == place else x for n, x in enumerate(operands)])

    return act


def _diagnosis(case: Case, written: Node, wanted: Node) -> Diagnosis:
    if written in _transposed(wanted) or wanted in _transposed(written):
        name = case.name(min(written, wanted, key=lambda node: node.serial))
        return Diagnosis(Kind.TRANSPOSE, "transpose_of", {"name": name}, edits=(("transpose_operand", name),))
    names = {"written": case.name(written), "wanted": case.name(wanted)}
    edits = (("replace", names["written"], names["wanted"]),)
    if names["written"] != names["wanted"]:
        kind = Kind.ACTIVATION_DERIVATIVE if case.in_slope(names["written"]) else Kind.WRONG_VALUE
        return Diagnosis(kind, "wrong_value", names, edits=edits)
    line = case.derivation.lines.get(wanted, 0)
    return Diagnosis(Kind.WRONG_VALUE, "stale_value", {"name": names["wanted"], "line": line}, edits=edits)


def _transposed(node: Node) -> tuple[Node, ...]:
    """Return what a value is the transpose of, if it is one."""
    return node.inputs[:1] if node.primitive.name == "transpose" else ()


def another_number(case: Case) -> Iterator[Diagnosis]:
    """Find a number in the claim's expression that stands for another value."""
    if case.is_number:
        return
    for group in case.expression.groups():
        node = group[-1]
        for place, operand in enumerate(node.inputs):
            if is_literal(operand):
                yield from _for_a_value(case, group, place, value_of(operand))
                yield from _for_a_number(case, group, place, value_of(operand))


def _for_a_value(case: Case, group: Sequence[Node], place: int, written: float) -> Iterator[Diagnosis]:
    for other, values in case.candidates.items():
        if np.size(values[0]) > 1 and written != 1:
            continue
        if case.fits(case.expression.changed(group, _with(place, values))):
            name = case.name(other)
            if np.size(values[0]) > 1:
                edits = (("literal", number(written), name),)
                yield Diagnosis(Kind.MISSING_FACTOR, "missing_factor", {"factor": name}, edits=edits)
                return
            details = {"written": number(written), "name": name, "value": number(values[0])}
            edits = (("literal", number(written), name),)
            yield Diagnosis(Kind.WRONG_NUMBER, "number_for_value", details, edits=edits)


def _for_a_number(case: Case, group: Sequence[Node], place: int, written: float) -> Iterator[Diagnosis]:
    for wanted in (1.0, 2.0, 0.5, 3.0, 0.0, 4.0, -1.0, written - 1, written + 1):
        values = [wanted] * len(case.points)
        if wanted != written and case.fits(case.expression.changed(group, _with(place, values))):
            yield wrong_number(case, written, wanted)
