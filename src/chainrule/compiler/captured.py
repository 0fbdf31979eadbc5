"""What a function takes from around it: values of names in closures and globals, which a graph holds fast.

A compiled function is made with these values. They are compared at each call, so that a name that was bound
anew is noticed, and an entry of a list, tuple or dictionary that was replaced. What changes inside an array,
or in an object's attributes, is not; nor is a name that the function itself binds.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

import numpy as np

MOST = 64  # functions that are looked through
MOST_ENTRIES = 64  # of a list, tuple or dictionary whose entries are compared, and of all in it
PLAIN = (bool, int, str, bytes, NoneType)
NUMBERS = (float, complex, np.generic)
COMPARED = (*PLAIN, *NUMBERS, np.ndarray)


class Captured:
    """The values that a function, and those that it calls by name, take from around them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._cells: list[CellType] = []
        self._globals: list[tuple[dict[str, Any], str]] = []
        self._seen: tuple[tuple[Any, ...], list[Any]] = (), []
        for found in _functions(function):
            read, bound = _names(found.__code__)
            cells = zip(found.__code__.co_freevars, found.__closure__ or (), strict=True)
            self._cells += [cell for name, cell in cells if name not in bound]
            space = found.__globals__
            names = [name for name in read if name in space and name not in bound]
            self._globals += [(space, name) for name in names if not isinstance(space[name], ModuleType)]

    def __bool__(self) -> bool:
        return bool(self._cells or self._globals)

    def present(self) -> tuple[tuple[Any, ...], list[Any]]:
        """Return what tells the present values from others, and the values, which it must not outlive."""
        values, seen = self._values(), self._seen
        if len(values) != len(seen[1]) or not all(map(is_, values, seen[1])):
            self._seen = seen = tuple([_key(value) for value in values]), values
        return seen

    def _values(self) -> list[Any]:
        """Return the present values; in place of a list, tuple or dictionary its type, length and entries."""
        found: list[Any] = []
        for value in [_content(cell) for cell in self._cells]:
            found += _entries(value)
        for space, name in self._globals:
            found += _entries(space.get(name))
        return found


def _key(value: Any) -> Any:
    """Return what tells a value from others: numbers and words by value, other objects by identity."""
    if type(value) in PLAIN:
        return type(value), value
    return (type(value), repr(value)) if isinstance(value, NUMBERS) else id(value)


def _entries(value: Any) -> list[Any]:
    """Return a value; for a list, tuple or dictionary of what can be compared, all that is in it."""
    if type(value) not in (list, tuple, dict):
        return [value]
    found: list[Any] = []
    waiting = [value]
    while waiting:
        entry = waiting.pop()
        if type(entry) not in (list, tuple, dict):
            found.append(entry)
            if isinstance(entry, COMPARED) or callable(entry):
                continue
            return [value]  # the function may collect such objects in there
        if len(found) + len(waiting) + len(entry) > MOST_ENTRIES:
            return [value]
        found += [type(entry), len(entry)]
        waiting += entry.values() if isinstance(entry, dict) else entry
        waiting += entry if isinstance(entry, dict) else ()
    return found


def _functions(function: Any) -> Iterator[FunctionType]:
    """Yield a function and those in its closure and among its globals, ours and NumPy's left out."""
    waiting: list[Any] = [function]
    seen: dict[int, Any] = {}
    count = 0
    while waiting and count < MOST:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen[id(found)] = found
        waiting += _inside(found)
        if isinstance(found, FunctionType) and not _is_ours(found):
            count += 1
            yield found
            waiting += [found.__globals__.get(name) for name in _names(found.__code__)[0]]


def _inside(found: Any) -> Iterable[Any]:
    """Return the objects in a callable, or in a list or the like, that may be functions."""
    if isinstance(found, FunctionType):
        defaults = (*(found.__defaults__ or ()), *(found.__kwdefaults__ or {}).values())
        return [*[_content(cell) for cell in found.__closure__ or ()], *defaults]
    if isinstance(found, partial):
        return [found.func, *found.args, *found.keywords.values()]
    if isinstance(found, list | tuple | dict):
        return _entries(found)
    if isinstance(found, type):
        return [] if _is_ours(found) else vars(found).values()
    if isinstance(found, property):
        return [found.fget]
    if not callable(found) and not isinstance(found, classmethod):
        return []
    if isinstance(found, MethodType):
        return [found.__func__, type(found.__self__)]
    return [getattr(found, "__func__", None), getattr(found, "__wrapped__", None), type(found)]


def _is_ours(found: Any) -> bool:
    module = getattr(found, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] in ("chainrule", "numpy", "builtins")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return None


def _names(code: CodeType) -> tuple[list[str], set[str]]:
    """Return the global names that a function reads, those in functions inside it too, and names it binds."""
    read: dict[str, None] = {}
    bound: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            read[instruction.argval] = None
        elif instruction.opname in ("STORE_GLOBAL", "STORE_DEREF"):
            bound.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner, stored = _names(constant)
            read |= dict.fromkeys(inner)
            bound |= stored
    return list(read), bound
