"""`Audited`: the comparison of all claims with the truth, and which of them are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.derivation import Derivation, Leaf
from chainrule.audits.diagnosis.case import Case
from chainrule.audits.diagnosis.numbers import stands_for_values
from chainrule.audits.judging import Judge, Judgement
from chainrule.audits.points import NEAR, Points
from chainrule.audits.report import Status
from chainrule.audits.truths import Truths
from chainrule.graph.node import CONSTANT
from chainrule.graph.order import ancestors


class Audited(NamedTuple):
    """The comparison, what was found of each claim, and which of them are right."""

    judge: Judge
    judgements: list[Judgement]
    statuses: list[Status]

    @property
    def wrong(self) -> int:
        """How many lines are wrong by themselves."""
        places = [n for n, status in enumerate(self.statuses) if status is Status.WRONG]
        return len({self.judgements[n].claim.line or -1 - n for n in places})


def judge(derivation: Derivation, cost: Any = None) -> Audited:
    """Return what is right and what is wrong, by the derivation's cost or another one."""
    audited = _compared(derivation, cost)
    other = _of_wrong_rounds(audited)
    return audited if other is None else _compared(other, cost)


def _of_wrong_rounds(audited: Audited) -> Derivation | None:
    """Return the derivation with claims of those rounds of a loop in which they are wrong.

    A claim that is set in every round is looked at in the last one. Where all that a wrong sum reads is right
    there, and the sum is right given true inputs, another round holds the error. None if that is nowhere.
    """
    claims, moved = list(audited.judge.derivation.claims), False
    for judgement, status in zip(audited.judgements, audited.statuses, strict=True):
        if judgement.right or not judgement.locally_right or status is not Status.WRONG:
            continue
        for number in judgement.upstream:
            found = audited.judge.wrong_round(number, audited.judgements[number].factor)
            if found is not None:
                claims[number] = replace(claims[number], node=found[0], of=found[1])
                moved = True
    return replace(audited.judge.derivation, claims=tuple(claims)) if moved else None


def _compared(derivation: Derivation, cost: Any) -> Audited:
    truths = Truths(derivation, derivation.cost if cost is None else cost)
    wanted = [truths.cost, *[claim.node for claim in derivation.claims]]
    wanted += [truths.of(claim.of) for claim in derivation.claims]
    points = Points(derivation.leaves, wanted, truths.cost, guards=derivation.guards)
    far = _judged(derivation, truths, points)
    if not far.wrong:
        return far
    # Farther away a script may take other branches than those that were read.
    near = _judged(derivation, truths, Points(derivation.leaves, wanted, truths.cost, NEAR))
    best = near if near.wrong < far.wrong else far
    settled = _settled(derivation, truths)
    if not best.wrong:
        return best
    fixed = _judged(derivation, truths, Points(settled, wanted, truths.cost))
    return fixed if len(fixed.judge.points) > 1 and fixed.wrong < best.wrong else best


def _settled(derivation: Derivation, truths: Truths) -> tuple[Leaf, ...]:
    """Return the leaves, those fixed whose number is written in a claim again, such as a threshold."""
    made = set(ancestors([claim.node for claim in derivation.claims])) - set(ancestors([truths.cost]))
    constants = {abs(float(np.ravel(n.value)[0])) for n in made if n.primitive is CONSTANT and n.size == 1}
    twins = {_amount(leaf) for leaf in derivation.leaves if leaf.node in made and leaf.node.size == 1}
    written = (constants - {0.0, 0.5, 1.0, 2.0}) | twins
    return tuple(
        replace(leaf, free=leaf.free and not (leaf.node.size == 1 and _amount(leaf) in written))
        for leaf in derivation.leaves
    )


def _amount(leaf: Leaf) -> float:
    return abs(float(np.ravel(leaf.value)[0]))


def _judged(derivation: Derivation, truths: Truths, points: Points) -> Audited:
    comparison = Judge(derivation, truths, points)
    judgements = comparison.judgements()
    statuses: list[Status] = []
    for place in range(len(judgements)):
        statuses.append(_status(comparison, place, judgements, statuses))
    return Audited(comparison, judgements, statuses)


def _status(comparison: Judge, place: int, judgements: list[Judgement], before: Sequence[Status]) -> Status:
    judgement = judgements[place]
    if judgement.right:
        return Status.RIGHT
    above = [before[number] for number in judgement.upstream]
    if judgement.locally_right:
        return Status.INHERITED if any(status is not Status.RIGHT for status in above) else Status.WRONG
    if stands_for_values(Case(comparison, place, judgements)):
        return Status.RIGHT if all(status is Status.RIGHT for status in above) else Status.INHERITED
    return Status.WRONG
