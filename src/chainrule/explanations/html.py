"""An explanation as one self-contained page: the drawing, every step as mathematics, paths, the gradient.

The page needs no network, no script and no font of its own. Its style touches nothing outside of it, so that
it can stand in a notebook.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanations.drawing import parts_svg, to_svg
from chainrule.explanations.focus import paths_of_focus, paths_shown
from chainrule.explanations.formulas import factors, number, scope_title
from chainrule.explanations.latex import Equations
from chainrule.explanations.mathml import to_mathml
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.explanations.symbols import value_in_latex
from chainrule.text import language, say

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation
    from chainrule.explanations.terms import Term

TYPESET = 200  # steps of which each formula is set as mathematics; of more, they are text
LONG = 60  # signs of a formula that are set as mathematics; more are text, whose lines can break
OPEN = 24  # steps that a part of the page may have and still be open
ASKED = 8  # variables of which paths are listed, and why a derivative is zero

STYLE = """
.chainrule-page{--paper:#fbfaf7;--ink:#2b2b2b;--faint:#63635e;--line:#d9d7d0;--value:#1d5b9f;--slope:#a8480b;
background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;padding:1rem;
box-sizing:border-box;overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){.chainrule-page{--paper:#16181c;--ink:#e8e6e1;--faint:#a8a8a2;
--line:#3a3d43;--value:#84b8f2;--slope:#f4a76a}}
body>.chainrule-page{min-height:100vh}
.chainrule-page>*{max-width:72rem;margin-left:auto;margin-right:auto}
.chainrule-page h1{font-size:1.35rem}
.chainrule-page h2{font-size:1.1rem;margin-top:2rem}
.chainrule-page .wide{overflow-x:auto;overflow-wrap:normal}
.chainrule-page .wide>svg{max-width:none!important}
.chainrule-page table{border-collapse:collapse;color:inherit;background:none;font-size:inherit}
.chainrule-page th,.chainrule-page td{padding:.35rem .8rem .35rem 0;text-align:left;vertical-align:middle;
border-bottom:1px solid var(--line);background:none}
.chainrule-page th{font-weight:600;color:var(--faint);font-size:.85rem}
.chainrule-page th,.chainrule-page .value,.chainrule-page .slope{white-space:nowrap}
.chainrule-page math{font-size:1.05em;math-style:normal}
.chainrule-page .value{color:var(--value)}
.chainrule-page .slope{color:var(--slope)}
.chainrule-page .line{color:var(--faint);font-size:.85rem}
.chainrule-page summary{cursor:pointer;padding:.3rem 0}
"""


def to_html(explanation: Explanation) -> str:
    """Return an explanation as a page, in the current language.

    Examples
    --------
    >>> import chainrule as cr
    >>> page = to_html(cr.explain("3*(a + b*c)", a=7, b=4, c=2))
    >>> page.startswith("<!DOCTYPE html>"), "<mfrac>" in page, "http" in page.replace("http://www.w3.org", "")
    (True, True, False)
    """
    return "\n".join(_Page(explanation).lines()) + "\n"


class _Page:
    """The parts of a page, line by line."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.equations = Equations(explanation)
        self.typeset = len(explanation.steps) <= TYPESET

    def lines(self) -> Iterator[str]:
        explanation = self.explanation
        tag = {"zh": "zh-CN"}.get(language(), language())
        title = say("drawing.page", expression=explanation.expression)
        yield f'<!DOCTYPE html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        yield f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>"
        yield f'<body style="margin:0">\n<main class="chainrule-page" lang="{tag}">'
        yield from self._head()
        yield f'<div class="wide">\n{to_svg(explanation, paths=self._focus())}\n</div>'
        for name, part in parts_svg(explanation, paths=self._focus()):
            yield from _folded(name, [f'<div class="wide">\n{part}\n</div>'], opened=False)
        yield from self._forward()
        yield from self._backward()
        yield from self._expansion()
        yield from self._paths()
        yield from self._gradient()
        yield from self._reasons()
        yield "</main>\n</body>\n</html>"

    def _focus(self) -> str | None:
        focus = self.explanation.focus
        return None if focus is None else focus.partition("[")[0]

    def _head(self) -> Iterator[str]:
        explanation = self.explanation
        yield f"<h1>{_text(explanation.expression)}</h1>"
        slope = self.equations.symbol(explanation.output)
        yield f'<p>{self._math(slope)} = <span class="value">{self._value(explanation.value)}</span></p>'
        if explanation.stabilised:
            yield f"<p>{_text(say('explain.stabilised'))}</p>"
        if explanation.undefined is not None:
            yield f"<p>{_text(say('explain.undefined', name=explanation.undefined))}</p>"

    def _forward(self) -> Iterator[str]:
        explanation = self.explanation
        yield f"<h2>{_text(say('explain.forward'))}</h2>"
        computed = {step.name for step in explanation.forward}
        given = [
            [self._name(name), "", "", self._number(value), ""]
            for name, value in explanation.inputs.items()
            if name not in computed
        ]
        keys = ("name", "formula", "numbers", "value", "line")
        yield from _table(keys, given)
        for title, steps in _parts(explanation.forward):
            rows = [self._forward_row(step) for step in steps]
            yield from _folded(title, _table(keys, rows), opened=len(explanation.forward) <= OPEN)

    def _forward_row(self, step: ForwardStep) -> list[str]:
        numbers = "" if "[" in step.numbers or not step.numbers else self._formula(step.numbers)
        line = f'<span class="line">{_text(step.line)}</span>' if step.line else ""
        return [self._name(step.name), self._formula(step.formula), numbers, self._number(step.value), line]

    def _backward(self) -> Iterator[str]:
        explanation = self.explanation
        if not explanation.backward:
            return
        yield f"<h2>{_text(say('explain.backward', output=explanation.output))}</h2>"
        keys = ("derivative", "local", "product", "value", "rule")
        for title, steps in _parts(explanation.backward):
            rows = [row for step in steps for row in self._backward_rows(step)]
            yield from _folded(title, _table(keys, rows), opened=len(explanation.backward) <= OPEN)

    def _backward_rows(self, step: BackwardStep) -> Iterator[list[str]]:
        """Return a row for each use, and one for their sum if there are several."""
        name, total = self._slope(step.name), f'<span class="slope">{self._value(step.value)}</span>'
        if not step.uses:
            yield [name, "", "", total, ""]
        several = len(step.uses) > 1
        for place, use in enumerate(step.uses):
            product = self._product(use, step.name)
            value = self._value(use.value) if several else total
            rule = "" if use.rule is None else str(use.rule)
            rule = _text(f"{rule}; {say('explain.masked')}" if use.masked else rule)
            yield ["" if place else name, self._local(use, step.name), product, value, rule]
        if several:
            yield [name, _text(say("drawing.sum", count=len(step.uses))), "", total, ""]

    def _local(self, use: Use, name: str) -> str:
        """Return a local derivative: ∂u/∂b = c = 2; of an operation with a pullback there is none."""
        if not use.elementwise:
            return ""
        if not self.typeset:
            return f"<code>{_text(f'∂{use.through}/∂{name} = {use.local}')}</code>"
        stages = [self.equations.partial(use, name), self.equations.formula(use.local)]
        return self._equal(
            [*stages, *([] if np.ndim(use.local_value) else [value_in_latex(use.local_value)])]
        )

    def _product(self, use: Use, name: str) -> str:
        """Return what comes back through one use: the derivative before it times the local one."""
        if self.typeset:
            return self._equal(self.equations.stages(use, name)[1:3])
        if not use.elementwise:
            return f"<code>{_text(use.local)}</code>"
        if np.ndim(use.incoming) or np.ndim(use.local_value):
            return ""
        return f"<code>{_text(factors([number(use.incoming), number(use.local_value)], '·'))}</code>"

    def _expansion(self) -> Iterator[str]:
        """Return the scalar sum behind the entry that is looked at."""
        explanation = self.explanation
        if explanation.focus is None:
            return
        yield f"<h2>{_text(say('drawing.expansion', name=explanation.focus))}</h2>"
        for part in explanation.expand(explanation.focus).sums:
            ranges = "; ".join(f"{letter} = 0 … {length - 1}" for letter, length in part.ranges.items())
            example = say("drawing.by_example") if part.by_example else ""
            notes = "; ".join(filter(None, [ranges, example]))
            formula = self._math(self.equations.sum(part.formula)) if part.formula else ""
            yield f'<p>{formula} <span class="line">{_text(notes)}</span></p>'
            rows = [
                [_text(term.through), self._term(term), self._number(term.incoming), self._number(term.value)]
                for term in part.terms
            ]
            left = part.count - len(part.terms)
            if left:
                rows.append([_text(say("drawing.more_terms", count=left)), "", "", self._number(part.rest)])
            rows.append([_text(say("drawing.terms", count=part.count)), "", "", self._number(part.value)])
            yield from _table(("through", "local", "incoming", "value"), rows)

    def _term(self, term: Term) -> str:
        value = number(term.local_value)
        return _text(f"{term.local} = {value}" if term.local and term.local != value else value)

    def _reasons(self) -> Iterator[str]:
        """Return why derivatives are zero, or nearly so."""
        found = [self.explanation.why_zero(name) for name in self._asked()]
        for why in found:
            if why.is_small:
                head, *lines = why.to_text().splitlines()
                items = "".join(f"<li>{_text(line.strip())}</li>" for line in lines)
                yield f"<h2>{_text(head)}</h2>\n<ul>{items}</ul>" if items else f"<h2>{_text(head)}</h2>"

    def _asked(self) -> list[str]:
        """Return the entry that is looked at, or else the variables that are numbers, if they are few."""
        explanation = self.explanation
        if explanation.focus is not None:
            return [explanation.focus]
        names = [name for name, slope in explanation.gradient.items() if np.ndim(slope) == 0]
        return names if len(names) <= ASKED else []

    def _paths(self) -> Iterator[str]:
        explanation = self.explanation
        names = self._asked()
        if not names or not (self.typeset or explanation.focus):
            return
        yield f"<h2>{_text(say('drawing.paths', output=explanation.output))}</h2>"
        for name in names:
            focused = name == explanation.focus
            found, note = (paths_of_focus if focused else paths_shown)(explanation, name)
            if note:
                yield f"<p>{_text(note)}</p>"
            if found is None:
                continue
            rows = [
                [_text(str(path)), self._along(path.edges), self._number(path.product)]
                for path in found.listed
            ]
            if found.more:
                rows.append(
                    [_text(say("drawing.more_paths", count=found.more)), "", self._number(found.remainder)]
                )
            rows.append(
                [self._slope(found.name), "", f'<span class="slope">{self._value(found.total)}</span>']
            )
            title = say("drawing.paths_from", name=found.name, count=found.count)
            yield from _folded(title, _table(("path", "product", "value"), rows), opened=True)

    def _along(self, edges: Sequence[Any]) -> str:
        """Return the product of the local derivatives along a path, in numbers."""
        if any(np.ndim(edge.local_value) or edge.local_value is None for edge in edges):
            return ""
        return _text(factors([number(edge.local_value) for edge in edges], "·"))

    def _gradient(self) -> Iterator[str]:
        yield f"<h2>{_text(say('explain.gradient'))}</h2>"
        gradient = self.explanation.gradient
        if not gradient:
            yield f"<p>{_text(say('explain.no_gradient'))}</p>"
            return
        focus = self.explanation.focus
        slopes = {**({} if focus is None else {focus: gradient[focus]}), **gradient}
        rows = [
            [self._slope(name), f'<span class="slope">{self._value(slope)}</span>']
            for name, slope in slopes.items()
        ]
        yield from _table(("derivative", "value"), rows)

    # Pieces of mathematics.

    def _math(self, latex: str) -> str:
        return to_mathml(latex.replace(r"\text{otherwise}", rf"\text{{{say('drawing.otherwise')}}}"))

    def _formula(self, text: str) -> str:
        typeset = self.typeset and len(text) <= LONG
        return self._math(self.equations.formula(text)) if typeset else f"<code>{_text(text)}</code>"

    def _name(self, name: str) -> str:
        return self._math(self.equations.symbol(name)) if self.typeset else f"<code>{_text(name)}</code>"

    def _slope(self, name: str) -> str:
        if self.typeset:
            return self._math(self.equations.slope(name))
        return f"<code>{_text(f'd{self.explanation.output}/d{name}')}</code>"

    def _equal(self, stages: Sequence[str]) -> str:
        """Return equal formulas, each once; a line may break before an equal sign."""
        first, *rest = dict.fromkeys(stages)
        return " ".join([self._math(first), *[self._math(f"= {stage}") for stage in rest]])

    def _number(self, value: Any) -> str:
        return f'<span class="value">{self._value(value)}</span>'

    def _value(self, value: Any) -> str:
        if np.ndim(value) == 0:
            return _text(number(value))
        latex = self.equations.value(value)
        if latex.startswith(r"\in"):
            return _text(str(np.shape(value)))
        return self._math(latex)


def _text(text: str) -> str:
    return escape(text, quote=False)


def _table(keys: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return a table without the columns in which nothing stands."""
    used = [place for place in range(len(keys)) if any(row[place] for row in rows)]
    if not used:
        return
    heads = "".join(f'<th scope="col">{_text(say(f"drawing.column.{keys[place]}"))}</th>' for place in used)
    yield f'<div class="wide"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>'
    for row in rows:
        yield f"<tr>{''.join(f'<td>{row[place]}</td>' for place in used)}</tr>"
    yield "</tbody></table></div>"


def _parts(steps: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Return steps that follow each other in one scope together, with the scope's name; else by number."""
    part: list[Any] = []
    for step in steps:
        if part and (step.scope != part[-1].scope or len(part) >= TYPESET):
            yield _title(part), part
            part = []
        part.append(step)
    if part:
        yield _title(part), part


def _title(part: Sequence[Any]) -> str:
    span = part[0].name if len(part) == 1 else f"{part[0].name} … {part[-1].name}"
    return f"{scope_title(part[0].scope)}: {span}" if part[0].scope else span


def _folded(title: str, lines: Iterable[str], *, opened: bool) -> Iterator[str]:
    """Return a part of the page that the reader can open and close."""
    state = ' open=""' if opened else ""
    yield f"<details{state}><summary>{_text(title)}</summary>"
    yield from lines
    yield "</details>"
