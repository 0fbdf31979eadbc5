"""Which of the numbers that a script starts from may vary: data and parameters, never labels or counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.audits.derivation import Claim, Leaf
from chainrule.audits.reading.claim_names import looks_like_cost
from chainrule.audits.reading.ledger import Ledger, Start
from chainrule.graph.node import Node
from chainrule.graph.order import ancestors

TINY = 1e-6


def leaves(
    ledger: Ledger, cost: Node, claims: Sequence[Claim], names: Mapping[Node, str]
) -> tuple[Leaf, ...]:
    """Return the starts that the cost or a claim is computed from, each with whether it may vary."""
    used = set(ancestors([cost, *[claim.node for claim in claims], *[claim.of for claim in claims]]))
    behind_cost = set(ancestors([cost]))
    claimed = {claim.node for claim in claims}
    variables = {claim.of for claim in claims}
    counts = _counts(ledger, used)
    totals = {
        node
        for node, start in ledger.starts.items()
        if looks_like_cost(start.name) and not np.any(start.value)
    }
    return tuple(
        Leaf(
            node,
            names.get(node, start.name),
            start.value,
            node in behind_cost
            and node not in claimed
            and node not in counts
            and node not in totals
            and may_vary(ledger, start, node in variables),
            start.line,
        )
        for node, start in ledger.starts.items()
        if node in used
    )


def may_vary(ledger: Ledger, start: Start, variable: bool) -> bool:
    """Return whether a start is real data: no truth value, count, label or distribution over classes."""
    value = np.asarray(start.value)
    if value.dtype == bool or start.literal in ledger.newly_pinned or not np.all(np.isfinite(value)):
        return False
    if variable:
        return True
    if value.ndim == 0:
        return not start.computed and not 0 < abs(float(value)) < TINY
    whole = bool(np.all(value == np.round(value)))
    return not whole and not _distribution(value)


def _distribution(value: Any) -> bool:
    """Return whether the entries along an axis always add up to 1: soft labels, which must go on doing so."""
    if value.size < 2 or np.any(value < 0):
        return False
    return any(
        value.shape[axis] > 1 and np.allclose(value.sum(axis=axis), 1, rtol=0, atol=1e-12)
        for axis in {0, value.ndim - 1}
    )


def _counts(ledger: Ledger, used: set[Node]) -> set[Node]:
    """Return the numbers by which is divided and which are lengths of arrays: m = 5 for five examples."""
    lengths = {length for start in ledger.starts.values() for length in np.shape(start.value) if length > 1}
    found: set[Node] = set()
    for node in used:
        if node.primitive.name == "divide":
            for source in ancestors([node.inputs[1]])[-8:]:
                start = ledger.starts.get(source)
                if start is not None and np.ndim(start.value) == 0 and float(start.value) in lengths:
                    found.add(source)
    return found
