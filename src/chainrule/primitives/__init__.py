"""Which operations exist: one record for each, with all that is known about it.

From the bottom up: `define` (how a record is written), `choice` (comparisons and piecewise functions),
`arithmetic`, `transcendental`, `activation`, `shapes`, `indexing`, `diagonals`, `reduce`, `softmax`,
`ordering`, `linear`; `special` holds, for users, what NumPy lacks; `names` lists all primitives as functions.
Importing this package enters all of them into the registry.
"""

from chainrule.graph.primitive import PRIMITIVES, TRANSLATIONS, named
from chainrule.primitives import activation, linear, ordering, softmax

__all__ = ["PRIMITIVES", "TRANSLATIONS", "activation", "linear", "named", "ordering", "softmax"]
