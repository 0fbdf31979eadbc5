"""The text form of an explanation: values forward, the chain rule back line by line, the gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanations.formulas import factors, number
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.explanation import Explanation


def to_text(explanation: Explanation) -> str:
    """Return an explanation as lines of text."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    values = ", ".join(f"{name} = {number(value)}" for name, value in explanation.inputs.items())
    yield explanation.expression + (say("explain.at", values=values) if values else "")
    if explanation.stabilised:
        yield say("explain.stabilised")
    if explanation.undefined is not None:
        yield say("explain.undefined", name=explanation.undefined)
    yield ""
    yield say("explain.forward")
    if not explanation.forward:
        yield f"  {explanation.output} = {number(explanation.value)}"
    for step in explanation.forward:
        yield "  " + _forward(step)
    output = explanation.output
    if explanation.backward:
        yield ""
        yield say("explain.backward", output=output)
        for back in explanation.backward:
            yield from (f"  {line}" for line in _backward(back, output))
    yield ""
    yield say("explain.gradient")
    if not explanation.gradient:
        yield "  " + say("explain.no_gradient")
    for name, slope in explanation.gradient.items():
        yield f"  d{output}/d{name} = {number(slope)}"


def _forward(step: ForwardStep) -> str:
    return _chain([f"{step.name}", step.formula, step.numbers, number(step.value)])


def _backward(step: BackwardStep, output: str) -> Iterator[str]:
    slope = f"d{output}/d{step.name}"
    if not step.uses:
        yield say("explain.no_path", output=output, name=step.name)
        return
    if len(step.uses) == 1:
        yield _chain([slope, *_product(step.uses[0], step.name, output)]) + _summed(step.uses[0])
        return
    yield say("explain.uses", name=step.name, count=len(step.uses))
    for use in step.uses:
        product = _chain(_product(use, step.name, output)) + _summed(use)
        yield "  " + say("explain.through", name=use.through, product=product)
    terms = [say("explain.term", value=_term(use.value), name=use.through) for use in step.uses]
    yield f"{slope} = {' + '.join(terms)} = {number(step.value)}"


def _term(value: Any) -> str:
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def _product(use: Use, name: str, output: str) -> list[str]:
    """Return the stages of what comes back: dJ/du · ∂u/∂b, dJ/du · c, 3 · 2, 6."""
    if not use.elementwise:
        return [use.local, number(use.value)]
    partial = f"∂{use.through}/∂{name}"
    if use.through == output:
        return [partial, use.local, number(use.value)]
    incoming = f"d{output}/d{use.through}"
    sign = "∗" if np.ndim(use.value) or np.ndim(use.incoming) else "·"
    symbols = factors([incoming, _enclosed(use.local)], sign)
    numbers = factors([number(use.incoming), number(use.local_value)], sign)
    if use.local == number(use.local_value):
        symbols = ""
    return [factors([incoming, partial], sign), symbols, numbers, number(use.value)]


def _enclosed(local: str) -> str:
    return f"({local})" if " " in local and not _is_call(local) else local


def _is_call(text: str) -> bool:
    """Return whether a formula is one call, such as ``max(0, x - 1)``, whose parentheses enclose it all."""
    head, bracket, rest = text.partition("(")
    if not (head.isidentifier() and bracket and text.endswith(")")):
        return False
    depth = 1
    for place, sign in enumerate(rest):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(rest) - 1
    return False


def _summed(use: Use) -> str:
    return say("explain.summed", shape=np.shape(use.value)) if use.summed else ""


def _chain(stages: Sequence[Any]) -> str:
    """Return the stages joined by equal signs, without empty ones and repetitions."""
    shown: list[str] = []
    for stage in stages:
        if stage and (not shown or shown[-1] != stage):
            shown.append(stage)
    return " = ".join(shown)
