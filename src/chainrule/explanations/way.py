"""The way back to one entry, entry by entry: at each step the sum behind it, then on by its largest term."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chainrule.explanations.entries import Entry, find_entry
from chainrule.explanations.run import Run
from chainrule.explanations.terms import EntrySum, Expansion, Term, expand_entry

MOST_STEPS = 1_000
LOOKED_AT = 32


class Step(NamedTuple):
    """An entry on the way, the sum behind it, and its largest term."""

    entry: Entry
    scope: str
    expansion: Expansion
    part: EntrySum
    term: Term


def follow_largest(run: Run, entry: Entry, first: tuple[EntrySum, Term] | None = None) -> list[Step]:
    """Return the steps from an entry to the output, along the largest terms; the first may be chosen."""
    steps: list[Step] = []
    for _ in range(MOST_STEPS):
        node = run.nodes[entry.name]
        if node is run.output:
            break
        expansion = expand_entry(run, entry, LOOKED_AT)
        ways = [(part, term) for part in expansion.sums for term in part.terms]
        if not ways:
            break
        part, term = first or max(ways, key=lambda way: _weight(way[1]))
        first = None
        steps.append(Step(entry, run.scope_of(node), expansion, part, term))
        entry = find_entry(term.through, run.by_name)
    return steps


def _weight(term: Term) -> tuple[float, ...]:
    """Return by what the way on is chosen: the product; where all are zero, what is left of it."""
    sizes = (abs(term.value), abs(term.incoming), abs(term.local_value))
    return tuple([size if np.isfinite(size) else np.inf for size in sizes])
