"""Gradients between claims that no name announces: a wrong one there is the root of those that read it.

Nielsen's ``delta``, an ``err`` or a ``dh_raw`` may be no claim by its name. Where such a value, set to the
gradient of a value of the forward part, makes a wrong claim right, it is taken for a claim, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.audits.audited import Audited
from chainrule.audits.derivation import Claim, Derivation
from chainrule.audits.diagnosis.case import Case
from chainrule.audits.diagnosis.expression import using
from chainrule.audits.report import Status
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors

ALIAS = re.compile(r"\s*[\w.\[\]\"']+\s*=\s*([\w.\[\]\"']+)\s*(#.*)?")
MOST_NAMED = 12


def with_intermediates(audited: Audited) -> Derivation:
    """Return the derivation with values between as claims, where they explain what is wrong."""
    derivation = audited.judge.derivation
    found: dict[Node, Claim] = {}
    for place, status in enumerate(audited.statuses):
        if status is Status.WRONG and not audited.judge.is_number(place):
            case = Case(audited.judge, place, audited.judgements)
            for claim in _roots(case):
                found.setdefault(claim.node, claim)
    if not found:
        return derivation
    return replace(derivation, claims=_merged(derivation.claims, found))


def set_apart(derivation: Derivation) -> Derivation:
    """Return the derivation with ``dz = da`` read as a value that can be wrong where the other is right."""
    if derivation.rewritten is None:
        return derivation
    new = derivation
    for claim in derivation.claims:
        alias = ALIAS.fullmatch(claim.text)
        if alias is not None and len(claim.lines) == 1 and claim.node.size and not _is_number(alias[1]):
            name = claim.text.partition("=")[0].strip()
            again = new.rewritten(claim.line, f"{name} = 1.0 * {alias[1]}") if new.rewritten else None
            if again is not None and _alike(again, derivation):
                new = again
    if new is derivation:
        return derivation
    texts = zip(new.claims, derivation.claims, strict=True)
    claims = tuple([replace(claim, text=old.text) for claim, old in texts])
    return replace(new, claims=claims, rewritten=derivation.rewritten, source=derivation.source)


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def _alike(one: Derivation, other: Derivation) -> bool:
    """Return whether two derivations claim the same of the same variables."""
    pairs = [[(claim.name, claim.of_name, claim.line) for claim in each.claims] for each in (one, other)]
    return pairs[0] == pairs[1]


def _merged(claims: Sequence[Claim], new: Mapping[Node, Claim]) -> tuple[Claim, ...]:
    """Return the claims in their order, each new one before the first that is computed from it."""
    merged = list(claims)
    for node in sorted(new, key=lambda node: node.serial):
        readers = [n for n, other in enumerate(merged) if node in set(ancestors([other.node]))]
        merged.insert(readers[0] if readers else len(merged), new[node])
    return tuple(merged)


def _roots(case: Case) -> Iterator[Claim]:
    """Yield the value nearest to the claim's inputs that must be a gradient for the claim to be right."""
    lines, names = case.derivation.lines, case.derivation.names
    own = {*case.claim.lines, 0}
    claimed = {claim.node for claim in case.derivation.claims}
    inner = [
        node
        for node in case.expression.nodes
        if node in names and lines.get(node, 0) not in own and node not in claimed
    ]
    for node in inner[:MOST_NAMED]:
        of = _gradient_of(case, node)
        if of is not None:
            line = lines[node]
            rows = case.derivation.source.splitlines()
            text = rows[line - 1] if 0 < line <= len(rows) else ""
            of_name = case.name(of)
            yield Claim(names[node], node, of_name, of, line, (line,), text, final=False)
            return


def _gradient_of(case: Case, node: Node) -> Node | None:
    """Return the value of the forward part whose gradient, in this place, makes the claim right."""
    for variable, true in case.truths.found.items():
        if variable is case.variable or variable.primitive is CONSTANT or variable not in case.names:
            continue
        if variable.shape != node.shape:
            continue
        for factor in case.judge.factors:
            values = [factor * value for value in case.points.of(true)]
            changed = case.expression.changed((node,), using(values))
            if case.fits(changed) and not case.judge.agrees(case.expression.value(node), values):
                return variable
    return None
