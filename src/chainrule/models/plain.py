"""Plain data: what a model file may say about a network. Bounded, so that no file can exhaust the reader."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DEPTH = 32
MAX_ENTRIES = 1_000_000
MAX_INTEGER_BITS = 64


def fault_of(value: object) -> str | None:
    """Return what keeps ``value`` from being plain data, or None if it is.

    Plain are None, booleans, integers of up to 64 bits, finite floats and strings, and lists, tuples and
    dictionaries (with strings as keys) of these, up to `MAX_DEPTH` deep and `MAX_ENTRIES` in all.

    Examples
    --------
    >>> fault_of({"layers": [784, 30, 10]})
    >>> fault_of({"layers": {784, 30}})
    'set is not allowed'
    """
    waiting: list[tuple[object, int]] = [(value, 0)]
    entries = 0
    while waiting:
        item, depth = waiting.pop()
        entries += 1
        if entries > MAX_ENTRIES:
            return say("model.too_large", limit=MAX_ENTRIES)
        if depth > MAX_DEPTH:
            return say("model.too_deep", limit=MAX_DEPTH)
        inner = _inner(item)
        if inner is None:
            return say("model.bad_kind", kind=_describe(item))
        waiting.extend((part, depth + 1) for part in inner)
    return None


def _inner(item: object) -> Iterable[object] | None:
    """Return the parts of ``item``, none for a scalar; None if it is not plain."""
    if isinstance(item, dict):
        return item.values() if all(isinstance(key, str) for key in item) else None
    if isinstance(item, list | tuple):
        return item
    return () if _is_scalar(item) else None


def _is_scalar(item: object) -> bool:
    if isinstance(item, int):
        return item.bit_length() <= MAX_INTEGER_BITS
    return item is None or isinstance(item, str) or (isinstance(item, float) and math.isfinite(item))


def _describe(item: object) -> str:
    return str(item) if isinstance(item, float) else type(item).__name__
