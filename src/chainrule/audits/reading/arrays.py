"""Arrays as NumPy has them: entries, views, and writing into them, in the graph as in memory.

What is written becomes a composition of nodes: the old content where nothing was written, else the new. A
truth array as an index stays a node, so that other values of the inputs choose other entries.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.values import Array, Change, Foreign, Scalar, shadow
from chainrule.graph.node import Node, apply, constant, lift
from chainrule.graph.primitive import Array as Place
from chainrule.primitives.shapes import reshape

IN_PLACE: dict[Any, Callable[[Any, Any], Any]] = {
    operator.add: operator.iadd,
    operator.sub: operator.isub,
    operator.mul: operator.imul,
    operator.truediv: operator.itruediv,
    operator.floordiv: operator.ifloordiv,
    operator.mod: operator.imod,
    operator.pow: operator.ipow,
    operator.matmul: operator.imatmul,
    operator.and_: operator.iand,
    operator.or_: operator.ior,
    operator.xor: operator.ixor,
    operator.lshift: operator.ilshift,
    operator.rshift: operator.irshift,
}


def adopt(ledger: Ledger, value: Any, owner: Array, make: Callable[[Any], Any]) -> Any:
    """Return what a function made of an array: a view of it if they share memory, else something new."""
    if isinstance(value, np.ndarray) and np.may_share_memory(value, owner.storage.root):
        return Array(value, owner.storage, owner, make)
    return ledger.wrapped(value, make(ledger.node(owner)) if ledger.traced(owner) else None)


def plain_index(ledger: Ledger, index: Any) -> Any:
    """Return an index as NumPy takes it; truth arrays that depend on the inputs count as settled."""
    if isinstance(index, tuple):
        return tuple([plain_index(ledger, part) for part in index])
    if isinstance(index, slice):
        return slice(*[ledger.plain(end) for end in (index.start, index.stop, index.step)])
    if isinstance(index, Array) and index.value.dtype == bool and ledger.traced(index):
        ledger.guard(ledger.node(index), index.value)
        return index.value
    return ledger.plain(index)


def entry(ledger: Ledger, array: Array, index: Any) -> Any:
    """Return ``array[index]``."""
    plain = plain_index(ledger, index)
    value = array.value[plain]
    if isinstance(value, np.ndarray) and not np.may_share_memory(value, array.storage.root):
        ledger.limits.allocate(value.size)
    return adopt(ledger, value, array, lambda node: node[plain])


def set_entry(ledger: Ledger, array: Array, index: Any, value: Any) -> None:
    """Do ``array[index] = value``."""
    if isinstance(value, Foreign):
        raise ledger.refusal("reading.foreign", name=value.name, origin=value.line)
    mask = _mask(ledger, array, index)
    if mask is not None and np.size(shadow(value)) == 1:
        chosen = ledger.node(value) if ledger.traced(value) else np.asarray(shadow(value))
        old = _content(array)
        array.value[index.value] = shadow(value)
        _place(ledger, array, array.positions(), np.where(mask, _shaped(chosen, ()), old))
        return
    plain = plain_index(ledger, index)
    spots = array.positions()[plain]
    traced = ledger.traced(value) or array.storage.node is not None
    new = ledger.node(value) if traced else None
    old_base = _old(array) if traced else None
    array.value[plain] = shadow(value)
    if not traced:
        changed(ledger, array)
        return
    kind = array.value.dtype.kind
    if kind in "iu" and isinstance(new, Node) and new.dtype.kind == "f":
        new = np.trunc(new)
    _place(ledger, array, spots, lift(new), old_base)


def combine_in_place(ledger: Ledger, array: Array, function: Any, other: Any) -> Array:
    """Do ``array += other`` and the like: into the array's own memory, as NumPy does."""
    ledger.limits.check(function, (array, other))
    traced = ledger.traced(other) or ledger.traced(array)
    new = None
    if traced:
        empty = array.storage.node is None and not np.any(array.storage.root)
        if empty and function is operator.add and not array.storage.read:
            new = lift(ledger.node(other))  # 0 + x, where the zeros are but a place to add up in
        else:
            new = function(_content(array), ledger.node(other))
    base = _old(array) if traced else None
    with np.errstate(all="ignore"):
        array.value = IN_PLACE[function](array.value, shadow(other))
    if new is None:
        changed(ledger, array)
    else:
        _place(ledger, array, array.positions(), new, base)
    return array


def combine_entry(ledger: Ledger, array: Array, index: Any, function: Any, other: Any) -> None:
    """Do ``array[index] += other`` and the like."""
    mask = _mask(ledger, array, index)
    if mask is not None and np.size(shadow(other)) == 1:
        old = _content(array)
        new = function(old, _shaped(ledger.node(other), ()))
        array.value[index.value] = function(array.value[index.value], shadow(other))
        _place(ledger, array, array.positions(), np.where(mask, new, old))
        return
    part = _part(ledger, array, index)
    if isinstance(part, Array) and part.storage is array.storage:
        combine_in_place(ledger, part, function, other)
        return
    empty = array.storage.node is None and not np.any(array.storage.root) and not array.storage.read
    if empty and function is operator.add and ledger.traced(other):
        set_entry(ledger, array, index, _spread(ledger, other, np.shape(shadow(part))))
    else:
        set_entry(ledger, array, index, ledger.apply(function, part, other))


def add_at(ledger: Ledger, array: Array, index: Any, other: Any) -> None:
    """Do ``np.add.at(array, index, other)``: an entry that is named twice receives both."""
    plain = plain_index(ledger, index)
    spots = array.positions()[plain]
    base = _old(array)
    spread = np.broadcast_to(_node(ledger, other), spots.shape)
    added = _scattered(spread, spots, base.shape)
    np.add.at(array.value, plain, shadow(other))
    array.storage.node = base + added
    changed(ledger, array)


def replace(ledger: Ledger, array: Array, value: Any) -> Array:
    """Write a whole array: ``out=`` and ``fill``."""
    set_entry(ledger, array, Ellipsis, value)
    return array


def changed(ledger: Ledger, array: Array) -> None:
    """Note that a storage has been written to."""
    storage = array.storage
    ledger.clock += 1
    storage.changes.append(Change(ledger.clock, ledger.line, storage.node, ledger.reads))


def _mask(ledger: Ledger, array: Array, index: Any) -> Any:
    """Return the node of an index that is a truth array over the whole array, and depends on the inputs."""
    if isinstance(index, Array) and index.value.dtype == bool and ledger.traced(index):
        shape, full = index.value.shape, array.value.shape
        if shape == full[: len(shape)]:
            return _shaped(ledger.node(index), (*shape, *[1] * (len(full) - len(shape))))
    return None


def _part(ledger: Ledger, array: Array, index: Any) -> Any:
    """Return ``array[index]``, without making an input of zeros that are only added up in."""
    if array.storage.node is None:
        plain = plain_index(ledger, index)
        value = array.value[plain]
        if isinstance(value, np.ndarray):
            if np.may_share_memory(value, array.storage.root):
                return Array(value, array.storage, array, lambda node: node[plain])
            return ledger.fresh(value)
        return value
    return entry(ledger, array, index)


def _spread(ledger: Ledger, value: Any, shape: tuple[int, ...]) -> Any:
    if np.shape(shadow(value)) == shape:
        return value
    return ledger.wrapped(
        np.array(np.broadcast_to(shadow(value), shape)), np.broadcast_to(ledger.node(value), shape)
    )


def _node(ledger: Ledger, value: Any) -> Any:
    return lift(ledger.node(value))


def _content(array: Array) -> Any:
    """Return an array's content as an operand that is about to be overwritten."""
    return array.seen(_old(array))


def _old(array: Array) -> Node:
    """Return the node of a whole storage before it is written to; constants stay constants."""
    storage = array.storage
    return constant(storage.root) if storage.node is None else storage.node


def _place(ledger: Ledger, array: Array, spots: Any, new: Node, base: Node | None = None) -> None:
    """Put a node's entries at places of the storage."""
    storage = array.storage
    old = _old(array) if base is None else base
    storage.node = _written(old, np.asarray(spots), new)
    changed(ledger, array)


def _written(old: Node, spots: Any, new: Node) -> Node:
    size = old.size
    spread = (
        _shaped(new, ()) if spots.shape == () else np.broadcast_to(_trimmed(new, spots.ndim), spots.shape)
    )
    flat = spots.ravel()
    if flat.size == size and np.array_equal(flat, np.arange(size)):
        return np.reshape(spread, old.shape)  # type: ignore[return-value]
    last: dict[int, int] = {int(spot): number for number, spot in enumerate(flat)}
    if len(last) < flat.size:  # the last one written to a place stays there
        keep = np.array(sorted(last.values()))
        spread, flat = np.reshape(spread, (-1,))[keep], flat[keep]
    elif flat.size == size:
        return np.reshape(np.reshape(spread, (-1,))[np.argsort(flat)], old.shape)  # type: ignore[return-value]
    added = _scattered(spread, flat.reshape(spread.shape), old.shape)
    inside = np.zeros(size, bool)
    inside[flat] = True
    inside = inside.reshape(old.shape)
    if not old.inputs and old.value is not None and not np.any(old.value[~inside]):
        return added
    return np.where(inside, added, old)  # type: ignore[return-value]


def _scattered(values: Any, spots: Any, shape: tuple[int, ...]) -> Node:
    """Return zeros of a shape with values added at places, which are counted through."""
    index = np.unravel_index(np.asarray(spots), shape) if shape else ()
    if not shape:
        return np.reshape(values, ())  # type: ignore[return-value]
    template = tuple([Place(axis) for axis in range(len(shape))])
    return apply("add_at", values, *index, template=template, shape=shape)


def _trimmed(new: Any, rank: int) -> Any:
    """Return a value without leading axes of length 1 that its place lacks."""
    node = lift(new)
    return np.reshape(node, node.shape[node.ndim - rank :]) if node.ndim > rank else node


def _shaped(value: Any, shape: tuple[int, ...]) -> Any:
    return value if np.shape(value) == shape else np.reshape(value, shape)


def as_scalar(ledger: Ledger, value: Any) -> Any:
    """Return an array with one entry as a number."""
    if isinstance(value, Array):
        if value.value.size != 1:
            raise TypeError("only length-1 arrays can be converted to Python scalars")
        number = value.value.reshape(())[()]
        if not ledger.traced(value):
            return number
        return Scalar(number, reshape(ledger.node(value), ()))
    return value
