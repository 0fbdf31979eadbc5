"""Derivatives of activations: left out, of another function, or at another value."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind
from chainrule.audits.diagnosis.expression import using
from chainrule.audits.points import Values, agree, ratio
from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors
from chainrule.rewrites import simplify

CURVED = frozenset(
    [
        "tanh",
        "sigmoid",
        "relu",
        "leaky_relu",
        "elu",
        "gelu",
        "silu",
        "softplus",
        "maximum",
        "minimum",
        "where",
        "select",
        "erf",
        "logaddexp",
        "sin",
        "cos",
        "arctan",
        "greater",
        "less",
        "greater_equal",
        "less_equal",
        "absolute",
        "clip",
    ]
)
LONGEST = 12  # operations of an activation that is written out
MOST_PAIRS = 24


class Activation(NamedTuple):
    """A value, a function of it entry by entry, and the derivative of that function."""

    before: Node
    after: Node
    derivative: Node


def activations(case: Case) -> list[Activation]:
    """Return the activations of the forward part: pairs of values, one a curved function of the other."""
    names, found = case.derivation.names, case.truths.found
    named = [node for node in names if node in found and node in case.truths.forward]
    pairs: list[Activation] = []
    for after in sorted(named, key=lambda node: node.serial):
        before = _argument(after, names)
        if before is not None and before in found and len(pairs) < MOST_PAIRS:
            pairs.append(Activation(before, after, pull_back(after, [before])[0]))
    return pairs


def _argument(after: Node, names: Collection[Node]) -> Node | None:
    """Return the value of which this is a curved function, entry by entry; None if there is none."""
    earlier = [node for node in ancestors([after]) if node.shape == after.shape and node is not after]
    fitting = [node for node in reversed(earlier[-LONGEST:]) if _is_curve(after, node)]
    known = [node for node in fitting if node in names]
    return known[0] if known else fitting[-1] if fitting else None


def _is_curve(after: Node, before: Node) -> bool:
    between = [node for node in ancestors([after], stop=[before]) if node.primitive is not CONSTANT]
    if len(between) > LONGEST or not all(node.primitive.elementwise for node in between):
        return False
    used = {node.primitive.name for node in between}
    return bool(used & CURVED) or (
        "exp" in used and bool(used & {"reciprocal", "divide", "log", "log1p", "power"})
    )


def derivative(case: Case) -> Iterator[Diagnosis]:
    """Find what stands where the derivative of an activation should, in the claim or inside it."""
    if case.is_number:
        return
    pairs = activations(case)
    own = [pair for pair in pairs if pair.before is case.variable or _is_its(case, pair)]
    for pair in own:
        slope = case.points.of(pair.derivative)
        if _hands_on(case, pair):
            case.expression.changed_last = _place(case, slope)
            yield _diagnosis(case, pair)
        if case.equals([t * d for t, d in zip(case.target, slope, strict=False)]):
            formula = _formula(case, pair)
            yield Diagnosis(
                Kind.EXTRA_FACTOR, "extra_factor", {"factor": formula}, edits=(("drop", formula),)
            )
    for pair in pairs:
        for inner in _inner(case, pair):
            place = _place(inner, case.points.of(pair.derivative))
            case.expression.changed_last = inner.expression.root if place is None else place
            yield _diagnosis(inner, pair)
        if _is_left_out(case, pair):
            yield _left_out(case, pair)


def _is_its(case: Case, pair: Activation) -> bool:
    """Return whether the derivative by what goes into an activation is that of the variable: a bias."""
    return agree(case.scaled(case.truths.of(pair.before)), case.target, case.judge.floor)


def _place(case: Case, slope: Values) -> Node | None:
    """Return the value, perhaps in a helper, in whose place the activation's derivative is right."""
    known = [values for values in case.candidates.values() if np.shape(values[0]) == np.shape(slope[0])]
    for node in case.expression.nodes:
        if np.shape(slope[0]) == node.shape and case.fits(case.expression.changed((node,), using(slope))):
            value = case.expression.value(node)
            if not any(agree(value, other) for other in known):
                return node
    return None


def _is_left_out(case: Case, pair: Activation) -> bool:
    """Return whether the line takes the gradient after an activation for the one before it."""
    claims = [judgement.claim for judgement in case.judgements]
    if any(claim.of is pair.before for claim in claims):
        return False
    true = case.truths.of(pair.before)
    return any(
        claim.of is pair.after
        and claim.node in case.expression.sources
        and case.fits(case.expression.replaced({claim.node: [factor * x for x in case.points.of(true)]}))
        for claim in claims
        for factor in case.judge.factors
    )


def _inner(case: Case, pair: Activation) -> Iterator[Case]:
    """Yield the values inside the claim that should be the gradient before an activation, and are not."""
    for group in reversed(list(case.expression.groups())):
        node = group[-1]
        if len(group) > 1 or node is case.expression.root or node.shape != pair.before.shape:
            continue
        for factor in case.judge.factors:
            true = [factor * value for value in case.points.of(case.truths.of(pair.before))]
            if case.fits(case.expression.changed(group, using(true))):
                inner = case.of(node, pair.before, factor)
                if _hands_on(inner, pair):
                    yield inner
                break


def _hands_on(case: Case, pair: Activation) -> bool:
    """Return whether a value is the gradient after the activation times something else."""
    after = case.points.of(case.truths.of(pair.after))
    if ratio(case.local, case.target) is not None:
        return False
    return any(ratio(values[: case.many], after[: case.many]) is not None for values in _multiplied(case))


def _multiplied(case: Case) -> Iterator[Values]:
    """Yield the values of the claim's factors, and of their products."""
    waiting, seen = [case.expression.root], set[Node]()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        yield case.expression.value(node)
        if node in case.expression.sources:
            continue
        name = node.primitive.name
        if name in ("multiply", "negative", "where", "select"):
            waiting.extend(source for source in node.inputs if source.shape == node.shape)
        elif name == "divide":
            waiting.append(node.inputs[0])
        if name == "multiply":
            yield from _regrouped(case, node)


def _regrouped(case: Case, node: Node) -> Iterator[Values]:
    """Yield (a·b)·c as a·c and b·c, too: a product may be grouped in another way."""
    for inner, other in (node.inputs, node.inputs[::-1]):
        if inner.primitive.name == "multiply" and inner not in case.expression.sources:
            for kept in inner.inputs:
                pairs = zip(case.expression.value(kept), case.expression.value(other), strict=True)
                yield [x * y for x, y in pairs]


def _diagnosis(case: Case, pair: Activation) -> Diagnosis:
    names = {"after": case.name(pair.after), "before": case.name(pair.before)}
    after = case.points.of(case.truths.of(pair.after))[: case.many]
    formula = _formula(case, pair)
    left_out = ratio(case.local, after) is not None
    return Diagnosis(
        Kind.ACTIVATION_DERIVATIVE,
        "derivative_left_out" if left_out else "derivative",
        {**names, "derivative": formula},
        edits=(("derivative", case.name(pair.before), case.name(pair.after), formula),),
    )


def _left_out(case: Case, pair: Activation) -> Diagnosis:
    formula = _formula(case, pair)
    details = {"after": case.name(pair.after), "before": case.name(pair.before), "derivative": formula}
    return Diagnosis(Kind.ACTIVATION_DERIVATIVE, "derivative_left_out", details)


def _formula(case: Case, pair: Activation) -> str:
    """Return the derivative of an activation in names."""
    slope, after = case.points.of(pair.derivative), case.points.of(pair.after)
    name = case.name(pair.after)
    if agree([y * (1 - y) for y in after], slope):
        return f"{name} * (1 - {name})"
    if agree([1 - y * y for y in after], slope):
        return f"1 - {name}**2"
    if agree([np.asarray(x > 0, float) for x in case.points.of(pair.before)], slope):
        return f"{case.name(pair.before)} > 0"
    simple = simplify(Graph([pair.before, pair.after], [pair.derivative], names={}))
    return case.name(simple.outputs[0])
