"""From a derivation to its findings: judged, and diagnosed where something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.corrections import correct
from chainrule.audits.derivation import Derivation, Leaf
from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind
from chainrule.audits.diagnosis.numbers import stands_for_values
from chainrule.audits.diagnosis.searching import diagnose
from chainrule.audits.judging import Judge, Judgement
from chainrule.audits.points import NEAR, Points, same_shape
from chainrule.audits.report import Finding, Status
from chainrule.audits.truths import Truths
from chainrule.explanations.formulas import number
from chainrule.graph.node import CONSTANT
from chainrule.graph.order import ancestors
from chainrule.text import say


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
    truths = Truths(derivation, derivation.cost if cost is None else cost)
    wanted = [truths.cost, *[claim.node for claim in derivation.claims]]
    wanted += [truths.of(claim.of) for claim in derivation.claims]
    far = _judged(derivation, truths, Points(derivation.leaves, wanted, truths.cost))
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
        return Status.INHERITED if any(status is not Status.RIGHT for status in above) else Status.RIGHT
    if stands_for_values(Case(comparison, place, judgements)):
        return Status.RIGHT if all(status is Status.RIGHT for status in above) else Status.INHERITED
    return Status.WRONG


def findings(audited: Audited) -> tuple[Finding, ...]:
    """Return a finding for each claim."""
    return tuple([_finding(audited, place) for place in range(len(audited.judgements))])


def _finding(audited: Audited, place: int) -> Finding:
    judgement, status = audited.judgements[place], audited.statuses[place]
    claim = judgement.claim
    index, claimed, true, error = _worst(judgement.claimed[0], judgement.target[0])
    if status is Status.RIGHT:
        return Finding(
            claim.name, claim.line, claim.lines, status, None, claimed, true, index, error,
            say("audit.right", name=claim.name, of=claim.of_name), code=claim.text.strip(),
        )  # fmt: skip
    if status is Status.INHERITED:
        root = audited.judgements[_root(audited, place)].claim
        message = say("audit.inherited", name=root.name, line=root.line)
        return Finding(
            claim.name, claim.line, claim.lines, status, None, claimed, true, index, error, message,
            code=claim.text.strip(),
        )  # fmt: skip
    case = Case(audited.judge, place, audited.judgements)
    diagnosis = diagnose(case)
    correction = correct(case, diagnosis)
    return Finding(
        claim.name, claim.line, claim.lines, status, diagnosis.kind, claimed, true, index, error,
        message_of(diagnosis), correction.text, correction.verified, diagnosis.paths, claim.text.strip(),
    )  # fmt: skip


def all_explained(audited: Audited) -> bool:
    """Return whether there is a reason for each wrong claim."""
    places = [place for place, status in enumerate(audited.statuses) if status is Status.WRONG]
    cases = [Case(audited.judge, place, audited.judgements) for place in places]
    return all(diagnose(case).kind is not Kind.OTHER for case in cases)


def message_of(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as a sentence in the reader's language."""
    return say(f"audit.reason.{diagnosis.reason}", **diagnosis.details)


def _root(audited: Audited, place: int) -> int:
    """Return the nearest wrong claim above one that inherits."""
    waiting = list(audited.judgements[place].upstream)
    while waiting:
        above = max(waiting)
        waiting.remove(above)
        if audited.statuses[above] is Status.WRONG:
            return above
        waiting.extend(audited.judgements[above].upstream)
    return place


def _worst(claimed: Any, true: Any) -> tuple[tuple[int, ...], float | None, float | None, float]:
    """Return the entry that is farthest off: its place, both values, and the relative error."""
    ours, theirs = np.asarray(claimed, float), np.asarray(true, float)
    if ours.shape != theirs.shape:
        if not same_shape(ours.shape, theirs.shape):
            return (), None, None, 1.0
        ours = ours.reshape(theirs.shape)
    difference = np.abs(ours - theirs)
    place = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    index = tuple(int(part) for part in np.unravel_index(place, theirs.shape))
    largest = float(np.max(np.abs(theirs), initial=0.0))
    off = float(difference.reshape(-1)[place])
    error = off / largest if largest else float(off > 0)
    return index, float(ours.reshape(-1)[place]), float(theirs.reshape(-1)[place]), error


def convention(audited: Audited) -> str | None:
    """Return what is to be said once of a factor that is a convention; None if there is none."""
    scaled = [judgement for judgement in audited.judgements if judgement.factor != 1]
    if not scaled:
        return None
    factor = number(scaled[0].factor)
    names = dict.fromkeys(judgement.claim.name for judgement in scaled)
    return say("audit.convention", names=", ".join(names), factor=factor, of=scaled[0].claim.of_name)
