"""The order of the search: the first change that reproduces the claim is the diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chainrule.audits.diagnosis import activations, factors, numbers, paths, shapes, values
from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind, Search

SEARCHES: tuple[Search, ...] = (
    # What the line shows: a sign, a number or a value that does not belong there.
    factors.sign,
    factors.dropped,
    paths.doubled_term,
    numbers.numeric_sign,
    numbers.arithmetic,
    paths.extra_term,
    # What is wrong with all entries alike.
    shapes.whole,
    factors.counted,
    # One term or factor inside.
    factors.sign_of_a_term,
    activations.derivative,
    shapes.reduction,
    factors.missing_variable,
    factors.missing_in_rounds,
    values.another_value,
    factors.constant_factor,
    shapes.transposed_inside,
    factors.half_inside,
    paths.paths,
    values.another_number,
    factors.missing_term,
    factors.missing_inside,
    numbers.numeric,
    shapes.any_other,
)


def diagnose(case: Case) -> Diagnosis:
    """Return why a claim is wrong.

    The searches go from what the line's own text shows to what only the paths of the graph explain, so that
    of several changes that fit, the one that the line suggests is found first.
    """
    if case.truths.is_unused(case.claim):
        return Diagnosis(Kind.UNUSED_VALUE, "unused_value", {"name": case.claim.of_name})
    return next(found(case), Diagnosis(Kind.OTHER, "other"))


def found(case: Case) -> Iterator[Diagnosis]:
    """Yield all diagnoses that explain the claim, the likeliest first."""
    for search in SEARCHES:
        case.expression.changed_last = None
        for diagnosis in search(case):
            node = case.expression.changed_last
            yield diagnosis if node is None else replace(diagnosis, line=case.derivation.lines.get(node, 0))
