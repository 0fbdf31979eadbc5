"""The product in the chain rule, such that a masked branch does not poison its neighbour.

select(c, a, 0)·p = select(c, a·p, 0): where a branch was not taken the product is 0, also where p is infinite
or NaN. This is not "0 times anything is 0": a gradient that merely happens to be 0 gets no such help, or the
Hessian of (x − t)² at x = t would be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.node import CONSTANT, Node, apply, constant, lift
from chainrule.graph.primitive import Shape
from chainrule.rewrites.rule import is_a, is_number

Mask = Node | None  # where a gradient can differ from 0; None: anywhere


class Masks:
    """The masks of the gradients met so far, each found once, however often it is asked for."""

    def __init__(self) -> None:
        self._known: dict[Node, Mask] = {}

    def product(self, g: Node, p: Any) -> Node:
        """Return g·p, what comes in times the local derivative, 0 wherever ``g`` or ``p`` is masked."""
        factor = lift(p)
        if factor.weak and factor.value in (1, -1):
            return g if factor.value == 1 else -g
        if _finite(factor):
            return g * factor
        mask = _both(self.support(g), self.support(factor))
        if mask is None:
            return g * factor
        return apply("where", mask, _times(_inside(g), _inside(factor)), 0)

    def support(self, g: Node) -> Mask:
        """Return where a gradient can differ from 0, if masks decide that."""
        known, waiting = self._known, [g]
        while waiting:
            node = waiting[-1]
            rule = SUPPORTS.get(node.primitive.name)
            if rule is None or node in known:
                known.setdefault(node, None)
                waiting.pop()
                continue
            missing = [source for source in node.inputs if source.inputs and source not in known]
            if missing:
                waiting.extend(missing)
                continue
            waiting.pop()
            masks = [known.get(source) for source in node.inputs]
            if is_a(node, "where") or any(mask is not None for mask in masks):
                known[node] = _wide(rule(node, masks), node.shape)
            else:
                known[node] = None
        return known[g]


def _finite(p: Node) -> bool:
    """Return whether a factor is surely finite: a number, or a choice between numbers none of which is 0."""
    if is_a(p, "where"):
        return all(part.weak and part.value != 0 and np.isfinite(part.value) for part in p.inputs[1:])
    return p.primitive is CONSTANT and not p.shape and bool(np.isfinite(p.value))


def _inside(g: Node) -> Node:
    """Return a if the node is select(c, a, 0), so that the choice is made once, after the product."""
    if is_a(g, "where"):
        _, chosen, other = g.inputs
        if is_number(other, 0):
            return chosen
        if is_number(chosen, 0):
            return other
    return g


def _times(a: Node, b: Node) -> Node:
    return b if is_number(a, 1) else a if is_number(b, 1) else a * b


def _both(first: Mask, second: Mask) -> Mask:
    if first is None or second is None or first is second:
        return first if second is None else second
    return apply("logical_and", first, second)


def _wide(mask: Mask, shape: Shape) -> Mask:
    return mask if mask is None or mask.shape == shape else apply("broadcast_to", mask, shape=shape)


# How each operation changes a mask. They get the node, and the masks of its operands.

Support = Callable[[Node, Sequence[Mask]], Mask]


def _of_choice(node: Node, masks: Sequence[Mask]) -> Mask:
    condition, chosen, other = node.inputs
    if is_number(other, 0):
        return _both(condition, masks[1])
    if is_number(chosen, 0):
        return _both(apply("logical_not", condition), masks[2])
    if masks[1] is None and masks[2] is None:
        return None
    return apply("where", condition, *[True if mask is None else mask for mask in masks[1:]])


def _of_product(_: Node, masks: Sequence[Mask]) -> Mask:
    return _both(masks[0], masks[1])


def _of_first(_: Node, masks: Sequence[Mask]) -> Mask:
    return masks[0]


def _of_sum_of_two(_: Node, masks: Sequence[Mask]) -> Mask:
    return None if masks[0] is None or masks[1] is None else apply("logical_or", masks[0], masks[1])


def _of_move(node: Node, masks: Sequence[Mask]) -> Mask:
    return None if masks[0] is None else apply(node.primitive, masks[0], *node.inputs[1:], **node.settings)


def _of_reduction(node: Node, masks: Sequence[Mask]) -> Mask:
    return None if masks[0] is None else apply("any", masks[0], **node.settings)


def _of_running_sum(node: Node, masks: Sequence[Mask]) -> Mask:
    if masks[0] is None:
        return None
    return apply("cumsum", apply("convert", masks[0], dtype="int64"), **node.settings) > 0


def _of_joined(node: Node, masks: Sequence[Mask]) -> Mask:
    pieces = [
        constant(np.ones(source.shape, bool)) if mask is None else mask
        for source, mask in zip(node.inputs, masks, strict=True)
    ]
    return apply("concatenate", *pieces, **node.settings)


def _of_matrix_product(node: Node, masks: Sequence[Mask]) -> Mask:
    """Return the rows of the left operand, and the columns of the right one, that are not masked wholly."""
    left, right = node.inputs
    found: Mask = None
    if masks[0] is not None:
        found = apply("any", masks[0], axis=(left.ndim - 1,), keepdims=left.ndim > 1 and right.ndim > 1)
    if masks[1] is not None:
        columns: Mask = apply("any", masks[1], axis=(max(right.ndim - 2, 0),), keepdims=False)
        if left.ndim > 1 and right.ndim > 1:
            columns = apply("reshape", columns, shape=(*right.shape[:-2], 1, right.shape[-1]))
        elif left.ndim > 1:
            columns = _wide(columns, node.shape)
        found = _both(found, columns)
    return found


def _of_einsum(node: Node, masks: Sequence[Mask]) -> Mask:
    counts = [
        constant(np.ones(source.shape)) if mask is None else apply("convert", mask, dtype="float64")
        for source, mask in zip(node.inputs, masks, strict=True)
    ]
    return apply("einsum", *counts, **node.settings) > 0


SUPPORTS: dict[str, Support] = {
    "where": _of_choice,
    "multiply": _of_product,
    "divide": _of_first,
    "negative": _of_first,
    "convert": _of_first,
    "add": _of_sum_of_two,
    "subtract": _of_sum_of_two,
    "reshape": _of_move,
    "transpose": _of_move,
    "broadcast_to": _of_move,
    "index": _of_move,
    "add_at": _of_move,
    "sum": _of_reduction,
    "mean": _of_reduction,
    "cumsum": _of_running_sum,
    "concatenate": _of_joined,
    "matmul": _of_matrix_product,
    "einsum": _of_einsum,
}
