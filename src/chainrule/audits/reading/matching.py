"""Which variable a claim is about: by its name, its shape, its place in a list, and the time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.audits.reading.claim_names import ENTRY, bare
from chainrule.audits.reading.history import History, Store, node_at
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Scalar, shadow
from chainrule.graph.node import Node

SYNONYMS = (
    {"w", "weight", "weights", "theta", "kernel", "ws", "wts"},
    {"b", "bias", "biases", "bs"},
    {"x", "inputs", "input", "xs", "data"},
    {"h", "hidden", "hs"},
    {"yhat", "ypred", "predictions", "pred"},
    {"output", "out", "outputs"},
)
NO_MATCH = 9
MOST = 64  # so many of the last values under one name are looked at


@dataclass(frozen=True, eq=False)
class Candidate:
    """A value of the forward part under one of its names; ``named`` if the claim's own name points at it."""

    store: Store
    node: Node
    level: int
    named: bool = True


@lru_cache(maxsize=65536)
def level_of(stem: str, text: str) -> int:
    """Return how far a variable's name is from the stem of a claim: 0 the same, large if it is another."""
    name = bare(text)
    entry = 1 if ENTRY.match(text) and bare(text) != text and not text.endswith(('"]', "']")) else 0
    if name == stem:
        return entry
    small, wanted = name.lower().strip("_"), stem.lower().strip("_")
    if small == wanted:
        return 2 + entry
    small, wanted = small.replace("_", ""), wanted.replace("_", "")
    if small == wanted or small in (wanted + "s", wanted + "es") or wanted in (small + "s", small + "es"):
        return 4 + entry
    first, second = re.sub(r"\d+$", "", small), re.sub(r"\d+$", "", wanted)
    if small[len(first) :] == wanted[len(second) :] and any(first in s and second in s for s in SYNONYMS):
        return 6
    if len(wanted) >= 3 and small.startswith(wanted) and not small[len(wanted) :].isdigit():
        return 7
    return NO_MATCH


def place_in_list(store: Store) -> tuple[int, int] | None:
    """Return a store's place in a list and the list's length; None if it is no entry of a list."""
    if not isinstance(store.container, list):
        return None
    for place, item in enumerate(store.container):
        if item is store.value:
            return place, len(store.container)
    return store.place[1], len(store.container)


def path_of(text: str) -> tuple[int, ...]:
    """Return the places in nested lists that a name ends with: (1, 0) for ``dw[1][0]``."""
    found = re.search(r"(?:\[-?\d+\])+$", text)
    return tuple(map(int, re.findall(r"-?\d+", found[0]))) if found else ()


def candidates(
    ledger: Ledger, history: History, stem: str, claim: Store, before: int, cost_nodes: set[Node]
) -> list[Candidate]:
    """Return the values that a claim may be about, the likeliest first."""
    shape = np.shape(shadow(claim.value))
    place, path = place_in_list(claim), path_of(claim.text)
    found: list[tuple[Any, Candidate]] = []
    levels = {text: level_of(stem, text) for text in history.by_text}
    near = [text for text, level in levels.items() if level < NO_MATCH]
    for store in (store for text in near for store in history.before(text, before, MOST)):
        if not isinstance(store.value, Array | Scalar):
            continue
        level = levels[store.text]
        own = place_in_list(store)
        if place is not None and own is not None and own[1] == place[1] and own[0] != place[0]:
            continue
        if _has_its_own(claim, store):
            continue
        other = path_of(store.text)
        if path and other and len(path) == len(other) and path[:-1] != other[:-1]:
            continue
        for node in dict.fromkeys((forward_node(ledger, store), node_at(store.value, before))):
            if node is None:
                continue
            entry = place is not None and own == place and node in ledger.starts
            if node.shape != shape and not entry and not _may_misfit(ledger, store, claim, node, level):
                continue
            order = (
                node.shape != shape,
                level,
                node not in cost_nodes,
                store.scope is not claim.scope,
                -store.time,
            )
            found.append((order, Candidate(store, node, level)))
    found.sort(key=lambda pair: pair[0])
    return [candidate for _, candidate in found]


def _has_its_own(claim: Store, store: Store) -> bool:
    """Return whether a dictionary has an entry under the number of a claim, and this is another."""
    dictionaries = isinstance(claim.container, dict) and isinstance(store.container, dict)
    return (
        dictionaries
        and isinstance(claim.key, int)
        and claim.key != store.key
        and claim.key in store.container
    )


def _may_misfit(ledger: Ledger, store: Store, claim: Store, node: Node, level: int) -> bool:
    """Return whether a claim of another shape may still be about a value, its shape being what is wrong."""
    same_size = node.size == np.size(shadow(claim.value))
    return level < 2 and (same_size or store.scope is claim.scope or node in ledger.starts)


def forward_node(ledger: Ledger, store: Store) -> Node | None:
    """Return the node that a stored value had; what was never computed with becomes an input now."""
    node = node_at(store.value, store.time)
    value = store.value
    if node is None and isinstance(value, Array) and value.storage.name and value.storage.node is None:
        if value.storage.root.dtype.kind in "biuf":
            node = value.seen(ledger.base(value.storage))
    elif node is None and isinstance(value, Array) and value.storage.changes:
        later = [change for change in value.storage.changes if change.time > store.time]
        constant_until = later[0] if later else None
        if constant_until is None and value.storage.node is not None:
            node = value.seen(value.storage.node)
    return node
