"""`check_gradient`: whether a gradient is right, or else at which entry, by how much, or only at a kink.

From the bottom up: `differences` (numerical derivatives), `report` (what a check found), `point` (a function
at a point, and the claims about its gradient there), `kinks`, `checking`.
"""

from chainrule.checks.checking import check_gradient
from chainrule.checks.report import Entry, GradientCheck, Kink

__all__ = ["Entry", "GradientCheck", "Kink", "check_gradient"]
