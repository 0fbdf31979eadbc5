"""`Equated`: an answer made of equations, which shows itself as text, LaTeX and a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from chainrule.explanations.breaking import Equation, aligned
from chainrule.explanations.mathml import to_mathml
from chainrule.explanations.readable import Readable
from chainrule.text import language

STYLE = """
.chainrule-steps{background:#fbfaf7;color:#2b2b2b;font:16px/1.5 system-ui,sans-serif;padding:1rem;
box-sizing:border-box;overflow-x:auto}
body>.chainrule-steps{min-height:100vh}
.chainrule-steps math{font-size:1.05em;math-style:normal}
.chainrule-steps h2{font-size:1.05rem;font-weight:600;margin:.6rem 0}
.chainrule-steps p{margin:.45rem 0 .45rem 1rem}
@media(prefers-color-scheme:dark){.chainrule-steps{background:#16181c;color:#e8e6e1}}
"""


class Section(NamedTuple):
    """Equations under a heading in the current language, and what else is to be said."""

    title: str
    equations: Sequence[Equation]
    notes: Sequence[str] = ()


class Equated(Readable):
    """A record with equations; notebooks show them as mathematics."""

    def sections(self) -> Sequence[Section]:
        """Return the equations: each a list of stages that are equal, in LaTeX."""
        raise NotImplementedError

    def to_latex(self) -> str:
        """Return the equations as LaTeX, the same in every language: ``align*`` blocks for a document."""
        return "\n".join(part for section in self.sections() for part in aligned(section.equations))

    def to_html(self) -> str:
        """Return the equations as one self-contained page, in the current language."""
        tag = {"zh": "zh-CN"}.get(language(), language())
        sections = self.sections()
        lines = [f'<!DOCTYPE html>\n<html lang="{tag}">\n<head>\n<meta charset="utf-8">']
        lines.append(f"<title>{_text(sections[0].title)}</title>\n<style>{STYLE}</style>\n</head>")
        lines.append(f'<body style="margin:0">\n<main class="chainrule-steps" lang="{tag}">')
        for section in sections:
            lines.append(f"<h2>{_text(section.title)}</h2>")
            lines += [f"<p>{_mathematics(equation)}</p>" for equation in section.equations]
            lines += [f"<p>{_text(note)}</p>" for note in section.notes]
        return "\n".join([*lines, "</main>\n</body>\n</html>\n"])

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_latex_(self) -> str:
        return self.to_latex()


def _mathematics(equation: Equation) -> str:
    """Return an equation; a line may break before an equal sign."""
    first, *rest = [stage if isinstance(stage, str) else " + ".join(stage) for stage in equation]
    return " ".join([to_mathml(first), *[to_mathml(f"= {stage}") for stage in rest]])


def _text(text: str) -> str:
    return escape(text, quote=False)
