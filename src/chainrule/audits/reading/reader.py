"""`read_script`: from the text of a NumPy script to its cost and its claims, in one graph."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.audits.derivation import Claim, Derivation
from chainrule.audits.reading.callables import Class, Function
from chainrule.audits.reading.claims import Proposal, Version, frozen, proposals, settle, versions_of
from chainrule.audits.reading.costs import Cost, by_name, chosen, innermost, shown_instead
from chainrule.audits.reading.freedom import leaves
from chainrule.audits.reading.history import node_at
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.limits import Exceeded, Limits
from chainrule.audits.reading.matching import path_of
from chainrule.audits.reading.parsing import example_of_call, named_after_variables, parsed
from chainrule.audits.reading.rebasing import rebased
from chainrule.audits.reading.statements import Statements
from chainrule.audits.reading.stores import Repeated
from chainrule.audits.reading.trials import Trial, trial, with_statement
from chainrule.audits.reading.values import Array, Scalar, Scope
from chainrule.errors import AuditError, ChainruleError
from chainrule.graph import context
from chainrule.graph.node import Node
from chainrule.graph.order import ancestors, dependents

PASSES = 4  # each finds more of the literals that are counts; two are enough nearly always


def read_script(
    source: str,
    *,
    of: str | None = None,
    cost: str | None = None,
    call: str | None = None,
    at: Mapping[str, Any] | None = None,
    filename: str = "<script>",
) -> Derivation:
    r"""Read a NumPy script and return its cost and what it claims the derivatives to be.

    The script is never executed by Python: its statements are followed one by one, within bounds, on NumPy's
    own arrays and in a graph at once. Nothing is printed or drawn, and no file is opened.

    Parameters
    ----------
    source
        The script's text.
    of
        The variable that holds the cost, where it is not the last number of the forward part.
    cost
        An expression for the cost, where the script computes none; it is evaluated where the claims are made.
    call
        Statements to run after the script, where it defines functions and does not call them.
    at
        Arrays by name, in place of what the script assigns to these variables first.
    filename
        What messages call the script.

    Returns
    -------
    Derivation
        The cost, the claims and all values between, on the script's own numbers.

    Raises
    ------
    AuditError
        If the script does what is not followed, or has no cost or no claims; names the line.

    Examples
    --------
    >>> found = read_script("a = 2.0\nb = 3.0\nJ = a * b\nda = b\ndb = a\n")
    >>> found.cost_name, [(claim.name, claim.of_name, claim.line) for claim in found.claims]
    ('J', [('da', 'a', 4), ('db', 'b', 5)])
    """
    return _read(_Request(source, of, cost, call, dict(at or {}), filename))


def _read(request: _Request) -> Derivation:
    token = context.behalf.set(None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return request.derivation()
    except AuditError:
        raise
    except (RecursionError, MemoryError):
        raise AuditError("reading.too_deep", file=request.filename, line=None) from None
    except (ChainruleError, ArithmeticError, ValueError, TypeError, LookupError) as error:
        raise AuditError("reading.unclear", file=request.filename, reason=error, line=None) from error
    finally:
        context.behalf.reset(token)


@dataclass
class _Request:
    """One wish to read a script; kept, so that it can be read again with a line replaced."""

    source: str
    of: str | None
    cost: str | None
    call: str | None
    at: dict[str, Any]
    filename: str
    pinned: set[tuple[int, int]] = field(default_factory=set)
    words: dict[str, str] | None = None

    def tree(self) -> ast.Module:
        """Return the script's syntax tree, with gradients named after variables where that is needed."""
        tree = parsed(self.source, self.filename)
        if self.words is not None:
            self.words = named_after_variables(tree)
        return tree

    def derivation(self) -> Derivation:
        try:
            return self._derivation()
        except AuditError as error:
            self.words = {}
            self.tree()
            if error.key not in ("reading.no_claims", "reading.no_cost") or not self.words:
                raise
        found, words = self._derivation(), self.words
        return replace(
            found, claims=tuple([replace(c, name=words.get(c.name, c.name)) for c in found.claims])
        )

    def _derivation(self) -> Derivation:
        tree = self.tree()
        called = parsed(self.call, "--call") if self.call else ast.Module([], [])
        pinned = self.pinned
        for _ in range(PASSES):
            reading = _Reading(self, pinned)
            reading.run(tree, called)
            if reading.ledger.newly_pinned <= pinned:
                break
            pinned = pinned | reading.ledger.newly_pinned
        self.pinned = pinned
        return reading.derivation()


class _Reading:
    """One pass over a script."""

    def __init__(self, request: _Request, pinned: set[tuple[int, int]]) -> None:
        self.request = request
        self.ledger = Ledger(request.source.splitlines(), request.filename, Limits(), pinned)
        self.machine = Statements(self.ledger, request.at)
        self.expression = self._cost_expression()
        self.supplied: tuple[Any, int, Scope] | None = None
        self.failure: AuditError | None = None
        if self.expression is not None:
            self.machine.on_update = self._supply
            self.machine.on_finish = self._supply

    def _cost_expression(self) -> ast.expr | None:
        if self.request.cost is None:
            return None
        try:
            return ast.parse(self.request.cost.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise AuditError("reading.cost", cost=self.request.cost, reason=error, line=None) from None

    def run(self, tree: ast.Module, called: ast.Module) -> None:
        machine, ledger = self.machine, self.ledger
        token = context.tracing.set(ledger.trace)
        try:
            self._define()
            machine.run(tree.body, machine.root)
            if called.body:
                self._define()
                ledger.source = [*ledger.source, *(self.request.call or "").splitlines()]
                ast.increment_lineno(called, len(self.request.source.splitlines()))
                machine.run(called.body, machine.root)
                ast.increment_lineno(called, -len(self.request.source.splitlines()))
            self._supply(machine.root)
        except Repeated:
            pass
        except AuditError:
            if not machine.moved:  # the first step is known: a wrong shape stops many scripts in the second
                raise
        except Exceeded as reached:
            raise ledger.refusal(reached.key, limit=reached.limit) from None
        finally:
            context.tracing.reset(token)

    def _define(self) -> None:
        for number, (name, value) in enumerate(self.request.at.items()):
            array = np.array(value, dtype=float if np.asarray(value).dtype.kind == "f" else None)
            if array.dtype.kind not in "biuf":
                raise AuditError("reading.at", name=name, kind=array.dtype, line=None)
            scope = self.machine.root
            if array.ndim:
                made = self.ledger.fresh(array)
                made.storage.name = name
                scope.variables.setdefault(name, made)
            elif name not in scope.variables:
                plain = array[()].item()
                scope.variables[name] = (
                    plain if isinstance(plain, bool) else self.ledger.number(plain, name, (0, number))
                )
            self.machine.note(scope.variables, name, name, scope.variables[name], scope)
            self.machine.known.add(name)

    def _supply(self, scope: Scope) -> None:
        """Compute the cost that was asked for, where the claims have just been made."""
        if self.expression is None or self.machine.moved:
            return
        if not self.machine.claimed or (self.supplied and not innermost(scope, self.supplied[2])):
            return
        line = self.ledger.line
        try:
            value = self.machine.evaluate(self.expression, Scope({}, outer=scope, caller=scope))
        except AuditError as error:
            self.failure = error
        except (Exceeded, Repeated):
            raise
        except Exception as error:
            self.failure = AuditError("reading.cost", cost=self.request.cost, reason=error, line=None)
        else:
            self.supplied = value, self.ledger.clock, scope
        self.ledger.at(line)

    # What was found.

    def derivation(self) -> Derivation:
        ledger, history = self.ledger, self.machine.history
        token = context.tracing.set(ledger.trace)
        try:
            versions = self._versions()
            found = proposals(ledger, history, versions, self._values())
            cost = self._cost(frozen(history, found))
            found = proposals(ledger, history, versions, set(ancestors([cost.node])))
            found = [p for p in found if not self._no_claim(p.version, cost)]
            claims = settle(ledger, cost.node, frozen(history, found))
            if not claims:
                raise AuditError("reading.no_claims", file=ledger.filename, cost=cost.name, line=None)
            return self._made(cost, claims)
        finally:
            context.tracing.reset(token)

    def _versions(self) -> list[Version]:
        """Return the versions of derivatives in the first step of training."""
        versions = versions_of(self.ledger, self.machine.history)
        start = self.machine.first_move
        first: dict[Any, set[Node | None]] = {}
        for version in versions:
            if version.time <= start:
                first.setdefault((version.store.text, version.line), set()).add(version.node)
        return [
            version
            for version in versions
            if version.time <= start
            or not self._repeated(version, first.get((version.store.text, version.line)))
        ]

    def _repeated(self, version: Version, earlier: set[Node | None] | None) -> bool:
        """Return whether a version made after an update belongs to the second step of training."""
        if earlier is None:
            return False
        node, moved = version.node, self.machine.moved
        if node is None or node in self.ledger.starts or node in earlier:
            return True
        return any(source in moved for source in ancestors([node]))

    def _values(self) -> set[Node]:
        """Return the nodes of all that was stored."""
        found = (
            node_at(store.value, store.time)
            for store in self.machine.history.stores
            if isinstance(store.value, Scalar | Array)
        )
        return {node for node in found if node is not None}

    def _cost(self, found: list[Proposal]) -> Cost:
        """Return the cost, as a function of the values that the claims are about."""
        ledger, machine, request = self.ledger, self.machine, self.request
        moved = set(machine.moved)
        if request.of is not None:
            cost = by_name(machine.history, request.of, moved)
            if cost is None:
                raise AuditError("reading.no_variable", file=ledger.filename, name=request.of, line=None)
        elif self.expression is not None:
            cost = self._supplied()
        else:
            cost = chosen(machine.history, found, moved, machine.first_move)
            if cost is None:
                raise self._nothing()
        last = max((proposal.version.time for proposal in found), default=0)
        if cost.time > last or moved.intersection(ancestors([cost.node])):
            return replace(cost, node=rebased(cost.node, machine.before_move, self._values()))
        return cost

    def _supplied(self) -> Cost:
        if self.supplied is None:
            if not self.machine.claimed:
                raise self._nothing()
            raise self.failure or self._nothing()
        value, time, _ = self.supplied
        node = self.ledger.node(value) if isinstance(value, Scalar | Array) else None
        if not isinstance(node, Node) or node.size != 1:
            raise AuditError("reading.cost_number", cost=self.request.cost, line=None)
        return Cost(self.request.cost or "", node, time, 0, 0)

    def _nothing(self) -> AuditError:
        """Return the refusal of a script without a cost, or without a call of its functions."""
        own = {
            name: value
            for name, value in self.machine.root.variables.items()
            if isinstance(value, Function | Class)
        }
        if own and not self.machine.claimed:
            return AuditError(
                "reading.no_call",
                file=self.ledger.filename,
                names=", ".join(own),
                example=example_of_call(own),
                line=None,
            )
        return AuditError("reading.no_cost", file=self.ledger.filename, line=None)

    def _no_claim(self, version: Version, cost: Cost) -> bool:
        """Return whether a value is a step like dx = 0.01, zeros to add up in, or part of the cost itself."""
        if self.expression is not None or version.time > cost.time:
            return False
        plain = version.node is None or version.node in self.ledger.starts
        return plain or version.node in set(ancestors([cost.node]))

    def _made(self, cost: Cost, claims: list[Claim]) -> Derivation:
        ledger, history, moved = self.ledger, self.machine.history, set(self.machine.moved)
        names = self._names()
        names |= {claim.of: claim.of_name for claim in claims if claim.of not in names}
        graph = ancestors([cost.node, *[claim.node for claim in claims], *[claim.of for claim in claims]])
        lines = {
            node: node.location.line for node in graph if node.location is not None and node.location.line
        }
        starts = leaves(ledger, cost.node, claims, names)
        return Derivation(
            leaves=starts,
            cost_name=cost.name,
            cost=cost.node,
            claims=tuple(claims),
            names=names,
            lines=lines,
            rewritten=partial(rewritten, self.request, cost),
            tried=partial(tried, self.request),
            source=self.request.source,
            shown_cost=shown_instead(ledger, history, cost, moved),
            guards=tuple(
                dependents(ancestors(ledger.guards), [leaf.node for leaf in starts if leaf.free])
                & {*ledger.guards}
            ),
        )

    def _names(self) -> dict[Node, str]:
        """Return what the script calls its values: the first name, or another for a place in a list."""
        names = {start.node: start.name for start in self.ledger.starts.values() if start.name}
        used: dict[str, set[Node]] = {}
        for store in self.machine.history.stores:
            if isinstance(store.value, Scalar | Array):
                node = node_at(store.value, store.time)
                if node is not None:
                    names.setdefault(node, store.text)
                    used.setdefault(store.text, set()).add(node)
        for text, nodes in used.items():
            for node in nodes if text.isidentifier() and len(nodes) == 1 else ():
                if path_of(names[node]):
                    names[node] = text
        return names


def rewritten(request: _Request, cost: Cost, line: int, statement: str) -> Derivation | None:
    """Return the derivation of the same script with the statement at a line replaced; None if that fails."""
    if (text := with_statement(request.source, line, statement)) is None:
        return None
    of = request.of if request.cost or not cost.line else cost.name
    for name in dict.fromkeys((of, request.of)):
        other = _Request(text, name, request.cost, request.call, request.at, request.filename)
        other.pinned = request.pinned
        try:
            return _read(other)
        except (AuditError, RecursionError, MemoryError):
            continue
    return None


def tried(request: _Request, line: int, statement: str) -> Trial | None:
    """Return the values of the same script with the statement at a line replaced; None if it fails.

    Much quicker than `rewritten`: nothing is sought in what was read.
    """
    if (text := with_statement(request.source, line, statement)) is None:
        return None
    other = _Request(text, request.of, request.cost, request.call, request.at, request.filename)
    other.words = request.words
    token = context.behalf.set(None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = other.tree()
            called = parsed(request.call, "--call") if request.call else ast.Module([], [])
            reading = _Reading(other, request.pinned)
            reading.machine.on_update = _stop
            reading.run(tree, called)
    except (ChainruleError, ArithmeticError, ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return None
    finally:
        context.behalf.reset(token)
    return trial(reading.machine.history, reading.ledger.limits.steps)


def _stop(_: Scope) -> None:
    """End a trial where the first step of training begins."""
    raise Repeated
