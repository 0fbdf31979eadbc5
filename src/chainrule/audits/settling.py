"""Which value of the forward part a derivative between is by: its name alone does not always say.

In a script with an error nothing below the wrong line fits, so that a claim cannot be told by its numbers;
what reads it tells more. And ``dh = dscores @ W2.T`` may be the derivative by what follows h, or along one of
several paths: where all that is computed from such a value is right, nothing is wrong with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from operator import is_
from typing import Any

import numpy as np

from chainrule.audits.audited import Audited, judge
from chainrule.audits.derivation import Derivation
from chainrule.audits.diagnosis.case import Case, Kind, spelled
from chainrule.audits.diagnosis.searching import diagnose
from chainrule.audits.judging import Judge
from chainrule.audits.reading.claim_names import is_delta
from chainrule.audits.report import Status
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors

MOST_TRIED = 12  # variables of one claim
UNCLEAR = (Kind.OTHER, Kind.ACTIVATION_DERIVATIVE)


def settled(audited: Audited, cost: Any) -> Audited:
    """Return the comparison with claims about other variables, where that leaves fewer lines wrong."""
    audited = _without(audited, _harmless(audited), cost)
    for change in (_in_turn, _about_others, _about_others) if audited.wrong else ():
        new = change(audited)
        if new is not audited.judge.derivation:
            other = judge(new, cost)
            audited = other if other.wrong <= audited.wrong else audited
    return _without(audited, _in_the_way(audited, cost), cost) if audited.wrong else audited


def _in_turn(audited: Audited) -> Derivation:
    """Return the derivation with claims of a loop's last round about the first value, where others fit so."""
    derivation, comparison = audited.judge.derivation, audited.judge
    claims = list(derivation.claims)
    for place in _between(audited):
        claim = claims[place]
        made, of = comparison.in_rounds(claim)
        if made and claim.node is made[-1] and claim.of is of[-1]:
            there, back = (
                sum(
                    comparison.agrees(
                        comparison.points.of(node), comparison.points.of(comparison.truths.of(by))
                    )
                    for node, by in zip(made, order, strict=True)
                )
                for order in (of, of[::-1])
            )
            if back > there:
                claims[place] = replace(claim, of=of[0], of_name=derivation.names.get(of[0], claim.of_name))
    return (
        derivation if all(map(is_, claims, derivation.claims)) else replace(derivation, claims=tuple(claims))
    )


def _about_others(audited: Audited) -> Derivation:
    """Return the derivation with claims about other variables, where they or their readers fit these."""
    derivation = audited.judge.derivation
    claims = list(derivation.claims)
    for place, status in enumerate(audited.statuses):
        claim = claims[place]
        if status is Status.INHERITED or audited.judge.truths.is_unused(claim):
            continue
        found = next(
            (pair for pair in alternatives(audited.judge, place) if _is_better(audited, place, pair[1])), None
        )
        if found is not None:
            claims[place] = replace(claim, of_name=found[0], of=found[1])
    if all(map(is_, claims, derivation.claims)):
        return derivation
    return replace(derivation, claims=tuple(claims))


def _is_better(audited: Audited, place: int, node: Node) -> bool:
    """Return whether a claim is more likely about another variable than about its own."""
    comparison, wrong = audited.judge, audited.statuses[place] is Status.WRONG
    above = [audited.statuses[number] for number in audited.judgements[place].upstream]
    blamed = any(audited.statuses[number] is Status.WRONG for number in _readers(comparison, place))
    if wrong and any(known is not Status.RIGHT for known in above) and _fits(comparison, place, node):
        return True
    if comparison.claims[place].final:
        return False
    if not wrong and not (blamed and is_delta(comparison.claims[place].name)):
        return False
    if not comparison.right_with(place, node, _factors(audited)):
        return False
    if blamed:
        return True
    case = Case(comparison, place, audited.judgements)
    other = case.of(case.claim.node, node, case.factor)
    return diagnose(case).kind in UNCLEAR and diagnose(other).kind not in UNCLEAR


def alternatives(comparison: Judge, place: int) -> Iterator[tuple[str, Node]]:
    """Yield other variables that a claim may be about: of its name, or beside its own in an activation."""
    claim, found, names = comparison.claims[place], comparison.truths.found, comparison.derivation.names
    unnamed = is_delta(claim.name)
    given = [(name, node) for name, node in claim.others if node in found]
    near = [] if claim.final else [node for node in _beside(claim.of, found) if unnamed or node in names]
    beside = [(spelled(node, names), node) for node in near if node.primitive.name != "negative"]
    seen = {claim.of}
    for name, node in [*given, *beside][:MOST_TRIED]:
        if node not in seen and node.shape == claim.node.shape and node.primitive is not CONSTANT:
            seen.add(node)
            yield name, node


def _beside(variable: Node, found: Collection[Node]) -> list[Node]:
    """Return what an activation makes of a value, step by step, then what it is itself made of."""
    after, reached = [], {variable}
    for node in sorted(found, key=lambda node: node.serial):
        if (
            node.primitive.elementwise
            and node.shape == variable.shape
            and not reached.isdisjoint(node.inputs)
        ):
            reached.add(node)
            after.append(node)
    before: list[Node] = [variable]
    for node in before:
        inner = [source for source in node.inputs if source.size == variable.size and source in found]
        before += [source for source in inner if source not in set(before)][: MOST_TRIED - len(before)]
    return [*after, *before[1:]]


def _factors(audited: Audited) -> list[float]:
    return [judgement.factor for judgement in audited.judgements]


def _readers(comparison: Judge, place: int) -> list[int]:
    return [number for number, above in enumerate(comparison.upstream) if place in above]


def _fits(comparison: Judge, place: int, node: Node) -> bool:
    local = comparison.local(place, [1.0] * len(comparison.claims))
    true = comparison.points.of(comparison.truths.of(node))
    return any(comparison.agrees(local, [factor * value for value in true]) for factor in comparison.factors)


def _harmless(audited: Audited) -> list[int]:
    """Return the wrong values between from which right gradients of parameters are computed."""
    harmless = []
    for place in _between(audited):
        below = [audited.judgements[number] for number in _below(audited.judge, place)]
        if any(judgement.right and judgement.claim.final for judgement in below):
            harmless.append(place)
    return [*harmless, *_parts(audited), *_sums(audited)]


def _sums(audited: Audited) -> list[int]:
    """Return what is called a delta and is something else, such as a sum of gradients: all below is right."""
    found = []
    for place, status in enumerate(audited.statuses):
        claim = audited.judgements[place].claim
        if status is Status.WRONG and is_delta(claim.name):
            below = _below(audited.judge, place)
            last = [audited.judgements[n] for n in below if below.isdisjoint(_readers(audited.judge, n))]
            if last and all(judgement.right for judgement in last):
                found.append(place)
    return found


def _parts(audited: Audited) -> list[int]:
    """Return the wrong claims that are parts of right ones about the same parameter, as of one example."""
    found = []
    for place, status in enumerate(audited.statuses):
        claim = audited.judgements[place].claim
        if status is Status.WRONG and claim.final and claim.node.primitive is not CONSTANT:
            whole = [
                other.claim.node for other in audited.judgements if other.right and other.claim.of is claim.of
            ]
            if any(claim.node in set(ancestors([node])) for node in whole):
                found.append(place)
    return found


def _below(comparison: Judge, place: int) -> set[int]:
    """Return the claims that are computed from a claim, at once or by way of others."""
    found = {place}
    for number in range(place + 1, len(comparison.claims)):
        if not found.isdisjoint(comparison.upstream[number]):
            found.add(number)
    return found - {place}


def _in_the_way(audited: Audited, cost: Any) -> list[int]:
    """Return the wrong value between without which the one wrong line that reads it is wrong by itself."""
    for place in _between(audited) if audited.wrong == 2 else ():
        if any(audited.statuses[number] is Status.WRONG for number in _readers(audited.judge, place)):
            alone = judge(_dropped(audited.judge.derivation, [place]), cost)
            if alone.wrong < audited.wrong:
                return [place]
    return []


def _without(audited: Audited, places: Sequence[int], cost: Any) -> Audited:
    """Return the comparison without some claims, if fewer lines are wrong then."""
    if not places:
        return audited
    other = judge(_dropped(audited.judge.derivation, places), cost)
    return other if other.wrong < audited.wrong else audited


def _between(audited: Audited) -> list[int]:
    """Return the wrong claims about values between that may be derivatives of something else."""
    return [
        place
        for place, status in enumerate(audited.statuses)
        if status is Status.WRONG and _may_be_misnamed(audited, place)
    ]


def _may_be_misnamed(audited: Audited, place: int) -> bool:
    comparison, claim = audited.judge, audited.judgements[place].claim
    shapes = np.shape(comparison.claimed[place][0]), np.shape(comparison.values[place][0])
    between = not claim.final and not comparison.truths.is_unused(claim) and not comparison.is_number(place)
    return between and shapes[0] == shapes[1] and not is_delta(claim.name)


def _dropped(derivation: Derivation, places: Sequence[int]) -> Derivation:
    claims = tuple([claim for n, claim in enumerate(derivation.claims) if n not in places])
    misnamed = [derivation.claims[place] for place in places]
    return replace(derivation, claims=claims, misnamed=(*derivation.misnamed, *misnamed))
