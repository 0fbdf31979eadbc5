"""Paths from a variable to the cost: which one a claim leaves out, or counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind
from chainrule.audits.diagnosis.expression import keeping
from chainrule.audits.judging import mentions
from chainrule.audits.points import Values, agree, largest
from chainrule.gradients import Edge
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors, structure

MOST_PAIRED = 12


class Share(NamedTuple):
    """What the paths over one edge add to a gradient, and these paths by name."""

    edge: Edge
    values: Values
    path: str


def paths(case: Case) -> Iterator[Diagnosis]:
    """Find edges of the way to the cost whose share is left out of the claim, or is in it twice."""
    shares = _shares(case)
    some = [share for share in shares if not agree(share.values, case.target, case.judge.floor)]
    yield from _chosen(case, _explaining(case, some, -1), Kind.MISSING_PATH)
    yield from _chosen(case, _explaining(case, some, +1), Kind.DOUBLED_PATH)
    for source in dict.fromkeys(share.edge.source for share in some):
        yield from _several(case, [share for share in some if share.edge.source is source])
    for one, other in combinations(some[:MOST_PAIRED], 2):
        triples = zip(case.target, one.values, other.values, strict=True)
        if case.equals([t - x - y for t, x, y in triples]):
            yield _diagnosis([one, other], Kind.MISSING_PATH)


def _several(case: Case, shares: list[Share]) -> Iterator[Diagnosis]:
    """Find several edges of one value, such as a loop's rounds, that are missing together."""
    if len(shares) < 3 or case.is_number:
        return
    if any(np.shape(x) != np.shape(y) for x, y in zip(case.local, case.target, strict=True)):
        return
    matrix = np.stack([np.concatenate([np.ravel(x) for x in share.values]) for share in shares], axis=1)
    gap = np.concatenate([np.ravel(t - x) for t, x in zip(case.target, case.local, strict=True)])
    if not (np.isfinite(matrix).all() and np.isfinite(gap).all()):
        return
    found = np.linalg.lstsq(matrix, gap, rcond=None)[0]
    parts = [round(float(part)) for part in found]
    off = float(np.abs(matrix @ np.array(parts, float) - gap).max())
    if off > 1e-6 * float(np.abs(gap).max()):
        return
    if set(parts) == {0, 1}:
        yield _diagnosis([s for s, part in zip(shares, parts, strict=True) if part], Kind.MISSING_PATH)
    if set(parts) == {0, -1}:
        yield _diagnosis([s for s, part in zip(shares, parts, strict=True) if part], Kind.DOUBLED_PATH)


def _shares(case: Case) -> list[Share]:
    known: list[Share] | None = case.shares.get(case.variable)
    if known is None:
        known = case.shares[case.variable] = _found(case)
    return known


def _found(case: Case) -> list[Share]:
    found = []
    for edge, node in case.truths.shares(case.variable, _ineffective(case)):
        values = case.scaled(node)
        found.append(Share(edge, values, path_over(case, edge)))
    return found


def _ineffective(case: Case) -> list[Node]:
    """Return maxima that are subtracted for stability only: altogether they have no effect on the cost."""
    found = []
    for node, gradient in case.truths.found.items():
        if node.primitive.name == "max":
            whole = max(largest(case.points.of(edge.incoming)) for edge in case.truths.uses(node))
            if largest(case.points.of(gradient)) <= 1e-9 * whole:
                found.append(node)
    return found


def _explaining(case: Case, shares: list[Share], direction: int) -> list[Share]:
    """Return the shares that, once more or not at all in the true gradient, make the claim."""
    return [
        share
        for share in shares
        if case.equals([t + direction * v for t, v in zip(case.target, share.values, strict=True)])
    ]


def _chosen(case: Case, fitting: list[Share], kind: Kind) -> Iterator[Diagnosis]:
    """Of several paths that explain the numbers, take the one that avoids what the line mentions."""
    if fitting:
        mentioned = _mentioned(case)
        fitting.sort(key=lambda share: (_follows(case, share, mentioned), len(share.path)))
        yield _diagnosis(fitting[:1], kind)


def _mentioned(case: Case) -> list[Node]:
    """Return the values whose gradients the line reads."""
    found = [
        judgement.claim.of
        for judgement in case.judgements[: case.place]
        if mentions(case.claim.text, judgement.claim.name)
    ]
    return [node for node in found if node is not case.variable]


def _follows(case: Case, share: Share, mentioned: list[Node]) -> bool:
    """Return whether a path leads through a value that the line mentions, or one computed in the same way."""
    leaves = [leaf.node for leaf in case.derivation.leaves]
    twins = {structure(leaves, [node]) for node in mentioned}
    return any(structure(leaves, [node]) in twins for node in _way(case, share.edge)[1:])


def _diagnosis(shares: list[Share], kind: Kind) -> Diagnosis:
    named = tuple(dict.fromkeys(share.path for share in shares))
    reason = "missing_path" if kind is Kind.MISSING_PATH else "doubled_path"
    return Diagnosis(kind, reason, {"path": ", ".join(named)}, paths=named, edits=(("add_path",),))


def _way(case: Case, edge: Edge) -> list[Node]:
    """Return the values on a path from the variable over an edge to the cost, as short as can be."""
    return [*_path(case.variable, edge.source), *_path(edge.consumer, case.truths.cost)]


def _path(start: Node, end: Node) -> list[Node]:
    """Return the values on a shortest path from one value to another, both included."""
    before: dict[Node, Node | None] = {start: None}
    for node in ancestors([end]):
        if node not in before and node.primitive is not CONSTANT:
            source = next((s for s in node.inputs if s in before), None)
            if source is not None:
                before[node] = source
    way: list[Node] = []
    step: Node | None = end if end in before else None
    while step is not None:
        way.append(step)
        step = before[step]
    return way[::-1]


def path_over(case: Case, edge: Edge) -> str:
    """Return a path over an edge in the script's names: ``b → v → J``."""
    named = [case.derivation.names.get(node) for node in _way(case, edge)[1:-1]]
    between = [name for name in named if name]
    return " → ".join(dict.fromkeys([case.name(case.variable), *between, case.derivation.cost_name]))


def doubled_term(case: Case) -> Iterator[Diagnosis]:
    """Find a path that is added twice."""
    for operand in _superfluous(case):
        values = case.expression.value(operand)[: case.many]
        shares = [share for share in _shares(case) if agree(values, share.values, case.judge.floor)]
        if shares or agree(values, case.target, case.judge.floor) or _twice(case, operand):
            path = shares[0].path if shares else _direct(case)
            edits = (("drop_term",),)
            yield Diagnosis(Kind.DOUBLED_PATH, "doubled_path", {"path": path}, paths=(path,), edits=edits)


def _twice(case: Case, operand: Node) -> bool:
    """Return whether a value is a term of the claim's sums more than once."""
    sums = [node for node in case.expression.nodes if node.primitive.name == "add"]
    return sum(source is operand for node in sums for source in node.inputs) > 1


def extra_term(case: Case) -> Iterator[Diagnosis]:
    """Find a term that does not belong there."""
    for operand in _superfluous(case):
        yield Diagnosis(Kind.OTHER, "extra_term", {"term": case.name(operand)}, edits=(("drop_term",),))


def _superfluous(case: Case) -> Iterator[Node]:
    """Yield terms without which the claim is right."""
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in ("add", "subtract"):
            continue
        for place, operand in enumerate(node.inputs):
            kept = 1 - place
            if node.inputs[kept].primitive is CONSTANT or (node.primitive.name == "subtract" and place == 0):
                continue
            if case.fits(case.expression.changed(group, keeping(kept))):
                yield operand


def _direct(case: Case) -> str:
    edges = case.truths.uses(case.variable)
    return path_over(case, edges[0]) if edges else case.name(case.variable)
