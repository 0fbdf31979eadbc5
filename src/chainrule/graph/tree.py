"""Nested lists, tuples and dicts of arrays, and their flat lists of leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple


class Leaf(NamedTuple):
    """An entry of a nested structure, and where it sits: ``("params", "W1")``."""

    path: tuple[Any, ...]
    value: Any


def is_named_tuple(value: Any) -> bool:
    """Return whether a value is a named tuple, which is rebuilt from positional fields."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Leaf]:
    """Yield the entries of nested lists, tuples and dicts, in order.

    Examples
    --------
    >>> [(leaf.path, leaf.value) for leaf in leaves({"W": [1, 2], "b": 3})]
    [(('W', 0), 1), (('W', 1), 2), (('b',), 3)]
    """
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, list | tuple):
        names = value._fields if is_named_tuple(value) else range(len(value))  # type: ignore[union-attr]
        for key, entry in zip(names, value, strict=True):
            yield from leaves(entry, (*path, key))
    else:
        yield Leaf(path, value)


def rebuild(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a structure like ``value`` with ``replace(leaf)`` for each leaf, in the order of `leaves`."""
    if isinstance(value, dict):
        return {key: rebuild(entry, replace) for key, entry in value.items()}
    if is_named_tuple(value):
        return type(value)(*[rebuild(entry, replace) for entry in value])
    if isinstance(value, list | tuple):
        return type(value)([rebuild(entry, replace) for entry in value])
    return replace(value)


def fill(value: Any, flat: Sequence[Any]) -> Any:
    """Return a structure like ``value`` with the entries of ``flat`` for leaves."""
    entries = iter(flat)
    return rebuild(value, lambda _: next(entries))
