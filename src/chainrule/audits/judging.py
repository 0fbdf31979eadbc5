"""Which claims are right, and which of the others are roots: each is computed anew from true inputs.

A common factor of claims between cost and parameters, such as m, is a convention and no error. Which factors
a script uses is not known: of all readings, the one with the fewest wrong lines is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.derivation import Claim, Derivation
from chainrule.audits.points import NOISE, Points, Values, agree, largest, ratio
from chainrule.audits.truths import Truths
from chainrule.errors import ShapeError
from chainrule.graph.graph import substitute
from chainrule.graph.node import CONSTANT, Node, apply
from chainrule.graph.order import ancestors

MOST_FACTORS = 4
WRONG = 2
MOST_READINGS = 64  # that are followed at a time
COMPUTING = re.compile(r"[-+*/@]|(?<!array)(?<!copy)(?<!list)(?<!reshape)\(")
DATA = re.compile(r"(X|x|A0|a0|a_0|A_0|inputs?|data|batch|images?|features?)(_?(train|batch|i|in|data))?")


class Judgement(NamedTuple):
    """What is true of one claim, and whether it says so.

    ``target`` is what the claim ought to be, ``local`` what its line makes of true inputs, each with its
    values; ``factor`` the convention; ``upstream`` the claims that it reads.
    """

    claim: Claim
    target: Values
    claimed: Values
    local: Values
    factor: float
    upstream: tuple[int, ...]
    right: bool
    locally_right: bool


@dataclass(frozen=True)
class Reading:
    """A factor for each claim, what is then wrong on which line, and how unusual the factors are."""

    factors: tuple[float, ...] = ()
    faults: Mapping[Any, int] = field(default_factory=dict)
    odd: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """What makes one reading better than another: fewer wrong lines, fewer unusual factors."""
        return sum(self.faults.values()), self.odd

    def with_fault(self, key: Any, fault: int) -> Mapping[Any, int]:
        """Return the faults with one more; a loop's rounds share a line."""
        return {**self.faults, key: max(fault, self.faults.get(key, 0))}


class Judge:
    """Compares the claims of a derivation with the truth.

    Parameters
    ----------
    derivation
        What is claimed.
    truths
        What ought to be.
    points
        Where to look.
    """

    def __init__(self, derivation: Derivation, truths: Truths, points: Points) -> None:
        self.derivation, self.truths, self.points = derivation, truths, points
        self.claims = derivation.claims
        self.true = [truths.of(claim.of) for claim in self.claims]
        self.values = [points.of(node) for node in self.true]
        self.claimed = [points.of(claim.node) for claim in self.claims]
        self.floor = NOISE * max((largest(values) for values in self.values), default=0.0)
        self.rounds = [self._rounds(claim) for claim in self.claims]
        self.upstream = [self._upstream(place) for place in range(len(self.claims))]
        self.factors = [1.0]
        self.effort = 0
        self.tried = 0
        self._proved: frozenset[Node] | None = None
        self._locals: dict[tuple[int, tuple[float, ...]], Values] = {}

    def judgements(self) -> list[Judgement]:
        """Return a judgement for each claim, in the reading with the fewest wrong lines."""
        reading = self._best()
        return [self._judged(place, reading.factors) for place in range(len(self.claims))]

    def _judged(self, place: int, factors: Sequence[float]) -> Judgement:
        target = [factors[place] * value for value in self.values[place]]
        local = self.local(place, factors)
        return Judgement(
            self.claims[place],
            target,
            self.claimed[place],
            local,
            factors[place],
            self.upstream[place],
            right=self.is_right(place, target),
            locally_right=self.agrees(local, target),
        )

    def proved(self, judgements: Sequence[Judgement]) -> frozenset[Node]:
        """Return the nodes from which right gradients of parameters are computed."""
        if self._proved is None:
            right = [
                judgement.claim.node for judgement in judgements if judgement.right and judgement.claim.final
            ]
            self._proved = frozenset(ancestors(right))
        return self._proved

    def agrees(self, claimed: Values, target: Values) -> bool:
        """Return whether a value is what it ought to be, at all points."""
        return agree(claimed, target, self.floor)

    def _upstream(self, place: int) -> tuple[int, ...]:
        """Return the claims that a claim's expression reads directly."""
        claim = self.claims[place]
        earlier: dict[Node, int] = {}
        for number in range(place):
            made = [self.claims[number].node, *[other for other, _ in self.rounds[number]]]
            for other in made:
                # One value under several names: the line says which it means, else the last one counts.
                known = earlier.get(other)
                meant = known is not None and mentions(claim.text, self.claims[known].name)
                if not meant and self._stands_alone(other):
                    earlier[other] = number
        if claim.node in earlier:
            return (earlier[claim.node],)
        seen = ancestors([claim.node], stop=earlier)
        return tuple(sorted({earlier[n] for inner in seen for n in inner.inputs if n in earlier}))

    def _stands_alone(self, node: Node) -> bool:
        """Return whether a node was made for a claim: constants and values of the forward part are not."""
        return node.primitive is not CONSTANT and node not in self.truths.forward

    def local(self, place: int, factors: Sequence[float]) -> Values:
        """Return the values of a claim computed from true inputs, each times its factor."""
        used = tuple(factors[j] for j in self.upstream[place])
        key = place, used
        if key not in self._locals:
            self._locals[key] = self._computed(place, used)
        return self._locals[key]

    def _computed(self, place: int, used: tuple[float, ...]) -> Values:
        node = self.claims[place].node
        for fit in (False, True):
            new: dict[Node, Node] = {}
            for j, factor in zip(self.upstream[place], used, strict=True):
                new.update(self.replacements(j, factor, fit=fit))
            try:
                return self.points.of(substitute([node], new)[0])
            except ShapeError:
                continue
        return self.claimed[place]

    def right_with(self, place: int, variable: Node, factors: Sequence[float]) -> bool:
        """Return whether what reads a claim is right with the derivative by a variable in its place.

        Gradients of parameters tell; where none reads it, values between do: they may be wrong themselves.
        """
        readers = [n for n, numbers in enumerate(self.upstream) if place in numbers]
        readers = [n for n in readers if self.claims[n].final] or readers
        return bool(readers) and all(self._is_right_with(place, variable, n, factors) for n in readers)

    def _is_right_with(self, place: int, variable: Node, reader: int, factors: Sequence[float]) -> bool:
        name = self.derivation.names.get(variable, "")
        claim = replace(self.claims[place], of=variable, of_name=name)
        new: dict[Node, Node] = {}
        for number in self.upstream[reader]:
            new.update(self.replacements(number, factors[number]))
        for node, of in [(claim.node, variable), *self._rounds(claim)]:
            new[node] = self._scaled(node, self.truths.of(of), factors[place], fit=False)
        target = [factors[reader] * value for value in self.values[reader]]
        try:
            return self.agrees(self.points.of(substitute([self.claims[reader].node], new)[0]), target)
        except ShapeError:
            return False

    def replacements(self, place: int, factor: float, *, fit: bool = False) -> dict[Node, Node]:
        """Return what a claim, and the same claim in a loop's other rounds, ought to be."""
        claim = self.claims[place]
        if self.truths.is_unused(claim):
            return {claim.node: claim.node}
        pairs = [(claim.node, claim.of), *self.rounds[place]]
        return {node: self._scaled(node, self.truths.of(of), factor, fit=fit) for node, of in pairs}

    @staticmethod
    def _scaled(node: Node, true: Node, factor: float, *, fit: bool) -> Node:
        """Return a true gradient times a factor; of the claim's own shape where that is asked for."""
        scaled = true if factor == 1 else true * factor
        if node.shape != scaled.shape and node.size == scaled.size and (fit or scaled.size == 1):
            return apply("reshape", scaled, shape=node.shape)
        return scaled

    def _rounds(self, claim: Claim) -> list[tuple[Node, Node]]:
        """Return the values that the claim had in a loop's other rounds, each with its variable's value."""
        made, of = self.in_rounds(claim)
        if not made:
            return []
        if claim.node is made[-1] and claim.of is of[0]:
            of.reverse()  # backwards through time, or through the layers
        pairs = list(zip(made, of, strict=True))
        fits = any(node is claim.node and variable is claim.of for node, variable in pairs)
        return [pair for pair in pairs if pair[0] is not claim.node] if fits else []

    def in_rounds(self, claim: Claim) -> tuple[list[Node], list[Node]]:
        """Return the values that a claim and its variable had in a loop's rounds; none, if unclear."""
        names, lines = self.derivation.names, self.derivation.lines
        line = lines.get(claim.node)
        if not line or names.get(claim.node) != claim.name:
            return [], []
        made = [
            n
            for n in names
            if names[n] == claim.name and lines.get(n) == line and n.shape == claim.node.shape
        ]
        forward = self.truths.found
        of = [n for n in names if names[n] == claim.of_name and n in forward and n.shape == claim.of.shape]
        if len(made) != len(of):
            of = [n for n in forward if n.shape == claim.of.shape and self._piece(n) == self._piece(claim.of)]
        if len(made) != len(of) or len(made) < 2 or not any(claim.of is n for n in of):
            return [], []
        made.sort(key=lambda node: node.serial)
        of.sort(key=lambda node: node.serial)
        return made, of

    def _piece(self, node: Node) -> tuple[object, ...]:
        """Return by which piece of which line a node was made, as far as it can be told."""
        return self.derivation.lines.get(node), node.primitive, *[source.primitive for source in node.inputs]

    def wrong_round(self, place: int, factor: float) -> tuple[Node, Node] | None:
        """Return the claim in another round of a loop that is wrong, with its variable; None if none is."""
        for node, of in self.rounds[place]:
            true = [factor * value for value in self.points.of(self.truths.of(of))]
            if not self.agrees(self.points.of(node), true):
                return node, of
        return None

    # The convention.

    def _best(self) -> Reading:
        self.factors = candidates = self._factors()
        readings = [Reading()]
        for place in range(len(self.claims)):
            readings = [
                self._extended(reading, factor)
                for reading in readings
                for factor in self._possible(place, candidates, reading)
            ]
            readings.sort(key=lambda reading: reading.order)
            readings = readings[:MOST_READINGS]
        return min(map(self._completed, readings), key=lambda reading: reading.order)

    def _possible(self, place: int, candidates: Sequence[float], reading: Reading) -> list[float]:
        claim = self.claims[place]
        if self.truths.is_unused(claim):
            return [1.0]
        if claim.scale is not None:
            return [claim.scale]
        if not claim.final:
            return list(candidates)
        if DATA.fullmatch(claim.of_name):
            return sorted({1.0, *[reading.factors[j] for j in self.upstream[place]]})
        return [1.0]

    def _extended(self, reading: Reading, factor: float) -> Reading:
        place = len(reading.factors)
        factors = (*reading.factors, factor)
        fault = self._fault(place, factors)
        if self.claims[place].scale is not None:
            return Reading(factors, reading.with_fault(self._key(place), fault), reading.odd)
        odd = 0 if factor == 1 else (1 if self._is_count(factor) else 100) + (100 if fault else 0)
        if fault and not COMPUTING.search(self._text(place)):
            odd += 100  # a plain copy, or a mask
        faults = reading.with_fault(self._key(place), fault)
        if fault and factor != 1 and not self._is_count(factor):
            faults = {**faults, ("factor", place): WRONG}  # wrong, and by a convention that nothing shows
        return Reading(factors, faults, reading.odd + odd)

    def _text(self, place: int) -> str:
        """Return the right sides of the lines that make a claim."""
        rows = self.derivation.source.splitlines()
        claim = self.claims[place]
        lines = [rows[line - 1].partition("=")[2] for line in claim.lines if 0 < line <= len(rows)]
        return "\n".join(lines) or claim.text

    def _key(self, place: int) -> Any:
        return self.claims[place].line or place - len(self.claims)

    def _completed(self, reading: Reading) -> Reading:
        """Count a factor as wrong after all where no right gradient takes it out again."""
        faults = reading
        taken = {
            place for place, _ in enumerate(reading.factors) if self._is_taken_out(place, reading.factors)
        }
        usual = {reading.factors[place] for place in taken}
        read = {number for numbers in self.upstream for number in numbers}
        for place, factor in enumerate(reading.factors):
            known = self.claims[place].final or self.claims[place].scale is not None
            accepted = factor == 1 or known or place in taken
            if not accepted and (place in read or factor not in usual):
                faults = replace(faults, faults=faults.with_fault(self._key(place), WRONG))
        return faults

    def _is_taken_out(self, place: int, factors: Sequence[float]) -> bool:
        """Return whether a right claim without a factor is computed from this one."""
        reached = {place}
        for later in range(place + 1, len(self.claims)):
            if reached.isdisjoint(self.upstream[later]) or self.truths.is_unused(self.claims[later]):
                continue
            if factors[later] != 1:
                reached.add(later)
            elif not self._fault(later, factors):
                return True
        return False

    def _fault(self, place: int, factors: Sequence[float]) -> int:
        """Return 0 for a claim that is right given true inputs, less than `WRONG` if by its number only."""
        target = [factors[place] * value for value in self.values[place]]
        if self.agrees(self.local(place, factors), target):
            return 0
        return WRONG - 1 if self.is_right(place, target) else WRONG

    def is_right(self, place: int, target: Values) -> bool:
        """Return whether a claim is what it ought to be; one made of numbers, at the script's own values."""
        many = 1 if self.is_number(place) else None
        return agree(self.claimed[place][:many], target[:many], self.floor)

    def is_number(self, place: int) -> bool:
        """Return whether a claim is made of numbers only, so that it can hold at one point only."""
        return self.points.varied.isdisjoint(ancestors([self.claims[place].node]))

    def _is_count(self, factor: float) -> bool:
        return any(abs(factor - size) < 1e-6 * size for size in self.sizes())

    def sizes(self) -> set[int]:
        """Return the lengths of the arrays of the forward part, and whole numbers that are not varied."""
        lengths = {size for node in self.truths.forward for size in (*node.shape, node.size)}
        for leaf in self.derivation.leaves:
            if (
                leaf.node not in self.points.varied
                and np.ndim(leaf.value) == 0
                and float(leaf.value).is_integer()
            ):
                lengths.add(int(leaf.value))
        for node in self.truths.forward:
            if (
                node.primitive.name == "divide"
                and type(node.inputs[1].value) is int
                and node.inputs[1].value > 2
            ):
                lengths.add(node.inputs[1].value)
        return {size for size in lengths if size > 1}

    def _factors(self) -> list[float]:
        """Return 1 and the factors that claims seem to have, the most frequent first."""
        found = Counter[float]()
        ones = [1.0] * len(self.claims)
        for place, claim in enumerate(self.claims):
            for values in (self.claimed[place], self.local(place, ones)):
                factor = ratio(values, self.values[place])
                if factor is not None:
                    found[_rounded(abs(factor) if not claim.final else 1 / abs(factor))] += 1
        found.pop(1.0, None)
        counts = sorted(found, key=lambda factor: (-self._is_count(factor), -found[factor]))
        return [1.0, *counts[:MOST_FACTORS]]


def mentions(text: str, name: str) -> bool:
    """Return whether the right side of an assignment reads a name.

    Examples
    --------
    >>> mentions("dW1 = dZ1 @ X.T", "dZ1"), mentions("dZ1 = dZ10", "dZ1")
    (True, False)
    """
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text.partition("=")[2]))


def _rounded(factor: float) -> float:
    whole = round(factor)
    if whole and abs(factor - whole) < 1e-6 * abs(factor):
        return float(whole)
    inverse = round(1 / factor)
    return 1 / inverse if inverse and abs(1 / factor - inverse) < 1e-6 * abs(inverse) else factor
