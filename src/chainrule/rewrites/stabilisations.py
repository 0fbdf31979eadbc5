"""Stabilisations: the same value in one step that neither overflows nor loses digits.

They run before differentiation, so the derivative is stable too.
"""

from __future__ import annotations

from chainrule.graph.node import Node, apply
from chainrule.graph.primitive import Slice
from chainrule.rewrites.rule import STABILISATIONS, is_a, is_number, rewriting


def _one_plus_exp(node: Node) -> Node | None:
    """Return x if the node is 1 + exp(x), in either order."""
    if is_a(node, "add"):
        for one, other in (node.inputs, node.inputs[::-1]):
            if is_number(one, 1) and is_a(other, "exp") and other.shape == node.shape:
                return other.inputs[0]
    return None


def _one_minus(node: Node) -> Node | None:
    """Return x if the node is 1 − x."""
    if is_a(node, "subtract") and is_number(node.inputs[0], 1) and node.inputs[1].shape == node.shape:
        return node.inputs[1]
    return None


def _minus(x: Node) -> Node:
    return x.inputs[0] if is_a(x, "negative") else -x


@rewriting(STABILISATIONS, "log", "log(1 + eˣ) = softplus(x): finite where eˣ overflows")
def _log_one_plus_exp(node: Node) -> Node | None:
    x = _one_plus_exp(node.inputs[0])
    return None if x is None else apply("softplus", x)


@rewriting(STABILISATIONS, "log1p", "log1p(eˣ) = softplus(x): finite where eˣ overflows")
def _log1p_exp(node: Node) -> Node | None:
    return apply("softplus", node.inputs[0].inputs[0]) if is_a(node.inputs[0], "exp") else None


@rewriting(STABILISATIONS, "log", "log Σ eˣ = logsumexp(x): finite where eˣ overflows")
def _log_sum_exp(node: Node) -> Node | None:
    total = node.inputs[0]
    if is_a(total, "sum") and is_a(total.inputs[0], "exp") and total.inputs[0].size:
        return apply("logsumexp", total.inputs[0].inputs[0], **total.settings)
    return None


@rewriting(STABILISATIONS, "log", "log(eˣ) = x")
def _log_exp(node: Node) -> Node | None:
    return node.inputs[0].inputs[0] if is_a(node.inputs[0], "exp") else None


@rewriting(STABILISATIONS, "log", "log softmax(x) = log_softmax(x): finite where softmax rounds to 0")
def _log_of_softmax(node: Node) -> Node | None:
    inner = node.inputs[0]
    if is_a(inner, "index") and is_a(inner.inputs[0], "softmax"):
        line = inner.inputs[0]
        logs = apply("log_softmax", line.inputs[0], **line.settings)
        return apply("index", logs, *inner.inputs[1:], **inner.settings)
    return apply("log_softmax", inner.inputs[0], **inner.settings) if is_a(inner, "softmax") else None


@rewriting(STABILISATIONS, "log", "log σ(x) = −softplus(−x): finite where σ rounds to 0")
def _log_of_sigmoid(node: Node) -> Node | None:
    inner = node.inputs[0]
    return -apply("softplus", _minus(inner.inputs[0])) if is_a(inner, "sigmoid") else None


@rewriting(STABILISATIONS, "subtract", "1 − σ(x) = σ(−x): exact where σ rounds to 1")
def _one_minus_sigmoid(node: Node) -> Node | None:
    x = _one_minus(node)
    return apply("sigmoid", _minus(x.inputs[0])) if x is not None and is_a(x, "sigmoid") else None


@rewriting(STABILISATIONS, "divide", "1 / (1 + e⁻ˣ) = σ(x): its derivative has no ∞ / ∞")
def _inverse_one_plus_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    x = _one_plus_exp(bottom)
    return apply("sigmoid", _minus(x)) if x is not None and is_number(top, 1) else None


@rewriting(STABILISATIONS, "divide", "eˣ / (1 + eˣ) = σ(x): finite where eˣ overflows")
def _exp_over_one_plus_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    x = _one_plus_exp(bottom)
    return apply("sigmoid", x) if x is not None and is_a(top, "exp") and top.inputs[0] is x else None


@rewriting(STABILISATIONS, "divide", "eˣ / Σ eˣ = softmax(x): finite where eˣ overflows")
def _exp_over_sum_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    if not is_a(top, "exp") or top.shape != node.shape or not top.size:
        return None
    total = bottom
    while is_a(total, "reshape") or (is_a(total, "index") and len(total.inputs) == 1):
        total = total.inputs[0]
    if not is_a(total, "sum") or total.inputs[0] is not top:
        return None
    axis = total.settings["axis"]
    lengths = tuple(1 if place in axis else n for place, n in enumerate(top.shape))
    aligned = bottom.shape == lengths or (lengths[: len(lengths) - bottom.ndim] + bottom.shape == lengths)
    return apply("softmax", top.inputs[0], axis=axis) if aligned and _only_new_axes(bottom) else None


def _only_new_axes(node: Node) -> bool:
    """Return whether indexing above a sum only inserts axes, so that no entry is moved or dropped."""
    while not is_a(node, "sum"):
        if is_a(node, "index") and any(
            part not in (None, Ellipsis, Slice(None, None, None)) for part in node.settings["template"]
        ):
            return False
        node = node.inputs[0]
    return True
