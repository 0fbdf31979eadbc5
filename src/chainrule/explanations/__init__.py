"""Explanations: every value, every local derivative and every sum over uses, with this run's numbers.

From the bottom up: `steps` (the record of what happened) · `entries`, `names`, `rules`, `formulas`, `data`
(what entries and steps are called, the rule used, nodes as people write them, JSON) · `plain` and its kin
(the text form) · `run` (a graph at some values, with its edges) · `terms`, `nudges` (the sum behind an
entry; moving a variable) · `routes`, `way` (paths; the way back to an entry), `drawing`, `latex`, `html` ·
`zeros` (why is a gradient zero?) · `explanation`, `updates` (what a caller gets) · `explaining`.
"""

from chainrule.explanations.explaining import explain
from chainrule.explanations.explanation import Explanation
from chainrule.explanations.nudges import Nudge
from chainrule.explanations.routes import Path, Paths
from chainrule.explanations.steps import BackwardStep, Edge, ForwardStep, Rule, Use
from chainrule.explanations.terms import Expansion
from chainrule.explanations.updates import UpdateExplanation
from chainrule.explanations.zeros import WhyZero

__all__ = [
    "BackwardStep",
    "Edge",
    "Expansion",
    "Explanation",
    "ForwardStep",
    "Nudge",
    "Path",
    "Paths",
    "Rule",
    "UpdateExplanation",
    "Use",
    "WhyZero",
    "explain",
]
