r"""The LaTeX form of an explanation: its equations, forward, by the chain rule back, and the gradient.

It is mathematics only, the same in every language. A document needs ``amsmath`` and ``amssymb``; where names
are not of Latin or Greek letters, also an engine and a font for them (XeLaTeX with xeCJK for Chinese).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explanations.formulas import number
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.explanations.typesetting import derivative, in_latex, in_symbols, value_in_latex

if TYPE_CHECKING:
    from chainrule.explanations.record import Record

Equation = Sequence[str | Sequence[str]]  # stages that are equal; one may be the terms of a sum

LINES = 24  # of text that one block of equations is high, about
WIDE = 62  # signs of an equation that stand in one row
FEW = 4  # derivatives that the gradient is written with


def to_latex(explanation: Record) -> str:
    r"""Return an explanation as LaTeX: ``align*`` blocks for a document, or for a notebook.

    Examples
    --------
    >>> import chainrule as cr
    >>> print(to_latex(cr.explain("a*b", a=2, b=3)))
    \begin{align*}
    a &= 2 \\
    b &= 3 \\
    J &= a \cdot b = 2 \cdot 3 = 6
    \end{align*}
    \begin{align*}
    \frac{\mathrm{d}J}{\mathrm{d}a} &= \frac{\partial J}{\partial a} = b = 3 \\
    \frac{\mathrm{d}J}{\mathrm{d}b} &= \frac{\partial J}{\partial b} = a = 2
    \end{align*}
    \begin{align*}
    \nabla J &= \left(3,\, 2\right)
    \end{align*}
    """
    known = Equations(explanation)
    blocks = [known.forward(), known.backward(), known.gradient()]
    return "\n".join(part for block in blocks for part in _aligned(block))


def _aligned(equations: Iterable[Equation]) -> Iterator[str]:
    """Return equations in blocks that fit on a page."""
    block: list[str] = []
    height = 0
    for equation in equations:
        rows = list(_rows(equation))
        lines = sum(1 + row.count(r"\\") + (r"\frac" in row) for row in rows)
        if block and height + lines > LINES:
            yield _block(block)
            block, height = [], 0
        block += rows
        height += lines
    if block:
        yield _block(block)


def _block(rows: Sequence[str]) -> str:
    inside = " \\\\\n".join(rows)
    return f"\\begin{{align*}}\n{inside}\n\\end{{align*}}"


def _rows(equation: Equation) -> Iterator[str]:
    """Return an equation's rows: the first stage, an equal sign, the second, and so on; long sums broken."""
    first, *stages = [[stage] if isinstance(stage, str) else list(stage) for stage in equation]
    row, length = first[0], 0
    for stage in stages:
        for place, term in enumerate(stage):
            sign = "+ " if place else "" if term.startswith(r"\in") else "= "
            if length and length + _length(term) > WIDE:
                yield row
                row, length = "", 0
            start = "" if length else "&{} " if place else "&"
            row += f"{' ' if row else ''}{start}{sign}{term}"
            length += _length(term)
    yield row


def _length(latex: str) -> int:
    """Return about how many signs a formula is wide."""
    plain = re.sub(r"\\(frac|left|right|mathrm|operatorname|partial|,|text)|[{}_^&\s]", "", latex)
    return len(re.sub(r"\\[a-zA-Z]+", "x", plain)) - latex.count(r"\frac")


class Equations:
    """The equations of an explanation, each a list of stages that are equal."""

    def __init__(self, explanation: Record) -> None:
        self.explanation = explanation
        self.output = explanation.output
        self.names = {*explanation.inputs, *[step.name for step in explanation.forward]}

    def formula(self, text: str) -> str:
        """Return a formula of the explanation as LaTeX."""
        return in_latex(text, self.output, self.names)

    def forward(self) -> Iterator[Equation]:
        """Return the equations of the given values, then of the computed ones."""
        computed = {step.name for step in self.explanation.forward}
        for name, value in self.explanation.inputs.items():
            if name not in computed:
                yield [in_symbols(name), value_in_latex(value)]
        yield from (self.forward_step(step) for step in self.explanation.forward)
        if self.output not in self.names:
            yield [in_symbols(self.output), value_in_latex(self.explanation.value)]

    def forward_step(self, step: ForwardStep) -> Equation:
        """Return the equation of one value: its formula, the same with numbers, the result."""
        numbers = "" if "[" in step.numbers else self.formula(step.numbers or step.formula)
        return _chain(
            [in_symbols(step.name), self.formula(step.formula), numbers, value_in_latex(step.value)]
        )

    def backward(self) -> Iterator[Equation]:
        """Return the equations of the derivatives, from the output back."""
        return (self.backward_step(step) for step in self.explanation.backward)

    def slope(self, name: str) -> str:
        """Return the derivative of the output by a value, in symbols."""
        return derivative(self.output, name)

    def partial(self, use: Use, name: str) -> str:
        """Return a local derivative, in symbols."""
        return derivative(use.through, name, r"\partial ")

    def backward_step(self, step: BackwardStep) -> Equation:
        """Return the equation of one derivative: as a product, or a sum of products over the uses."""
        if not step.uses:
            return [self.slope(step.name), "0"]
        stages = [self.stages(use, step.name) for use in step.uses]
        if len(stages) == 1:
            return _chain([self.slope(step.name), *stages[0], value_in_latex(step.value)])
        sums = [_terms(parts) for parts in zip(*stages, strict=True)]
        return _chain([self.slope(step.name), *sums, value_in_latex(step.value)])

    def stages(self, use: Use, name: str) -> list[str]:
        """Return what one use brings back: with ∂, with its formula, with numbers, as a number."""
        if not use.elementwise:
            whole = self.formula(use.local)
            value = value_in_latex(use.value) if np.size(use.value) <= FEW else whole
            return [whole, whole, whole, value]
        last = use.through == self.output
        partial, local = self.partial(use, name), _factor(self.formula(use.local), use.local, first=last)
        scalar = not any(np.ndim(part) for part in (use.incoming, use.local_value, use.value))
        if last:
            products = [partial, local, value_in_latex(use.local_value) if scalar else local]
        else:
            incoming, sign = self.slope(use.through), r" \cdot " if scalar else r" \odot "
            products = [incoming + (" " if scalar else sign) + partial, incoming + sign + local]
            products.append(self._numbers(use) if scalar else products[1])
        if use.summed:
            products = [rf"\operatorname{{sum}}\left({part}\right)" for part in products]
        return [*products, value_in_latex(use.value) if np.size(use.value) <= FEW else products[2]]

    def _numbers(self, use: Use) -> str:
        local = _factor(value_in_latex(use.local_value), number(use.local_value))
        return rf"{value_in_latex(use.incoming)} \cdot {local}"

    def gradient(self) -> Iterator[Equation]:
        """Return the gradient as one vector, where it is a few numbers."""
        slopes = list(self.explanation.gradient.values())
        if 1 < len(slopes) <= 2 * FEW and not any(np.ndim(slope) for slope in slopes):
            inside = r",\, ".join(value_in_latex(slope) for slope in slopes)
            yield [rf"\nabla {in_symbols(self.output)}", rf"\left({inside}\right)"]


def _factor(latex: str, text: str, *, first: bool = False) -> str:
    """Return a factor of a product, in parentheses where it is a sum or has a sign."""
    compound = re.search(r"(?<=[\w)\]]) [+-] ", text) is not None or text.startswith("-")
    return rf"\left({latex}\right)" if compound and not first else latex


def _terms(parts: Sequence[str]) -> tuple[str, ...]:
    first, *rest = parts
    return (first, *[rf"\left({part}\right)" if part.startswith("-") else part for part in rest])


def _chain(stages: Equation) -> Equation:
    """Return the stages without empty ones and repetitions."""
    return [stage for place, stage in enumerate(stages) if stage and stage not in stages[:place]]
