"""Which value of a script is its cost."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.audits.reading.claim_names import COSTS, bare, cost_rank, looks_like_claim
from chainrule.audits.reading.claims import Proposal
from chainrule.audits.reading.history import History, node_at
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Scalar, Scope
from chainrule.graph.node import INPUT, Node
from chainrule.graph.order import ancestors, dependents

NAMELESS = len(COSTS)
MOST = 300  # so many of the last numbers are looked at
RANKS = (2, NAMELESS, 2 * NAMELESS)  # usual names of costs, then those that residuals have too, then all


@dataclass(frozen=True, eq=False)
class Cost:
    """A number that may be the cost, where it was computed, and under which name."""

    name: str
    node: Node
    time: int
    line: int
    rank: int


def scalars(history: History, claims: Container[Any]) -> list[Cost]:
    """Return all real numbers that depend on what the script starts from, in order of time."""
    found: list[Cost] = []
    for store in history.stores:
        if not store.bound and store.place not in claims:
            found.extend(_cost(store.text, store.value, store.time, store.line, cost_rank(store.text)))
    for shown in history.returned:
        if len(shown.values) == 1:
            name = shown.scope.name
            found.extend(_cost(name, shown.values[0], shown.time, shown.line, cost_rank(name) + 1))
    return sorted(found, key=lambda cost: cost.time)


def _cost(name: str, value: object, time: int, line: int, rank: int) -> Iterable[Cost]:
    if not isinstance(value, Scalar | Array):
        return
    node = node_at(value, time)
    if node is not None and node.size == 1 and node.dtype.kind == "f" and node.primitive is not INPUT:
        yield Cost(name, node, time, line, rank)


def chosen(
    history: History,
    found: Sequence[Proposal],
    moved: set[Node],
    first_move: int,
) -> Cost | None:
    """Return the number that is most likely the cost; None if there is none.

    The likeliest is one with a usual name, that uses the variables of most claims, computed last before the
    first claim; then what it is made into: divided by m, added to a penalty.
    """
    variables = {proposal.options[0].node for proposal in found}
    copied = _copies(history, found)
    claimed = {proposal.version.node for proposal in found if proposal.version.node is not None} - copied
    first_claim = min((proposal.version.time for proposal in found), default=2**62)
    known = scalars(history, {proposal.version.store.place for proposal in found})
    nodes = ancestors([cost.node for cost in known])
    after_move, after_claim = dependents(nodes, list(moved)), dependents(nodes, list(claimed))
    known = _unless_empty(known, lambda cost: cost.node not in after_move)
    known = _unless_empty(known, lambda cost: cost.node not in after_claim)
    known = [cost for cost in known if cost.rank < NAMELESS][-MOST:] + [
        cost for cost in known if cost.rank >= NAMELESS
    ][-MOST:]
    known.sort(key=lambda cost: cost.time)
    known = _unless_empty(known, lambda cost: not variables.isdisjoint(ancestors([cost.node])))
    if not known:
        return None
    covered = {cost: len(variables.intersection(ancestors([cost.node]))) for cost in known}
    most = max(covered.values())
    pools = ([cost for cost in known if cost.rank < rank and covered[cost] == most] for rank in RANKS)
    best = next(pool for pool in pools if pool)
    after_delta = dependents(nodes, _like_claims(history))
    best = _unless_empty(best, lambda cost: cost.node not in after_delta)
    named = [cost for cost in known if cost.rank < NAMELESS] or known
    before = [cost for cost in best if cost.time < first_claim]
    base = before[-1] if before else best[0]
    for cost in named:
        again = (
            cost.time < first_claim or bare(cost.name) == bare(base.name) or not _scaled(cost.node, base.node)
        )
        in_time = cost.time < first_move or base.time > first_move
        if base.time < cost.time and in_time and again and _is_made_of(cost.node, base.node):
            base = cost
    return base


def _like_claims(history: History) -> list[Node]:
    """Return what has a derivative's name, whether or not it is clear by what it is one: ``delta_o[k]``."""
    named = (store for store in history.stores if looks_like_claim(store.text) and not store.bound)
    found = (node_at(store.value, store.time) for store in named if isinstance(store.value, Scalar | Array))
    return [node for node in found if node is not None]


def _copies(history: History, found: Sequence[Proposal]) -> set[Node]:
    """Return the claims that are values of the forward part under another name, as ``dx = y`` is for x·y."""
    made = {proposal.version.node: proposal.version.time for proposal in reversed(found)}
    places = {proposal.version.store.place for proposal in found}
    return {
        node
        for store in history.stores
        if store.place not in places and isinstance(store.value, Scalar | Array)
        if (node := node_at(store.value, store.time)) is not None and store.time < made.get(node, 0)
    }


def by_name(history: History, name: str, moved: set[Node]) -> Cost | None:
    """Return the last number that a variable of this name held, if it held one."""
    known = [
        Cost(store.text, cost.node, cost.time, cost.line, 0)
        for store in history.stores
        if name in (store.text, store.text.removeprefix("self.")) and not store.bound
        for cost in _cost(store.text, store.value, store.time, store.line, 0)
    ]
    known = _unless_empty(known, lambda cost: not _uses(cost.node, moved))
    return known[-1] if known else None


def _unless_empty(costs: list[Cost], keep: object) -> list[Cost]:
    kept = [cost for cost in costs if keep(cost)]  # type: ignore[operator]
    return kept or costs


def _uses(node: Node, others: set[Node]) -> bool:
    return bool(others) and not others.isdisjoint(ancestors([node]))


LINEAR = frozenset(
    {"add", "subtract", "multiply", "divide", "negative", "reshape", "mean", "sum", "index", "add_at"}
)


def _is_made_of(node: Node, base: Node) -> bool:
    """Return whether a number is another one, scaled and added to."""
    waiting, seen = [node], set()
    while waiting:
        current = waiting.pop()
        if current is base:
            return True
        if current.primitive.name in LINEAR and current not in seen:
            seen.add(current)
            waiting.extend(source for source in current.inputs if source.serial >= base.serial)
    return False


def _scaled(node: Node, base: Node) -> bool:
    """Return whether a number is another one times a number other than 1/m: an average over time, say."""
    return node.primitive.name == "add" and base not in node.inputs


def shown_instead(ledger: Ledger, history: History, cost: Cost, moved: set[Node]) -> Node | None:
    """Return a number with a cost's name that the script shows, where it never shows the cost itself."""
    shown = [value.node for event in history.shown for value in event.values if isinstance(value, Scalar)]
    if any(node is cost.node for node in shown):
        return None
    names = {
        node: store.text
        for store in history.stores
        if isinstance(store.value, Scalar) and (node := store.value.node) is not cost.node
    }
    for node in shown:
        named = node in names and cost_rank(names[node]) < NAMELESS
        related = named and node.dtype.kind == "f" and node.primitive is not INPUT and not _uses(node, moved)
        if related and dependents(ancestors([node]), set(ledger.starts)) and not _is_made_of(cost.node, node):
            return node
        if related and _is_made_of(cost.node, node):
            return node
    return None


def innermost(scope: Scope, found: Scope | None) -> bool:
    """Return whether a call is not one of the callers of the call found last."""
    current = found
    while current is not None:
        if current is scope:
            return False
        current = current.caller
    return True
