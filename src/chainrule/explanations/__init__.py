"""Explanations: every value, every local derivative and every sum over uses, with this run's numbers.

From the bottom up: `steps` (the record of what happened), `formulas` (nodes as people write them), `names`
(what steps are called), `plain` (the text form), `explanation`, `explaining` (what a caller uses).
"""

from chainrule.explanations.explaining import explain
from chainrule.explanations.explanation import Explanation

__all__ = ["Explanation", "explain"]
