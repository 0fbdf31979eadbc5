r"""The LaTeX form of an explanation: its equations, forward, by the chain rule back, and the gradient.

It is mathematics only, the same in every language. A document needs ``amsmath`` and ``amssymb``; where names
are not of Latin or Greek letters, also an engine and a font for them (XeLaTeX with xeCJK for Chinese).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanations.breaking import PAGE, Equation, aligned, width
from chainrule.explanations.formulas import number
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.explanations.symbols import derivative, in_symbols, matrix, told_apart, value_in_latex
from chainrule.explanations.typesetting import in_latex

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation
    from chainrule.explanations.terms import Term

LHS = 40.0  # points of a row, for what is left of the equal sign
TERMS = 6  # of the sum behind an entry
FEW = 4  # derivatives that the gradient is written with


def to_latex(explanation: Explanation) -> str:
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
    blocks = [known.focus(), known.forward(), known.backward(), known.gradient()]
    return "\n".join(part for block in blocks for part in aligned(block))


class Equations:
    """The equations of an explanation, each a list of stages that are equal."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.output = explanation.output
        shapes = {name: np.shape(value) for name, value in explanation.inputs.items()}
        shapes |= {step.name: step.shape for step in explanation.forward}
        self.names = {*shapes}
        self.apart = told_apart({*shapes, self.output})
        self.arrays = {name: len(shape) for name, shape in shapes.items() if shape}
        factors = [
            tuple(len(shapes[name]) for name in step.operands)
            for step in explanation.forward
            if step.operation == "matmul"
        ]
        self.columns = (2, 1) in factors and (1, 2) not in factors

    def value(self, value: Any) -> str:
        """Return a value as LaTeX; a vector as a column where matrices are multiplied by columns."""
        return value_in_latex(value, column=self.columns)

    def symbol(self, name: str) -> str:
        """Return a name as LaTeX, told apart from the others."""
        return in_symbols(name, self.apart)

    def formula(self, text: str) -> str:
        """Return a formula of the explanation as LaTeX."""
        names = {*self.names, self.output}
        return in_latex(text, self.output, names, arrays=self.arrays, columns=self.columns, apart=self.apart)

    def forward(self) -> Iterator[Equation]:
        """Return the equations of the given values, then of the computed ones."""
        computed = {step.name for step in self.explanation.forward}
        for name, value in self.explanation.inputs.items():
            if name not in computed:
                yield [self.symbol(name), self.value(value)]
        yield from (self.forward_step(step) for step in self.explanation.forward)
        if self.output not in self.names:
            yield [self.symbol(self.output), self.value(self.explanation.value)]

    def forward_step(self, step: ForwardStep) -> Equation:
        """Return the equation of one value: its formula, the same with numbers, the result."""
        numbers = "" if "[" in step.numbers else self.formula(step.numbers or step.formula)
        return _chain([self.symbol(step.name), self.formula(step.formula), numbers, self.value(step.value)])

    def backward(self) -> Iterator[Equation]:
        """Return the equations of the derivatives, from the output back."""
        return (self.backward_step(step) for step in self.explanation.backward)

    def slope(self, name: str) -> str:
        """Return the derivative of the output by a value, in symbols."""
        return derivative(self.output, name, apart=self.apart)

    def partial(self, use: Use, name: str) -> str:
        """Return a local derivative, in symbols."""
        return derivative(use.through, name, r"\partial ", self.apart)

    def backward_step(self, step: BackwardStep) -> Equation:
        """Return the equation of one derivative: as a product, or a sum of products over the uses."""
        if not step.uses:
            return [self.slope(step.name), "0"]
        stages = [self.stages(use, step.name) for use in step.uses]
        if len(stages) == 1:
            return _chain([self.slope(step.name), *stages[0], self.value(step.value)])
        sums = [_terms(parts) for parts in zip(*stages, strict=True)]
        return _chain([self.slope(step.name), *sums, self.value(step.value)])

    def stages(self, use: Use, name: str) -> list[str]:
        """Return what one use brings back: with ∂, with its formula, with numbers, as a number."""
        if not use.elementwise:
            whole = self.formula(use.local)
            value = self.value(use.value) if np.size(use.value) <= FEW else whole
            return [whole, whole, whole, value]
        last = use.through == self.output
        partial, local = self.partial(use, name), _factor(self.formula(use.local), use.local, first=last)
        scalar = not any(np.ndim(part) for part in (use.incoming, use.local_value, use.value))
        if last:
            products = [partial, local, self.value(use.local_value) if scalar else local]
        else:
            incoming, sign = self.slope(use.through), r" \cdot " if scalar else r" \odot "
            products = [incoming + (" " if scalar else sign) + partial, incoming + sign + local]
            products.append(self._numbers(use) if scalar else products[1])
        if use.summed:
            signs = "".join(rf"\sum_{{{letter}}}" for letter in use.running) or r"\sum"
            products = [rf"{signs} {part}" for part in products]
        return [*products, self.value(use.value) if np.size(use.value) <= FEW else products[2]]

    def _numbers(self, use: Use) -> str:
        local = _factor(self.value(use.local_value), number(use.local_value))
        return rf"{self.value(use.incoming)} \cdot {local}"

    def gradient(self) -> Iterator[Equation]:
        """Return the gradient as one vector, where it is a few numbers."""
        slopes = list(self.explanation.gradient.values())
        if 1 < len(slopes) <= 2 * FEW and not any(np.ndim(slope) for slope in slopes):
            parts = [self.value(slope) for slope in slopes]
            inside = r",\, ".join(parts)
            short = width(inside) < PAGE - LHS
            vector = rf"\left({inside}\right)" if short else matrix([[part] for part in parts])
            yield [rf"\nabla {self.symbol(self.output)}", vector]

    def focus(self) -> Iterator[Equation]:
        """Return the derivative by the entry that is looked at: the sum behind it, and what it comes to."""
        entry = self.explanation.focus
        if entry is None:
            return
        expansion = self.explanation.expand(entry)
        formulas = [self.sum(part.formula) for part in expansion.sums]
        sums = tuple(formulas) if all(formulas) else ""
        few = len(expansion.terms) <= TERMS and not any(part.rest for part in expansion.sums)
        terms = _terms([self._term(term) for term in expansion.terms]) if few and expansion.terms else ""
        yield _chain([self.slope(entry), sums, terms, self.value(expansion.gradient)])

    def sum(self, text: str) -> str:
        """Return a sum in symbols, such as ``Σ_i x[i, 3] · dC/dp1[i, 1]``."""
        signs = re.match(r"(Σ_\w )*", text)
        start = signs[0] if signs else ""
        letters = "".join(rf"\sum_{{{letter}}} " for letter in re.findall(r"Σ_(\w)", start))
        return letters + self.formula(text.removeprefix(start).replace("·", "*"))

    def _term(self, term: Term) -> str:
        local = _factor(self.value(term.local_value), number(term.local_value))
        if _array(term.through) == self.output:
            return local
        return rf"{self.value(term.incoming)} \cdot {local}"


def _array(entry: str) -> str:
    return entry.partition("[")[0]


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
