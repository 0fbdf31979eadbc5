"""What is to be said of a whole script: which cost it differentiates, and what holds for its data only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from chainrule.audits.audited import Audited
from chainrule.audits.derivation import Derivation
from chainrule.audits.report import Status
from chainrule.text import say


def notes(derivation: Derivation, audited: Audited, by_shown: Audited | None) -> Iterator[str]:
    """Yield what the report says besides its findings."""
    shown = derivation.shown_cost
    if shown is not None and shown is not derivation.cost:
        name = derivation.names.get(shown, say("audit.a_value"))
        if by_shown is not None:
            yield say("audit.shown_is_differentiated", shown=name, cost=derivation.cost_name)
        elif not _equal(audited, shown):
            yield say("audit.shown_is_other", shown=name, cost=derivation.cost_name)
    yield from _batch_sizes(derivation, by_shown or audited)


def _equal(audited: Audited, shown: object) -> bool:
    points = audited.judge.points
    cost = audited.judge.truths.cost
    pairs = zip(points.of(cost), points.of(shown), strict=True)  # type: ignore[arg-type]
    return all(np.allclose(np.ravel(a), np.ravel(b), rtol=1e-9) for a, b in pairs if np.size(a) == np.size(b))


def _batch_sizes(derivation: Derivation, audited: Audited) -> Iterator[str]:
    """Yield where a right gradient divides by a number that is the count of examples by accident."""
    sizes = {leaf.node.shape for leaf in derivation.leaves}
    counts = {size for shape in sizes for size in shape if size > 2}
    for judgement, status in zip(audited.judgements, audited.statuses, strict=True):
        if status is Status.RIGHT:
            for number in _divisors(judgement.claim.text):
                if number in counts:
                    yield say(
                        "audit.batch_size",
                        name=judgement.claim.name,
                        line=judgement.claim.line,
                        number=number,
                    )


def _divisors(text: str) -> Iterator[int]:
    """Yield whole numbers by which a line divides."""
    try:
        tree = ast.parse(text.strip())
    except SyntaxError:
        return
    divisors = [n.right for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)]
    for node in divisors:
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield node.value
