"""`Explanation`: what `chainrule.explain` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.explanations import record
from chainrule.explanations.data import document, to_json
from chainrule.explanations.entries import find_entry
from chainrule.explanations.focus import Shown, paths_of_focus
from chainrule.explanations.formulas import number
from chainrule.explanations.plain import to_text
from chainrule.explanations.plain_sums import way_text
from chainrule.explanations.way import follow_largest
from chainrule.explanations.zeros import WhyZero, why_text

MOST_ASKED = 8  # variables of which it is asked why their derivatives are zero


class Gradient(dict[str, Any]):
    """The derivatives by name; also those by single entries: ``gradient["W1[3, 12]"]``."""

    def __missing__(self, name: str) -> Any:
        entry = find_entry(name, self)
        return np.asarray(self[entry.name])[entry.index].item()

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name) or not isinstance(name, str) or "[" not in name:
            return super().__contains__(name)
        try:
            find_entry(name, self)
        except ChainruleError:
            return False
        return True

    def get(self, name: str, default: Any = None) -> Any:
        """Return a derivative, or that by an entry; where there is no such name, ``default``."""
        if name not in self:
            return default
        return self[name]


@dataclass(frozen=True, repr=False)
class Explanation(record.Explanation):
    """A computation, forward and back, with this run's numbers.

    Attributes
    ----------
    expression
        What was explained: the text of a formula, or the call of a function.
    inputs
        The given values by name.
    output
        The name of the value that is explained.
    value
        Its value.
    gradient
        The derivative of the output by each input, by name; ``gradient["W1[3, 12]"]`` is an entry of it.
    forward
        The values, in the order in which they are computed.
    backward
        The derivatives of the output by each value, from the output back to the inputs.
    stabilised
        Whether the steps are those of an equivalent form that stays finite where the formula as it is
        written does not, or that does not lose digits as that does.
    focus
        The entry that is looked at, such as ``W1[3, 12]``; None: the whole.
    run
        What was computed; `paths`, `nudge` and the others ask it further.

    Examples
    --------
    >>> import chainrule as cr
    >>> e = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    >>> e.value, e.gradient["b"]
    (45.0, 6.0)
    """

    def to_text(self, *, paths: str | Sequence[str] = (), nudges: Mapping[str, float] | None = None) -> str:
        """Return the explanation as lines of text, in the current language.

        ``paths`` names variables and entries whose paths are added, ``nudges`` those to be moved, how far.
        """
        parts = [to_text(self)]
        if self.focus is not None:
            parts.append(way_text(follow_largest(self.run, find_entry(self.focus, self.gradient))))
            shown = paths_of_focus(self, self.focus)
            parts += [shown.note] if shown.note else []
            parts += [] if shown.paths is None else [str(shown.paths)]
        parts += why_text(self._killed())
        parts += [self.paths(name).to_text() for name in _several(paths)]
        parts += [self.nudge(name, size).to_text() for name, size in (nudges or {}).items()]
        return "\n\n".join(dict.fromkeys(parts))  # what is in focus may have been asked for as well

    def to_json(
        self,
        indent: int | None = None,
        *,
        paths: str | Sequence[str] = (),
        nudges: Mapping[str, float] | None = None,
    ) -> str:
        """Return the explanation as a JSON object; arrays are lists, NaN and infinities strings.

        Its form is that of ``docs/explain.schema.json``. ``paths`` and ``nudges`` are those of `to_text`.
        """
        shown = Shown(None) if self.focus is None else paths_of_focus(self, self.focus)
        named = [] if shown.paths is None else [shown.paths]
        more = {
            "undefined": self.undefined,
            "expansions": [] if self.focus is None else [self.expand(self.focus)],
            "why_zero": self._killed(),
            "paths": [*named, *[self.paths(name) for name in _several(paths)]],
            "paths_note": shown.note,
            "nudges": [self.nudge(name, size) for name, size in (nudges or {}).items()],
        }
        return to_json(document("explanation", self, **more), indent)

    def _killed(self) -> list[WhyZero]:
        """Return why the derivative looked at, or else those by single numbers, are (nearly) zero."""
        if self.focus is not None:
            names = [self.focus]
        else:
            names = [name for name, slope in self.gradient.items() if np.ndim(slope) == 0]
            names = names if len(names) <= MOST_ASKED else []
        found = [self.why_zero(name) for name in names]
        return [why for why in found if why.is_small]

    def to_latex(self) -> str:
        """Return the explanation as LaTeX, in the current language."""
        from chainrule.explanations.latex import to_latex

        return to_latex(self)

    def to_svg(self, **settings: Any) -> str:
        """Return the computation graph as a picture, with values, gradients and local derivatives."""
        from chainrule.explanations.drawing import to_svg

        return to_svg(self, **settings)

    def to_html(self) -> str:
        """Return the explanation as one self-contained page, in the current language."""
        from chainrule.explanations.html import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_latex_(self) -> str:
        return self.to_latex()

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        by = ", ".join(self.gradient)
        return f"<Explanation of {self.expression}: {self.output}={number(self.value)}, derivatives by {by}>"


def _several(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
