"""Which values of a script claim to be derivatives of its cost, and of what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.audits.derivation import Claim
from chainrule.audits.reading.claim_names import bare, is_delta, is_word, looks_like_claim, stems
from chainrule.audits.reading.history import History, Store, node_at, source_of
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.matching import Candidate, candidates, forward_node
from chainrule.audits.reading.values import Array, Scalar, Storage, shadow
from chainrule.errors import ChainruleError
from chainrule.gradients import gradients_of_all
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, constant
from chainrule.graph.order import ancestors

MOST_OTHERS = 12
ROUNDS = 64  # so many of the last versions at one place are looked at


@dataclass(eq=False)
class Version:
    """What a claimed derivative was from one change to the next."""

    store: Store
    time: int
    line: int
    node: Node | None
    reads: list[Any]
    lines: tuple[int, ...]
    until: int = 2**62
    empty: bool = False

    def after(self, first: Version) -> None:
        """Leave out the lines that made an earlier version, which counted for itself."""
        if self.lines[: len(first.lines)] == first.lines and len(self.lines) > len(first.lines):
            self.lines = self.lines[len(first.lines) :]


@dataclass(eq=False)
class Proposal:
    """A version that may be a claim, with the variables that it may be about."""

    version: Version
    options: list[Candidate]


def versions_of(ledger: Ledger, history: History) -> list[Version]:
    """Return the versions of all values with a derivative's name, in order of time."""
    places: dict[Any, list[Store]] = {}
    for store in history.stores:
        if (
            not store.bound
            and looks_like_claim(store.text)
            and isinstance(store.value, Scalar | Array | int | float)
        ):
            places.setdefault(store.place, []).append(store)
    found = [version for stores in places.values() for version in _versions(ledger, stores)[-ROUNDS:]]
    return sorted(found, key=lambda version: version.time)[-20 * ROUNDS :]


def _versions(ledger: Ledger, stores: list[Store]) -> list[Version]:
    versions: list[Version] = []
    for number, store in enumerate(stores):
        end = stores[number + 1].time if number + 1 < len(stores) else 2**62
        versions.append(
            _version(versions, store, store.time, store.line, node_at(store.value, store.time), store.reads)
        )
        versions[-1].empty = _is_empty(ledger, versions[-1])
        for change in store.value.storage.changes if isinstance(store.value, Array) else ():
            if store.time < change.time < end:
                node = node_at(store.value, change.time)
                changed = [*change.reads, store.value.storage]
                versions.append(_version(versions, store, change.time, change.line, node, changed))
        versions[-1].empty = _is_empty(ledger, versions[-1])
    for version, following in pairwise(versions):
        version.until = following.time
    return versions


def _is_empty(ledger: Ledger, version: Version) -> bool:
    """Return whether a version is but zeros to add up in."""
    start = None if version.node is None else ledger.starts.get(version.node)
    if version.node is None:
        return not isinstance(version.store.value, int | float) or not version.store.value
    return start is not None and not np.any(start.value)


def _version(
    versions: list[Version], store: Store, time: int, line: int, node: Node | None, reads: list[Any]
) -> Version:
    lines: tuple[int, ...] = (line,)
    if versions:
        last = versions[-1]
        source = source_of(last.store.value)
        continued = any(value is source for value in reads) or source_of(store.value) is source
        if continued and not last.empty:
            passed_on = node is not None and node is last.node
            lines = last.lines if passed_on or line in last.lines else (*last.lines, line)
    return Version(store, time, line, node, reads, lines)


def frozen(history: History, found: Sequence[Proposal]) -> list[Proposal]:
    """Return the proposals that count: versions read by another claim or an update, and the last ones."""
    uses = _uses(history, {proposal.version.store.place for proposal in found})
    last = {proposal.version.store.place: proposal for proposal in found}
    kept: dict[Any, list[Proposal]] = {}
    for proposal in found:
        place = proposal.version.store.place
        if last[place] is proposal or _is_read(proposal.version, uses):
            kept.setdefault(place, []).append(proposal)
    for there in kept.values():
        for first, second in pairwise(there):
            second.version.after(first.version)
    return sorted(
        (proposal for there in kept.values() for proposal in there),
        key=lambda proposal: proposal.version.time,
    )


def _uses(history: History, claims: set[Any]) -> dict[int, list[tuple[int, Any]]]:
    """Return when each value was read by a statement that stores a derivative, and in which place."""
    uses: dict[int, list[tuple[int, Any]]] = {}
    storages: dict[int, tuple[Storage, Any]] = {}
    for store in history.stores:
        if store.update or looks_like_claim(store.text):
            for value in store.reads:
                uses.setdefault(id(value), []).append((store.time, store.place))
        if isinstance(store.value, Array) and store.place in claims:
            storages[id(store.value.storage)] = store.value.storage, store.place
    for storage, place in storages.values():
        for change in storage.changes:
            for value in change.reads:
                if value is not storage:
                    uses.setdefault(id(value), []).append((change.time, place))
    return uses


def _is_read(version: Version, uses: dict[int, list[tuple[int, Any]]]) -> bool:
    read = uses.get(id(source_of(version.store.value)), [])
    return any(version.time < time < version.until and place != version.store.place for time, place in read)


def proposals(
    ledger: Ledger, history: History, versions: Sequence[Version], cost_nodes: set[Node]
) -> list[Proposal]:
    """Return the versions whose name has a variable to be about."""
    found = []
    for version in versions:
        options: list[Candidate] = []
        for stem in stems(version.store.text):
            options = candidates(ledger, history, stem, version.store, version.time, cost_nodes)
            others = [option for option in options if option.node is not version.node]
            options = others or [
                option for option in options if option.level < 2 and _is_late(version, cost_nodes)
            ]
            if options:
                break
        options = [*options, *_before_activation(options, cost_nodes)]
        if is_delta(version.store.text):
            options += _by_shape(ledger, history, version, cost_nodes)
        if options:
            found.append(Proposal(version, options))
    return found


def _is_late(version: Version, cost_nodes: set[Node]) -> bool:
    """Return whether a plain copy was made after the forward part, as a derivative is: ``dx = x``."""
    known = [node for node in cost_nodes if node.location is not None]
    return bool(known) and version.line > max(node.location.line or 0 for node in known if node.location)


def _before_activation(options: Sequence[Candidate], cost_nodes: set[Node]) -> list[Candidate]:
    """Return what went into the activations: a masked ``dhidden`` is the derivative by that."""
    found = []
    for option in options[:1]:
        node = option.node
        while node.primitive.elementwise and node in cost_nodes:
            inner = [source for source in node.inputs if source.shape == node.shape and source in cost_nodes]
            if not inner:
                break
            node = inner[-1]
            if node.primitive.name != "negative":
                found.append(replace(option, node=node))
    return found


def _by_shape(ledger: Ledger, history: History, version: Version, cost_nodes: set[Node]) -> list[Candidate]:
    """Return all values of the forward part with a claim's shape, the latest first."""
    shape = np.shape(shadow(version.store.value))
    found: list[Candidate] = []
    for store in reversed(history.stores[-1000:]):
        if store.time < version.time and isinstance(store.value, Array | Scalar):
            if np.shape(shadow(store.value)) != shape or looks_like_claim(store.text):
                continue
            node = forward_node(ledger, store)
            if node is not None and node in cost_nodes and node not in ledger.starts:
                z = bare(store.text).lower()[:1] in ("z", "s", "n")
                mine = bare(store.text) in bare(version.store.text).split("_")
                found.append(Candidate(store, node, 0 if z or mine else 1, named=False))
    found.sort(key=lambda option: option.level)
    inner = [inside for option in found for inside in _before_activation([option], cost_nodes)]
    return [*found, *inner]


class Comparison:
    """The values of claims, and of the derivatives that they may be, at the script's own point and others."""

    def __init__(self, ledger: Ledger, cost: Node, claims: Iterable[Node], variables: Iterable[Node]) -> None:
        inputs = list(ledger.starts)
        try:
            found = gradients_of_all(cost, inputs, constant(np.ones(cost.shape)))
        except ChainruleError:
            found = {}
        true = {node: found[node] for node in dict.fromkeys(variables) if node in found}
        self.nodes = [*dict.fromkeys(claims), *true]
        self.true = frozenset(true)
        program = Program(inputs, [*self.nodes[: len(self.nodes) - len(true)], *true.values()])
        count = len(self.nodes) - len(true)
        self.points: list[tuple[dict[Node, Any], dict[Node, Any]]] = []
        for number in range(POINTS):
            values = program.run(*[_varied(ledger.starts[node].value, number) for node in inputs])
            self.points.append(
                (
                    dict(zip(self.nodes[:count], values[:count], strict=True)),
                    dict(zip(true, values[count:], strict=True)),
                )
            )

    def agreement(self, claim: Node | None, variable: Node) -> int:
        """Return at how many points a claim is the derivative up to a factor; 0 if not at the script's."""
        if claim is None or variable not in self.true:
            return 0
        agreed = [fits(claims[claim], true[variable]) for claims, true in self.points]
        return sum(agreed) if agreed[0] else 0

    def sign(self, claim: Node | None, variable: Node) -> float:
        """Return the sign of the factor between a claim and a derivative, at the script's own point."""
        claims, true = self.points[0]
        return 1.0 if claim is None else float(np.sign(np.sum(np.asarray(claims[claim]) * true[variable])))


POINTS = 3


def _varied(value: Any, number: int) -> Any:
    """Return a value of data at another point; whole numbers stay, since they may be labels."""
    array = np.asarray(value)
    if not number or array.dtype.kind != "f" or not array.ndim or np.all(array == np.round(array)):
        return value
    noise = np.random.default_rng(number).normal(size=array.shape)
    return array + 0.5 * noise * (np.abs(array) + np.mean(np.abs(array)))


def fits(claimed: Any, true: Any) -> bool:
    """Return whether a claim is a derivative up to a factor; for one number, the derivative itself."""
    first, second = np.asarray(claimed, float).ravel(), np.asarray(true, float).ravel()
    if first.size != second.size or not np.all(np.isfinite(first)) or not np.all(np.isfinite(second)):
        return False
    if first.size == 1:
        return bool(np.isclose(first[0], second[0], rtol=1e-8, atol=1e-12))
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    if length == 0.0:
        return bool(np.allclose(first, second, atol=1e-12))
    return abs(float(first @ second)) >= (1 - 1e-10) * length


def settle(ledger: Ledger, cost: Node, found: Sequence[Proposal]) -> list[Claim]:
    """Return the claims, each with the one variable it is about.

    Where a name may mean several values, as a name that each layer or each example uses again, it is the one
    whose derivative the claim is, up to a factor; if it is none's, the likeliest by name and time.
    """
    doubtful = [proposal for proposal in found if len(proposal.options) > 1]
    claims = [proposal.version.node for proposal in doubtful if proposal.version.node is not None]
    variables = [option.node for proposal in doubtful for option in proposal.options]
    comparison = Comparison(ledger, cost, claims, variables) if doubtful else None
    settled = []
    for proposal in found:
        option, sign = _option(proposal, comparison)
        if option.named or sign >= 0:  # a name for the opposite of a derivative claims no derivative
            claim = _claim(ledger, proposal.version, option)
            others = [(other.store.text, other.node) for other in proposal.options if other is not option]
            settled.append(replace(claim, others=tuple(others[:MOST_OTHERS])))
    return _distinct(ledger, settled)


def _option(proposal: Proposal, comparison: Comparison | None) -> tuple[Candidate, float]:
    """Return the variable that a claim is about, and the sign of the factor between claim and derivative."""
    first, best, sign = proposal.options[0], 0, 1.0
    chosen = first
    if comparison is None or len(proposal.options) == 1:
        return first, sign
    for option in proposal.options:
        if option.level <= max(first.level, 5) and option.node.shape == first.node.shape:
            agreed = comparison.agreement(proposal.version.node, option.node)
            if agreed > best:
                chosen, best = option, agreed
                sign = comparison.sign(proposal.version.node, option.node)
    return chosen, sign


def _claim(ledger: Ledger, version: Version, option: Candidate) -> Claim:
    node = version.node
    if node is None:
        node = constant(np.asarray(shadow(version.store.value), dtype=float))
    return Claim(
        name=version.store.text,
        node=node,
        of_name=option.store.text,
        of=option.node,
        line=version.lines[-1],
        lines=tuple(sorted(set(version.lines))),
        text=ledger.code(version.lines[-1]),
        final=option.node in ledger.starts and not _is_data(option),
    )


def _is_data(option: Candidate) -> bool:
    """Return whether a start is a table of examples, whose derivative is like that of any layer's input."""
    return option.node.ndim > 1 and bool(
        re.match(r"(?:x|a|h|inputs?)(?:\d|_|$)", bare(option.store.text).lower())
    )


def _distinct(ledger: Ledger, claims: list[Claim]) -> list[Claim]:
    """Return the claims without those that say the same again: aliases, and earlier rounds of a loop."""
    kept: dict[int, Claim] = {}
    for number, claim in enumerate(claims):
        alias = next(
            (n for n, first in kept.items() if first.node is claim.node and first.of is claim.of), None
        )
        if alias is not None:
            if is_word(claim.name) and not is_word(kept[alias].name):
                kept[alias] = _renamed(ledger, kept[alias], claim.name)
            continue
        earlier = next((n for n, first in kept.items() if _superseded(ledger, first, claim)), None)
        kept[number] = claim if earlier is None else _continued(kept.pop(earlier), claim)
    return list(kept.values())


def _superseded(ledger: Ledger, first: Claim, claim: Claim) -> bool:
    """Return whether a claim takes the place of an earlier one of its name.

    A loop over examples makes one claim after the other, of which the last is kept; a loop over layers makes
    each from the one before, or about a parameter of its own: all are kept.
    """
    if (first.name, first.of_name) != (claim.name, claim.of_name):
        return False
    if first.of is claim.of:
        return True
    parameters = first.of in ledger.starts and claim.of in ledger.starts
    return not parameters and first.node not in set(ancestors([claim.node]))


def _continued(first: Claim, claim: Claim) -> Claim:
    """Return a claim with the lines of the earlier one that it changes, and its line if only clipped."""
    if first.node not in set(ancestors([claim.node])):
        return claim
    lines = tuple(sorted({*first.lines, *claim.lines}))
    if re.search(rf"\b{re.escape(bare(claim.name))}\b", claim.text):
        return replace(claim, lines=lines)
    return replace(claim, lines=lines, line=first.line, text=first.text)


def _renamed(ledger: Ledger, claim: Claim, name: str) -> Claim:
    start = ledger.starts.get(claim.of)
    of_name = start.name if start is not None and is_word(start.name) else claim.of_name
    return replace(claim, name=name, of_name=of_name)
