"""Python's own functions and methods as far as a script may use them: one entry in a table for each.

Each gets the machine that reads the script, of which it uses ``ledger``, ``items``, ``call`` and ``combine``.
"""

# ruff: noqa: ARG001, ARG005 - all entries of a table are called alike

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from chainrule.audits.reading import library
from chainrule.audits.reading.arrays import as_scalar
from chainrule.audits.reading.values import Array, Foreign, Scalar, shadow

Builtin = Callable[[Any, list[Any], dict[str, Any]], Any]
FORBIDDEN = frozenset(
    [
        "open",
        "eval",
        "exec",
        "compile",
        "__import__",
        "globals",
        "locals",
        "vars",
        "getattr_",
        "input",
        "breakpoint",
        "memoryview",
        "delattr",
    ]
)


def hidden(name: str) -> bool:
    """Return whether an attribute belongs to Python's inside."""
    return name.startswith("__") and name.endswith("__")


def _whole(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = as_scalar(machine.ledger, args[0]) if args else 0
    if isinstance(value, Foreign):
        return value
    if isinstance(value, Scalar) and isinstance(shadow(value), int | np.integer):
        return value
    return int(machine.ledger.plain(value), *args[1:]) if args[1:] else int(machine.ledger.plain(value))


def _float(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = as_scalar(machine.ledger, args[0]) if args else 0.0
    if isinstance(value, Foreign):
        return value
    return Scalar(float(value.value), value.node) if isinstance(value, Scalar) else float(value)


def _truth(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    return bool(args) and machine.ledger.truth(args[0])


def _words(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = args[0] if args else ""
    if isinstance(value, Foreign):
        return value
    if isinstance(value, Scalar) and isinstance(value.value, int):
        return str(machine.ledger.plain(value))
    plain = shadow(value)
    return str(plain) if isinstance(plain, int | float | str | np.generic) else ""


def _length(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = args[0]
    if isinstance(value, Foreign):
        return value
    method = machine.special(value, "__len__")
    return (
        len(shadow(value) if isinstance(value, Array | Scalar) else value)
        if method is None
        else machine.call(method, [], {}, machine.root)
    )


def _range(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> range:
    return range(*[operator.index(machine.ledger.plain(as_scalar(machine.ledger, value))) for value in args])


def _enumerate(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Iterator[Any]:
    start = machine.ledger.plain([*args[1:], *kwargs.values(), 0][0])
    return enumerate(machine.items(args[0]), start)


def _zip(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Iterator[Any]:
    return zip(*[machine.items(value) for value in args], strict=False)


def _map(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    function, *rest = args
    return [machine.call(function, list(items), {}, machine.root) for items in _zip(machine, rest, {})]


def _filter(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    function, items = args
    found = []
    for item in machine.items(items):
        kept = item if function is None else machine.call(function, [item], {}, machine.root)
        if machine.ledger.truth(kept):
            found.append(item)
    return found


def _list(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    items = machine.items(args[0]) if args else iter(())
    return bounded(machine, items)


def bounded(machine: Any, items: Iterator[Any]) -> list[Any]:
    """Return the items as a list, as far as the bounds allow."""
    result = list(islice(items, 100_001))
    machine.ledger.limits.length(len(result))
    return result


def dict_of(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> dict[Any, Any]:
    """Return ``dict(…)``."""
    first = args[0] if args else {}
    pairs = dict(first) if isinstance(first, dict) else dict(machine.items(first))
    return {**pairs, **kwargs}


def _sum(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if isinstance(args[0], Foreign):
        return args[0]
    items, start = bounded(machine, machine.items(args[0])), [*args[1:], *kwargs.values(), 0][0]
    if len(items) > 64 and all(isinstance(item, Scalar) for item in items) and shadow(start) == 0:
        return library.FUNCTIONS["numpy.sum"](machine.ledger, [items], {})
    total = items.pop(0) if items and type(start) is int and start == 0 else start
    for item in items:
        total = machine.combine(operator.add, total, item)
    return total


def _extreme(function: Any, chosen: Any) -> Builtin:
    def handler(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        items = bounded(machine, machine.items(args[0])) if len(args) == 1 else args
        key = kwargs.get("key")
        if not items and "default" in kwargs:
            return kwargs["default"]
        if key is not None:
            return chosen(items, key=lambda item: shadow(machine.call(key, [item], {}, machine.root)))
        if not any(map(machine.ledger.traced, items)):
            return chosen(map(shadow, items))
        result = as_scalar(machine.ledger, items[0])
        for item in items[1:]:
            result = machine.ledger.apply(function, result, as_scalar(machine.ledger, item))
        return result

    return handler


def sorted_of(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Return ``sorted(…)``."""
    key = kwargs.get("key")
    order = shadow if key is None else lambda item: shadow(machine.call(key, [item], {}, machine.root))
    return sorted(machine.items(args[0]), key=order, reverse=bool(kwargs.get("reverse")))


def _round(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = args[0]
    if isinstance(value, Scalar | Array):
        return library.FUNCTIONS["numpy.round"](machine.ledger, args, {})
    return value if isinstance(value, Foreign) else round(value, *map(machine.ledger.plain, args[1:]))


def _isinstance(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    value, kinds = args
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    plain = np.zeros(0) if isinstance(value, Array) else shadow(value)
    return any(_is_kind(machine, plain, kind) for kind in kinds)


def _is_kind(machine: Any, value: Any, kind: Any) -> bool:
    if isinstance(kind, type):
        return isinstance(value, kind)
    path = getattr(kind, "path", "")
    if path.startswith("builtins."):
        known = {
            "int": int,
            "float": float,
            "str": str,
            "list": list,
            "tuple": tuple,
            "dict": dict,
            "bool": bool,
        }
        return isinstance(value, known.get(path[9:], ()))
    cls = getattr(value, "cls", None)
    return cls is not None and _inherits(cls, kind)


def _inherits(cls: Any, kind: Any) -> bool:
    return cls is kind or any(_inherits(base, kind) for base in cls.bases)


def _getattr(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if hidden(args[1]):
        raise machine.ledger.refusal("reading.attribute", name=args[1])
    try:
        return machine.attribute(args[0], args[1])
    except AttributeError:
        if len(args) > 2:
            return args[2]
        raise


def _hasattr(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    missing = object()
    return _getattr(machine, [*args, missing], {}) is not missing


def _setattr(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    machine.set_attribute(args[0], args[1], args[2], machine.root)


def next_of(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Return ``next(…)``."""
    source = args[0]
    if isinstance(source, list):
        return source.pop(0) if source else [*args[1:], None][0]
    return next(source, *args[1:])


def _print(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
    return None


def _super(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return machine.parent_of(args)


def _reversed(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    value = args[0]
    if isinstance(value, range):
        return iter(value[::-1])
    return iter(bounded(machine, machine.items(value))[::-1])


def _all(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    return all(machine.ledger.truth(item) for item in machine.items(args[0]))


def _any(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> bool:
    return any(machine.ledger.truth(item) for item in machine.items(args[0]))


def _divmod(machine: Any, args: list[Any], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    return machine.combine(operator.floordiv, *args), machine.combine(operator.mod, *args)


FOREIGN = """
    Exception ValueError TypeError NotImplementedError RuntimeError AssertionError KeyError IndexError
    ImportError
    AttributeError ZeroDivisionError StopIteration KeyboardInterrupt FloatingPointError OverflowError
    OSError Warning
    ModuleNotFoundError NotImplemented DeprecationWarning FileNotFoundError property staticmethod classmethod
    raw_input exit quit help bytes bytearray frozenset complex unicode chr ord hash
""".split()  # noqa: SIM905 - a column of words, not of quotes


def _foreign(name: str, machine: Any, args: list[Any], kwargs: dict[str, Any]) -> Foreign:
    return Foreign(name, machine.ledger.line)


BUILTINS: dict[str, Builtin] = {
    "abs": lambda machine, args, _: machine.ledger.apply(abs, args[0]),
    "all": _all,
    "any": _any,
    "bool": _truth,
    "callable": lambda machine, args, _: hasattr(args[0], "path") or hasattr(args[0], "node"),
    "dict": dict_of,
    "divmod": _divmod,
    "enumerate": _enumerate,
    "filter": _filter,
    "float": _float,
    "format": lambda machine, args, _: "",
    "getattr": _getattr,
    "hasattr": _hasattr,
    "id": lambda machine, args, _: id(args[0]),
    "int": _whole,
    "isinstance": _isinstance,
    "iter": lambda machine, args, _: machine.items(args[0]),
    "len": _length,
    "list": _list,
    "map": _map,
    "max": _extreme(np.maximum, max),
    "min": _extreme(np.minimum, min),
    "next": next_of,
    "object": lambda machine, args, _: Foreign("object", machine.ledger.line),
    "pow": lambda machine, args, _: machine.combine(operator.pow, *args[:2]),
    "print": _print,
    "range": _range,
    "repr": _words,
    "reversed": _reversed,
    "round": _round,
    "set": lambda machine, args, _: {machine.key(item) for item in (machine.items(args[0]) if args else ())},
    "setattr": _setattr,
    "slice": lambda machine, args, _: slice(*args),
    "sorted": sorted_of,
    "str": _words,
    "sum": _sum,
    "super": _super,
    "tuple": lambda machine, args, _: tuple(_list(machine, args, {})),
    "type": lambda machine, args, _: getattr(args[0], "cls", None) or type(shadow(args[0])),
    "xrange": _range,
    "zip": _zip,
    **{name: partial(_foreign, name) for name in FOREIGN},
}
