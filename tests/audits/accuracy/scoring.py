"""How often the audit names the right line and kind, and whether it leaves correct programs alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audits.accuracy import proving
from audits.accuracy.catalogue import KINDS, Planted, Program

import chainrule as cr


@dataclass(frozen=True)
class Score:
    """What the audit said of one planted error."""

    error: Planted
    line_named: bool
    kind_named: bool
    said: str
    seconds: float
    offered: str = ""
    places: tuple[int, ...] = ()


def alarms(program: Program) -> list[str]:
    """Return what the audit finds wrong in a correct program; nothing, if all is well."""
    try:
        report = cr.audit(program.source, **program.audit)
    except Exception as failure:
        return [f"{type(failure).__name__}: {failure}"]
    found = [f"line {f.line}: {f.name} {f.status} ({f.kind})" for f in report.findings if f.status != "right"]
    return found or ([] if report.ok else ["not ok"])


def unjudged(program: Program) -> list[str]:
    """Return the claims of a correct program that the audit does not even look at."""
    judged = [finding.name for finding in cr.audit(program.source, **program.audit).findings]
    return [c.name for c in program.claims if not any(words(c.name) & words(name) for name in judged)]


def score(error: Planted) -> Score:
    """Audit a program with an error planted in it.

    The line is named if the claim of that line is wrong, and no claim is wrong that has another line.
    """
    began = time.perf_counter()
    try:
        report = cr.audit(error.source, **error.program.audit)
    except Exception as failure:  # whatever it is, the error was not found
        return Score(error, False, False, f"{type(failure).__name__}: {failure}", time.perf_counter() - began)
    seconds = time.perf_counter() - began
    wrong = [finding for finding in report.findings if finding.status == "wrong"]
    at_root = [finding for finding in wrong if error.lines & {finding.line, *finding.lines}]
    named = bool(wrong) and len(at_root) == len(wrong) and bool(words(error.root) & words(wrong[0].name))
    kind = bool(at_root) and at_root[0].kind in error.kinds
    said = "; ".join(map(shown, wrong)) or "nothing wrong"
    root = at_root[0] if at_root else None
    offered, places = (root.correction, root.lines) if root and root.verified else ("", ())
    return Score(error, named, kind, said, seconds, offered, places)


def corrected(scored: Score) -> bool:
    """Return whether the corrected line that is offered, put into the program, makes it right."""
    program = scored.error.program
    for place in scored.places if scored.offered else ():
        found = proving.wrongness(program, with_statement(scored.error.source, place, scored.offered))
        names = [claim.name for claim in program.claims if claim.final or claim.name == scored.error.root]
        if all(found[name][0] < proving.NEAR for name in names):
            return True
    return False


def with_statement(source: str, line: int, text: str) -> str:
    """Return a program with another statement at a line, and all other lines where they were."""
    old = proving.innermost(source, line)
    first, last = old.lineno, old.end_lineno or old.lineno
    lines = source.splitlines()
    lines[first - 1 : last] = [" " * old.col_offset + text] + [""] * (last - first)
    return "\n".join(lines) + "\n"


def shown(finding: Any) -> str:
    """Return a finding in a line."""
    return f"line {finding.line}: {finding.name} {finding.kind} ({finding.message})"


def words(name: str) -> set[str]:
    """Return what identifies a claim however it is written: ``dW1`` of ``self.dW1`` and ``grads["d_W1"]``."""
    found = re.findall(r"[^\W\d]\w*", name)
    return {word.replace("_", "") for word in found} - {"self", "net", "str", "l"}


def table(scores: Iterable[Score]) -> str:
    """Return how many lines and kinds were named, by the first kind that is expected."""
    rows = list(scores)
    written = [f"{'kind':<24}{'errors':>8}{'line':>10}{'kind':>10}"]
    for kind in (*KINDS, "all"):
        of_kind = [row for row in rows if kind in ("all", row.error.kinds[0])]
        if of_kind:
            lines = sum(row.line_named for row in of_kind) / len(of_kind)
            kinds = sum(row.kind_named for row in of_kind) / len(of_kind)
            written.append(f"{kind:<24}{len(of_kind):>8}{lines:>10.1%}{kinds:>10.1%}")
    return "\n".join(written)


def misses(scores: Iterable[Score]) -> str:
    """Return the errors of which the line or the kind was not named, and what was said instead."""
    return "\n".join(
        f"{row.error.label}, expected {'/'.join(row.error.kinds)}; "
        f"{'its' if row.line_named else 'not its'} line: {row.said}"
        for row in scores
        if not (row.line_named and row.kind_named)
    )
