"""Named rewrites: simplifications (x·1 = x), stabilisations (log-sum-exp), and the product that keeps 0·∞ out.

A rewrite is a record with a name, a reason that can be cited, and a rule: from a node to a better one of the
same value, shape and dtype, or None. `simplify` and `stabilise` apply them to whole graphs, inputs first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import CONSTANT, Node, apply, constant, lift
from chainrule.graph.order import ancestors, constant_key
from chainrule.graph.primitive import Slice, named

Rule = Callable[[Node], Node | None]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One rewrite: its name, the operation at which it looks, why it is right, and the rule."""

    name: str
    primitive: str
    because: str
    rule: Rule


SIMPLIFICATIONS: dict[str, list[Rewrite]] = {}
STABILISATIONS: dict[str, list[Rewrite]] = {}


def _rewrite(table: dict[str, list[Rewrite]], primitive: str, because: str) -> Callable[[Rule], Rule]:
    def enter(rule: Rule) -> Rule:
        name = rule.__name__.strip("_")
        table.setdefault(primitive, []).append(Rewrite(name, primitive, because, rule))
        return rule

    return enter


def is_number(node: Any, value: float) -> bool:
    """Return whether a node is a constant all of whose entries are ``value``."""
    return isinstance(node, Node) and node.primitive is CONSTANT and bool(np.all(node.value == value))


def _is(node: Node, name: str) -> bool:
    return node.primitive.name == name


# The product in the chain rule.


def product(g: Node, p: Any) -> Node:
    """Return g·p, what comes in times the local derivative, such that a masked branch stays masked.

    select(c, a, 0)·p = select(c, a·p, 0): where the branch was not taken the product is 0, also where p is
    infinite or NaN. (Not "0 times anything is 0": a gradient that merely happens to be 0 gets no such help.)
    """
    factor = lift(p)
    if factor.primitive is CONSTANT and not factor.shape:
        if factor.value == 1:
            return g
        if factor.value == -1:
            return -g
    if _is(factor, "where"):
        condition, chosen, other = factor.inputs
        if is_number(chosen, 0) or is_number(other, 0):
            return apply("where", condition, _branch(g, chosen), _branch(g, other))
    if _is(g, "where"):
        condition, chosen, other = g.inputs
        if is_number(chosen, 0) or is_number(other, 0):
            return apply("where", condition, _branch(chosen, factor), _branch(other, factor))
    mask = support(g)
    return g * factor if mask is None else apply("where", mask, g * factor, 0)


def _branch(g: Node, p: Node) -> Any:
    if is_number(g, 0) or is_number(p, 0):
        return 0
    return product(g, p) if not g.weak else product(p, g)


MOVES = frozenset({"reshape", "transpose", "broadcast_to", "index"})
SEARCH_DEPTH = 6


def support(g: Node, depth: int = SEARCH_DEPTH) -> Node | None:
    """Return where a gradient can differ from 0, if masks decide that; None if no mask is in sight."""
    if depth == 0 or not g.inputs:
        return None
    name, first = g.primitive.name, g.inputs[0]
    if name == "where":
        if is_number(g.inputs[2], 0):
            return apply("broadcast_to", first, shape=g.shape)
        if is_number(g.inputs[1], 0):
            return apply("broadcast_to", apply("logical_not", first), shape=g.shape)
        return None
    if name in MOVES:
        mask = support(first, depth - 1)
        return None if mask is None else apply(g.primitive, mask, *g.inputs[1:], **g.settings)
    if name == "sum":
        mask = support(first, depth - 1)
        return None if mask is None else apply("any", mask, **g.settings)
    if name in ("negative", "convert"):
        return support(first, depth - 1)
    if name == "add":
        masks = [support(part, depth - 1) for part in g.inputs]
        if masks[0] is not None and masks[1] is not None:
            return apply("logical_or", masks[0], masks[1])
    return None


# Simplifications.


@_rewrite(SIMPLIFICATIONS, "multiply", "1·x = x")
def _multiply_by_one(node: Node) -> Node | None:
    x, y = node.inputs
    return x if is_number(y, 1) else y if is_number(x, 1) else None


@_rewrite(SIMPLIFICATIONS, "multiply", "−1·x = −x")
def _multiply_by_minus_one(node: Node) -> Node | None:
    x, y = node.inputs
    return -x if is_number(y, -1) else -y if is_number(x, -1) else None


@_rewrite(SIMPLIFICATIONS, "multiply", "(x·a)·b = x·(a·b) for numbers a, b")
def _gather_factors(node: Node) -> Node | None:
    for outer, inner in (node.inputs, node.inputs[::-1]):
        if _is_scalar(outer) and _is(inner, "multiply"):
            for number, rest in (inner.inputs, inner.inputs[::-1]):
                if _is_scalar(number) and not _is_scalar(rest):
                    return rest * _fold("multiply", outer, number)
    return None


@_rewrite(SIMPLIFICATIONS, "multiply", "(−x)·a = x·(−a) for a number a")
def _number_takes_the_sign(node: Node) -> Node | None:
    for number, other in (node.inputs, node.inputs[::-1]):
        if _is_scalar(number) and _is(other, "negative"):
            return other.inputs[0] * _fold("negative", number)
    return None


@_rewrite(SIMPLIFICATIONS, "divide", "x / 1 = x")
def _divide_by_one(node: Node) -> Node | None:
    return node.inputs[0] if is_number(node.inputs[1], 1) else None


@_rewrite(SIMPLIFICATIONS, "add", "x + 0 = x")
def _add_zero(node: Node) -> Node | None:
    x, y = node.inputs
    return x if is_number(y, 0) else y if is_number(x, 0) else None


@_rewrite(SIMPLIFICATIONS, "add", "x + (−y) = x − y")
def _add_negative(node: Node) -> Node | None:
    x, y = node.inputs
    return x - y.inputs[0] if _is(y, "negative") else y - x.inputs[0] if _is(x, "negative") else None


@_rewrite(SIMPLIFICATIONS, "subtract", "x − 0 = x")
def _subtract_zero(node: Node) -> Node | None:
    return node.inputs[0] if is_number(node.inputs[1], 0) else None


@_rewrite(SIMPLIFICATIONS, "negative", "−(−x) = x, −(x − y) = y − x")
def _negate_twice(node: Node) -> Node | None:
    inner = node.inputs[0]
    if _is(inner, "subtract"):
        return inner.inputs[1] - inner.inputs[0]
    return inner.inputs[0] if _is(inner, "negative") else None


@_rewrite(SIMPLIFICATIONS, "power", "x¹ = x, x² = x·x")
def _small_power(node: Node) -> Node | None:
    x, n = node.inputs
    if is_number(n, 1):
        return x
    return apply("square", x) if is_number(n, 2) and not n.shape else None


@_rewrite(SIMPLIFICATIONS, "reshape", "only the last of two reshapes counts")
def _reshape_twice(node: Node) -> Node | None:
    inner = node.inputs[0]
    if inner.shape == node.shape:
        return inner
    return apply("reshape", inner.inputs[0], shape=node.shape) if _is(inner, "reshape") else None


@_rewrite(SIMPLIFICATIONS, "transpose", "two transposes are one, or none")
def _transpose_twice(node: Node) -> Node | None:
    inner, axes = node.inputs[0], node.settings["axes"]
    if _is(inner, "transpose"):
        axes = tuple(inner.settings["axes"][axis] for axis in axes)
        inner = inner.inputs[0]
    if axes == tuple(range(len(axes))):
        return inner
    return None if inner is node.inputs[0] else apply("transpose", inner, axes=axes)


@_rewrite(SIMPLIFICATIONS, "broadcast_to", "nothing to broadcast")
def _broadcast_to_itself(node: Node) -> Node | None:
    return node.inputs[0] if node.inputs[0].shape == node.shape else None


@_rewrite(SIMPLIFICATIONS, "sum", "a sum over no axis changes nothing")
def _sum_over_nothing(node: Node) -> Node | None:
    return node.inputs[0] if node.settings["axis"] == () else None


@_rewrite(SIMPLIFICATIONS, "convert", "it has that dtype already")
def _convert_to_itself(node: Node) -> Node | None:
    return node.inputs[0] if node.inputs[0].dtype == node.dtype and not node.inputs[0].weak else None


def _is_scalar(node: Node) -> bool:
    return node.primitive is CONSTANT and not node.shape


def _fold(name: str, *numbers: Node) -> Node:
    """Return a number that is computed from numbers: a Python number if all are, else of their dtype."""
    if all(number.weak for number in numbers):
        return apply(name, *numbers)
    with np.errstate(all="ignore"):
        return constant(apply_forward(name, [number.value for number in numbers]))


def apply_forward(name: str, values: Sequence[Any]) -> Any:
    """Return a primitive's value for given operands."""
    return named(name).forward(np, *values)


MOST_FOLDED = 1024


def _fold_constants(node: Node) -> Node | None:
    """Return a small node that depends on constants only as one constant."""
    if node.size > MOST_FOLDED or not node.inputs or _is(node, "broadcast_to"):
        return None
    if any(source.primitive is not CONSTANT or source.size > MOST_FOLDED for source in node.inputs):
        return None
    with np.errstate(all="ignore"):
        value = node.primitive.forward(np, *[source.value for source in node.inputs], **node.settings)
    return constant(np.asarray(value, node.dtype))


def _without_broadcast(node: Node) -> Node | None:
    """Return an elementwise operation without explicit broadcasting of an operand: it broadcasts by itself."""
    if not node.primitive.elementwise or not any(_is(source, "broadcast_to") for source in node.inputs):
        return None
    operands = list(node.inputs)
    for place, source in enumerate(operands):
        if _is(source, "broadcast_to"):
            rest = [other.shape for position, other in enumerate(operands) if position != place]
            if np.broadcast_shapes(source.inputs[0].shape, *rest) == node.shape:
                operands[place] = source.inputs[0]
    changed = any(new is not old for new, old in zip(operands, node.inputs, strict=True))
    return apply(node.primitive, *operands, **node.settings) if changed else None


# Stabilisations.


def _one_plus_exp(node: Node) -> Node | None:
    """Return x if the node is 1 + exp(x), in either order."""
    if _is(node, "add"):
        for one, other in (node.inputs, node.inputs[::-1]):
            if is_number(one, 1) and _is(other, "exp") and other.shape == node.shape:
                return other.inputs[0]
    return None


def _one_minus(node: Node) -> Node | None:
    """Return x if the node is 1 − x."""
    if _is(node, "subtract") and is_number(node.inputs[0], 1) and node.inputs[1].shape == node.shape:
        return node.inputs[1]
    return None


def _minus(x: Node) -> Node:
    return x.inputs[0] if _is(x, "negative") else -x


@_rewrite(STABILISATIONS, "log", "log(1 + eˣ) = softplus(x): finite where eˣ overflows")
def _log_one_plus_exp(node: Node) -> Node | None:
    x = _one_plus_exp(node.inputs[0])
    return None if x is None else apply("softplus", x)


@_rewrite(STABILISATIONS, "log1p", "log1p(eˣ) = softplus(x): finite where eˣ overflows")
def _log1p_exp(node: Node) -> Node | None:
    return apply("softplus", node.inputs[0].inputs[0]) if _is(node.inputs[0], "exp") else None


@_rewrite(STABILISATIONS, "log", "log Σ eˣ = logsumexp(x): finite where eˣ overflows")
def _log_sum_exp(node: Node) -> Node | None:
    total = node.inputs[0]
    if _is(total, "sum") and _is(total.inputs[0], "exp") and total.inputs[0].size:
        return apply("logsumexp", total.inputs[0].inputs[0], **total.settings)
    return None


@_rewrite(STABILISATIONS, "log", "log(eˣ) = x")
def _log_exp(node: Node) -> Node | None:
    return node.inputs[0].inputs[0] if _is(node.inputs[0], "exp") else None


@_rewrite(STABILISATIONS, "log", "log softmax(x) = log_softmax(x): finite where softmax rounds to 0")
def _log_of_softmax(node: Node) -> Node | None:
    inner = node.inputs[0]
    if _is(inner, "index") and _is(inner.inputs[0], "softmax"):
        line = inner.inputs[0]
        logs = apply("log_softmax", line.inputs[0], **line.settings)
        return apply("index", logs, *inner.inputs[1:], **inner.settings)
    return apply("log_softmax", inner.inputs[0], **inner.settings) if _is(inner, "softmax") else None


@_rewrite(STABILISATIONS, "log", "log σ(x) = −softplus(−x): finite where σ rounds to 0")
def _log_of_sigmoid(node: Node) -> Node | None:
    inner = node.inputs[0]
    return -apply("softplus", _minus(inner.inputs[0])) if _is(inner, "sigmoid") else None


@_rewrite(STABILISATIONS, "subtract", "1 − σ(x) = σ(−x): exact where σ rounds to 1")
def _one_minus_sigmoid(node: Node) -> Node | None:
    x = _one_minus(node)
    return apply("sigmoid", _minus(x.inputs[0])) if x is not None and _is(x, "sigmoid") else None


@_rewrite(STABILISATIONS, "divide", "1 / (1 + e⁻ˣ) = σ(x): its derivative has no ∞ / ∞")
def _inverse_one_plus_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    x = _one_plus_exp(bottom)
    return apply("sigmoid", _minus(x)) if x is not None and is_number(top, 1) else None


@_rewrite(STABILISATIONS, "divide", "eˣ / (1 + eˣ) = σ(x): finite where eˣ overflows")
def _exp_over_one_plus_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    x = _one_plus_exp(bottom)
    return apply("sigmoid", x) if x is not None and _is(top, "exp") and top.inputs[0] is x else None


@_rewrite(STABILISATIONS, "divide", "eˣ / Σ eˣ = softmax(x): finite where eˣ overflows")
def _exp_over_sum_exp(node: Node) -> Node | None:
    top, bottom = node.inputs
    if not _is(top, "exp") or top.shape != node.shape or not top.size:
        return None
    total = bottom
    while _is(total, "reshape") or (_is(total, "index") and len(total.inputs) == 1):
        total = total.inputs[0]
    if not _is(total, "sum") or total.inputs[0] is not top:
        return None
    axis = total.settings["axis"]
    lengths = tuple(1 if place in axis else n for place, n in enumerate(top.shape))
    aligned = bottom.shape == lengths or (lengths[: len(lengths) - bottom.ndim] + bottom.shape == lengths)
    return apply("softmax", top.inputs[0], axis=axis) if aligned and _only_new_axes(bottom) else None


def _only_new_axes(node: Node) -> bool:
    """Return whether indexing above a sum only inserts axes, so that no entry is moved or dropped."""
    while not _is(node, "sum"):
        if _is(node, "index") and any(
            part not in (None, Ellipsis, Slice(None, None, None)) for part in node.settings["template"]
        ):
            return False
        node = node.inputs[0]
    return True


# Applying rewrites.


def rewrite(
    outputs: Iterable[Node], stop: Iterable[Node], table: dict[str, list[Rewrite]], *, fold: bool
) -> dict[Node, Node]:
    """Return what each node of a graph becomes: rewritten, and equal nodes made one.

    ``fold`` also folds constants and drops explicit broadcasting.
    """
    new: dict[Node, Node] = {}
    shared: dict[Any, Node] = {}
    for node in ancestors(outputs, stop=stop):
        place, name = context.fixed_location.set(node.location), context.scope_name.set(node.scope)
        better = _improve(_rebuild(node, new), table, fold=fold)
        context.scope_name.reset(name)
        context.fixed_location.reset(place)
        new[node] = shared.setdefault(_key(better), better)
    return new


def _rebuild(node: Node, new: dict[Node, Node]) -> Node:
    operands = [new.get(source, source) for source in node.inputs]
    if all(operand is source for operand, source in zip(operands, node.inputs, strict=True)):
        return node
    return apply(node.primitive, *operands, **node.settings)


def _key(node: Node) -> Any:
    if node.primitive is CONSTANT:
        return constant_key(node) if node.size <= MOST_FOLDED else node
    if not node.inputs:
        return node
    return node.primitive, node.inputs, tuple(node.settings.items())


def _improve(node: Node, table: dict[str, list[Rewrite]], *, fold: bool) -> Node:
    """Return the node after all rules that fit, one after the other."""
    while True:
        better = next(_candidates(node, table, fold=fold), None)
        if better is None:
            return node
        node = better


def _candidates(node: Node, table: dict[str, list[Rewrite]], *, fold: bool) -> Iterator[Node]:
    rules: list[Rule] = [entry.rule for entry in table.get(node.primitive.name, ())]
    if fold:
        rules += [_fold_constants, _without_broadcast]
    for rule in rules:
        better = rule(node)
        if better is not None and better.shape == node.shape and better.dtype == node.dtype:
            yield better


def _rewritten(graph: Graph, table: dict[str, list[Rewrite]], *, fold: bool) -> Graph:
    tested = [guard.node for guard in graph.guards]
    new = rewrite([*graph.outputs, *tested], graph.inputs, table, fold=fold)
    return Graph(
        graph.inputs,
        [new.get(node, node) for node in graph.outputs],
        guards=[Guard(new.get(guard.node, guard.node), guard.truth) for guard in graph.guards],
        name=graph.name,
        single=graph.single,
        flatten=graph.flatten,
        restore=graph.restore,
        names={new.get(node, node): name for node, name in graph.names.items()},
    )


def stabilise(graph: Graph) -> Graph:
    """Return a graph of the same value in which log-sum-exp, sigmoid and the like are done in one stable step.

    A value may then be finite where that of plain NumPy is not: log(1 + exp(800)) is 800, not infinity.
    """
    return _rewritten(graph, STABILISATIONS, fold=False)


def simplify(graph: Graph) -> Graph:
    """Return a smaller graph of the same value: x·1 = x and the like, constants folded, equal nodes made one."""
    return _rewritten(graph, SIMPLIFICATIONS, fold=True)
