"""Simplifications: the same value with fewer or cheaper operations."""

from __future__ import annotations

import numpy as np

from chainrule.graph.node import CONSTANT, Node, apply, constant
from chainrule.graph.primitive import named
from chainrule.rewrites.rule import EVERY, SIMPLIFICATIONS, is_a, is_number, is_scalar, rewriting

MOST_FOLDED = 1024  # entries


@rewriting(SIMPLIFICATIONS, "multiply", "1·x = x", constant=True)
def _multiply_by_one(node: Node) -> Node | None:
    x, y = node.inputs
    return x if is_number(y, 1) else y if is_number(x, 1) else None


@rewriting(SIMPLIFICATIONS, "multiply", "−1·x = −x", constant=True)
def _multiply_by_minus_one(node: Node) -> Node | None:
    x, y = node.inputs
    return -x if is_number(y, -1) else -y if is_number(x, -1) else None


@rewriting(SIMPLIFICATIONS, "multiply", "(x·a)·b = x·(a·b) for numbers a, b", constant=True, rounds=True)
def _gather_factors(node: Node) -> Node | None:
    for outer, inner in (node.inputs, node.inputs[::-1]):
        if is_scalar(outer) and is_a(inner, "multiply") and inner.dtype == node.dtype:
            for number, rest in (inner.inputs, inner.inputs[::-1]):
                if is_scalar(number) and not is_scalar(rest):
                    factor = _fold("multiply", outer, number)
                    return rest * factor if _is_exact(factor, node) else None
    return None


def _is_exact(factor: Node, node: Node) -> bool:
    """Return whether a factor neither overflows nor underflows in the dtype of the product."""
    if node.dtype.kind != "f":
        return False
    bounds = np.finfo(node.dtype)
    return float(bounds.tiny) <= abs(float(factor.value)) <= float(bounds.max)


@rewriting(SIMPLIFICATIONS, "multiply", "(−x)·a = x·(−a) for a number a", constant=True)
def _number_takes_the_sign(node: Node) -> Node | None:
    for number, other in (node.inputs, node.inputs[::-1]):
        if is_scalar(number) and is_a(other, "negative") and node.dtype.kind == "f":
            return other.inputs[0] * _fold("negative", number)
    return None


@rewriting(SIMPLIFICATIONS, "divide", "x / 1 = x", constant=True)
def _divide_by_one(node: Node) -> Node | None:
    return node.inputs[0] if is_number(node.inputs[1], 1) else None


@rewriting(SIMPLIFICATIONS, "add", "x + 0 = x, but for the sign of a zero", constant=True)
def _add_zero(node: Node) -> Node | None:
    x, y = node.inputs
    return x if is_number(y, 0) else y if is_number(x, 0) else None


@rewriting(SIMPLIFICATIONS, "add", "x + (−y) = x − y")
def _add_negative(node: Node) -> Node | None:
    x, y = node.inputs
    return x - y.inputs[0] if is_a(y, "negative") else y - x.inputs[0] if is_a(x, "negative") else None


@rewriting(SIMPLIFICATIONS, "subtract", "x − 0 = x", constant=True)
def _subtract_zero(node: Node) -> Node | None:
    return node.inputs[0] if is_number(node.inputs[1], 0) else None


@rewriting(SIMPLIFICATIONS, "negative", "−(−x) = x, −(x − y) = y − x")
def _negate_twice(node: Node) -> Node | None:
    inner = node.inputs[0]
    if is_a(inner, "subtract"):
        return inner.inputs[1] - inner.inputs[0]
    return inner.inputs[0] if is_a(inner, "negative") else None


@rewriting(SIMPLIFICATIONS, "negative", "−(x·a) = x·(−a) for a number a")
def _sign_goes_to_the_number(node: Node) -> Node | None:
    inner = node.inputs[0]
    if is_a(inner, "multiply") and node.dtype.kind == "f":
        for number, other in (inner.inputs, inner.inputs[::-1]):
            if is_scalar(number):
                return other * _fold("negative", number)
    return None


@rewriting(SIMPLIFICATIONS, "power", "x¹ = x, x² = x·x", constant=True)
def _small_power(node: Node) -> Node | None:
    x, n = node.inputs
    if is_number(n, 1):
        return x
    return apply("square", x) if is_number(n, 2) and not n.shape else None


@rewriting(SIMPLIFICATIONS, "reshape", "only the last of two reshapes counts")
def _reshape_twice(node: Node) -> Node | None:
    inner = node.inputs[0]
    if inner.shape == node.shape:
        return inner
    return apply("reshape", inner.inputs[0], shape=node.shape) if is_a(inner, "reshape") else None


@rewriting(SIMPLIFICATIONS, "transpose", "two transposes are one, or none")
def _transpose_twice(node: Node) -> Node | None:
    inner, axes = node.inputs[0], node.settings["axes"]
    if is_a(inner, "transpose"):
        axes = tuple(inner.settings["axes"][axis] for axis in axes)
        inner = inner.inputs[0]
    if axes == tuple(range(len(axes))):
        return inner
    return None if inner is node.inputs[0] else apply("transpose", inner, axes=axes)


@rewriting(SIMPLIFICATIONS, "broadcast_to", "nothing to broadcast")
def _broadcast_to_itself(node: Node) -> Node | None:
    return node.inputs[0] if node.inputs[0].shape == node.shape else None


@rewriting(SIMPLIFICATIONS, "sum", "a sum over no axis changes nothing")
def _sum_over_nothing(node: Node) -> Node | None:
    return node.inputs[0] if node.settings["axis"] == () else None


@rewriting(SIMPLIFICATIONS, "convert", "it has that dtype already")
def _convert_to_itself(node: Node) -> Node | None:
    return node.inputs[0] if node.inputs[0].dtype == node.dtype and not node.inputs[0].weak else None


@rewriting(SIMPLIFICATIONS, EVERY, "an operation on constants is a constant", constant=True)
def _fold_constants(node: Node) -> Node | None:
    if any(source.primitive is not CONSTANT for source in node.inputs) or is_a(node, "broadcast_to"):
        return None
    if max([node.size, *[source.size for source in node.inputs]]) > MOST_FOLDED:
        return None
    with np.errstate(all="ignore"):
        value = node.primitive.forward(np, *[source.value for source in node.inputs], **node.settings)
    return constant(np.asarray(value, node.dtype))


@rewriting(SIMPLIFICATIONS, EVERY, "f(broadcast x) = broadcast f(x), entry by entry")
def _broadcast_later(node: Node) -> Node | None:
    if not node.primitive.elementwise or not any(is_a(source, "broadcast_to") for source in node.inputs):
        return None
    narrow = [source.inputs[0] if is_a(source, "broadcast_to") else source for source in node.inputs]
    result = apply(node.primitive, *narrow, **node.settings)
    folded = _fold_constants(result)
    result = result if folded is None else folded
    return result if result.shape == node.shape else apply("broadcast_to", result, shape=node.shape)


@rewriting(SIMPLIFICATIONS, EVERY, "a number beside an array of its dtype is a plain number", constant=True)
def _plain_number(node: Node) -> Node | None:
    if not node.primitive.elementwise or not any(_is_strong_number(source) for source in node.inputs):
        return None
    kinds = {source.dtype for source in node.inputs if source.primitive is not CONSTANT}
    operands = [
        constant(source.value.item()) if _is_strong_number(source) and source.dtype in kinds else source
        for source in node.inputs
    ]
    changed = any(new is not old for new, old in zip(operands, node.inputs, strict=True))
    return apply(node.primitive, *operands, **node.settings) if changed else None


PLAIN = frozenset(np.dtype(name) for name in ("float64", "float32", "float16"))


def _is_strong_number(node: Node) -> bool:
    return node.primitive is CONSTANT and not node.weak and not node.shape and node.dtype in PLAIN


def _fold(name: str, *numbers: Node) -> Node:
    """Return a number that is computed from numbers: a Python number if all are, else of their dtype."""
    if all(number.weak for number in numbers):
        return apply(name, *numbers)
    with np.errstate(all="ignore"):
        return constant(named(name).forward(np, *[number.value for number in numbers]))
