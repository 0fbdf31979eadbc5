"""Gradients between claims that no name announces: a wrong one there is the root of those that read it.

Nielsen's ``delta``, an ``err`` or a ``dh_raw`` may be no claim by its name. Where such a value, set to the
gradient of a value of the forward part, makes a wrong claim right, it is taken for a claim, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.audits.audited import Audited
from chainrule.audits.derivation import Claim, Derivation
from chainrule.audits.diagnosis.case import MOST_EFFORT, Case
from chainrule.audits.diagnosis.expression import MISFITS
from chainrule.audits.points import Values, ratio
from chainrule.audits.reading.claim_names import stems
from chainrule.audits.report import Status
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors

ALIAS = re.compile(r"\s*[\w.\[\]\"']+\s*=\s*([\w.\[\]\"']+)\s*(#.*)?")
MOST_NAMED = 12
MOST_FAMILIES = 40


def with_intermediates(audited: Audited) -> Derivation:
    """Return the derivation with values between as claims, where they explain what is wrong."""
    derivation = audited.judge.derivation
    found: dict[Node, Claim] = {}
    proved = audited.judge.proved(audited.judgements)
    for place, status in enumerate(audited.statuses):
        if status is Status.WRONG and not audited.judge.is_number(place):
            case = Case(audited.judge, place, audited.judgements)
            for claim in _roots(case, proved):
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


def _roots(case: Case, proved: Collection[Node]) -> list[Claim]:
    """Return the values nearest to the claim's inputs that must be gradients for the claim to be right.

    A loop makes one in each round; all of them are taken together. From ``proved`` ones right gradients are
    computed.
    """
    lines, names = case.derivation.lines, case.derivation.names
    own = {*case.claim.lines, 0}
    known = {*proved, *[claim.node for claim in case.derivation.claims]}
    groups: dict[tuple[int, str], list[Node]] = {}
    for node in case.expression.nodes:
        if names.get(node, "")[:1].isalpha() and lines.get(node, 0) not in own and node not in known:
            groups.setdefault((lines[node], names[node]), []).append(node)
    for (line, name), group in list(groups.items())[:MOST_NAMED]:
        found = None if _is_as_named(case, name, group) else _gradients_of(case, group)
        if found is not None:
            variables, scale = found
            rows = case.derivation.source.splitlines()
            text = rows[line - 1] if 0 < line <= len(rows) else ""
            return [
                Claim(name, node, case.name(of), of, line, (line,), text, final=False, scale=scale)
                for node, of in zip(group, variables, strict=True)
            ]
    return []


def _is_as_named(case: Case, name: str, group: Sequence[Node]) -> bool:
    """Return whether values are gradients, up to a factor, by what they are named after: ``dh`` by h."""
    variables = [node for node in case.truths.found if case.names.get(node, "") in stems(name)]
    return bool(variables) and all(
        any(ratio(case.expression.value(node), case.points.of(case.truths.of(of))) for of in variables)
        for node in group
    )


def _gradients_of(case: Case, group: Sequence[Node]) -> tuple[Sequence[Node], float] | None:
    """Return the values whose gradients, up to a factor, make the claim right in the place of a group."""
    for variables in _families(case, group):
        if case.judge.effort > MOST_EFFORT:
            return None
        case.judge.effort += len(case.expression.nodes)
        true = {node: case.points.of(case.truths.of(of)) for node, of in zip(group, variables, strict=True)}
        scale = _scale(case, group, true)
        if scale is not None and any(
            not case.judge.agrees(case.expression.value(node), [scale * value for value in true[node]])
            for node in group
        ):
            return variables, scale
    return None


def _scale(case: Case, group: Sequence[Node], true: Mapping[Node, Values]) -> float | None:
    """Return the factor with which gradients make the claim right in the place of a group."""
    changed = case.expression.changed(group, lambda node, _, point: true[node][point])
    try:
        first = next(changed)
        if ratio(case.target[:1], [first]) is None:
            return None
        return ratio(case.target, [first, *changed])
    except MISFITS:
        return None


def _families(case: Case, group: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Yield as many values of the forward part as there are in a group: each alone, or those of a loop."""
    shape = group[-1].shape
    fitting = [
        node
        for node in case.truths.found
        if node.shape == shape
        and node is not case.variable
        and node.primitive is not CONSTANT
        and node.primitive.name != "negative"
    ]
    fitting.sort(key=lambda node: (node not in case.names, -node.serial))
    if len(group) == 1:
        yield from ([node] for node in fitting[:MOST_FAMILIES])
        return
    families: dict[object, list[Node]] = {}
    for node in fitting:
        made_of = tuple([source.primitive.name for source in node.inputs])
        families.setdefault((case.derivation.lines.get(node), node.primitive.name, made_of), []).append(node)
    for family in list(families.values())[:MOST_FAMILIES]:
        if len(family) == len(group):
            ordered = sorted(family, key=lambda node: node.serial)
            yield from (ordered[::-1], ordered)
