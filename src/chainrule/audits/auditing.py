"""`audit`: a hand-written derivation, read, judged and explained."""

from __future__ import annotations

import os
import tokenize
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.audits.audited import Audited, judge
from chainrule.audits.derivation import Derivation
from chainrule.audits.findings import all_explained, convention, findings
from chainrule.audits.functions import derivation_of
from chainrule.audits.implicit import set_apart, with_intermediates
from chainrule.audits.notes import notes
from chainrule.audits.reading import read_script
from chainrule.audits.report import AuditReport, Cost
from chainrule.audits.settling import settled
from chainrule.errors import AuditError, FileError

SCRIPT = "script"


def audit(
    source: str | os.PathLike[str] | None = None,
    *,
    of: str | None = None,
    cost: str | None = None,
    call: str | None = None,
    at: Mapping[str, Any] | None = None,
    forward: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    args: Sequence[Any] | None = None,
) -> AuditReport:
    """Return what is right and what is wrong in derivatives that were written by hand.

    A variable ``dX`` (also ``grad_X``, ``X_grad``, ``nabla_X``, ``delta_X``, an entry ``grads["dX"]``) claims
    to be the derivative of the cost by X. Each claim is compared with the true derivative at the script's own
    values and at points around them; for each wrong one the single change is searched that explains it.

    Parameters
    ----------
    source
        A script: the path of a file, or source text of several lines. It is read, never run.
    of
        The name of the cost; None: the last single number of the forward part.
    cost
        An expression for the cost, where the script computes none.
    call
        A call such as ``"backprop(x, y)"``, where the script calls none of its functions.
    at
        Values for names that the script does not set.
    forward, backward, args
        Two functions instead of a script, and their arguments. ``forward(*args)`` returns the cost, or the
        cost and a cache; ``backward`` takes the cache, the arguments, or both, and returns the gradients.

    Returns
    -------
    AuditReport
        A finding for each claim; ``ok`` says whether all are right.

    Raises
    ------
    AuditError
        If the script or the functions do something that cannot be followed; names the line.
    FileError
        If the file cannot be read.

    Examples
    --------
    >>> import chainrule as cr
    >>> report = cr.audit('''
    ... a, b = 2.0, 3.0
    ... u = a * b
    ... J = u + b
    ... db = a
    ... ''')
    >>> [(finding.name, str(finding.kind), finding.paths) for finding in report.findings]
    [('db', 'missing_path', ('b → J',))]
    """
    derivation = _derivation(source, of, cost, call, at, forward, backward, args)
    if not derivation.claims:
        raise AuditError("audit.no_claims", cost=derivation.cost_name)
    audited = _audited(derivation)
    best = _by_the_shown_cost(derivation, audited) if of is None and cost is None else None
    remarks = [convention(best or audited), *notes(derivation, audited, best)]
    value = float(np.ravel((best or audited).judge.points.of((best or audited).judge.truths.cost)[0])[0])
    return AuditReport(
        Cost(derivation.cost_name, value),
        findings(best or audited),
        tuple([remark for remark in remarks if remark]),
    )


def _audited(derivation: Derivation, cost: Any = None) -> Audited:
    """Return what is right, with values between that are no claims by name, where these hold the root."""
    audited = judge(derivation, cost)
    if not audited.wrong:
        return audited
    named = settled(audited, cost)
    if not named.wrong:
        return named
    apart = set_apart(derivation)
    if apart is not derivation:
        derivation, audited = apart, judge(apart, cost)
    audited = settled(audited, cost)
    derivation = audited.judge.derivation
    extended = with_intermediates(audited)
    if extended is derivation:
        return audited
    other = judge(extended, cost)
    if other.wrong == audited.wrong and all_explained(audited):
        return audited
    return other if other.wrong <= audited.wrong else audited


def _by_the_shown_cost(derivation: Derivation, audited: Audited) -> Audited | None:
    """Return the audit by the cost that the script shows, if the claims differentiate that one."""
    shown = derivation.shown_cost
    if shown is None or shown is derivation.cost or not audited.wrong:
        return None
    if shown.size != 1 or shown.dtype.kind != "f":
        return None
    other = _audited(derivation, shown)
    return other if other.wrong < audited.wrong else None


def _derivation(
    source: str | os.PathLike[str] | None,
    of: str | None,
    cost: str | None,
    call: str | None,
    at: Mapping[str, Any] | None,
    forward: Callable[..., Any] | None,
    backward: Callable[..., Any] | None,
    args: Sequence[Any] | None,
) -> Derivation:
    if source is not None:
        if forward is not None or backward is not None or args is not None:
            raise AuditError("audit.both")
        text, name = _text(source)
        return read_script(text, of=of, cost=cost, call=call, at=at, filename=name)
    if forward is None or backward is None or args is None:
        raise AuditError("audit.nothing")
    return derivation_of(forward, backward, args)


def _text(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Return a script's text and what to call it."""
    if isinstance(source, str) and "\n" in source:
        text, name = source, SCRIPT
    else:
        text, name = _read(Path(source))
    if not text.strip():
        raise AuditError("audit.empty", file=name)
    return text, name


def _read(path: Path) -> tuple[str, str]:
    try:
        with tokenize.open(path) as file:
            text = file.read()
        if "\0" in text:
            raise AuditError("audit.not_text", file=path.name)
        return text, path.name
    except FileNotFoundError:
        raise FileError("file.missing", path=str(path)) from None
    except IsADirectoryError:
        raise FileError("file.is_folder", path=str(path)) from None
    except OSError as error:
        raise FileError("file.unreadable", path=str(path), reason=error.strerror or error) from None
    except (ValueError, SyntaxError):  # SyntaxError: an encoding that does not exist
        raise AuditError("audit.not_text", file=path.name) from None
