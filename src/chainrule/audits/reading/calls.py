"""Calling a function of NumPy on values of a script: in memory, and in the graph beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.audits.reading import arrays
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Foreign, Scalar, shadow
from chainrule.errors import TraceError
from chainrule.graph.node import Node
from chainrule.graph.primitive import TRANSLATIONS

Handler = Callable[[Ledger, list[Any], dict[str, Any]], Any]

OPERANDS = {"where": 3, "clip": 3, "einsum": 9} | dict.fromkeys(
    ("dot", "inner", "outer", "vdot", "tensordot", "kron", "append", "average", "cross", "interp"), 2
)
OPERAND_NAMES = frozenset(
    {"a", "x", "arr", "array", "weights", "a_min", "a_max", "x1", "x2", "b", "condition"}
)
LISTS = frozenset(
    {"concatenate", "stack", "vstack", "hstack", "dstack", "column_stack", "row_stack", "broadcast_arrays"}
)


def count_operands(function: Any) -> int:
    """Return how many leading arguments of a function are arrays; the others are settings."""
    nin: int = getattr(function, "nin", 1)
    return OPERANDS.get(getattr(function, "__name__", ""), nin)


def numpy_call(function: Any, *, settled: bool = False, graph: Any = None) -> Handler:
    """Return what calls a function on values of the script.

    Parameters
    ----------
    function
        The function as the script has it.
    settled
        Whether its result counts as constant: positions, orders, comparisons of whole arrays.
    graph
        What stands for it in the graph, where that is another function.
    """
    meaning = function if graph is None else graph

    def handler(ledger: Ledger, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if any(isinstance(value, Foreign) for value in (*args, *kwargs.values())):
            return _foreign(ledger, function, [*args, *kwargs.values()])
        out = kwargs.pop("out", None)
        out = out[0] if isinstance(out, tuple) else out
        count = count_operands(function)
        if isinstance(function, np.ufunc) and len(args) > count:
            out = args.pop()
        operands, settings = _sorted(ledger, args, kwargs, count)
        result = _result(ledger, function, meaning, operands, settings, settled)
        return result if out is None else arrays.replace(ledger, out, result)

    return handler


def _foreign(ledger: Ledger, function: Any, values: Sequence[Any]) -> Foreign:
    if any(map(ledger.traced, values)):
        foreign = next(value for value in values if isinstance(value, Foreign))
        raise ledger.refusal("reading.foreign", name=foreign.name, origin=foreign.line)
    return Foreign(getattr(function, "__name__", "?"), ledger.line)


def _sorted(
    ledger: Ledger, args: list[Any], kwargs: dict[str, Any], count: int
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments with settings as plain values, and no dtype but double precision."""
    operands = [value if place < count else ledger.plain(value) for place, value in enumerate(args)]
    settings = {
        name: value if name in OPERAND_NAMES else ledger.plain(value) for name, value in kwargs.items()
    }
    if "dtype" in settings:
        settings["dtype"] = double(settings["dtype"])
    return operands, settings


def double(dtype: Any) -> Any:
    """Return a dtype, double precision in place of any other: derivatives are judged in that."""
    if dtype is None:
        return None
    kind = np.dtype(dtype)
    return np.dtype(float) if kind.kind == "f" else kind


def _result(
    ledger: Ledger, function: Any, meaning: Any, operands: list[Any], settings: dict[str, Any], settled: bool
) -> Any:
    lists = getattr(function, "__name__", "") in LISTS
    flat = [*operands, *settings.values()]
    _check_size(ledger, function, flat)
    values = shadow(operands)
    plain = shadow(settings)
    with np.errstate(all="ignore"):
        value = function(*values, **plain)
    owner = _owner(value, flat)

    def make(node: Any) -> Any:
        nodes = [node if given is owner else operand(ledger, given, lists) for given in operands]
        named = {
            name: node if given is owner else operand(ledger, given, lists)
            for name, given in settings.items()
        }
        named.pop("dtype", None)
        return _traced(ledger, function, meaning, nodes, named)

    if owner is not None:
        return _views(value, owner, make)
    if settled or not any(map(ledger.traced, _flat(flat))):
        return results(ledger, value, None)
    if not _known(meaning) and not any(_moved(given) for given in _flat(flat)):
        return results(ledger, value, None)  # computed from data only, before anything else is
    return results(ledger, value, make(None))


def _traced(ledger: Ledger, function: Any, meaning: Any, nodes: list[Any], settings: dict[str, Any]) -> Any:
    try:
        return meaning(*nodes, **settings)
    except TraceError as error:
        name = getattr(function, "__name__", "?")
        raise ledger.refusal("reading.function", name=name, reason=error) from error


def operand(ledger: Ledger, value: Any, lists: bool) -> Any:
    """Return an operand's node, or its plain value; the arrays of a list one by one."""
    if lists and isinstance(value, list | tuple):
        return [ledger.node(item) for item in value]
    return ledger.node(value)


def _owner(value: Any, given: Sequence[Any]) -> Array | None:
    """Return the argument whose memory a result shares."""
    first = value[0] if isinstance(value, list | tuple) and value else value
    if not isinstance(first, np.ndarray):
        return None
    for candidate in given:
        if isinstance(candidate, Array) and np.may_share_memory(first, candidate.storage.root):
            return candidate
    return None


def _views(value: Any, owner: Array, make: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(
            [
                Array(part, owner.storage, owner, partial(_part_of, make, place))
                for place, part in enumerate(value)
            ]
        )
    return owner if value is owner.value else Array(value, owner.storage, owner, make)


def _part_of(make: Callable[[Any], Any], place: int, node: Any) -> Any:
    return make(node)[place]


def results(ledger: Ledger, value: Any, node: Any) -> Any:
    """Return a result, or the several of a tuple or a list."""
    if isinstance(value, list | tuple):
        nodes = node if isinstance(node, list | tuple) else [None] * len(value)
        parts = [results(ledger, part, own) for part, own in zip(value, nodes, strict=True)]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(node, np.ndarray | np.generic | int | float):
        node = None
    return ledger.wrapped(value, node)


def _flat(values: Sequence[Any]) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat.extend(_flat(value) if isinstance(value, list | tuple) else [value])
    return flat


def _moved(value: Any) -> bool:
    """Return whether a value has a node already."""
    return isinstance(value, Scalar) or (isinstance(value, Array) and value.storage.node is not None)


def _known(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return (
        function in TRANSLATIONS
        or name in TRANSLATIONS
        or not getattr(function, "__module__", "").startswith("numpy")
    )


GROWING = frozenset(
    {"outer", "kron", "tile", "repeat", "meshgrid", "pad", "ix_", "tensordot", "einsum", "cross"}
)


def _check_size(ledger: Ledger, function: Any, values: Sequence[Any]) -> None:
    """Refuse results that would be too large, before they are computed."""
    name = getattr(function, "__name__", "")
    given = [value for value in values if isinstance(value, Array)]
    if name in ("tile", "repeat", "pad"):
        total = 1
        for value in values:
            total *= _amount(value)
        ledger.limits.shape([total])
    elif name in GROWING and name not in ("einsum", "tensordot"):
        ledger.limits.shape([int(np.prod([max(array.value.size, 1) for array in given], dtype=object))])
    elif name in ("matmul", "dot", "inner") and len(given) == 2:
        left, right = (array.value for array in given)
        ledger.limits.shape([*left.shape[:-1], *right.shape[:-2], *right.shape[-1:]])
    elif name in ("einsum", "tensordot"):
        ledger.limits.shape([max((array.value.size for array in given), default=1) * 100])
    elif isinstance(function, np.ufunc) and len(given) > 1:
        ledger.limits.shape(np.broadcast_shapes(*[array.value.shape for array in given]))


def _amount(value: Any) -> int:
    """Return by how much an argument may make a result larger."""
    if isinstance(value, Array):
        return max(int(value.value.size), 1)
    if isinstance(value, Node | Scalar) or value is None or isinstance(value, str):
        return 1
    entries = np.abs(np.asarray(value, dtype=float)).ravel()
    return max(int(np.prod(entries + 1)), 1) if entries.size else 1
