"""From a pair of Python functions to a script: their source and what it uses, for the script reader.

A traced function cannot write into an array: ``dZ[Z <= 0] = 0`` must be read instead.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

Function = Callable[..., Any]
PLAIN = (bool, int, float, str, type(None))
COST, RESULT, GRADIENTS = "J", "forward_", "grads"


class Script(NamedTuple):
    """A script, the call that it needs, the arrays that it is given, and the name of its cost."""

    text: str
    call: str
    at: dict[str, Any]
    cost: str
    name: str


def script_of(
    forward: Function, backward: Function, args: Sequence[Any], order: Callable[[Any], list[Any]]
) -> Script | None:
    """Return what the functions would be as a script; None where their source is not at hand.

    ``order(cache)`` returns what ``backward`` is called with, made of the arguments' names and the cache's.
    """
    functions: dict[str, Function] = {}
    at: dict[str, Any] = {}
    setting: list[str] = []
    try:
        for function in (forward, backward):
            _collect(function, functions, at, setting)
        text = _placed(list(functions.values()))
    except (OSError, TypeError, SyntaxError):
        return None
    names = list(inspect.signature(forward).parameters)
    for name, value in zip(names, args, strict=False):
        setting += _given(name, value, at)
    result = forward(*args)
    taken = {*names, *functions, *at}
    cost, gradients = (f"{name}_" if name in taken else name for name in (COST, GRADIENTS))
    several = isinstance(result, tuple | list)
    cache = None if not several else result[1] if len(result) == 2 else result[1:]
    place = f"{RESULT}[1]" if several and len(result) == 2 else f"{RESULT}[1:]"
    given = [name if isinstance(name, str) else place for name in order(_Cache.of(cache, place))]
    call = [
        *setting,
        f"{RESULT} = {forward.__name__}({', '.join(names[: len(args)])})",
        f"{cost} = {RESULT}[0]" if several else f"{cost} = {RESULT}",
        f"{gradients} = {backward.__name__}({', '.join(given)})",
    ]
    return Script(text, "\n".join(call), at, cost, inspect.getsourcefile(backward) or "")


class _Cache(tuple[str, ...]):
    """The names of a cache's parts, which also stands for the whole cache."""

    @classmethod
    def of(cls, cache: Any, place: str) -> _Cache | None:
        if cache is None:
            return None
        count = len(cache) if isinstance(cache, tuple | list) else 0
        return cls(f"{place}[{number}]" for number in range(count))


def _collect(
    function: Function, functions: dict[str, Function], at: dict[str, Any], setting: list[str]
) -> None:
    """Add a function, the functions that it calls, and the values that it reads from outside."""
    if function.__name__ in functions:
        return
    functions[function.__name__] = function
    outside = inspect.getclosurevars(function)
    for name, value in {**outside.globals, **outside.nonlocals}.items():
        if isinstance(value, ModuleType):
            setting.insert(0, f"import {value.__name__} as {name}")
        elif inspect.isfunction(value):
            _collect(value, functions, at, setting)
        else:
            setting += _given(name, value, at)


def _given(name: str, value: Any, at: dict[str, Any]) -> list[str]:
    """Return the statements that give a name its value; arrays are given by ``at``."""
    if isinstance(value, PLAIN):
        return [f"{name} = {value!r}"]
    if isinstance(value, dict):
        parts = {key: f"{name}_{key}_" for key in value}
        inner = [line for key, item in value.items() for line in _given(parts[key], item, at)]
        return [*inner, f"{name} = {{{', '.join(f'{key!r}: {part}' for key, part in parts.items())}}}"]
    if isinstance(value, list | tuple):
        names = [f"{name}_{number}_" for number in range(len(value))]
        inner = [line for part, item in zip(names, value, strict=True) for line in _given(part, item, at)]
        closed = (
            f"[{', '.join(names)}]" if isinstance(value, list) else f"({''.join(f'{n}, ' for n in names)})"
        )
        return [*inner, f"{name} = {closed}"]
    if np.asarray(value).dtype.kind in "biuf":
        at[name] = np.asarray(value)
    return []


def _placed(functions: Sequence[Function]) -> str:
    """Return the functions' source, each on the lines where it is in its file, if they do not overlap."""
    sources = [
        (function.__code__.co_firstlineno, textwrap.dedent(inspect.getsource(function)))
        for function in functions
    ]
    for _, source in sources:
        ast.parse(source)
    one_file = len({inspect.getsourcefile(function) for function in functions}) == 1
    if not one_file:
        return "\n".join(source for _, source in sources) + "\n"
    rows: list[str] = []
    for first, source in sorted(sources):
        if len(rows) >= first:
            return "\n".join(source for _, source in sources) + "\n"
        rows += [""] * (first - 1 - len(rows)) + source.rstrip("\n").split("\n")
    return "\n".join(rows) + "\n"
