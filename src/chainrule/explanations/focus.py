"""Which paths an explanation shows without being asked, and what must be said about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from chainrule.errors import GradientError
from chainrule.explanations.formulas import number
from chainrule.explanations.routes import Paths
from chainrule.paths import MOST_EDGES
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation
    from chainrule.explanations.terms import Expansion, Term

MOST_EXAMPLES = 16  # of which the paths are looked at together


class Shown(NamedTuple):
    """Paths, none where there are too many edges; and what they leave out, empty where that is nothing."""

    paths: Paths | None
    note: str = ""


def paths_shown(explanation: Explanation, name: str) -> Shown:
    """Return the paths from an entry to the output; or why they are left out."""
    try:
        return Shown(explanation.paths(name))
    except GradientError:
        return Shown(
            None, say("explain.paths.left_out", name=name, output=explanation.output, most=MOST_EDGES)
        )


def paths_of_focus(explanation: Explanation, focus: str) -> Shown:
    """Return the paths from the entry looked at; only those of its largest term if that is one of many."""
    expansion = explanation.expand(focus, 1)
    if sum(part.count for part in expansion.sums) <= MOST_EXAMPLES:
        return paths_shown(explanation, focus)
    largest = max(expansion.terms, key=lambda term: abs(term.value))
    found = paths_shown(explanation, largest.through)
    return found if found.paths is None else Shown(found.paths, _part_of(expansion, largest))


def _part_of(expansion: Expansion, term: Term) -> str:
    by_example = all(part.by_example for part in expansion.sums)
    share = term.value / expansion.gradient if expansion.gradient else np.nan
    return say(
        "explain.paths.of_example" if by_example else "explain.paths.of_term",
        slope=f"d{expansion.output}/d{expansion.name}",
        whole=number(expansion.gradient),
        count=sum(part.count for part in expansion.sums),
        value=number(term.value),
        share=f" ({100 * share:.3g} %)" if np.isfinite(share) else "",
        through=term.through,
    )
