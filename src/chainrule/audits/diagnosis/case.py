"""`Case`: one wrong claim, and all that a search for its cause looks at."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.audits.derivation import Claim
from chainrule.audits.diagnosis.expression import MISFITS, Expression
from chainrule.audits.judging import Judge, Judgement
from chainrule.audits.points import Values, agree, ratio, same_shape
from chainrule.audits.statements import Statement
from chainrule.explanations.formulas import in_names, number
from chainrule.graph.node import CONSTANT, INPUT, Node
from chainrule.graph.order import ancestors

MOST_EFFORT = 200_000  # nodes that are computed anew in all searches of one audit
MOST_WRITTEN = 60  # operands in a formula
INDEX = re.compile(r"\[-?\d+\]|\d+$")
COUNTED = re.compile(r"^[ \t]*(\w+)[ \t]*=[^=\n]*(?:\.shape\[|\blen\(|\.size\b)", re.MULTILINE)


class Kind(StrEnum):
    """What is wrong with a claim."""

    SIGN = "sign"
    MISSING_FACTOR = "missing_factor"
    EXTRA_FACTOR = "extra_factor"
    MEAN_FOR_SUM = "mean_for_sum"
    MISSING_PATH = "missing_path"
    DOUBLED_PATH = "doubled_path"
    ACTIVATION_DERIVATIVE = "activation_derivative"
    TRANSPOSE = "transpose"
    SHAPE = "shape"
    WRONG_VALUE = "wrong_value"
    WRONG_NUMBER = "wrong_number"
    UNUSED_VALUE = "unused_value"
    OTHER = "other"


@dataclass(frozen=True)
class Diagnosis:
    """Why a claim is wrong.

    Parameters
    ----------
    kind
        What is wrong.
    reason
        The key of the text that says it, after ``audit.reason.``.
    details
        What the text's placeholders are filled with.
    paths
        The paths that are missing or counted twice: ``b → J``.
    edits
        What might set the line right: names of edits of its text and what they need.
    line
        The line of what is wrong; 0 if that is the claim as a whole.
    """

    kind: Kind
    reason: str
    details: Mapping[str, object] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    edits: tuple[tuple[str, ...], ...] = ()
    line: int = 0


class Case:
    """A wrong claim: what it says from true inputs, what it ought to say, and its expression.

    Parameters
    ----------
    judge
        The comparison that found it.
    place
        Which claim.
    judgement
        What was found of it.
    judgements
        Of all claims: their targets stand for the claims that this one reads.
    """

    def __init__(self, judge: Judge, place: int, judgements: Sequence[Judgement]) -> None:
        self.judge, self.place = judge, place
        self.derivation, self.truths, self.points = judge.derivation, judge.truths, judge.points
        judgement = judgements[place]
        self.claim: Claim = judgement.claim
        self.variable = self.claim.of
        self.factor = judgement.factor
        self.judgements = judgements
        self.many = 1 if judge.is_number(place) else len(self.points)
        self.is_number = judge.is_number(place)
        self.shares: dict[Node, Any] = {}  # of each variable, found once
        self.target = judgement.target[: self.many]
        self.expression = self._expression(judgement)
        self.local = self.expression.value(self.expression.root)[: self.many]

    def _expression(self, judgement: Judgement) -> Expression:
        given = {}
        for place in judgement.upstream:
            for node, true in self.judge.replacements(place, self.judgements[place].factor).items():
                given[node] = self.points.of(true)
        forward = self.truths.forward
        proved = self.judge.proved(self.judgements) - {self.claim.node}
        return Expression(self.claim.node, given, forward, self.points, self.derivation.lines, proved)

    def of(self, node: Node, variable: Node, factor: float) -> Case:
        """Return the case of a value inside this claim's expression that ought to be another gradient."""
        inner: Case = object.__new__(Case)
        inner.__dict__.update(
            {
                key: value
                for key, value in self.__dict__.items()
                if not isinstance(getattr(Case, key, None), cached_property)
            }
        )
        inner.variable, inner.factor = variable, factor
        inner.target = [factor * value for value in self.points.of(self.truths.of(variable))][: self.many]
        inner.expression = self.expression.below(node)
        inner.local = inner.expression.value(node)[: self.many]
        return inner

    def fits(self, values: Iterable[Any]) -> bool:
        """Return whether values, computed one point after the other, are what the claim ought to be."""
        if self.judge.effort > MOST_EFFORT:
            return False
        before = self.expression.effort
        try:
            return all(
                agree([value], [target], self.judge.floor)
                for value, target in zip(values, self.target, strict=False)
            )
        except MISFITS:
            return False
        finally:
            self.judge.effort += 8 + self.expression.effort - before

    def equals(self, values: Values) -> bool:
        """Return whether values are what the claim says, from true inputs."""
        return agree(self.local, values[: self.many], self.judge.floor)

    def scaled(self, node: Node) -> Values:
        """Return the values of a gradient in this claim's convention."""
        return [self.factor * value for value in self.points.of(node)][: self.many]

    @cached_property
    def needed(self) -> float | None:
        """The number by which the claim would have to be multiplied; None if there is none."""
        return None if self.is_number else ratio(self.target, self.local)

    @cached_property
    def counts(self) -> list[str]:
        """The names that the script gives to lengths."""
        return list(dict.fromkeys(COUNTED.findall(self.derivation.source)))

    @cached_property
    def text(self) -> str:
        """The source of the lines that make the claim."""
        rows = self.derivation.source.splitlines()
        lines = [*self.claim.lines, *sorted(self.other_lines)]
        texts = [rows[line - 1] for line in lines if 0 < line <= len(rows)]
        return "\n".join(texts) or self.claim.text

    @cached_property
    def other_lines(self) -> set[int]:
        """Further lines that make what the claim's lines read: helpers, and values that are no claims."""
        known = {self.derivation.lines.get(node, 0) for node in self.expression.nodes}
        return known - {0, *self.claim.lines}

    @cached_property
    def literals(self) -> list[float]:
        """The numbers that are written in the claim's lines, in order."""
        return [float(found) for row in self.text.splitlines() for found in _numbers(row)]

    def in_slope(self, name: str) -> bool:
        """Return whether the claim's lines read a name in derivatives of activations only: 1 - a², f'(z)."""
        found = []
        for row in self.text.splitlines():
            try:
                statement = Statement(row.strip())
            except SyntaxError:
                continue
            parts = [part for part in statement.parts() if statement.source(part) == name]
            found += [statement.in_slope(part) for part in parts]
        return bool(found) and all(found)

    @cached_property
    def multipliers(self) -> list[tuple[float, float]]:
        """The numbers that are factors or divisors in the claim's line, each with what it multiplies by."""
        found: list[tuple[float, float]] = []
        for row in self.text.splitlines():
            try:
                found += _multipliers(Statement(row.strip()).value, divided=False)
            except SyntaxError:
                continue
        return found

    def name(self, node: Node) -> str:
        """Return what the script calls a value, or its formula."""
        return spelled(node, self.names)

    @cached_property
    def names(self) -> dict[Node, str]:
        """What the script calls values; arguments under their own names."""
        given = {leaf.node: leaf.name or number(leaf.value) for leaf in self.derivation.leaves}
        return {**given, **self.derivation.names}

    @cached_property
    def candidates(self) -> dict[Node, Values]:
        """Values that a line may have meant: of the forward part, and claims before this one, set right."""
        found = {
            node: self.points.of(node)
            for node in self.names
            if node in self.truths.forward and node.primitive is not CONSTANT
        }
        for leaf in self.derivation.leaves:
            found.setdefault(leaf.node, self.points.of(leaf.node))
        for judgement in self.judgements[: self.place]:
            if judgement.claim.node in self.names:
                found.setdefault(judgement.claim.node, judgement.target)
        leaves = {leaf.node for leaf in self.derivation.leaves}
        for node in self.derivation.names:
            if node.serial < self.claim.node.serial and node.inputs:
                starts = {part for part in ancestors([node]) if part.primitive is INPUT}
                if starts <= leaves:
                    found.setdefault(node, self.points.of(node))
        return found

    @cached_property
    def families(self) -> dict[str, list[Node]]:
        """The values of the forward part that loops made under one name, but for an index, in order."""
        found: dict[str, list[Node]] = {}
        for node in self.candidates:
            name = self.name(node)
            marks = [f"{name[: part.start()]}*{name[part.end() :]}" for part in INDEX.finditer(name)]
            for mark in dict.fromkeys([name, *marks]):
                found.setdefault(mark, []).append(node)
        return {name: sorted(nodes, key=lambda node: node.serial) for name, nodes in found.items()}


def _numbers(text: str) -> Iterator[float]:
    try:
        tree = ast.parse(text.strip())
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield float(node.value)


def _multipliers(node: ast.expr, *, divided: bool) -> Iterator[tuple[float, float]]:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value:
        value = float(node.value)  # type: ignore[arg-type]
        yield value, 1 / value if divided else value
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult | ast.Div):
        yield from _multipliers(node.left, divided=divided)
        yield from _multipliers(node.right, divided=divided != isinstance(node.op, ast.Div))
    elif isinstance(node, ast.UnaryOp):
        yield from _multipliers(node.operand, divided=divided)
    elif isinstance(node, ast.Call):
        for argument in node.args[:2]:
            yield from _multipliers(argument, divided=divided)


def spelled(node: Node, names: Mapping[Node, str]) -> str:
    """Return a value by its name, or its formula; an ellipsis where that is too long to be read."""
    waiting, parts = [node], 0
    while waiting and parts <= MOST_WRITTEN:
        part = waiting.pop()
        parts += 1
        if part not in names:
            waiting.extend(part.inputs)
    return in_names(node, names) if parts <= MOST_WRITTEN else "…"


def is_literal(node: Node) -> bool:
    """Return whether a node is a number that was written where it is used."""
    return node.primitive is CONSTANT and node.size == 1


def value_of(node: Node) -> float:
    """Return the number that a constant is."""
    return float(np.asarray(node.value).reshape(-1)[0])


Search = Callable[[Case], Iterator[Diagnosis]]

__all__ = ["Case", "Diagnosis", "Kind", "Search", "is_literal", "same_shape", "value_of"]
