"""`Node`: one value in a computation graph, its shape and dtype known at birth.

A node is frozen and compared by identity (``is``). Its operators, methods and NumPy's own functions make new
nodes: they look up the primitive by name in the registry, so this module needs none of the primitives. As
with arrays, ``==`` and ``<`` compare values entry by entry: they are operations of the graph too.
"""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Never

import numpy as np

from chainrule.errors import ShapeError, TraceAttributeError, TraceError, nearest_hint
from chainrule.graph import context
from chainrule.graph.primitive import TRANSLATIONS, Primitive, Shape, named
from chainrule.text import say

MISFITS = (ValueError, IndexError, TypeError, OverflowError)  # what shape rules raise

_serials = itertools.count()
_set = object.__setattr__


def _leaf(name: str) -> Primitive:
    return Primitive(name=name, forward=_no_rule, shape=_no_rule, dtype=_no_rule, text=name)


def _no_rule(*_: Any, **__: Any) -> Never:
    raise AssertionError("inputs and constants are not computed")


INPUT = _leaf("input")
CONSTANT = _leaf("constant")


class Node:
    """One value of a computation: an input, a constant, or a primitive applied to other nodes.

    Attributes
    ----------
    primitive
        The operation; `INPUT` or `CONSTANT` for leaves.
    inputs
        The nodes it is applied to, one for each edge: ``a + a`` has two.
    settings
        The operation's settings, such as ``axis``; not differentiated.
    shape, dtype
        Of the value, by NumPy's rules.
    value
        The value of a constant: an array, or a Python number (which takes the dtype of its neighbour).
    label
        The name of an input.
    serial
        Grows with time: inputs have smaller serials, so ordering by it is a topological order.
    location, scope
        The user's line and the scope (a layer's name) in which it was made.
    """

    __slots__ = (
        "__weakref__",
        "dtype",
        "inputs",
        "label",
        "location",
        "primitive",
        "scope",
        "serial",
        "settings",
        "shape",
        "value",
    )

    primitive: Primitive
    inputs: tuple[Node, ...]
    settings: Mapping[str, Any]
    shape: Shape
    dtype: np.dtype[Any]
    value: Any
    label: str
    serial: int
    location: context.Location | None
    scope: str

    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Node, ...],
        settings: Mapping[str, Any],
        shape: Shape,
        dtype: np.dtype[Any],
        value: Any = None,
        label: str = "",
    ) -> None:
        _set(self, "primitive", primitive)
        _set(self, "inputs", inputs)
        _set(self, "settings", settings)
        _set(self, "shape", shape)
        _set(self, "dtype", dtype)
        _set(self, "value", value)
        _set(self, "label", label)
        _set(self, "serial", next(_serials))
        _set(self, "location", None if primitive is CONSTANT else context.location())
        _set(self, "scope", context.scope_name.get())

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Node is frozen: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Node is frozen: {name!r} cannot be deleted")

    def __repr__(self) -> str:
        kind = self.label or self.primitive.name
        return f"<Node {kind}: {self.dtype}{list(self.shape)}>"

    # What an array can be asked without knowing its values.

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of entries."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def T(self) -> Node:  # noqa: N802 - NumPy's name
        """The transpose: all axes reversed."""
        return apply("transpose", self, axes=tuple(reversed(range(self.ndim))))

    @property
    def weak(self) -> bool:
        """Whether it is a constant Python number, which takes the dtype of its neighbour."""
        return self.primitive is CONSTANT and isinstance(self.value, bool | int | float)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Node]:
        return (self[row] for row in range(len(self)))

    # Operators.

    def __add__(self, other: Any) -> Node:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Node:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Node:
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Node:
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Node:
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Node:
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Node:
        return apply("divide", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return apply("divide", other, self)

    def __pow__(self, other: Any) -> Node:
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Node:
        return apply("power", other, self)

    def __floordiv__(self, other: Any) -> Node:
        return apply("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Node:
        return apply("floor_divide", other, self)

    def __mod__(self, other: Any) -> Node:
        return apply("remainder", self, other)

    def __rmod__(self, other: Any) -> Node:
        return apply("remainder", other, self)

    def __matmul__(self, other: Any) -> Node:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Node:
        return apply("matmul", other, self)

    def __neg__(self) -> Node:
        return apply("negative", self)

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return apply("absolute", self)

    def __invert__(self) -> Node:
        return apply("invert", self)

    def __and__(self, other: Any) -> Node:
        return apply("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Node:
        return apply("bitwise_and", other, self)

    def __or__(self, other: Any) -> Node:
        return apply("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Node:
        return apply("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Node:
        return apply("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Node:
        return apply("bitwise_xor", other, self)

    def __eq__(self, other: object) -> Node:  # type: ignore[override]
        return apply("equal", self, other)

    def __ne__(self, other: object) -> Node:  # type: ignore[override]
        return apply("not_equal", self, other)

    def __lt__(self, other: Any) -> Node:
        return apply("less", self, other)

    def __le__(self, other: Any) -> Node:
        return apply("less_equal", self, other)

    def __gt__(self, other: Any) -> Node:
        return apply("greater", self, other)

    def __ge__(self, other: Any) -> Node:
        return apply("greater_equal", self, other)

    def __getitem__(self, index: Any) -> Node:
        return call(Node.__getitem__, (self, index), {})

    # Methods of arrays (t.sum(), t.reshape(…)) are NumPy's functions under another spelling.

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        function = METHODS.get(name)
        if function is None:
            hint = nearest_hint(name, METHODS)
            raise TraceAttributeError("trace.attribute", name=name, where=context.here(), hint=hint)
        return lambda *args, **kwargs: call(function, (self, *args), kwargs)

    # NumPy's protocols.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None and not (inputs[0] is out[0] and context.in_place_operator()):
            raise TraceError("trace.out", function=f"np.{ufunc.__name__}", where=context.here())
        return call(ufunc if method == "__call__" else (ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, kwargs)

    # What NumPy's protocols cannot see must fail loudly, or a traced value would become a constant.

    def __bool__(self) -> bool:
        tracing = context.tracing.get()
        if tracing is None:
            raise TraceError("trace.leaked", where=context.here())
        return tracing.truth(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Never:
        raise TraceError("trace.array", where=context.here(), remedy=_remedy())

    def __float__(self) -> Never:
        raise TraceError("trace.number", kind="float", where=context.here(), remedy=_remedy())

    def __int__(self) -> Never:
        raise TraceError("trace.number", kind="int", where=context.here(), remedy=_remedy())

    def __complex__(self) -> Never:
        raise TraceError("trace.number", kind="complex", where=context.here(), remedy=_remedy())

    def __index__(self) -> Never:
        raise TraceError("trace.index", where=context.here())

    def __setitem__(self, index: Any, value: Any) -> Never:
        raise TraceError("trace.assign", where=context.here())


METHODS: dict[str, Any] = {
    name: getattr(np, name)
    for name in [
        "all",
        "any",
        "argmax",
        "argmin",
        "clip",
        "cumsum",
        "diagonal",
        "dot",
        "max",
        "mean",
        "min",
        "prod",
        "ravel",
        "repeat",
        "reshape",
        "round",
        "squeeze",
        "std",
        "sum",
        "swapaxes",
        "take",
        "trace",
        "transpose",
        "var",
    ]
}


def _remedy() -> str:
    """Return what to write instead of the user's line."""
    place = context.location()
    code = "" if place is None else place.code
    if "math." in code:
        return say("remedy.math")
    if "np.full" in code:
        return say("remedy.full")
    if "array(" in code or "([" in code:
        return say("remedy.stack")
    if re.search(r"\]\s*=[^=]", code):
        return say("remedy.assign")
    return say("remedy.general")


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call what stands for a NumPy function; say which function and line where nothing does."""
    translation = TRANSLATIONS.get(function) or TRANSLATIONS.get(getattr(function, "__name__", ""))
    if translation is None:
        name = function if not isinstance(function, tuple) else f"{function[0].__name__}.{function[1]}"
        raise TraceError("trace.function", name=_numpy_name(name), where=context.here(), hint=_known(name))
    try:
        return translation.function(*args, **kwargs)
    except TypeError as error:
        try:
            inspect.signature(translation.function).bind(*args, **kwargs)
        except TypeError:
            name = _numpy_name(translation.name)
            raise TraceError("trace.argument", name=name, where=context.here(), reason=error) from None
        raise


def _numpy_name(function: Any) -> str:
    name = function if isinstance(function, str) else getattr(function, "__name__", str(function))
    return f"np.{name}"


def _known(function: Any) -> str:
    names = {translation.name for translation in TRANSLATIONS.values()}
    return nearest_hint(_numpy_name(function)[3:], names)


def is_traced(*values: Any) -> bool:
    """Return whether any of the values is a node, also inside lists and tuples."""
    return any(
        isinstance(value, Node) or (isinstance(value, list | tuple) and is_traced(*value)) for value in values
    )


def input_node(shape: Shape, dtype: Any, label: str) -> Node:
    """Return a new input."""
    return Node(INPUT, (), {}, tuple(shape), np.dtype(dtype), label=label)


def constant(value: Any) -> Node:
    """Return a node for a value that is no node: a Python number, or anything `numpy.asarray` takes.

    An array is copied, since the user's code may change it later.
    """
    if isinstance(value, bool | int | float) and not isinstance(value, np.generic):
        return Node(CONSTANT, (), {}, (), np.asarray(value).dtype, value=value)
    array = np.array(value)
    if array.dtype.kind not in "biufc":
        raise TraceError("trace.operand", kind=type(value).__name__, where=context.here())
    array.setflags(write=False)
    return Node(CONSTANT, (), {}, array.shape, array.dtype, value=array)


def lift(value: Any) -> Node:
    """Return ``value`` if it is a node, else a constant."""
    return value if isinstance(value, Node) else constant(value)


def apply(operation: str | Primitive, *operands: Any, **settings: Any) -> Node:
    """Return the node of a primitive applied to operands (nodes, arrays, numbers).

    Raises
    ------
    ShapeError
        If the operands' shapes do not fit the primitive; names the user's line.
    """
    primitive = named(operation) if isinstance(operation, str) else operation
    inputs = tuple([lift(operand) for operand in operands])
    if inputs and primitive.elementwise and all(node.weak for node in inputs):
        return _fold(primitive, inputs, settings)
    try:
        shape = primitive.shape(*[node.shape for node in inputs], **settings)
        dtype = primitive.dtype(*[kind_of(node) for node in inputs], **settings)
    except MISFITS as error:
        shapes = ", ".join(str(node.shape) for node in inputs)
        raise ShapeError(
            "graph.shapes", name=primitive.name, shapes=shapes, where=context.here(), reason=error
        ) from None
    return Node(primitive, inputs, settings, shape, dtype)


def kind_of(node: Node) -> Any:
    """Return what decides the dtype of a result: the node's dtype, or the Python type of a plain number."""
    return type(node.value) if node.weak else node.dtype


def _fold(primitive: Primitive, inputs: tuple[Node, ...], settings: dict[str, Any]) -> Node:
    """Return the constant that an operation on Python numbers only comes to."""
    with np.errstate(all="ignore"):
        value = primitive.forward(np, *[node.value for node in inputs], **settings)
    return constant(value.item() if hasattr(value, "item") else value)


def operation(primitive: Primitive) -> Callable[..., Node]:
    """Return the function that applies a primitive to nodes.

    Where all operands are values it computes the value instead (its type says Node, since that is how the
    library itself uses it).
    """

    def operate(*operands: Any, **settings: Any) -> Any:
        if is_traced(*operands):
            return apply(primitive, *operands, **settings)
        values = [operand if _is_value(operand) else np.asarray(operand) for operand in operands]
        with np.errstate(all="ignore"):
            return primitive.forward(np, *values, **settings)

    operate.__name__ = operate.__qualname__ = primitive.name
    return operate


def _is_value(operand: Any) -> bool:
    return isinstance(operand, np.ndarray | np.generic | bool | int | float)
