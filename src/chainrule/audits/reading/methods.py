"""Methods of words, lists, tuples and dictionaries as far as a script may use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.audits.reading.naming import quoted
from chainrule.audits.reading.python import bounded, dict_of, next_of, sorted_of
from chainrule.audits.reading.values import Bound, Foreign, shadow

WORD_METHODS = frozenset(
    [
        "capitalize",
        "count",
        "endswith",
        "find",
        "format",
        "isdigit",
        "join",
        "lower",
        "lstrip",
        "replace",
        "rstrip",
        "split",
        "startswith",
        "strip",
        "title",
        "upper",
        "isalpha",
        "splitlines",
        "partition",
        "rpartition",
        "index",
        "zfill",
    ]
)


def string_method(machine: Any, owner: str, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a method of a word returns."""
    limits = machine.ledger.limits
    if name == "format":
        limits.form(owner)
        if "." in owner.replace("{:.", "").replace(":.", "") and any(mark in owner for mark in ("{.", "_")):
            return ""  # attributes inside of a format are none of the script's values
        plain = [_printable(value) for value in args]
        return owner.format(*plain, **{key: _printable(value) for key, value in kwargs.items()})
    if name == "join":
        words = [str(word) for word in bounded(machine, machine.items(args[0]))]
        limits.length(sum(map(len, words)) + len(words) * len(owner))
        return owner.join(words)
    if name in ("ljust", "rjust", "center", "expandtabs"):
        return owner
    if name not in WORD_METHODS:
        return Foreign(name, machine.ledger.line)
    given = [machine.ledger.plain(value) for value in args]
    if name == "replace" and len(given) > 1:
        limits.length(len(owner) * (len(given[1]) + 1))
    if name == "zfill":
        limits.length(given[0])
    return getattr(owner, name)(*given)


def _printable(value: Any) -> Any:
    plain = shadow(value)
    return plain if isinstance(plain, int | float | str | np.generic) else 0


def container_method(machine: Any, owner: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return what a method of a list, a dict, a tuple or a set returns."""
    if isinstance(owner, list):
        return _list_method(machine, owner, name, args, kwargs)
    if isinstance(owner, dict):
        return _dict_method(machine, owner, name, args, kwargs)
    if isinstance(owner, tuple | range) and name in ("index", "count"):
        return getattr(shadow(owner), name)(machine.ledger.plain(args[0]))
    if isinstance(owner, set) and name in ("add", "discard", "union", "intersection", "difference", "copy"):
        plain = [{machine.key(item) for item in machine.items(a)} if isinstance(a, set | list | tuple) else
                 machine.key(a) for a in args]  # fmt: skip
        return getattr(owner, name)(*plain)
    if isinstance(owner, Iterator):
        return (
            next_of(machine, [owner, *args], {})
            if name in ("next", "__next__")
            else Foreign(name, machine.ledger.line)
        )
    if isinstance(owner, Bound):
        return Foreign(name, machine.ledger.line)
    if isinstance(owner, set | tuple | range | slice | frozenset):
        raise AttributeError(name)
    return Foreign(name, machine.ledger.line)


def _list_method(machine: Any, owner: list[Any], name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if name in ("append", "appendleft", "insert"):
        place = {"append": len(owner), "appendleft": 0}.get(name)
        place = machine.ledger.plain(args[0]) if place is None else place
        owner.insert(place, args[-1])
        machine.ledger.limits.length(len(owner))
        machine.put_in_list(owner, min(place, len(owner) - 1), args[-1], shifted=name != "append")
        return None
    if name == "extend":
        for item in bounded(machine, machine.items(args[0])):
            _list_method(machine, owner, "append", [item], {})
        return None
    if name == "sort":
        owner[:] = sorted_of(machine, [owner], kwargs)
        return None
    if name in ("pop", "reverse", "clear", "copy", "popleft"):
        if name == "popleft":
            return owner.pop(0)
        return getattr(owner, name)(*[machine.ledger.plain(value) for value in args])
    if name in ("index", "count"):
        return getattr(shadow(owner), name)(machine.ledger.plain(args[0]))
    if name == "remove":
        del owner[shadow(owner).index(machine.ledger.plain(args[0]))]
        return None
    raise AttributeError(f"'list' object has no attribute {name!r}")


def _dict_method(
    machine: Any, owner: dict[Any, Any], name: str, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    if name in ("items", "iteritems"):
        return list(owner.items())
    if name in ("keys", "iterkeys"):
        return list(owner)
    if name in ("values", "itervalues"):
        return list(owner.values())
    if name in ("get", "pop", "setdefault"):
        key = machine.key(args[0])
        if name == "pop":
            return owner.pop(key, *args[1:])
        if key not in owner and name == "setdefault":
            machine.set_entry(owner, key, args[1], machine.root)
        return owner.get(key, [*args[1:], None][0])
    if name == "update":
        for key, item in dict_of(machine, args, kwargs).items():
            machine.set_entry(owner, key, item, machine.root)
        return None
    if name in ("copy", "clear"):
        return getattr(owner, name)()
    raise AttributeError(f"'dict' object has no attribute {name!r}, or not {quoted(name)}")
