"""The chain rule, once: from a graph to the graph of its gradient.

From the output back to the inputs, each node hands the gradient that reached it on to its operands: times the
local derivative for an elementwise operation, by its pullback for all others. Where an operand was broadcast,
its gradient is summed back, here and nowhere else. A node that is used several times receives the sum over
its uses. All of it is nodes again, so the gradient prints, runs, and can be differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import GradientError, GraphError, nearest_hint
from chainrule.graph import context
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node, apply, constant
from chainrule.graph.order import ancestors, dependents
from chainrule.graph.primitive import Array, Shape, Slice
from chainrule.primitives.shapes import concatenate, expand_dims
from chainrule.rewrites import Masks, simplify, stabilise


class Edge(NamedTuple):
    """One use of a value, on the way back: what its consumer hands to it.

    ``incoming`` is the gradient that reached the consumer; ``local`` the consumer's local derivative by the
    value (a node or a number), None where the consumer has a pullback; ``gradient`` the product.
    """

    source: Node
    consumer: Node
    incoming: Node
    local: Any
    gradient: Node


MANY = 16  # uses of one value; from here on they are joined where that saves work


def pull_back(
    output: Node, sources: Sequence[Node], seed: Node | None = None, edges: list[Edge] | None = None
) -> list[Node]:
    """Return the gradient of ``output`` (its sum of entries weighted by ``seed``) by each of ``sources``.

    Parameters
    ----------
    output
        The node to differentiate.
    sources
        The nodes to differentiate by; nothing behind them is looked at.
    seed
        The gradient that comes in, of the output's shape; ones if it is None.
    edges
        A list to which every edge that carries a gradient is appended, for explanations.

    Returns
    -------
    list of Node
        One for each source, of its shape and dtype; zeros where no path leads from it to the output.
    """
    found = gradients_of_all(output, sources, seed, edges)
    return [found[source] if source in found else _zeros(source) for source in sources]


def gradients_of_all(
    output: Node, sources: Sequence[Node], seed: Node | None = None, edges: list[Edge] | None = None
) -> dict[Node, Node]:
    """Return the gradient of ``output`` by every node on a path from ``sources``; see `pull_back`."""
    nodes = ancestors([output], stop=sources)
    active, ends = dependents(nodes, sources), set(sources)
    incoming: dict[Node, list[Node]] = {output: [seed if seed is not None else _ones(output)]}
    found: dict[Node, Node] = {}
    masks = Masks()
    with context.on_behalf() as on_behalf_of:
        for node in [*reversed(nodes), *sources]:
            uses = incoming.pop(node, None)
            if uses is None or node not in active:
                continue
            on_behalf_of(node)
            found[node] = _sum_over_uses(uses)
            if node not in ends:
                for edge in _contributions(node, found[node], active, masks):
                    incoming.setdefault(edge.source, []).append(edge.gradient)
                    if edges is not None:
                        edges.append(edge)
    return found


def _sum_over_uses(uses: list[Node]) -> Node:
    if len(uses) >= MANY:
        uses = _gathered(uses)
    total = uses[0]
    for use in uses[1:]:
        total = total + use
    return total


def _gathered(uses: list[Node]) -> list[Node]:
    """Return the uses with those that only fill single places, as x[0], x[1] … do, joined into one.

    Each alone is an array of the size of x, nearly all zeros, and the sum of n of them takes n² steps.
    """
    gathered: list[Node] = []
    groups: dict[int, list[Node]] = {}
    for use in uses:
        axes = _named_axes(use)
        (groups.setdefault(axes, []) if axes else gathered).append(use)
    for axes, group in groups.items():
        gathered.extend([_joined(group, axes)] if len(group) >= MANY else group)
    return gathered


def _named_axes(use: Node) -> int:
    """Return how many axes an `add_at` fills at places that its template names; 0 if it does not name all."""
    if use.primitive.name != "add_at" or len(use.inputs) > 1:
        return 0
    template = use.settings["template"]
    if len(template) == 1 and isinstance(template[0], Slice):
        return 1
    return len(template) if all(isinstance(part, int) for part in template) else 0


def _joined(uses: list[Node], axes: int) -> Node:
    shape: Shape = uses[0].shape
    pieces, places = [], []
    for use in uses:
        template, piece = use.settings["template"], use.inputs[0]
        if isinstance(template[0], Slice):
            pieces.append(piece)
            places.append(np.arange(shape[0])[None, slice(*template[0])])
        else:
            pieces.append(expand_dims(piece, 0))
            places.append(np.array(template)[:, None])
    index = tuple([Array(axis) for axis in range(axes)])
    return apply("add_at", concatenate(pieces), *np.concatenate(places, axis=1), template=index, shape=shape)


def _ones(node: Node) -> Node:
    one = constant(np.ones((), node.dtype))
    return apply("broadcast_to", one, shape=node.shape) if node.shape else one


def _zeros(node: Node) -> Node:
    dtype = node.dtype if node.dtype.kind == "f" else np.dtype("float64")
    return constant(np.zeros(node.shape, dtype))


def _contributions(node: Node, g: Node, active: set[Node], masks: Masks) -> list[Edge]:
    """Return what each operand receives through this node: one entry for each edge with a gradient."""
    primitive = node.primitive
    if not primitive.differentiable:
        return []
    if primitive.partials is not None:
        locals_ = primitive.partials(node, *node.inputs, **node.settings)
        pairs = zip(node.inputs, locals_, strict=True)
        parts = [
            (source, local, masks.product(g, local))
            for source, local in pairs
            if source in active and not _is_zero(local)
        ]
    elif primitive.pullback is not None:
        gradients = primitive.pullback(g, node, *node.inputs, **node.settings)
        pairs = zip(node.inputs, gradients, strict=True)
        parts = [(source, None, part) for source, part in pairs if source in active and part is not None]
    else:
        raise GradientError("gradient.no_rule", name=primitive.name, where=context.here())
    return [
        Edge(source, node, g, local, _fit(part, source, node))
        for source, local, part in parts
        if source.dtype.kind == "f"
    ]


def _is_zero(local: Any) -> bool:
    return local is None or (type(local) in (int, float) and local == 0)


def _fit(gradient: Node, source: Node, node: Node) -> Node:
    """Return the gradient with broadcasting undone, and in the dtype of its operand."""
    fitted = unbroadcast(gradient, source.shape, node)
    return fitted if fitted.dtype == source.dtype else apply("convert", fitted, dtype=source.dtype.name)


def unbroadcast(gradient: Node, shape: Shape, node: Node) -> Node:
    """Return a gradient summed over the axes along which an operand of this shape was repeated."""
    if gradient.shape == shape:
        return gradient
    extra = gradient.ndim - len(shape)
    if extra < 0:
        return apply("broadcast_to", gradient, shape=shape)
    pairs = zip(gradient.shape[extra:], shape, strict=True)
    stretched = [axis for axis, (wide, own) in enumerate(pairs, start=extra) if wide != own == 1]
    axes = (*range(extra), *stretched)
    if axes:
        gradient = apply("sum", gradient, axis=axes, keepdims=not extra)
    if extra and stretched:
        gradient = apply("reshape", gradient, shape=shape)
    if gradient.shape == shape:
        return gradient
    try:
        return apply("broadcast_to", gradient, shape=shape)  # g was a mere number
    except Exception:
        raise GraphError(
            "gradient.pullback",
            name=node.primitive.name,
            given=gradient.shape,
            expected=shape,
            where=context.here(),
        ) from None


def gradient(graph: Graph, wrt: str | Sequence[str] | None = None) -> Graph:
    r"""Return the graph of the gradient: the same inputs, and the derivative of the output by each of them.

    .. math:: \bar x = \sum_{\text{uses } y \text{ of } x} \frac{\partial y}{\partial x}\, \bar y

    Parameters
    ----------
    graph
        A graph with one output that is one number (shape ``()``, or all lengths 1).
    wrt
        The name of the input to differentiate by, or several; None: all inputs of a floating dtype.

    Returns
    -------
    Graph
        One output for each of these inputs, of that input's shape and dtype; bare if there is only one.

    Raises
    ------
    GradientError
        If the output is not one number, ``wrt`` names no input, or an input has no floating dtype.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda a, b, c: 3 * (a + b * c), 7.0, 4.0, 2.0)
    >>> [float(part) for part in cr.gradient(graph)(7.0, 4.0, 2.0)]
    [3.0, 6.0, 12.0]
    """
    check_scalar(graph)
    sources = _sources(graph, wrt)
    graph = stabilise(graph)
    names = dict(graph.names or {})
    found = gradients_of_all(graph.outputs[0], sources)
    parts = [found[source] if source in found else _zeros(source) for source in sources]
    named = {**names, **{source: source.label for source in sources}}
    result = Graph(
        graph.inputs,
        parts,
        guards=graph.guards,
        name=f"gradient_of_{graph.name}",
        single=len(parts) == 1,
        flatten=graph.flatten,
        names={**{g: f"d_{named[node]}" for node, g in found.items() if node in named}, **names},
    )
    return simplify(result)


def _sources(graph: Graph, wrt: str | Sequence[str] | None) -> list[Node]:
    """Return the inputs to differentiate by."""
    if wrt is None:
        chosen = [node for node in graph.inputs if node.dtype.kind == "f"]
        if not chosen:
            labels = ", ".join(node.label for node in graph.inputs)
            raise GradientError("gradient.not_real", name=graph.name, argument=labels)
    else:
        by_name = {node.label: node for node in graph.inputs}
        names = [wrt] if isinstance(wrt, str) else list(wrt)
        unknown = [name for name in names if name not in by_name]
        if unknown:
            hint = nearest_hint(unknown[0], by_name)
            raise GradientError("gradient.input", name=graph.name, input=unknown[0], hint=hint)
        chosen = [by_name[name] for name in names]
    for node in chosen:
        if node.dtype.kind != "f":
            raise GradientError("gradient.not_real", name=graph.name, argument=node.label)
    return chosen


def check_scalar(graph: Graph) -> None:
    """Raise `GradientError` unless the graph has one output that is one real number."""
    if len(graph.outputs) != 1:
        raise GradientError("gradient.outputs", name=graph.name, count=len(graph.outputs))
    output = graph.outputs[0]
    if output.size != 1 or output.dtype.kind != "f":
        raise GradientError("gradient.scalar", name=graph.name, kind=f"{output.dtype}{list(output.shape)}")
