"""The chain rule, once: from a graph to the graph of its gradient.

From the output back to the inputs, each node hands the gradient that reached it on to its operands: times the
local derivative for an elementwise operation, by its pullback for all others. Where an operand was broadcast,
its gradient is summed back, here and nowhere else. A node that is used several times receives the sum over
its uses. All of it is nodes again, so the gradient prints, runs, and can be differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import GradientError, GraphError
from chainrule.graph import context
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node, apply, constant
from chainrule.graph.order import ancestors, dependents
from chainrule.graph.primitive import Shape
from chainrule.rewrites import product, simplify


def pull_back(output: Node, sources: Sequence[Node], seed: Node | None = None) -> list[Node]:
    """Return the gradient of ``output`` (its sum of entries weighted by ``seed``) by each of ``sources``.

    Parameters
    ----------
    output
        The node to differentiate.
    sources
        The nodes to differentiate by; nothing behind them is looked at.
    seed
        The gradient that comes in, of the output's shape; ones if it is None.

    Returns
    -------
    list of Node
        One for each source, of its shape and dtype; zeros where no path leads from it to the output.
    """
    nodes = ancestors([output], stop=sources)
    active, ends = dependents(nodes, sources), set(sources)
    incoming: dict[Node, list[Node]] = {output: [seed if seed is not None else _ones(output)]}
    found: dict[Node, Node] = {}
    for node in [*reversed(nodes), *sources]:
        uses = incoming.pop(node, None)
        if uses is None or node not in active:
            continue
        place, name = context.fixed_location.set(node.location), context.scope_name.set(node.scope)
        found[node] = _sum_over_uses(uses)
        if node not in ends:
            for source, gradient in _contributions(node, found[node], active):
                incoming.setdefault(source, []).append(gradient)
        context.scope_name.reset(name)
        context.fixed_location.reset(place)
    return [found[source] if source in found else _zeros(source) for source in sources]


def _sum_over_uses(uses: list[Node]) -> Node:
    total = uses[0]
    for use in uses[1:]:
        total = total + use
    return total


def _ones(node: Node) -> Node:
    one = constant(np.ones((), node.dtype))
    return apply("broadcast_to", one, shape=node.shape) if node.shape else one


def _zeros(node: Node) -> Node:
    dtype = node.dtype if node.dtype.kind == "f" else np.dtype("float64")
    return constant(np.zeros(node.shape, dtype))


def _contributions(node: Node, g: Node, active: set[Node]) -> list[tuple[Node, Node]]:
    """Return what each operand receives through this node, one entry for each edge that carries a gradient."""
    primitive = node.primitive
    if not primitive.differentiable:
        return []
    if primitive.partials is not None:
        locals_ = primitive.partials(node, *node.inputs, **node.settings)
        pairs = zip(node.inputs, locals_, strict=True)
        parts = [
            (source, product(g, local)) for source, local in pairs if source in active and not _is_zero(local)
        ]
    elif primitive.pullback is not None:
        gradients = primitive.pullback(g, node, *node.inputs, **node.settings)
        pairs = zip(node.inputs, gradients, strict=True)
        parts = [(source, part) for source, part in pairs if source in active and part is not None]
    else:
        raise GradientError("gradient.no_rule", name=primitive.name, where=context.here())
    return [(source, _fit(part, source, node)) for source, part in parts if source.dtype.kind == "f"]


def _is_zero(local: Any) -> bool:
    return local is None or (isinstance(local, int | float) and local == 0)


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
    if extra:
        gradient = apply("sum", gradient, axis=tuple(range(extra)), keepdims=False)
    stretched = tuple(
        axis for axis, (wide, own) in enumerate(zip(gradient.shape, shape, strict=True)) if wide != own == 1
    )
    if stretched:
        gradient = apply("sum", gradient, axis=stretched, keepdims=True)
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


def gradient(graph: Graph) -> Graph:
    r"""Return the graph of the gradient: the same inputs, and the derivative of the output by each of them.

    .. math:: \\bar x = \\sum_{\\text{uses } y \\text{ of } x} \\frac{\\partial y}{\\partial x}\\, \\bar y

    Parameters
    ----------
    graph
        A graph with one output that is one number (shape ``()``, or all lengths 1).

    Returns
    -------
    Graph
        One output for each input of a floating dtype, of that input's shape and dtype; bare if there is only
        one. Inputs of whole numbers or truth values are left out.

    Raises
    ------
    GradientError
        If the output is not one number, or no input has a floating dtype.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda a, b, c: 3 * (a + b * c), 7.0, 4.0, 2.0)
    >>> [float(part) for part in cr.gradient(graph)(7.0, 4.0, 2.0)]
    [3.0, 6.0, 12.0]
    """
    check_scalar(graph)
    sources = [node for node in graph.inputs if node.dtype.kind == "f"]
    if not sources:
        raise GradientError(
            "gradient.not_real", name=graph.name, argument=graph.inputs[0].label if graph.inputs else ""
        )
    parts = pull_back(graph.outputs[0], sources)
    names = graph.node_names()
    result = Graph(
        graph.inputs,
        parts,
        guards=graph.guards,
        name=f"gradient_of_{graph.name}",
        single=len(parts) == 1,
        flatten=graph.flatten,
        names={
            **graph.names,
            **{part: f"d_{names[source]}" for part, source in zip(parts, sources, strict=True)},
        },
    )
    return simplify(result)


def check_scalar(graph: Graph) -> None:
    """Raise `GradientError` unless the graph has one output that is one real number."""
    if len(graph.outputs) != 1:
        raise GradientError("gradient.outputs", name=graph.name, count=len(graph.outputs))
    output = graph.outputs[0]
    if output.size != 1 or output.dtype.kind != "f":
        raise GradientError("gradient.scalar", name=graph.name, kind=f"{output.dtype}{list(output.shape)}")
