"""What comes back through an operation on whole arrays, as mathematics: ``xᵀ @ dJ/du``, ``outer(dJ/dw, v)``.

Arrays are moved into each other's shapes on the way; that is written only where it means something: a
number or a row that comes back to every entry is multiplied by ``ones``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.explanations.formulas import ATOM, LEVELS, Written, written, written_number
from chainrule.gradients import Edge
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.primitive import Slice

PRODUCT = LEVELS["multiply"]


LONG = 120  # signs of a formula; a longer one says nothing


def returned(edge: Edge, names: Mapping[Node, str]) -> str:
    """Return the derivative that comes back along an edge, as a formula of named values and derivatives.

    What has no short formula is called the vector-Jacobian product, ``vjp``.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> [edge.local for edge in cr.explain(lambda x, v: np.sum(x @ v), np.eye(2), np.ones(2)).edges]
    ['ones(2)', 'outer(dJ/du, v)', 'xᵀ @ dJ/du']
    """
    if edge.gradient is edge.incoming:
        return _operand(edge.incoming, names).text
    inner = {node: name for node, name in names.items() if node is not edge.gradient}
    text = _operand(edge.gradient, inner).text
    if len(text) <= LONG:
        return text
    operands = [_written(node, inner).text for node in (*edge.consumer.inputs, edge.incoming)]
    return f"vjp({', '.join([edge.consumer.primitive.name, *operands])})"


def _written(node: Node, names: Mapping[Node, str]) -> Written:
    if node in names:
        return Written(names[node])
    if node.primitive is CONSTANT:
        return written_number(node.value)
    special = SPECIAL.get(node.primitive.name)
    found = None if special is None else special(node, names)
    return found or written(node, lambda source: _operand(source, names))


def _operand(node: Node, names: Mapping[Node, str]) -> Written:
    """Return a part of a formula: for it, axes of length 1 and types of numbers do not matter."""
    while node not in names and node.primitive.name in ("reshape", "convert") and _is_same_up_to_axes(node):
        node = node.inputs[0]
    return _written(node, names)


def _placed(node: Node, names: Mapping[Node, str]) -> Written | None:
    """Return entries put into their places among zeros; as they are where only new axes are taken away."""
    template = node.settings["template"]
    moved = all(part is None or part is ... or part == Slice(None, None, None) for part in template)
    return _operand(node.inputs[0], names) if moved else None


def _product(node: Node, names: Mapping[Node, str]) -> Written | None:
    first, second = node.inputs
    is_one = first.primitive is CONSTANT and first.size == 1 and np.all(first.value == 1)
    return _operand(second, names) if is_one and second.shape == node.shape else None


def _is_same_up_to_axes(node: Node) -> bool:
    return _long(node) == _long(node.inputs[0])


def _long(node: Node) -> list[int]:
    return [length for length in node.shape if length != 1]


def _vector(node: Node, names: Mapping[Node, str]) -> Node | None:
    """Return the vector of which a node is a row or a column; None if it is something else."""
    while node not in names and node.primitive.name in ("reshape", "transpose", "convert"):
        (node,) = node.inputs
        if node.ndim > 1 and len(_long(node)) > 1:
            return None
    return node if node.ndim == 1 else None


def _transposed(node: Node, names: Mapping[Node, str]) -> Written | None:
    (source,) = node.inputs
    last = node.ndim - 1
    if list(node.settings["axes"]) != [*range(last - 1), last, last - 1]:
        return None
    inner = _operand(source, names)
    plain = inner.level == ATOM and "/" not in inner.text and " " not in inner.text
    return Written(f"{inner.text}ᵀ" if plain else f"({inner.text})ᵀ")


def _matrix_product(node: Node, names: Mapping[Node, str]) -> Written | None:
    """Return the product of a column and a row as the outer product of two vectors."""
    left, right = node.inputs
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != 1:
        return None
    column, row = _vector(left, names), _vector(right, names)
    return None if column is None or row is None else _outer(column, row, names)


def _outer(column: Node, row: Node, names: Mapping[Node, str]) -> Written:
    return Written(f"outer({_operand(column, names).text}, {_operand(row, names).text})")


def _repeated(node: Node, names: Mapping[Node, str]) -> Written | None:
    """Return what is repeated along new or longer axes, times ones."""
    (source,) = node.inputs
    if source.size == 1:
        number = _operand(source, names)
        ones = f"ones({', '.join(map(str, node.shape))})"
        text = f"({number.text})" if number.level < PRODUCT else number.text
        return Written(ones) if text == "1" else Written(f"{text} * {ones}", PRODUCT)
    if node.ndim != 2:
        return None
    vector = _vector(source, names)
    rows, columns = node.shape
    across = source.ndim < 2 or source.shape[0] == 1
    if vector is not None:
        inner = _operand(vector, names).text
        return Written(f"outer(ones({rows}), {inner})" if across else f"outer({inner}, ones({columns}))")
    inner_part = _written(source, names)
    inner = f"({inner_part.text})" if inner_part.level < ATOM else inner_part.text
    text = f"ones({rows}, 1) @ {inner}" if across else f"{inner} @ ones(1, {columns})"
    return Written(text, PRODUCT)


SPECIAL = {
    "transpose": _transposed,
    "matmul": _matrix_product,
    "broadcast_to": _repeated,
    "add_at": _placed,
    "multiply": _product,
}
