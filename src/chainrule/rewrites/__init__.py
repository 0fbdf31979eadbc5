"""Named rewrites: simplifications (x·1 = x), stabilisations (log-sum-exp), and the product that avoids 0·∞.

A rewrite is a record with a name, a reason that can be cited, and a rule: from a node to a better one of the
same value, shape and dtype, or None. `simplify` and `stabilise` apply them to whole graphs, inputs first.

From the bottom up: `rule` (the record, the tables), `masks`, `simplifications`, `stabilisations`, `driver`.
"""

from chainrule.rewrites.driver import simplify, stabilise
from chainrule.rewrites.masks import Masks
from chainrule.rewrites.rule import SIMPLIFICATIONS, STABILISATIONS, Rewrite, is_number

__all__ = ["SIMPLIFICATIONS", "STABILISATIONS", "Masks", "Rewrite", "is_number", "simplify", "stabilise"]
