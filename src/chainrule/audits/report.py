"""`AuditReport`: every claim with its status, and why a wrong one is wrong; as text and as JSON."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chainrule.audits.diagnosis.case import Kind
from chainrule.explanations.formulas import number
from chainrule.text import say

Style = Callable[[str, str], str]
"""``style(text, status)``: the text in the colour of a status."""


class Status(StrEnum):
    """What an audit found of a claim."""

    RIGHT = "right"
    WRONG = "wrong"
    INHERITED = "inherited"


@dataclass(frozen=True)
class Finding:
    r"""What an audit found of one claim.

    Parameters
    ----------
    name
        The claim as it is written in the script: ``dW1``.
    line, lines
        The line of its last change; every line that changes it. 0 where there are no lines.
    status
        ``right``, ``wrong``, or ``inherited``: right, given a wrong line above.
    kind
        What is wrong; None where nothing is.
    claimed, true
        The entry that is farthest off, as the script has it and as it should be; None where shapes differ so
        that there is no such entry.
    index
        The place of this entry.
    relative_error
        The difference, relative to the largest true entry.
    message
        What was found, in a sentence.
    correction
        The corrected line; empty where nothing is wrong.
    verified
        Whether the script, read with the corrected line, makes the right claim.
    paths
        The paths that are missing or counted twice: ``b → J``.
    code
        The source of the line.

    Examples
    --------
    >>> import chainrule as cr
    >>> report = cr.audit("x = 3.0\nJ = x ** 2\ndx = 3 * x")
    >>> finding = report.findings[0]
    >>> finding.name, finding.line, str(finding.status), finding.claimed, finding.true
    ('dx', 3, 'wrong', 9.0, 6.0)
    """

    name: str
    line: int
    lines: tuple[int, ...]
    status: Status
    kind: Kind | None
    claimed: float | None
    true: float | None
    index: tuple[int, ...]
    relative_error: float
    message: str
    correction: str = ""
    verified: bool = False
    paths: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True)
class Cost:
    """What is differentiated: its name, and its value in this run."""

    name: str
    value: float


@dataclass(frozen=True)
class AuditReport:
    """What an audit found: a finding for each claim, and what is to be said of all of them.

    Examples
    --------
    >>> import chainrule as cr
    >>> report = cr.audit('''
    ... x = 3.0
    ... J = x * x
    ... dx = 2 * x
    ... ''')
    >>> report.ok, report.findings[0].name
    (True, 'dx')
    """

    cost: Cost
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every claim is right."""
        return all(finding.status is Status.RIGHT for finding in self.findings)

    def to_text(self, style: Style = lambda text, _: text) -> str:
        """Return the report as text; ``style`` colours a text by its status."""
        rows = [say("audit.cost", name=self.cost.name, value=number(self.cost.value)), ""]
        width = max((len(finding.name) for finding in self.findings), default=0)
        for finding in self.findings:
            rows += [*_rows(finding, width, style)]
        counts = {status.value: sum(f.status is status for f in self.findings) for status in Status}
        rows += ["", say("audit.counts", **counts)]
        rows += [say("audit.note", note=note) for note in self.notes]
        return "\n".join(rows)

    def __str__(self) -> str:
        return self.to_text()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, under the names of its attributes."""
        return {
            "ok": self.ok,
            "cost": {"name": self.cost.name, "value": _plain(self.cost.value)},
            "findings": [_finding(finding) for finding in self.findings],
            "notes": list(self.notes),
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the report as a JSON object; what is not finite becomes a string."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=indent)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.to_text())}</pre>"


def _rows(finding: Finding, width: int, style: Style) -> list[str]:
    place = say("audit.line", line=finding.line) if finding.line else ""
    head = say(
        f"audit.row.{finding.status}", place=place, name=finding.name.ljust(width), code=finding.code
    ).rstrip()
    rows = [style(head, finding.status)]
    if finding.status is Status.RIGHT:
        return rows
    rows.append(say("audit.row.reason", message=finding.message))
    if finding.claimed is not None and finding.true is not None:
        index = f"[{', '.join(map(str, finding.index))}]" if finding.index else ""
        entry = f"{finding.name}{index}"
        values = {"claimed": number(finding.claimed), "true": number(finding.true)}
        rows.append(say("audit.row.values", entry=entry, **values, error=f"{finding.relative_error:.2g}"))
    if len(finding.lines) > 1:
        rows.append(say("audit.row.lines", lines=", ".join(map(str, finding.lines))))
    if finding.correction:
        key = "audit.row.correction" if finding.verified else "audit.row.truth"
        rows.append(say(key, code=finding.correction))
    return rows


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "name": finding.name,
        "line": finding.line,
        "lines": list(finding.lines),
        "status": str(finding.status),
        "kind": None if finding.kind is None else str(finding.kind),
        "claimed": _plain(finding.claimed),
        "true": _plain(finding.true),
        "index": list(finding.index),
        "relative_error": _plain(finding.relative_error),
        "message": finding.message,
        "correction": finding.correction,
        "verified": finding.verified,
        "paths": list(finding.paths),
    }


def _plain(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
