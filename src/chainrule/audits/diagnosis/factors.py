"""Signs and factors: of the whole claim, of one of its terms, or of one factor inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind, is_literal, value_of
from chainrule.audits.diagnosis.expression import keeping, ordinary
from chainrule.audits.points import Values
from chainrule.explanations.formulas import number
from chainrule.graph.node import CONSTANT, Node

PRODUCTS = ("multiply", "divide")
SUMS = ("add", "subtract")
HALVES = (2.0, 0.5)


def sign(case: Case) -> Iterator[Diagnosis]:
    """Find a claim that is the negative of what it ought to be."""
    if case.needed is not None and abs(case.needed + 1) < 1e-6:
        yield Diagnosis(Kind.SIGN, "sign", edits=(("negate",),))


def sign_of_a_term(case: Case) -> Iterator[Diagnosis]:
    """Find a term of a sum whose sign is wrong."""
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name in SUMS:
            for place, operand in enumerate(node.inputs):
                if case.fits(case.expression.changed(group, _negating(place))):
                    details = {"term": case.name(operand)}
                    yield Diagnosis(Kind.SIGN, "sign_of_term", details, edits=(("negate_term",),))


def _negating(place: int) -> Any:
    def act(node: Node, operands: Sequence[Any], _: int) -> Any:
        return ordinary(node, [-np.asarray(x, float) if n == place else x for n, x in enumerate(operands)])

    return act


def dropped(case: Case) -> Iterator[Diagnosis]:
    """Find a factor or a divisor that does not belong there."""
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in PRODUCTS:
            continue
        for place, operand in enumerate(node.inputs):
            if node.primitive.name == "divide" and place == 0:
                continue
            if is_literal(operand) and abs(value_of(operand)) == 1:
                continue
            if case.fits(case.expression.changed(group, keeping(1 - place))):
                yield _extra(case, operand, divided=node.primitive.name == "divide")


def _extra(case: Case, operand: Node, *, divided: bool) -> Diagnosis:
    written = case.name(operand)
    edits = (("drop", written),)
    size = _only_value(case, operand)
    counts = size is not None and (_is_count(case, size) or (divided and size > 2 and size.is_integer()))
    if is_literal(operand) and size in HALVES:
        counts = False
    if counts and (divided or size not in case.literals):
        return Diagnosis(Kind.MEAN_FOR_SUM, "mean_for_sum_once", {"m": written}, edits=edits)
    factor = f"1 / {written}" if divided else written
    return Diagnosis(Kind.EXTRA_FACTOR, "extra_factor", {"factor": factor}, edits=edits)


def _only_value(case: Case, node: Node) -> float | None:
    """Return the number that a value is at all points."""
    values = case.points.of(node)
    same = np.size(values[0]) == 1 and all(np.array_equal(value, values[0]) for value in values)
    return float(np.ravel(values[0])[0]) if same and node not in case.points.varied else None


def _is_count(case: Case, value: float) -> bool:
    sizes = case.judge.sizes()
    return any(abs(abs(found) - size) < 1e-6 * size for found in (value, 1 / (value or 1)) for size in sizes)


def counted(case: Case) -> Iterator[Diagnosis]:
    """Find a lost or doubled 1/m: a sum where a mean should be, or the other way round."""
    needed = case.needed
    if needed is None or not _is_count(case, needed):
        return
    if any(abs(needed - half) < 1e-9 for half in HALVES) and (
        _has_halves(case) or any(abs(x) in HALVES for x in case.literals)
    ):
        return
    size = round(max(abs(needed), 1 / abs(needed)))
    if abs(needed) < 1 and any(abs(effect) == size for _, effect in case.multipliers):
        return
    numbers = [leaf for leaf in case.derivation.leaves if leaf.name and np.ndim(leaf.value) == 0]
    m = next((leaf.name for leaf in numbers if float(leaf.value) == size), str(size))
    reason = "sum_for_mean" if abs(needed) < 1 else "mean_for_sum"
    edit = "divide" if abs(needed) < 1 else "multiply"
    by_name = [(edit, name) for name in case.counts if m == str(size)]
    edits = (("other_reduction",), ("drop", ""), *by_name, (edit, m))
    yield Diagnosis(Kind.MEAN_FOR_SUM, reason, {"m": m}, edits=edits)


def _has_halves(case: Case) -> bool:
    """Return whether the cost has a square or a half in it, so that a 2 may have been lost."""
    for node in case.truths.forward:
        if node.primitive.name == "square":
            return True
        numbers = [abs(value_of(source)) for source in node.inputs if is_literal(source)]
        if node.primitive.name in ("power", "multiply", "divide") and any(x in HALVES for x in numbers):
            return True
    return False


def constant_factor(case: Case) -> Iterator[Diagnosis]:
    """Find a number that is missing as a factor, or stands where another number should."""
    needed = case.needed
    if needed is None:
        return
    for written, effect in case.multipliers:
        if abs(effect) != 1 and abs(needed * effect - 1) < 1e-9:
            factor = number(written) if effect == written else f"1 / {number(written)}"
            yield Diagnosis(Kind.EXTRA_FACTOR, "extra_factor", {"factor": factor}, edits=(("drop", ""),))
    yield from _other_number(case, needed)
    if (
        abs(needed - 0.5) < 1e-9
        and not any(abs(value) == 0.5 for value in _meaningful(case))
        and not _halved(case)
    ):
        yield Diagnosis(Kind.EXTRA_FACTOR, "extra_factor", {"factor": "2"}, edits=(("divide", "2"),))
    factor = number(needed)
    yield Diagnosis(Kind.MISSING_FACTOR, "missing_factor", {"factor": factor}, edits=(("multiply", factor),))


def _other_number(case: Case, needed: float) -> Iterator[Diagnosis]:
    """Find a number, or a count by its name, in the place of another one."""
    known_sizes = {float(size) for size in case.judge.sizes()}
    meaningful = set() if _is_half(needed) else _meaningful(case) | known_sizes
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in PRODUCTS:
            continue
        for place, operand in enumerate(node.inputs):
            written = value_of(operand) if is_literal(operand) else _only_value(case, operand)
            if written is not None and abs(written) not in (0.0, 1.0):
                wanted = written / needed if node.primitive.name == "divide" and place else written * needed
                by_name = written in case.judge.sizes() and written not in case.literals
                known = (_meaningful(case) | known_sizes) - {1.0} if by_name else meaningful
                if written not in case.literals and _is_half(needed):
                    continue
                if written in case.literals and abs(written) not in (2.0, 0.5):
                    known = known | {2.0, 0.5}
                if any(abs(wanted - value) < 1e-9 * abs(wanted) for value in known):
                    yield wrong_number(case, written, wanted)


def _is_half(needed: float) -> bool:
    return any(abs(abs(needed) - half) < 1e-9 for half in HALVES)


def _halved(case: Case) -> bool:
    """Return whether the forward part divides by 2 somewhere."""
    divisions = [node for node in case.truths.forward if node.primitive.name in ("divide", "sqrt")]
    return any(
        node.primitive.name == "sqrt" or (is_literal(node.inputs[1]) and abs(value_of(node.inputs[1])) == 2)
        for node in divisions
    )


def _meaningful(case: Case) -> set[float]:
    """Return the numbers that occur in the forward part."""
    found = {value_of(node) for node in case.truths.forward if is_literal(node)}
    found |= {float(np.ravel(leaf.value)[0]) for leaf in case.derivation.leaves if np.size(leaf.value) == 1}
    return found | {2.0 for node in case.truths.forward if node.primitive.name == "square"}


def wrong_number(case: Case, written: float, wanted: float) -> Diagnosis:
    """Return the diagnosis of a number that stands where another one should, or of a count by its name."""
    kind = Kind.WRONG_NUMBER if written in case.literals or -written in case.literals else Kind.WRONG_VALUE
    details = {"written": number(written), "wanted": number(wanted)}
    edits = (("literal", number(written), number(wanted)),)
    return Diagnosis(kind, "wrong_number", details, edits=edits)


def missing_variable(case: Case) -> Iterator[Diagnosis]:
    """Find a value of the forward part that is missing as a factor or a divisor of the whole claim."""
    if case.is_number:
        return
    for node, values in case.candidates.items():
        yield from _missing(case, case.name(node), values, case.local)
        shape = np.shape(case.local[0])
        if len(shape) == 1 and np.ndim(values[0]) == 2 and np.size(values[0]) == shape[0] > 1:
            flat = [np.ravel(value) for value in values]
            yield from _missing(case, f"{case.name(node)}.ravel()", flat, case.local)


def _missing(case: Case, name: str, values: Values, local: Values) -> Iterator[Diagnosis]:
    with np.errstate(all="ignore"):
        if case.fits(x * v for x, v in zip(local, values, strict=False)):
            yield Diagnosis(
                Kind.MISSING_FACTOR, "missing_factor", {"factor": name}, edits=(("multiply", name),)
            )
        elif case.fits(x / v for x, v in zip(local, values, strict=False)):
            factor = f"1 / {name}"
            yield Diagnosis(
                Kind.MISSING_FACTOR, "missing_factor", {"factor": factor}, edits=(("divide", name),)
            )


def missing_in_rounds(case: Case) -> Iterator[Diagnosis]:
    """Find a value of each round of a loop that is missing as a factor: ``dw += dz`` for ``dz * x[i]``."""
    if case.is_number:
        return
    sources: dict[tuple[object, ...], list[Node]] = {}
    for node in case.expression.sources:
        if node in case.names:
            sources.setdefault((case.derivation.lines.get(node), node.primitive, node.shape), []).append(node)
    for own in sources.values():
        own.sort(key=lambda node: node.serial)
        for family in case.families.values() if len(own) > 1 else ():
            for others in (family, family[::-1]) if len(family) == len(own) else ():
                values = {
                    a: [x * y for x, y in zip(case.expression.value(a), case.candidates[b], strict=True)]
                    for a, b in zip(own, others, strict=True)
                    if _may_scale(a, b)
                }
                if len(values) == len(own) and case.fits(case.expression.replaced(values)):
                    name = case.name(others[-1])
                    edits = (("multiply", name),)
                    yield Diagnosis(Kind.MISSING_FACTOR, "missing_factor", {"factor": name}, edits=edits)


def _may_scale(node: Node, factor: Node) -> bool:
    """Return whether a value times another has its shape, or is a number that may get one."""
    return node.size == 1 or factor.size == 1 or node.shape == factor.shape


def missing_term(case: Case) -> Iterator[Diagnosis]:
    """Find a value that is missing beside another: ``X.T @ h`` for ``X.T @ (h - y)``."""
    if case.is_number:
        return
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in (*PRODUCTS, *SUMS, "matmul", "sum", "mean", "transpose", "square"):
            continue
        for place, operand in enumerate(node.inputs):
            for other, values in case.candidates.items() if not is_literal(operand) else ():
                if other is operand or other.shape != operand.shape or other.primitive is CONSTANT:
                    continue
                for sign, mark in ((-1, "-"), (1, "+")):
                    if case.fits(case.expression.changed(group, _adding(place, values, sign))):
                        details = {"term": f"{mark} {case.name(other)}"}
                        yield Diagnosis(Kind.MISSING_PATH, "missing_term", details)


def _adding(place: int, values: Values, sign: int) -> Any:
    def act(node: Node, operands: Sequence[Any], point: int) -> Any:
        new = [x + sign * values[point] if n == place else x for n, x in enumerate(operands)]
        return ordinary(node, new)

    return act


def missing_inside(case: Case) -> Iterator[Diagnosis]:
    """Find a value, or a number, that is missing as a factor of one term or factor inside the claim."""
    if case.is_number:
        return
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in (*SUMS, *PRODUCTS, "matmul", "sum", "mean"):
            continue
        for place, operand in enumerate(node.inputs):
            if is_literal(operand):
                continue
            term = case.name(operand)
            for name, values in _factors(case):
                for divided in (False, True):
                    if case.fits(case.expression.changed(group, _scaling(place, values, divided=divided))):
                        factor = f"1 / {name}" if divided else name
                        edits = (("divide_term" if divided else "multiply_term", name, term),)
                        details = {"factor": factor, "term": term}
                        yield Diagnosis(Kind.MISSING_FACTOR, "missing_factor_of_term", details, edits=edits)


def half_inside(case: Case) -> Iterator[Diagnosis]:
    """Find a term that lost a 2, a half, or the division by a count."""
    if case.is_number:
        return
    for group in case.expression.groups():
        if group[-1].primitive.name not in SUMS:
            continue
        for place, operand in enumerate(group[-1].inputs):
            if is_literal(operand):
                continue
            term = case.name(operand)
            for value in (*HALVES, *[1 / size for size in case.judge.sizes()], *case.judge.sizes()):
                values = [value] * len(case.points)
                if case.fits(case.expression.changed(group, _scaling(place, values, divided=False))):
                    yield _scaled_term(case, term, value)


def _scaled_term(case: Case, term: str, value: float) -> Diagnosis:
    if value == 1 / 2 and any(literal % 2 == 0 and literal > 2 for literal in case.literals):
        details = {"factor": number(2)}
        return Diagnosis(Kind.EXTRA_FACTOR, "extra_factor", details, edits=(("divide_term", number(2)),))
    if value in HALVES:
        details = {"factor": number(value), "term": term}
        edits = (("multiply_term", number(value)),)
        return Diagnosis(Kind.MISSING_FACTOR, "missing_factor_of_term", details, edits=edits)
    size = number(max(value, 1 / value))
    reason, edit = ("sum_for_mean", "divide_term") if value < 1 else ("mean_for_sum", "multiply_term")
    return Diagnosis(Kind.MEAN_FOR_SUM, reason, {"m": size}, edits=((edit, size),))


def _factors(case: Case) -> Iterator[tuple[str, Values]]:
    for node, values in case.candidates.items():
        if np.size(values[0]) == 1 or node in case.truths.forward:
            yield case.name(node), values


def _scaling(place: int, values: Values, *, divided: bool) -> Any:
    def act(node: Node, operands: Sequence[Any], point: int) -> Any:
        scaled = [
            x if n != place else x / values[point] if divided else x * values[point]
            for n, x in enumerate(operands)
        ]
        return ordinary(node, scaled)

    return act
