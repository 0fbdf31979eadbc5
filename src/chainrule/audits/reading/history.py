"""The `History` of a reading: what every variable, attribute and entry was set to, and when."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

from chainrule.audits.reading.values import Array, Scalar, Scope, Storage
from chainrule.graph.node import Node


@dataclass(eq=False)
class Store:
    """A value given to a place: a variable of a scope, an attribute of an object, an entry of a dict or list.

    ``reads`` are the numbers and storages that its statement looked at, ``update`` says that a value that the
    script had computed with was moved by a claimed gradient.
    """

    time: int
    line: int
    container: Any
    key: Any
    text: str
    value: Any
    scope: Scope
    reads: list[Any]
    update: bool = False
    bound: bool = False

    @property
    def place(self) -> tuple[int, Any]:
        """What tells places apart: the container itself and the key in it."""
        if isinstance(self.container, list) and isinstance(self.key, int):
            return id(self.container), self.key % max(len(self.container), 1)
        return id(self.container), self.key


@dataclass(eq=False)
class Shown:
    """Numbers that were printed, collected or returned."""

    time: int
    line: int
    how: str
    text: str
    values: list[Any]
    scope: Scope


@dataclass(eq=False)
class History:
    """All stores of a reading in order, and what was shown."""

    stores: list[Store] = field(default_factory=list)
    by_text: dict[str, list[Store]] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    returned: list[Shown] = field(default_factory=list)

    def add(self, store: Store) -> None:
        """Append a store."""
        self.stores.append(store)
        self.by_text.setdefault(store.text, []).append(store)

    def before(self, text: str, time: int, most: int) -> list[Store]:
        """Return the last stores under a name before a time."""
        stores = self.by_text[text]
        end = bisect_left(stores, time, key=lambda store: store.time)
        return stores[max(end - most, 0) : end]


def source_of(value: Any) -> Any:
    """Return what a value is told apart by: the storage of an array, else itself."""
    return value.storage if isinstance(value, Array) else value


def node_at(value: Any, time: int) -> Node | None:
    """Return the node that a value had at a time; None if it was constant."""
    if isinstance(value, Scalar):
        return value.node
    if not isinstance(value, Array):
        return None
    base = _base_at(value.storage, time)
    return None if base is None else value.seen(base)


def _base_at(storage: Storage, time: int) -> Node | None:
    base = storage.first
    for change in storage.changes:
        if change.time > time:
            break
        base = change.node
    return base
