"""The text form of an explanation: values forward, the chain rule back line by line, the gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanations.entries import entry_name
from chainrule.explanations.formulas import (
    FEW,
    SHORT,
    chain,
    enclosed,
    factors,
    number,
    scope_title,
    spelt,
    term,
)
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation


ROUNDING = 1e-15  # of the terms of a sum


def to_text(explanation: Explanation) -> str:
    """Return an explanation as lines of text."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    yield from _given(explanation)
    if explanation.stabilised:
        yield say("explain.stabilised")
    if explanation.undefined is not None:
        yield say("explain.undefined", name=explanation.undefined)
    yield ""
    yield say("explain.forward")
    output = explanation.output
    if not explanation.forward:
        yield f"  {output} = {number(explanation.value)}"
    yield from _by_scope([(step.scope, [_forward(step)]) for step in explanation.forward])
    if explanation.backward:
        yield ""
        yield say("explain.backward", output=output)
        steps = [(back.scope, list(_backward(back, output))) for back in explanation.backward]
        yield from _by_scope(steps)
    yield ""
    yield say("explain.gradient")
    if not explanation.gradient:
        yield "  " + say("explain.no_gradient")
    if explanation.focus is not None:
        yield f"  d{output}/d{explanation.focus} = {number(explanation.gradient[explanation.focus])}"
    for name, slope in explanation.gradient.items():
        if name == explanation.focus:  # a number: it stands there already
            continue
        yield f"  d{output}/d{name} = {number(slope)}{_notes([_shape(slope), _zeros(name, slope)])}"


def _given(explanation: Explanation) -> Iterator[str]:
    """Yield what is explained, and the given values: in its line, or one a line if they are many."""
    inputs = explanation.inputs
    if sum(np.size(value) for value in inputs.values()) <= FEW:
        values = ", ".join(f"{name} = {number(value)}" for name, value in inputs.items())
        yield explanation.expression + (say("explain.at", values=values) if values else "")
        return
    yield explanation.expression
    yield ""
    yield say("explain.given")
    for name, value in inputs.items():
        yield f"  {name} = {number(value)}{_notes([_shape(value)])}"


def _by_scope(steps: Sequence[tuple[str, list[str]]]) -> Iterator[str]:
    """Yield the lines of steps, under headings where they belong to layers or other scopes."""
    scoped, current = any(scope for scope, _ in steps), ""
    for scope, lines in steps:
        if scope and scope != current:
            yield f"  {scope_title(scope)}"
        current = scope
        indent = "    " if scoped and scope else "  "
        yield from (f"{indent}{line}" for line in lines)


def _forward(step: ForwardStep) -> str:
    return chain([step.name, step.formula, step.numbers, number(step.value)]) + _notes([_shape(step.value)])


def _backward(step: BackwardStep, output: str) -> Iterator[str]:
    slope = f"d{output}/d{step.name}"
    if not step.uses:
        yield say("explain.no_path", output=output, name=step.name)
        return
    if len(step.uses) == 1:
        (use,) = step.uses
        yield chain([slope, *_product(use, step.name, output)]) + _notes_of(use)
        return
    yield say("explain.uses", name=step.name, count=len(step.uses))
    for use in step.uses:
        product = chain(_product(use, step.name, output)) + _notes_of(use)
        yield "  " + say("explain.through", name=use.through, product=product)
    terms = [say("explain.term", value=term(use.value), name=use.through) for use in step.uses]
    notes = [say("explain.rounding") if _is_rounding(step) else "", _shape(step.value)]
    yield f"{slope} = {' + '.join(terms)} = {number(step.value)}{_notes(notes)}"


def _is_rounding(step: BackwardStep) -> bool:
    """Return whether terms cancel but for what rounding leaves."""
    with np.errstate(all="ignore"):
        size = sum(np.abs(use.value) for use in step.uses)
        return _cancels(step.value, size)


def _cancels(total: Any, size: Any) -> bool:
    small = np.all(np.isfinite(size)) and np.all(np.abs(total) <= ROUNDING * size)
    return bool(small and np.any(total))


def _is_rounding_of(use: Use) -> bool:
    """Return whether what was added up over entries, into one number, cancels but for rounding."""
    if not use.summed or use.local_value is None or np.size(use.value) > 1:
        return False
    with np.errstate(all="ignore"):
        return _cancels(use.value, np.sum(np.abs(np.multiply(use.incoming, use.local_value))))


def _product(use: Use, name: str, output: str) -> list[str]:
    """Return the stages of what comes back: dJ/du · ∂u/∂b, dJ/du · c, 3 · 2, 6."""
    if not use.elementwise:
        return [spelt(use.local), number(use.value)]
    partial = f"∂{use.through}/∂{name}"
    if use.through == output:
        return [partial, use.local, number(use.value)]
    incoming = f"d{output}/d{use.through}"
    sign = "∗" if np.ndim(use.value) or np.ndim(use.incoming) else "·"
    symbols = factors([incoming, enclosed(use.local)], sign)
    numbers = factors([number(use.incoming), number(use.local_value)], sign)
    if use.local == number(use.local_value):
        symbols = ""
    if max(np.size(use.incoming), np.size(use.local_value)) > SHORT:
        numbers = ""
    sums = "".join(f"Σ_{letter} " for letter in use.running)
    stages = [factors([incoming, partial], sign), symbols, numbers]
    return [*[f"{sums}({stage})" if sums and stage else stage for stage in stages], number(use.value)]


def _notes_of(use: Use) -> str:
    shape = say("explain.summed", shape=np.shape(use.value)) if use.summed else _shape(use.value)
    masked = say("explain.masked") if use.masked else ""
    rounding = say("explain.rounding") if _is_rounding_of(use) else ""
    return _notes([str(use.rule) if use.rule else "", masked, rounding, shape])


def _shape(value: Any) -> str:
    return say("explain.shape", shape=np.shape(value)) if np.ndim(value) else ""


def _zeros(name: str, slope: Any) -> str:
    """Return how many entries of an array are 0, and the first of them."""
    places = np.argwhere(np.asarray(slope) == 0) if np.ndim(slope) else np.empty(0)
    if not len(places):
        return ""
    return say("explain.zeros", count=len(places), entry=entry_name(name, places[0].tolist()))


def _notes(notes: Sequence[str]) -> str:
    """Return what stands behind a line: the rule used, the shape."""
    shown = "; ".join(note for note in notes if note)
    return f"  [{shown}]" if shown else ""
