"""Random graphs with values, drawn node by node.

Values stay small and finite, and what jumps (rounding, comparing, picking the largest) is done only to
numbers that no rounding has touched: elsewhere the last bit may rightly decide over all the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from agreement import Part, widened
from hypothesis import strategies as st

from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.formulas import DTYPE_NAMES
from chainrule.errors import ChainruleError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node, apply, constant, input_node
from chainrule.graph.primitive import Array, Slice
from chainrule.graph.primitive import named as primitive_named

LARGEST = 4.0
DTYPES = ("float64", "float64", "float32", "float32", "int64", "bool", *sorted(DTYPE_NAMES))
LENGTHS = (1, 2, 3, 4, 5, 17)
SMOOTH = (
    "sin cos tanh exp sigmoid softplus arctan erf square absolute relu leaky_relu elu gelu silu negative "
)
SMOOTH += "positive expm1 ndtr sinh cosh arcsinh exp2"
JUMPING = "sign floor ceil trunc rint isnan isinf isfinite logical_not invert"
SMOOTH_OF_TWO = "add subtract multiply maximum minimum hypot logaddexp"
JUMPING_OF_TWO = "less less_equal greater greater_equal equal not_equal logical_and logical_or logical_xor "
JUMPING_OF_TWO += "bitwise_and bitwise_or bitwise_xor floor_divide remainder heaviside"
KEEPING = "absolute relu negative positive maximum minimum sign floor ceil trunc rint heaviside where clip"
KEEPS_EXACT = frozenset(KEEPING.split())


@dataclass(frozen=True, eq=False)
class Value:
    """A node, its value in wide arithmetic, and whether that value is free of rounding."""

    node: Node
    array: Any
    exact: bool


class Builder:
    """A graph that grows by one operation at a time."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.inputs: list[Node] = []
        self.given: list[Any] = []
        self.values: list[Value] = []

    def pick(self, choices: Any) -> Any:
        """Return one of a sequence."""
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def shape(self) -> tuple[int, ...]:
        rank = self.pick((0, 1, 1, 2, 2, 2, 3))
        return tuple(self.pick(LENGTHS) for _ in range(rank))

    def fresh(self, shape: tuple[int, ...], dtype: str) -> Value:
        """Return a new input, or now and then a constant."""
        entries: Any = self.rng.uniform(-2, 2, shape)
        if dtype == "bool":
            entries = entries > 0
        elif not dtype.startswith("float"):
            entries = self.rng.integers(0 if dtype.startswith("u") else -3, 4, shape)
        array = np.asarray(entries).astype(dtype)
        if self.rng.random() < 0.2:
            return self.keep(Value(constant(array), widened(array), exact=True))
        node = input_node(shape, dtype, f"x{len(self.inputs)}")
        self.inputs.append(node)
        self.given.append(array[()])
        return self.keep(Value(node, widened(array), exact=True))

    def keep(self, value: Value) -> Value:
        self.values.append(value)
        return value

    def any_value(self) -> Value:
        """Return a value, often one of the latest."""
        return self.pick(self.values[-4:]) if self.draw(st.booleans()) else self.pick(self.values)

    def fitting(self, shape: tuple[int, ...]) -> Any:
        """Return a value that broadcasts with a shape, or a Python number."""
        found = [value for value in self.values if _broadcasts(value.node.shape, shape)]
        if self.draw(st.integers(0, 7)) == 0:
            return self.pick((2, 0.5, -1.5, True))
        if not found or self.draw(st.integers(0, 3)) == 0:
            lengths = tuple(n if self.rng.random() < 0.7 else 1 for n in shape)
            return self.fresh(lengths[int(self.rng.integers(0, 2)) :], self.pick(DTYPES))
        return self.pick(found)

    def add(self, name: str, *operands: Any, exact: bool | None = None, **settings: Any) -> Value | None:
        """Append an operation; None if it is none, or its values would be too large."""
        nodes = [operand.node if isinstance(operand, Value) else operand for operand in operands]
        arrays = [operand.array if isinstance(operand, Value) else operand for operand in operands]
        record = primitive_named(name)
        wide = {**settings, "dtype": "float64"} if settings.get("dtype") == "float32" else settings
        try:
            node = apply(name, *nodes, **settings)
            with np.errstate(all="ignore"):
                array = record.forward(np, *arrays, **wide)
            expand(Graph(self._reached(node), [node]))
        except (ChainruleError, Refusal, TypeError, ValueError, IndexError):
            return None
        if not np.all(np.isfinite(array)) or node.size > 5000:
            return None
        if exact is None:
            exact = all(not isinstance(operand, Value) or operand.exact for operand in operands)
            exact = exact and (node.dtype.kind != "f" or name in KEEPS_EXACT or not record.elementwise)
        value = self.keep(Value(node, array, exact))
        return self._smaller(value) if node.dtype.kind == "f" else value

    def _reached(self, node: Node) -> list[Node]:
        return [*self.inputs, *[source for source in node.inputs if source.primitive.name == "input"]]

    def _smaller(self, value: Value) -> Value:
        size = float(np.max(np.abs(value.array), initial=0.0))
        if size <= LARGEST:
            return value
        factor = 2.0 ** -math.ceil(math.log2(size / LARGEST))
        return self.keep(Value(value.node * factor, value.array * factor, exact=False))


def _broadcasts(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        np.broadcast_shapes(shape, other)
    except ValueError:
        return False
    return True


# Steps: each tries to append an operation.


def unary(build: Builder) -> None:
    x = build.any_value()
    names = SMOOTH + " " + JUMPING if x.exact else SMOOTH
    build.add(build.pick(names.split()), x)


def binary(build: Builder) -> None:
    x = build.any_value()
    y = build.fitting(x.node.shape)
    exact = x.exact and (not isinstance(y, Value) or y.exact)
    names = SMOOTH_OF_TWO + " " + JUMPING_OF_TWO if exact else SMOOTH_OF_TWO
    build.add(build.pick(names.split()), *((x, y) if build.draw(st.booleans()) else (y, x)))


def guarded(build: Builder) -> None:
    """Append an operation with a pole or an edge, kept away from it."""
    x = build.any_value()
    square = build.add("square", x)
    above = square and build.add("add", square, 1.0)
    if above is not None:
        if build.draw(st.booleans()):
            build.add(build.pick(("log", "log1p", "log2", "log10", "sqrt", "cbrt", "reciprocal")), above)
        else:
            y = build.fitting(above.node.shape)
            build.add(build.pick(("divide", "arctan2", "xlogy")), y, above)


def chosen(build: Builder) -> None:
    x = build.any_value()
    y = build.fitting(x.node.shape)
    conditions = [v for v in build.values if v.node.dtype == bool and _broadcasts(v.node.shape, x.node.shape)]
    if conditions:
        build.add("where", build.pick(conditions), x, y)
    else:
        build.add("clip", x, -1.0, 1.5)


def power(build: Builder) -> None:
    build.add("power", build.any_value(), build.pick((2, 3, 2.0, 0, 1)))


def converted(build: Builder) -> None:
    x = build.any_value()
    dtype = build.pick(sorted(DTYPE_NAMES))
    kept = x.node.dtype.kind == "b" or (x.node.dtype.kind == "f" and dtype == "float64")
    if dtype.startswith("float") or x.exact:
        build.add("convert", x, dtype=dtype, exact=x.exact and (kept or not dtype.startswith("float")))


def reduced(build: Builder) -> None:
    x = build.any_value()
    name = build.pick(
        ("sum", "mean", "prod", "max", "min", "any", "all", "logsumexp", "softmax", "log_softmax")
    )
    if name in ("any", "all") and not x.exact:
        return
    axes = tuple(axis for axis in range(x.node.ndim) if build.draw(st.booleans()))
    settings: dict[str, Any] = {"axis": axes}
    if "softmax" not in name:
        settings["keepdims"] = build.draw(st.booleans())
    exact = x.exact and (name in ("max", "min", "any", "all") or x.node.dtype.kind != "f")
    build.add(name, x, exact=exact and name in ("max", "min", "any", "all", "sum", "prod"), **settings)


def along(build: Builder) -> None:
    x = build.any_value()
    if x.node.ndim:
        axis = build.draw(st.integers(0, x.node.ndim - 1))
        if x.exact and build.draw(st.booleans()):
            build.add(build.pick(("argmax", "argmin")), x, axis=axis, keepdims=build.draw(st.booleans()))
        else:
            build.add("cumsum", x, axis=axis, exact=x.exact and x.node.dtype.kind != "f")


def multiplied(build: Builder) -> None:
    x = build.any_value()
    if x.node.ndim == 0:
        return
    inner = x.node.shape[-1]
    fitting = [v for v in build.values if v.node.ndim and v.node.shape[max(v.node.ndim - 2, 0)] == inner]
    y = build.pick(fitting) if fitting else build.fresh((inner, build.pick(LENGTHS)), str(x.node.dtype))
    build.add(
        "matmul", x, y, exact=x.exact and y.exact and x.node.dtype.kind + y.node.dtype.kind in ("ii", "bb")
    )


def contracted(build: Builder) -> None:
    x = build.any_value()
    if x.node.ndim == 2:
        terms = build.pick(("ij,kj->ik", "ij,ij->i", "ij,kl->il", "ij,ij->", "ij,ij->ji"))
        build.add("einsum", x, x, subscripts=terms, exact=x.exact and x.node.dtype.kind != "f")


def viewed(build: Builder) -> None:
    x = build.any_value()
    shape = x.node.shape
    kind = build.pick(("transpose", "reshape", "broadcast_to"))
    if kind == "transpose":
        build.add(kind, x, axes=tuple(map(int, build.rng.permutation(len(shape)))))
    elif kind == "reshape":
        choices = [
            (x.node.size,),
            shape[::-1],
            (1, *shape),
            (*shape[:1], math.prod(shape[1:])),
            (x.node.size, 1),
        ]
        build.add(kind, x, shape=build.pick(choices))
    else:
        wide = tuple(build.pick(LENGTHS[:4]) if n == 1 else n for n in shape)
        build.add(kind, x, shape=(*((2,) if build.draw(st.booleans()) else ()), *wide))


def indexed(build: Builder) -> None:
    x = build.any_value()
    template: list[Any] = []
    arrays: list[Value] = []
    for length in x.node.shape:
        kind = build.pick(("all", "number", "slice", "array", "new"))
        if kind == "new":
            template.append(None)
        if kind == "number":
            template.append(build.draw(st.integers(-length, length - 1)))
        elif kind == "array" and not arrays:
            template.append(Array(0))
            arrays.append(_positions(build, length))
        elif kind == "slice":
            template.append(
                build.pick(
                    (Slice(None, None, -1), Slice(0, 2, None), Slice(None, None, 2), Slice(1, None, 1))
                )
            )
        else:
            template.append(Slice(None, None, None))
    build.add("index", x, *arrays, template=tuple(template))


def _positions(build: Builder, length: int) -> Value:
    """Return an input of positions along an axis, counted from either end."""
    shape = build.pick(((2,), (3,), (2, 2), (7,), ()))
    array = np.asarray(build.rng.integers(-length, length, shape))
    node = input_node(shape, array.dtype, f"x{len(build.inputs)}")
    build.inputs.append(node)
    build.given.append(array[()])
    return Value(node, array[()], exact=True)


def scattered(build: Builder) -> None:
    x = build.any_value()
    if x.node.ndim:
        rows = build.pick(LENGTHS)
        array = build.rng.integers(-rows, rows, x.node.shape[:1])
        shape = (rows, *x.node.shape[1:])
        exact = x.exact and x.node.dtype.kind != "f"
        node = input_node(array.shape, array.dtype, f"x{len(build.inputs)}")
        build.inputs.append(node)
        build.given.append(array)
        build.add("add_at", x, Value(node, array, exact=True), template=(Array(0),), shape=shape, exact=exact)


def stuck_together(build: Builder) -> None:
    x = build.any_value()
    if x.node.ndim:
        axis = build.draw(st.integers(0, x.node.ndim - 1))
        rest = x.node.shape[:axis], x.node.shape[axis + 1 :]
        others = [v for v in build.values if v.node.ndim == x.node.ndim]
        fitting = [v for v in others if (v.node.shape[:axis], v.node.shape[axis + 1 :]) == rest]
        build.add("concatenate", x, build.pick(fitting), axis=axis)


STEPS = (
    *(unary,) * 5,
    *(binary,) * 6,
    *(guarded, chosen, power, converted, along, contracted, scattered, stuck_together),
    *(reduced,) * 3,
    *(multiplied,) * 2,
    *(viewed,) * 3,
    *(indexed,) * 2,
)


@st.composite
def parts(draw: Any) -> Part:
    """Return a graph of two to thirty operations with values for its inputs."""
    build = Builder(draw)
    for _ in range(draw(st.integers(1, 3))):
        build.fresh(build.shape(), build.pick(DTYPES))
    wanted = draw(st.sampled_from((2, 4, 8, 12, 16, 20, 25)))
    for _ in range(2 * wanted):  # not every step finds something to do
        build.pick(STEPS)(build)
        if sum(bool(value.node.inputs) for value in build.values) >= wanted:
            break
    used = {source for value in build.values for source in value.node.inputs}
    ends = [value.node for value in build.values if value.node not in used]
    within = [value.node for value in build.values if value.node in used and build.rng.random() < 0.1]
    graph = Graph(build.inputs, [*ends, *within], single=False)
    return Part(graph, build.given, f"\n{graph}")
