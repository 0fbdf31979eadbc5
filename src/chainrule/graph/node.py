"""`Node`: one value in a computation graph, its shape and dtype known at birth.

A node is frozen and compared by identity (``is``). Its operators, methods and NumPy's own functions make new
nodes: they look up the primitive by name in the registry, so this module needs none of the primitives. As
with arrays, ``==`` and ``<`` compare values entry by entry: they are operations of the graph too.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Never, Self

import numpy as np

from chainrule.errors import ShapeError, TraceAttributeError, TraceError, nearest_hint
from chainrule.graph import context
from chainrule.graph.dispatch import METHODS, call, check_plain, check_rebinding, refusal
from chainrule.graph.primitive import CONSTANT as CONSTANT
from chainrule.graph.primitive import INPUT as INPUT
from chainrule.graph.primitive import Primitive, Shape, named

MISFITS = (ValueError, IndexError, TypeError, OverflowError)  # what shape rules raise
NUMBERS = {kind: np.dtype(kind) for kind in (bool, int, float)}

next_serial = itertools.count().__next__


Operator = Callable[["Node", Any], "Node"]


def _operator(name: str) -> tuple[Operator, Operator]:
    """Return the methods for ``node + other`` and ``other + node``, where + is the primitive of this name."""

    def operate(self: Node, other: Any) -> Node:
        return apply(name, self, other)

    def reflected(self: Node, other: Any) -> Node:
        return apply(name, other, self)

    return operate, reflected


def _unknown(function: np.ufunc) -> Operator:
    """Return the method for an operator whose function is not traced: it says so."""
    return lambda self, other: call(function, (self, other), {})


class _Fields:
    """The fields of a `Node` while it is being made; its class then becomes `Node`, and it is frozen."""

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
        "weak",
    )

    primitive: Primitive
    inputs: tuple[Node, ...]
    settings: Mapping[str, Any]
    shape: Shape
    dtype: np.dtype[Any]
    value: Any
    weak: bool
    label: str
    serial: int
    location: context.Location | None
    scope: str


class Node(_Fields):
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
        The value of a constant: an array, or a Python number.
    weak
        Whether it is a constant Python number, which takes the dtype of its neighbour.
    label
        The name of an input.
    serial
        Grows with time: inputs have smaller serials, so ordering by it is a topological order.
    location, scope
        The user's line and the scope (a layer's name) in which it was made.

    Examples
    --------
    >>> import chainrule as cr
    >>> node = cr.trace(lambda a, b: a * b, 2.0, 3.0).outputs[0]
    >>> isinstance(node, cr.Node), node.primitive.name, node.shape
    (True, 'multiply', ())
    """

    __slots__ = ()
    __array_priority__ = 1000.0
    __hash__ = object.__hash__

    def __new__(  # noqa: D102 - the class says it all
        cls,
        primitive: Primitive,
        inputs: tuple[Node, ...],
        settings: Mapping[str, Any],
        shape: Shape,
        dtype: np.dtype[Any],
        value: Any = None,
        label: str = "",
    ) -> Self:
        node: Any = _Fields()  # assigning to its fields is many times faster than object.__setattr__
        node.primitive = primitive
        node.inputs = inputs
        node.settings = settings
        node.shape = shape
        node.dtype = dtype
        node.value = value
        node.weak = type(value) in NUMBERS
        node.label = label
        node.serial = next_serial()
        origin = context.behalf.get()
        if primitive is CONSTANT:
            node.location, node.scope = None, ""
        elif origin is not None:
            node.location, node.scope = origin.location, origin.scope
        else:
            node.location, node.scope = context.location(context.trace_code), context.scope_name.get()
        node.__class__ = cls
        return node  # type: ignore[no-any-return]

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

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Node]:
        return (self[row] for row in range(len(self)))

    # Operators; each means a primitive, and makes a node. So do comparisons, as with arrays.

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __floordiv__, __rfloordiv__ = _operator("floor_divide")
    __mod__, __rmod__ = _operator("remainder")
    __pow__, __rpow__ = _operator("power")
    __matmul__, __rmatmul__ = _operator("matmul")
    __and__, __rand__ = _operator("bitwise_and")
    __or__, __ror__ = _operator("bitwise_or")
    __xor__, __rxor__ = _operator("bitwise_xor")
    __lshift__ = __rlshift__ = _unknown(np.left_shift)
    __rshift__ = __rrshift__ = _unknown(np.right_shift)
    __lt__, __gt__ = _operator("less")[0], _operator("greater")[0]
    __le__, __ge__ = _operator("less_equal")[0], _operator("greater_equal")[0]

    def __eq__(self, other: object) -> Node:  # type: ignore[override]
        return apply("equal", self, other)

    def __ne__(self, other: object) -> Node:  # type: ignore[override]
        return apply("not_equal", self, other)

    def __divmod__(self, other: Any) -> tuple[Node, Node]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Node, Node]:
        return other // self, other % self

    def __neg__(self) -> Node:
        return apply("negative", self)

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return apply("absolute", self)

    def __invert__(self) -> Node:
        return apply("invert", self)

    def __getitem__(self, index: Any) -> Node:
        node: Node = call(Node.__getitem__, (self, index), {})
        return node

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
        if out is not None:
            holders = sys.getrefcount(out[0])
            check_rebinding(ufunc, inputs[0], out[0], holders)
        return call(ufunc if method == "__call__" else (ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, kwargs)

    # A frozen value is its own copy.

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: Any) -> Node:
        return self

    # What NumPy's protocols cannot see must fail loudly, or a traced value would become a constant.

    def __bool__(self) -> bool:
        tracing = context.tracing.get()
        if tracing is None:
            raise TraceError("trace.leaked", where=context.here())
        return tracing.truth(self)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Never:
        raise refusal("trace.array")

    def __float__(self) -> Never:
        raise refusal("trace.number", kind="float")

    def __int__(self) -> Never:
        raise refusal("trace.number", kind="int")

    def __complex__(self) -> Never:
        raise refusal("trace.number", kind="complex")

    def __round__(self, digits: int | None = None) -> Never:
        raise refusal("trace.number", kind="round")

    def __format__(self, form: str) -> str:
        if form:
            raise refusal("trace.number", kind="format")
        return str(self)

    def __index__(self) -> Never:
        raise refusal("trace.index")

    def __setitem__(self, index: Any, value: Any) -> Never:
        raise refusal("trace.assign")

    def __reduce_ex__(self, protocol: Any) -> Never:
        raise TraceError("trace.pickle", where=context.here())

    def item(self, *_: Any) -> Never:
        """Refuse: the number is not known to the graph."""
        raise refusal("trace.number", kind="item")

    def tolist(self) -> Never:
        """Refuse: the numbers are not known to the graph."""
        raise refusal("trace.number", kind="tolist")


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
    if type(value) in NUMBERS:
        return _number(value) if value else _plain_number(value)
    check_plain(value)
    array = np.array(value)
    if array.dtype.kind not in "biuf":
        kind = array.dtype if array.dtype.kind == "c" else type(value).__name__
        raise TraceError("trace.operand", kind=kind, where=context.here())
    array.setflags(write=False)
    return Node(CONSTANT, (), {}, array.shape, array.dtype, value=array)


def _plain_number(value: float) -> Node:
    return Node(CONSTANT, (), {}, (), NUMBERS[type(value)], value)


_number = lru_cache(maxsize=4096, typed=True)(_plain_number)  # not for zeros: 0.0 == −0.0, yet they differ


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
    inputs: list[Node] = []
    shapes: list[Shape] = []
    kinds: list[Any] = []
    numbers_only = primitive.partials is not None
    for value in operands:
        node = value if isinstance(value, Node) else constant(value)
        inputs.append(node)
        shapes.append(node.shape)
        if node.weak:
            kinds.append(type(node.value))
        else:
            kinds.append(node.dtype)
            numbers_only = False
    try:
        if numbers_only and inputs:
            return _fold(primitive, inputs, settings)
        shape = primitive.shape(*shapes, **settings)
        dtype = primitive.dtype(*kinds, **settings)
    except MISFITS as error:
        raise ShapeError(
            "graph.shapes",
            name=primitive.name,
            shapes=", ".join(map(str, shapes)),
            where=context.here(),
            reason=error,
        ) from None
    if dtype.kind == "c":
        raise TraceError("trace.operand", kind=dtype, where=context.here())
    return Node(primitive, tuple(inputs), settings, shape, dtype)


def kind_of(node: Node) -> Any:
    """Return what decides the dtype of a result: the node's dtype, or the Python type of a plain number."""
    return type(node.value) if node.weak else node.dtype


def _fold(primitive: Primitive, inputs: list[Node], settings: dict[str, Any]) -> Node:
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
