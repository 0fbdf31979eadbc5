"""What a script stores where: each store is noted, and steps of training are recognised by it."""

# ruff: noqa: ARG002, ARG005 - all entries of a table are called alike

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from chainrule.audits.reading import arrays
from chainrule.audits.reading.callables import Class, Function, Instance
from chainrule.audits.reading.claim_names import bare, is_delta, looks_like_cost, stems
from chainrule.audits.reading.functions import Functions
from chainrule.audits.reading.history import Shown, Store, source_of
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.library import CONSTANTS, FUNCTIONS
from chainrule.audits.reading.limits import LOOKS
from chainrule.audits.reading.matching import NO_MATCH, level_of
from chainrule.audits.reading.naming import named, quoted
from chainrule.audits.reading.values import Array, Foreign, Library, Scalar, Scope, Storage
from chainrule.graph.node import Node

LINEAR = frozenset({"add", "subtract", "multiply", "divide", "negative", "where", "reshape", "add_at"})

ENTRIES = 64  # of longer lists the entries are not told apart


class Repeated(Exception):  # noqa: N818 - it is no error
    """A parameter is about to be moved by its gradient a second time: the first step has been read whole."""


class Stores(Functions):
    """Gives values to variables, attributes and entries, and notes it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.claimed: set[Node] = set()
        self.claimed_storages: set[Storage] = set()
        self.claiming: dict[int, Scope] = {}
        self.moved: dict[Node, set[Any]] = {}
        self.before_move: dict[Node, Node] = {}
        self.first_move = 2**62
        self.known: set[str] = set()
        self.labels: dict[int, tuple[Any, str]] = {}
        self.on_update: Callable[[Scope], None] = lambda scope: None
        self.on_finish: Callable[[Scope], None] = lambda scope: None

    def set_variable(self, name: str, value: Any, scope: Scope, *, hidden: bool = False) -> None:
        """Give a variable a value."""
        home = scope.shared.get(name, scope)
        if not hidden:
            self.noticed(home.variables, name, name, value, scope, home.variables.get(name))
        home.variables[name] = value

    def bind(self, name: str, value: Any, scope: Scope) -> None:
        """Give a parameter its value."""
        value = named(self.ledger, value, name, None)
        if isinstance(value, Scalar) and value.node in self.ledger.starts:
            start = self.ledger.starts[value.node]
            start.name = start.name or name
        self.note(scope.variables, name, name, value, scope, bound=True)
        self.known.add(name)
        scope.variables[name] = value

    def set_attribute(self, owner: Any, name: str, value: Any, scope: Scope, *, text: str = "") -> None:
        """Give an attribute a value."""
        if isinstance(owner, Foreign | Library):
            return
        attributes: dict[str, Any] | None = None
        if isinstance(owner, Instance | Function):
            setter = owner.cls.find(name) if isinstance(owner, Instance) else None
            if isinstance(setter, Function) and setter.kind == "property":
                return
            attributes = owner.attributes
        elif isinstance(owner, Class):
            attributes = owner.namespace
        elif isinstance(owner, Array) and name == "shape":
            owner.value = owner.value.reshape(self.ledger.plain(value))
            return
        if attributes is None:
            raise AttributeError(f"attribute {name!r} cannot be set")
        self.noticed(attributes, name, text or f"self.{name}", value, scope, attributes.get(name))
        attributes[name] = value

    def set_entry(
        self,
        owner: Any,
        index: Any,
        value: Any,
        scope: Scope,
        *,
        text: str = "",
        expression: ast.expr | None = None,
    ) -> None:
        """Do ``owner[index] = value``."""
        if isinstance(owner, Array):
            self.check_update(owner, value, scope)
            arrays.set_entry(self.ledger, owner, index, value)
            return
        if isinstance(owner, Foreign | Library):
            return
        method = self.special(owner, "__setitem__")
        if method is not None:
            self.call(method, [index, value], {}, scope)
            return
        if not isinstance(owner, list | dict):
            raise TypeError("object does not support item assignment")
        key = self.key(index)
        label = f"{self.name_of(owner) or text}[{quoted(key)}]"
        value = named(self.ledger, value, label, expression)
        if isinstance(key, slice):
            owner[key] = list(self.items(value))
            return
        old = owner.get(key) if isinstance(owner, dict) else owner[key]
        self.noticed(owner, key, label, value, scope, old)
        owner[key] = value

    def put_in_list(self, owner: list[Any], place: int, value: Any, *, shifted: bool) -> None:
        """Note that a value was put into a list."""
        text = self.name_of(owner)
        owner[place] = value = named(self.ledger, value, f"{text}[{place}]", None)
        note = self.note(owner, place, f"{text}[{place}]", value, self.root)
        if text and self.is_claim(text):
            self._claim(note)
        if isinstance(value, Scalar | Array):
            self.show("append", [value], text, self.root)

    def name_of(self, container: Any) -> str:
        """Return the name under which a list or a dict was stored last."""
        return self.labels.get(id(container), (container, ""))[1]

    def noticed(self, container: Any, key: Any, text: str, value: Any, scope: Scope, old: Any) -> None:
        """Note a store, unless it begins the second step of training."""
        update = self._moves(text, old, value)
        if update:
            self._update(old, value, self.ledger.line, scope)
        note = self.note(container, key, text, value, scope)
        note.update = update or self._pending is not None
        if self.is_claim(text):
            self._claim(note)
        self.known.add(bare(text))
        self._entries(text, value, scope)

    def is_claim(self, text: str) -> bool:
        """Return whether a name is that of a derivative by something that the script knows."""
        if is_delta(text):
            return True
        return any(level_of(stem, name) < NO_MATCH for stem in stems(text) for name in self.known)

    def _entries(self, text: str, value: Any, scope: Scope) -> None:
        """Note the entries of a list or a dict that is stored as a whole."""
        if type(value) in (list, dict):
            self.labels.setdefault(id(value), (value, text))
        if type(value) in (list, tuple, dict) and len(value) <= ENTRIES:
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            for key, item in pairs:
                self._entries(f"{text}[{quoted(key)}]", item, scope)
                if isinstance(item, Scalar | Array):
                    note = self.note(value, key, f"{text}[{quoted(key)}]", item, scope)
                    if self.is_claim(note.text):
                        self._claim(note)
                    self.known.add(bare(note.text))

    def note(
        self, container: Any, key: Any, text: str, value: Any, scope: Scope, *, bound: bool = False
    ) -> Store:
        """Append a store to the history."""
        self.ledger.clock += 1
        store = Store(
            self.ledger.clock,
            self.ledger.line,
            container,
            key,
            text,
            value,
            scope,
            self.ledger.reads,
            bound=bound,
        )
        self.history.add(store)
        return store

    def _claim(self, store: Store) -> None:
        value = store.value
        scope: Scope | None = store.scope
        while scope is not None and id(scope) not in self.claiming:
            self.claiming[id(scope)] = scope
            scope = scope.caller
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Array):
                self.claimed_storages.add(item.storage)
                if item.storage.node is not None:
                    self.claimed.add(item.storage.node)
            elif isinstance(item, Scalar):
                self.claimed.add(item.node)

    # Steps of training.

    def _moves(self, text: str, old: Any, value: Any) -> bool:
        """Return whether a store moves a value that the script has computed with by a claimed gradient."""
        if not self.claimed or old is value or self.is_claim(text) or looks_like_cost(text):
            return False
        before, after = self._node(old), self._node(value)
        if before is None or after is None or not source_of(old).read:
            return False
        parameter = before in self.moved or not self._after_claims(before)
        return parameter and self._linear(after, before) and self._after_claims(after)

    def _node(self, value: Any) -> Node | None:
        if isinstance(value, Scalar):
            return value.node
        if isinstance(value, Array) and value.storage.node is not None:
            return value.seen(value.storage.node)
        return None

    def _linear(self, new: Node, old: Node) -> bool:
        """Return whether ``new`` is ``old`` plus, minus or times something."""
        waiting, depth = [new], 0
        while waiting and depth < 40:
            node = waiting.pop()
            depth += 1
            if node is old:
                return True
            if node.primitive.name in LINEAR and node not in self.claimed:
                waiting.extend(node.inputs)
        return False

    def _after_claims(self, node: Node) -> bool:
        """Return whether a node is computed from a claim."""
        first = min(claim.serial for claim in self.claimed)
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            current = waiting.pop()
            if current in self.claimed:
                return True
            if current.serial > first and current not in seen:
                seen.add(current)
                waiting.extend(current.inputs)
        self.ledger.limits.step(len(seen) // LOOKS)
        return False

    def _update(self, old: Any, value: Any, line: Any, scope: Scope) -> None:
        before, after = self._node(old), self._node(value)
        if before is None or after is None:
            return
        lines = self.moved.get(before, set())
        if line in lines:
            raise Repeated
        self._first(scope)
        self.moved[after] = {*lines, line}
        self.before_move[after] = before

    def _first(self, scope: Scope) -> None:
        if not self.moved:
            self.first_move = self.ledger.clock
            self.on_update(scope)

    def check_update(self, array: Array, other: Any, scope: Scope, index: str = "") -> None:
        """Notice that an array is about to be moved in place by a claimed gradient."""
        storage = array.storage
        node = self._node(other)
        if not self.claimed or storage in self.claimed_storages or not storage.read or node is None:
            return
        base = storage.node
        if (
            base is None
            or not self._after_claims(node)
            or (base not in self.moved and self._after_claims(base))
        ):
            return
        key = self.ledger.line, array.value.__array_interface__["data"][0], index
        lines = self.moved.get(base, set())
        if key in lines:
            raise Repeated
        self._first(scope)
        self._pending = (storage, base, {*lines, key})

    def is_start(self, value: Scalar) -> bool:
        """Return whether a number is a start of the graph."""
        return value.node in self.ledger.starts

    def read_by(self, statement: ast.stmt, scope: Scope, old: Any = None) -> None:
        """Mark what a statement has computed with."""
        self._settle()
        target = source_of(old)
        for value in self.ledger.reads:
            if isinstance(value, Scalar | Storage) and value is not target:
                value.read = True
        if isinstance(old, Array):
            self._written(statement, old, scope)

    _pending: tuple[Storage, Node, set[Any]] | None = None

    def _settle(self) -> None:
        if self._pending is not None:
            storage, before, lines = self._pending
            self._pending = None
            if storage.node is not None:
                self.moved[storage.node] = lines
                self.before_move[storage.node] = before

    def _written(self, statement: ast.stmt, array: Array, scope: Scope) -> None:
        """Note the new content of an array that claims to be a derivative."""
        if array.storage in self.claimed_storages and array.storage.node is not None:
            self.claimed.add(array.storage.node)

    def finished(self, scope: Scope) -> None:
        """Note that a call is over."""
        if id(scope) in self.claiming:
            self.on_finish(scope)

    def returned(self, statement: ast.Return, value: Any, scope: Scope) -> None:
        """Note what a function returns."""
        text = "" if statement.value is None else ast.unparse(statement.value)
        values = list(value) if isinstance(value, tuple) else [value]
        self.ledger.clock += 1
        self.history.returned.append(
            Shown(self.ledger.clock, self.ledger.line, "return", text, values, scope)
        )

    def members(self, module: str) -> list[str]:
        """Return the paths of all that a module is known to have."""
        return [path for path in (*FUNCTIONS, *CONSTANTS) if path.rpartition(".")[0] == module]
