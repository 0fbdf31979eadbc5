"""What a function takes from around it: numbers and arrays in closures and globals, which a graph holds fast.

A compiled function is made with their values. They are compared at each call, so that a name that was bound
anew is noticed; what changes inside an array, or in an object's attributes, is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType
from typing import Any

import numpy as np

from chainrule.graph.trace import is_array

MOST = 64  # functions that are looked through


class Captured:
    """The numbers and arrays that a function, and those that it calls by name, take from around them."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._cells: list[CellType] = []
        self._globals: list[tuple[dict[str, Any], str]] = []
        for found in _functions(function):
            self._cells += [cell for cell in found.__closure__ or () if is_array(_content(cell))]
            names = [name for name in _names(found.__code__) if is_array(found.__globals__.get(name))]
            self._globals += [(found.__globals__, name) for name in names]

    def __bool__(self) -> bool:
        return bool(self._cells or self._globals)

    def values(self) -> list[Any]:
        """Return the present values."""
        values = [_content(cell) for cell in self._cells]
        return values + [space.get(name) for space, name in self._globals]


def key_of(values: list[Any]) -> tuple[Any, ...]:
    """Return what tells values apart: numbers by value, arrays by identity."""
    return tuple([id(v) if isinstance(v, np.ndarray) else (type(v), repr(v)) for v in values])


def _functions(function: Any) -> Iterator[FunctionType]:
    """Yield a function and those in its closure and among its globals, ours and NumPy's left out."""
    waiting: list[Any] = [function]
    seen: set[FunctionType] = set()
    while waiting and len(seen) < MOST:
        found = getattr(waiting[-1], "__func__", waiting.pop())
        if not isinstance(found, FunctionType) or found in seen:
            continue
        seen.add(found)
        waiting += [_content(cell) for cell in found.__closure__ or ()]
        if found.__module__ is None or found.__module__.partition(".")[0] not in ("chainrule", "numpy"):
            yield found
            waiting += [found.__globals__.get(name) for name in _names(found.__code__)]


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return None


def _names(code: CodeType) -> list[str]:
    """Return the global names in a function, those in functions inside it too."""
    names = list(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names += _names(constant)
    return names
