"""What is to be said of a whole script: which cost it differentiates, and what holds for its data only."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from chainrule.audits.audited import Audited
from chainrule.audits.derivation import Derivation
from chainrule.audits.reading.claim_names import bare, looks_like_claim, stems
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
    for claim in (by_shown or audited).judge.derivation.misnamed:
        yield say("audit.misnamed", name=claim.name, line=claim.line, of=claim.of_name)
    yield from _changed_in_place(derivation)
    unseen = dict(_not_judged(derivation, by_shown or audited))
    if unseen:
        yield say("audit.not_judged", names=", ".join(unseen), line=min(unseen.values()))


def _not_judged(derivation: Derivation, audited: Audited) -> Iterator[tuple[str, int]]:
    """Yield names that mean derivatives by variables of the script, but of which nothing was judged; a line.

    The reader must know of them: where nothing is said, nothing seems wrong.
    """
    judged = [judgement.claim for judgement in audited.judgements] + list(derivation.misnamed)
    lines = {line for claim in judged for line in (claim.line, *claim.lines)}
    tree = ast.parse(derivation.source)
    bound = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    # What is read where something was judged is judged by that.
    seen = {bare(claim.name) for claim in judged} | {claim.name.partition("[")[0] for claim in judged}
    seen |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.lineno in lines}
    made: dict[str, list[ast.stmt]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for part in (part for target in targets for part in ast.walk(target)):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    made.setdefault(part.id, []).append(node)
    for name, rows in made.items():
        covered = {line for row in rows for line in range(row.lineno, (row.end_lineno or row.lineno) + 1)}
        if name not in seen and not covered & lines and bound.intersection(stems(name)) - {name}:
            yield name, rows[-1].lineno


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


def _changed_in_place(derivation: Derivation) -> Iterator[str]:
    """Yield where a derivative is but another name of an array, changes it, and that is read later."""
    arrays = {name for node, name in derivation.names.items() if node.ndim}
    tree = ast.parse(derivation.source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    scopes: list[ast.Module | ast.FunctionDef] = [tree, *functions]
    for scope in scopes if arrays else ():
        rows = sorted(_of_scope(scope), key=lambda node: node.lineno)
        for first in rows:
            name, other = _alias(first)
            if other not in arrays or not looks_like_claim(name):
                continue
            changes = [row for row in rows if row.lineno > first.lineno and _changes(row) == name]
            later = [row for row in rows if changes and row.lineno > changes[0].lineno]
            if any(_reads(row, other) for row in later):
                yield say("audit.changed_in_place", name=name, other=other, line=changes[0].lineno)


def _of_scope(scope: ast.Module | ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield the statements of a function, without those of functions inside of it."""
    waiting: list[ast.stmt] = list(scope.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node
            waiting.extend(part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt))


def _alias(node: ast.stmt) -> tuple[str, str]:
    """Return both names of ``d = p``; empty ones for any other statement."""
    if (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Name)
        and isinstance(node.targets[0], ast.Name)
    ):
        return node.targets[0].id, node.value.id
    return "", ""


def _changes(node: ast.stmt) -> str:
    """Return the array that a statement writes into: ``d[i] = …``, ``d -= …``; empty where it does not."""
    target: ast.expr | None = None
    if isinstance(node, ast.AugAssign):
        target = node.target.value if isinstance(node.target, ast.Subscript) else node.target
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0].value
    return target.id if isinstance(target, ast.Name) else ""


def _reads(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.For | ast.While | ast.If | ast.With):
        return False  # its statements are looked at one by one
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load) for n in ast.walk(node)
    )
