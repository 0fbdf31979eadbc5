"""From a derivation to its findings: judged, and diagnosed where something is wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.audits.audited import Audited
from chainrule.audits.corrections import correct
from chainrule.audits.derivation import Claim
from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind
from chainrule.audits.diagnosis.searching import diagnose
from chainrule.audits.diagnosis.values import another_value
from chainrule.audits.edits import Edit
from chainrule.audits.judging import mentions
from chainrule.audits.points import same_shape
from chainrule.audits.repairs import Repair, Repairs
from chainrule.audits.report import Finding, Status
from chainrule.audits.statements import Statement
from chainrule.explanations.formulas import number
from chainrule.graph.node import CONSTANT
from chainrule.graph.order import ancestors
from chainrule.text import say

FEW = 3  # lines
COPY = re.compile(r"[^=\[]+=\s*([^\W\d][\w.]*)\s*(?:#.*)?")


def findings(audited: Audited) -> tuple[Finding, ...]:
    """Return a finding for each claim, and one for a line that is wrong and whose value is no claim."""
    repairs = Repairs(audited.judge.derivation)
    wrong = [place for place, status in enumerate(audited.statuses) if status is Status.WRONG]
    repair = repairs.of(audited, wrong) if audited.wrong > 1 else None
    found = {place: _diagnosed(audited, place, None if repair else repairs) for place in wrong if not repair}
    if repair is not None:
        found = dict.fromkeys(wrong, repair)
    behind = _behind(audited, found)
    rows: list[Finding] = []
    rooted: set[int] = set()
    told: set[int] = set()
    for place in range(len(audited.judgements)):
        why = found.get(place)
        if isinstance(why, Repair):
            if why.line not in rooted and _root_of(audited, why) is None:
                rows.append(_of_line(audited, why))
                told.add(why.line)
            rooted.add(why.line)
        claim = audited.judgements[place].claim
        if claim.scale is not None and claim.line in told:
            continue  # the same line in another round
        if claim.scale is not None and audited.statuses[place] is not Status.RIGHT:
            told.add(claim.line)
        row = _finding(audited, place, why)
        if place in behind:
            root = audited.judgements[behind[place]].claim
            message = say("audit.follows", name=root.name, line=root.line)
            row = replace(_plain(audited, place), status=Status.INHERITED, message=message)
        rows.append(row)
    return tuple(rows)


def _behind(audited: Audited, found: Mapping[int, Diagnosis | Repair]) -> dict[int, int]:
    """Return the unexplained wrong claims that are computed from an earlier wrong one, each with that one."""
    behind: dict[int, int] = {}
    wrong = sorted(found)
    for count, place in enumerate(wrong):
        why = found[place]
        if isinstance(why, Diagnosis) and why.kind is Kind.OTHER:
            made = set(ancestors([audited.judgements[place].claim.node]))
            above = [first for first in wrong[:count] if audited.judgements[first].claim.node in made]
            own = audited.judgements[place].claim.line
            above = [first for first in above if audited.judgements[first].claim.line != own]
            if above:
                behind[place] = behind.get(above[0], above[0])
    return behind


def _diagnosed(audited: Audited, place: int, repairs: Repairs | None) -> Diagnosis | Repair:
    """Return why a claim is wrong: one change of its nodes, or one of a line's text."""
    case = Case(audited.judge, place, audited.judgements)
    diagnosis = diagnose(case)
    if repairs is not None and _is_doubtful(diagnosis):
        return repairs.of(audited, [place]) or diagnosis
    elsewhere = repairs is not None and _is_elsewhere(case, diagnosis, repairs)
    if (
        repairs is not None
        and diagnosis.kind is Kind.ACTIVATION_DERIVATIVE
        and diagnosis.line in case.other_lines
    ):
        given = next(another_value(case), None)  # a helper that is right, called with another value
        calls = _calls_of_wrong_helper(audited, diagnosis.line, repairs)
        if calls > 1 or (calls and given is None):
            elsewhere = True
        elif given is not None:
            line = _where_written(case, repairs.statements, str(given.details.get("written")))
            diagnosis = replace(given, kind=Kind.ACTIVATION_DERIVATIVE, line=line)
            elsewhere = line in case.other_lines
    if repairs is not None and elsewhere:
        correction = correct(case, diagnosis, audited.wrong)
        edit = Edit(0, correction.text, diagnosis.kind, diagnosis.reason, diagnosis.details)
        return Repair(diagnosis.line, edit, (place,), repairs.name(diagnosis.line), None, None)
    if repairs is not None and diagnosis.kind is Kind.SIGN and case.other_lines:
        repair = repairs.of(audited, [place], kinds=(Kind.SIGN,))
        if repair is not None and repair.line in case.other_lines:
            return repair
    return _of_copied(audited, place, diagnosis) or diagnosis


def _calls_of_wrong_helper(audited: Audited, line: int, repairs: Repairs) -> int:
    """Return how often a helper is called that ends on a line; 0 if something right is computed with it."""
    statement = repairs.statements.get(line)
    if statement is None or not isinstance(statement.node, ast.Return):
        return 0
    stop = set(audited.judge.truths.forward)
    lines = audited.judge.derivation.lines
    for judgement in audited.judgements:
        if judgement.locally_right:
            above = {audited.judgements[number].claim.node for number in judgement.upstream}
            made = [] if judgement.claim.node in above else ancestors([judgement.claim.node], stop | above)
            if any(lines.get(node) == line for node in made):
                return 0
    if any(lines.get(node) == line for node in stop):
        return 0
    return len(re.findall(rf"\b{re.escape(repairs.name(line))}\(", audited.judge.derivation.source)) - 1


def _where_written(case: Case, statements: Mapping[int, Statement], name: str) -> int:
    """Return the line that reads a wrong value: where it was changed, the claim's own, or another."""
    changed = case.expression.changed_last
    first = [] if changed is None else [case.derivation.lines.get(changed, 0)]
    for line in [*first, *reversed(case.claim.lines), *sorted(case.other_lines, reverse=True)]:
        statement = statements.get(line)
        if statement is None or isinstance(statement.node, ast.Return):
            continue
        if mentions("=" + statement.source(statement.value), name):
            return line
    return 0


def _is_elsewhere(case: Case, diagnosis: Diagnosis, repairs: Repairs) -> bool:
    """Return whether the error is on a line whose value no name announces: of a helper, or of a factor."""
    if diagnosis.line not in case.other_lines & set(repairs.statements):
        return False
    statement = repairs.statements[diagnosis.line]
    chosen = diagnosis.kind in (Kind.WRONG_VALUE, Kind.ACTIVATION_DERIVATIVE)
    if chosen and isinstance(statement.node, ast.Return):
        return False  # a helper's arguments are chosen where it is called
    written = diagnosis.details.get("written")
    if written is None or diagnosis.reason == "wrong_number":
        return True
    return mentions("=" + statement.text, str(written))


def _of_copied(audited: Audited, place: int, diagnosis: Diagnosis) -> Repair | None:
    """Return the line that made a wrong value, where the claim is its plain copy and others read it, too."""
    derivation, claim = audited.judge.derivation, audited.judgements[place].claim
    copied = COPY.fullmatch(claim.text)
    made = [claim.node, *[node for node in claim.node.inputs if node.primitive is not CONSTANT]]
    forward = audited.judge.truths.forward
    lines = [derivation.lines.get(node, 0) for node in made if node not in forward]
    line = next((line for line in lines if line not in (0, *claim.lines)), 0)
    if copied is None or not line or diagnosis.kind is Kind.SHAPE:
        return None
    readers = [
        other
        for other, status in zip(audited.judgements, audited.statuses, strict=True)
        if status is not Status.RIGHT and other.claim is not claim and mentions(other.claim.text, copied[1])
    ]
    if not readers:
        return None
    judgement = audited.judgements[place]
    edit = Edit(0, "", diagnosis.kind, diagnosis.reason, diagnosis.details)
    return Repair(line, edit, (place,), copied[1], judgement.claimed[0], judgement.target[0])


def _is_doubtful(diagnosis: Diagnosis) -> bool:
    """Return whether a diagnosis explains the numbers in a way that nobody would have written."""
    factor = str(diagnosis.details.get("factor", ""))
    odd = factor.startswith("1 / ") or (factor[:1].isdigit() and factor not in ("2", "0.5"))
    missing = diagnosis.kind is Kind.MISSING_FACTOR and odd
    elsewhere = diagnosis.kind is Kind.ACTIVATION_DERIVATIVE and not diagnosis.edits
    return diagnosis.kind is Kind.OTHER or missing or elsewhere


def _root_of(audited: Audited, repair: Repair) -> int | None:
    """Return the wrong claim that the repaired line makes; None if its value is no claim."""
    for place in repair.places:
        claim = audited.judgements[place].claim
        if repair.line in claim.lines and (len(repair.places) == 1 or repair.name == claim.name):
            return place
    own = [place for place in repair.places if repair.line in audited.judgements[place].claim.lines]
    return own[0] if own else None


def _of_line(audited: Audited, repair: Repair) -> Finding:
    """Return the finding of a line whose value no name announces as a derivative."""
    rows = audited.judge.derivation.source.splitlines()
    code = rows[repair.line - 1].strip() if 0 < repair.line <= len(rows) else ""
    worst: tuple[tuple[int, ...], float | None, float | None, float] = (), None, None, 1.0
    if repair.claimed is not None and repair.true is not None:
        worst = _worst(repair.claimed, repair.true)
    index, claimed, true, error = worst
    message = say(f"audit.reason.{repair.edit.reason}", **repair.edit.details)
    return Finding(
        repair.name, repair.line, (repair.line,), Status.WRONG, repair.edit.kind, claimed, true, index, error,
        message, repair.edit.text, verified=bool(repair.edit.text), code=code,
    )  # fmt: skip


def _plain(audited: Audited, place: int) -> Finding:
    """Return the finding of a claim with its numbers, before anything is said of it."""
    judgement = audited.judgements[place]
    claim = judgement.claim
    index, claimed, true, error = _worst(judgement.claimed[0], judgement.target[0])
    return Finding(
        claim.name, claim.line, claim.lines, audited.statuses[place], None, claimed, true, index, error, "",
        code=claim.text.strip(),
    )  # fmt: skip


def _finding(audited: Audited, place: int, why: Diagnosis | Repair | None) -> Finding:
    plain, claim = _plain(audited, place), audited.judgements[place].claim
    if plain.status is Status.RIGHT:
        return replace(plain, message=say("audit.right", name=claim.name, of=claim.of_name))
    if isinstance(why, Repair):
        if _root_of(audited, why) != place:
            message = say("audit.inherited", name=why.name, line=why.line)
            return replace(plain, status=Status.INHERITED, message=message)
        return replace(
            _of_line(audited, why), name=claim.name, lines=claim.lines, claimed=plain.claimed,
            true=plain.true, index=plain.index, relative_error=plain.relative_error,
        )  # fmt: skip
    if why is None:
        root = audited.judgements[_root(audited, place)].claim
        return replace(plain, message=say("audit.inherited", name=root.name, line=root.line))
    correction = correct(Case(audited.judge, place, audited.judgements), why, audited.wrong)
    line = why.line if why.line in claim.lines else _mask_below(audited, claim, why)
    if line and line != claim.line:
        rows = audited.judge.derivation.source.splitlines()
        code = rows[line - 1].strip() if line <= len(rows) else plain.code
        plain = replace(plain, line=line, lines=tuple(sorted({*claim.lines, line})), code=code)
    return replace(
        plain, kind=why.kind, message=message_of(why), correction=correction.text,
        verified=correction.verified, paths=why.paths,
    )  # fmt: skip


def _mask_below(audited: Audited, claim: Claim, why: Diagnosis) -> int:
    """Return the line below a claim that was to put zeros into it, and never does; 0 if there is none."""
    if why.reason != "derivative_left_out":
        return 0
    name = claim.text.partition("=")[0].strip()
    masked = re.compile(rf"\s*{re.escape(name)}\[[^\]]*[<>=][^\]]*\]\s*\*?=(?!=)")
    rows = audited.judge.derivation.source.splitlines()[claim.line : claim.line + FEW]
    return next((claim.line + n for n, row in enumerate(rows, start=1) if masked.match(row)), 0)


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
    scaled = [
        judgement
        for judgement in audited.judgements
        if judgement.factor != 1 and judgement.claim.scale is None
    ]
    if not scaled:
        return None
    factor = number(scaled[0].factor)
    names = dict.fromkeys(judgement.claim.name for judgement in scaled)
    return say("audit.convention", names=", ".join(names), factor=factor, of=scaled[0].claim.of_name)
