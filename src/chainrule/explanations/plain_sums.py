"""The text form of the sum behind an entry, and of the way back to it, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.explanations.formulas import chain, enclosed, factors, number, scope_title
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.terms import EntrySum, Expansion, Term
    from chainrule.explanations.way import Step

LISTED = 4  # terms of a sum
MOST_SUMS = 8  # uses of an array


def to_text(expansion: Expansion) -> str:
    """Return the sum behind an entry as lines of text."""
    return "\n".join(_sum_lines(expansion))


def way_text(steps: Sequence[Step]) -> str:
    """Return the way as lines of text, in the current language, layer by layer."""
    if not steps:
        return ""
    return "\n".join([say("explain.way", name=str(steps[0].entry)), *_lines(steps)])


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    scope = ""
    indent = "    " if any(step.scope for step in steps) else "  "
    for step in steps:
        if step.scope and step.scope != scope:
            scope = step.scope
            yield f"  {scope_title(scope)}"
        yield from (indent + line for line in _sum_lines(step.expansion))


def _sum_lines(expansion: Expansion) -> Iterator[str]:
    slope = f"d{expansion.output}/d{expansion.name}"
    if len(expansion.terms) == 1 and expansion.sums[0].count == 1:
        yield f"{slope} = {_product(expansion, expansion.terms[0])}" + _rule(expansion.sums[0])
        return
    largest = sorted(expansion.sums, key=lambda part: -abs(part.value))[:MOST_SUMS]
    parts = [part for part in expansion.sums if part in largest]
    formulas = [part.formula for part in parts if part.formula]
    formulas += ["…"] if len(parts) < len(expansion.sums) else []
    yield chain([slope, " + ".join(formulas)]) + _folded(parts)
    shown = 0.0
    count = sum(part.count for part in expansion.sums)
    for part in parts:
        for term in _largest(part):
            yield "  " + _product(expansion, term) + _rule(part)
            shown, count = shown + term.value, count - 1
    if count:
        yield "  " + say("explain.way.rest", count=count, value=number(expansion.gradient - shown))
    yield f"  {slope} = {number(expansion.gradient)}"


def _largest(part: EntrySum) -> list[Term]:
    """Return the terms of a sum that are listed, in their order."""
    count = LISTED if part.count > LISTED + 1 else part.count
    largest = sorted(part.terms, key=lambda term: -abs(term.value))[:count]
    return [term for term in part.terms if term in largest]


def _folded(parts: Sequence[EntrySum]) -> str:
    """Return what formulas stand for: how many terms of one form."""
    notes = []
    for part in parts:
        ranges = ", ".join(f"{letter} = 0 … {length - 1}" for letter, length in part.ranges.items())
        if ranges:
            key = "example" if part.by_example else "same"
            notes.append(say(f"explain.way.{key}", ranges=ranges, count=part.count))
    return f"  [{'; '.join(notes)}]" if notes else ""


def _rule(part: EntrySum) -> str:
    return f"  [{part.rule}]" if part.rule else ""


def _product(expansion: Expansion, term: Term) -> str:
    """Return one product: in symbols, with numbers, and what it comes to."""
    if term.through.partition("[")[0] == expansion.output:
        return chain([term.local, number(term.local_value), number(term.value)])
    incoming = f"d{expansion.output}/d{term.through}"
    local = term.local or f"∂{term.through}/∂{expansion.name}"
    symbols = incoming if local == "1" else factors([incoming, enclosed(local)], "·")
    numbers = "" if local == "1" else factors([number(term.incoming), number(term.local_value)], "·")
    return chain([symbols, numbers, number(term.value)])
