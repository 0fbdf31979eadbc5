"""How operations are written in ONNX: one operator, or a few, for each primitive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.formats.expansion import Dialect
from chainrule.graph.node import Node, kind_of
from chainrule.graph.primitive import Array as IndexArray
from chainrule.graph.primitive import Slice

Array = np.ndarray[Any, Any]
_SAME_NAMES = "exp log sqrt tanh sigmoid relu sin cos tan sinh cosh reciprocal sign floor ceil erf softplus"
_SAME_NAMES += " less greater equal"
_SINGLE = "Erf Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh"
OPERATORS = {
    **{name: name.capitalize() for name in _SAME_NAMES.split()},
    **{f"arc{name}": f"A{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "negative": "Neg",
    "absolute": "Abs",
    "rint": "Round",
    "maximum": "Max",
    "minimum": "Min",
    "less_equal": "LessOrEqual",
    "greater_equal": "GreaterOrEqual",
    "where": "Where",
    "matmul": "MatMul",
    "logical_and": "And",
    "logical_or": "Or",
    "logical_xor": "Xor",
    "logical_not": "Not",
    "isnan": "IsNaN",
    "isinf": "IsInf",
    "positive": "Identity",
}
"""Primitives that are one operator without attributes."""

REDUCTIONS = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "prod": "ReduceProd",
    "max": "ReduceMax",
    "min": "ReduceMin",
}
SINGLE = frozenset(_SINGLE.split())
"""Operators that onnxruntime computes in float32 only."""

DTYPES = frozenset({"float32", "float64", "int32", "int64", "bool"})
Operands = Sequence[str]


class Writer(Protocol):
    """What writes the operators of one model."""

    def operator(self, kind: str, inputs: Operands, **attributes: Any) -> str:
        """Write an operator; return the name of its result."""

    def constant(self, value: Array) -> str:
        """Return the name of a constant."""

    def cast(self, name: str, dtype: Any) -> str:
        """Write a conversion; return the name of its result."""

    def lengths(self, shape: Sequence[int | str]) -> str:
        """Return the name of a shape, in which a name stands for the number of rows."""


def knows(node: Node) -> bool:
    """Return whether there are words for a node's operation."""
    if any(part.dtype.name not in DTYPES for part in (node, *node.inputs)):
        return False
    if node.primitive.name == "index":
        return _is_plain_index(node.settings["template"])
    if node.primitive.name in ("softmax", "log_softmax"):
        return len(node.settings["axis"]) == 1
    return (
        node.primitive.name in OPERATORS
        or node.primitive.name in WRITERS
        or node.primitive.name in REDUCTIONS
    )


def _is_plain_index(template: Sequence[Any]) -> bool:
    """Return whether an index has slices, numbers and new axes only, or one array and slices."""
    arrays = sum(isinstance(part, IndexArray) for part in template)
    return not arrays or (arrays == 1 and not any(type(part) is int for part in template))


ONNX = Dialect("ONNX", knows)


def operand_dtypes(node: Node) -> list[np.dtype[Any]]:
    """Return the dtypes to which a node's operands are converted first: operators take those of one dtype."""
    given = [source.dtype for source in node.inputs]
    name = node.primitive.name
    if name in REDUCTIONS or name in ("matmul", "einsum", "concatenate"):
        return [node.dtype] * len(given)
    if not node.primitive.elementwise or name == "convert":
        return given
    if name == "where":
        return [np.dtype(bool), node.dtype, node.dtype]
    if node.dtype.kind != "b":
        return [node.dtype] * len(given)
    kinds: list[Any] = [kind(1) if isinstance(kind, type) else kind for kind in map(kind_of, node.inputs)]
    return [np.result_type(*kinds)] * len(given)


def write(writer: Writer, node: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    """Write a node's operators; return the name of the result. The operands have the dtypes they need."""
    name = node.primitive.name
    if name in WRITERS:
        return WRITERS[name](writer, node, operands, settings)
    if name in REDUCTIONS:
        axes = writer.constant(np.array(settings["axis"], np.int64))
        keep = int(settings["keepdims"])
        return writer.operator(REDUCTIONS[name], [operands[0], axes], keepdims=keep, noop_with_empty_axes=1)
    kind = OPERATORS[name]
    if kind in SINGLE and node.dtype == np.float64:
        return writer.cast(writer.operator(kind, [writer.cast(operands[0], np.float32)]), np.float64)
    return writer.operator(kind, operands)


def _converted(writer: Writer, node: Node, operands: Operands, _: Mapping[str, Any]) -> str:
    return writer.cast(operands[0], node.dtype)


def _shares(kind: str) -> Callable[..., str]:
    def written(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
        return writer.operator(kind, operands, axis=int(settings["axis"][0]))

    return written


def _sloped(kind: str, setting: str, default: float) -> Callable[..., str]:
    def written(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
        return writer.operator(kind, operands, alpha=float(settings.get(setting, default)))

    return written


def _square(writer: Writer, _: Node, operands: Operands, __: Mapping[str, Any]) -> str:
    return writer.operator("Mul", [operands[0], operands[0]])


def _silu(writer: Writer, _: Node, operands: Operands, __: Mapping[str, Any]) -> str:
    return writer.operator("Mul", [operands[0], writer.operator("Sigmoid", operands)])


def _number(writer: Writer, value: float, node: Node) -> str:
    return writer.constant(np.array(value, node.dtype))


def _expm1(writer: Writer, node: Node, operands: Operands, _: Mapping[str, Any]) -> str:
    return writer.operator("Sub", [writer.operator("Exp", operands), _number(writer, 1, node)])


def _log1p(writer: Writer, node: Node, operands: Operands, _: Mapping[str, Any]) -> str:
    return writer.operator("Log", [writer.operator("Add", [operands[0], _number(writer, 1, node)])])


def _logaddexp(writer: Writer, _: Node, operands: Operands, __: Mapping[str, Any]) -> str:
    """Write max(x, y) + softplus(−|x − y|)."""
    gap = writer.operator("Neg", [writer.operator("Abs", [writer.operator("Sub", operands)])])
    return writer.operator("Add", [writer.operator("Max", operands), writer.operator("Softplus", [gap])])


def _normal_distribution(writer: Writer, node: Node, operands: Operands, _: Mapping[str, Any]) -> str:
    """Write ½ (1 + erf(x / √2))."""
    scaled = writer.operator("Mul", [operands[0], _number(writer, 0.5**0.5, node)])
    if node.dtype == np.float64:
        scaled = writer.cast(scaled, np.float32)
    error = writer.operator("Erf", [scaled])
    if node.dtype == np.float64:
        error = writer.cast(error, np.float64)
    whole = writer.operator("Add", [error, _number(writer, 1, node)])
    return writer.operator("Mul", [whole, _number(writer, 0.5, node)])


def _not_equal(writer: Writer, _: Node, operands: Operands, __: Mapping[str, Any]) -> str:
    return writer.operator("Not", [writer.operator("Equal", operands)])


def _clip(writer: Writer, _: Node, operands: Operands, __: Mapping[str, Any]) -> str:
    return writer.operator("Min", [writer.operator("Max", operands[:2]), operands[2]])


def _reshape(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    return writer.operator("Reshape", [operands[0], writer.lengths(settings["shape"])], allowzero=1)


def _broadcast(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    return writer.operator("Expand", [operands[0], writer.lengths(settings["shape"])])


def _transpose(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    return writer.operator("Transpose", operands, perm=list(settings["axes"]))


def _concatenate(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    return writer.operator("Concat", operands, axis=int(settings["axis"]))


def _einsum(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    return writer.operator("Einsum", operands, equation=settings["subscripts"])


def _cumsum(writer: Writer, _: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    axis = writer.constant(np.array(settings["axis"], np.int64))
    return writer.operator("CumSum", [operands[0], axis])


def _index(writer: Writer, node: Node, operands: Operands, settings: Mapping[str, Any]) -> str:
    """Write slices, then the numbers and the array that pick entries, then the new axes."""
    template, rank = settings["template"], node.inputs[0].ndim
    named = sum(part is not None and part is not Ellipsis for part in template)
    full = [Slice(None, None, None)] * (rank - named)
    place = list(template).index(Ellipsis) if Ellipsis in template else len(template)
    parts = [*template[:place], *full, *template[place + 1 :]]
    result = _sliced(writer, operands[0], [part for part in parts if part is not None])
    picks = [
        axis for axis, part in enumerate(part for part in parts if part is not None) if type(part) is int
    ]
    if picks:
        result = writer.operator("Squeeze", [result, writer.constant(np.array(picks, np.int64))])
    new: list[int] = []
    at = 0
    for part in (part for part in parts if type(part) is not int):
        if part is None:
            new.append(at)
        if isinstance(part, IndexArray):
            axis = at - len(new)
            result = writer.operator("Gather", [result, operands[1]], axis=axis)
            at += node.inputs[1].ndim - 1
        at += 1
    return writer.operator("Unsqueeze", [result, writer.constant(np.array(new, np.int64))]) if new else result


def _sliced(writer: Writer, operand: str, parts: Sequence[Any]) -> str:
    """Write a slice along each axis that is cut; a number is a slice of one entry."""
    far = np.iinfo(np.int64).max
    starts, stops, axes, steps = [], [], [], []
    for axis, part in enumerate(parts):
        if isinstance(part, IndexArray) or part in (Slice(None, None, None), Slice(0, None, None)):
            continue
        if isinstance(part, Slice):
            step = part.step or 1
            first, end = (0, far) if step > 0 else (far, -far)
            starts.append(first if part.start is None else part.start)
            stops.append(part.stop if isinstance(part.stop, int) else end)  # it may be the number of rows
            steps.append(step)
        else:
            starts.append(part)
            stops.append(part + 1 if part != -1 else far)
            steps.append(1)
        axes.append(axis)
    if not axes:
        return operand
    bounds = [writer.constant(np.array(each, np.int64)) for each in (starts, stops, axes, steps)]
    return writer.operator("Slice", [operand, *bounds])


WRITERS: dict[str, Callable[[Writer, Node, Operands, Mapping[str, Any]], str]] = {
    "convert": _converted,
    "softmax": _shares("Softmax"),
    "log_softmax": _shares("LogSoftmax"),
    "leaky_relu": _sloped("LeakyRelu", "slope", 0.01),
    "elu": _sloped("Elu", "alpha", 1.0),
    "square": _square,
    "silu": _silu,
    "expm1": _expm1,
    "log1p": _log1p,
    "logaddexp": _logaddexp,
    "ndtr": _normal_distribution,
    "not_equal": _not_equal,
    "clip": _clip,
    "reshape": _reshape,
    "broadcast_to": _broadcast,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "einsum": _einsum,
    "cumsum": _cumsum,
    "index": _index,
}
