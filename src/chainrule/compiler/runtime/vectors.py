"""Vectors: a value of several numbers, which LLVM keeps in as many vector registers as it takes."""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import lower_builtin, models, register_model

from chainrule.compiler.runtime.instructions import Arithmetic, CPointer, intrinsic, refuse

_INT32 = ir.IntType(32)


class Vector(types.Type):  # type: ignore[misc]
    """The type of a vector of ``count`` numbers."""

    def __init__(self, element: Any, count: int) -> None:
        self.element, self.count = element, count
        super().__init__(name=f"Vector({element}, {count})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        element = manager.lookup(kind.element).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.count))


def _vector_type(name: str, element: Any, count: Any) -> Vector:
    size = getattr(count, "literal_value", 0)
    if not isinstance(element, types.Float) or not isinstance(size, int) or size < 1:
        raise refuse(name, element, count)
    return Vector(element, size)


def _vector_of(name: str, *kinds: Any) -> Vector:
    """Return the one vector type among the arguments of an operation; the others must be numbers."""
    vectors = {kind for kind in kinds if isinstance(kind, Vector)}
    if len(vectors) != 1 or not all(isinstance(kind, Vector | types.Number) for kind in kinds):
        raise refuse(name, *kinds)
    return vectors.pop()


def _spread(builder: Any, number: Any, count: int) -> Any:
    kind = ir.VectorType(number.type, count)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, _INT32(0))
    everywhere = ir.Constant(ir.VectorType(_INT32, count), [0] * count)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), everywhere)


def _all_vectors(context: Any, builder: Any, sig: Any, arguments: Any) -> list[Any]:
    """Return the arguments with every number made a vector of the result's type."""
    vector = sig.return_type
    return [
        value
        if isinstance(kind, Vector)
        else _spread(builder, context.cast(builder, value, kind, vector.element), vector.count)
        for kind, value in zip(sig.args, arguments, strict=True)
    ]


def _address(context: Any, builder: Any, sig: Any, arguments: Any, kind: Any) -> Any:
    place = context.cast(builder, arguments[1], sig.args[1], types.intp)
    return builder.bitcast(builder.gep(arguments[0], [place]), kind.as_pointer())


@intrinsic
def load(_: Any, values: Any, place: Any, count: Any) -> Any:
    """Return the vector of ``values[place]`` … ``values[place + count - 1]``."""
    if not isinstance(values, CPointer) or not isinstance(place, types.Integer):
        raise refuse("load", values, place, count)
    vector = _vector_type("load", values.dtype, count)

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        kind = context.get_value_type(vector)
        address = _address(context, builder, sig, arguments, kind)
        return builder.load(address, align=vector.element.bitwidth // 8)

    return vector(values, place, count), generate


@intrinsic
def store(_: Any, values: Any, place: Any, vector: Any) -> Any:
    """Write the vector into ``values`` from ``values[place]`` on."""
    if not isinstance(vector, Vector) or values != CPointer(vector.element):
        raise refuse("store", values, place, vector)

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        address = _address(context, builder, sig, arguments, arguments[2].type)
        builder.store(arguments[2], address, align=vector.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(values, place, vector), generate


@intrinsic
def spread(_: Any, number: Any, count: Any) -> Any:
    """Return the vector that has ``number`` in all its ``count`` places."""
    vector = _vector_type("spread", number, count)

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0], vector.count)

    return vector(number, count), generate


@intrinsic
def multiply_add(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c, rounded once where the machine can; each may be a number or a vector."""
    if all(isinstance(kind, types.Float) for kind in (a, b, c)):
        result = max(a, b, c, key=lambda kind: kind.bitwidth)
    else:
        result = _vector_of("multiply_add", a, b, c)

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        if isinstance(result, Vector):
            values = _all_vectors(context, builder, sig, arguments)
        else:
            pairs = zip(sig.args, arguments, strict=True)
            values = [context.cast(builder, value, kind, result) for kind, value in pairs]
        return Arithmetic(builder, values[0].type).multiply_add(*values)

    return result(a, b, c), generate


@intrinsic
def total(_: Any, vector: Any) -> Any:
    """Return the sum of a vector's numbers, always in one order: halves are added until one is left."""
    if not isinstance(vector, Vector) or vector.count & (vector.count - 1):
        raise refuse("total", vector)

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        value, count = arguments[0], vector.count
        while count > 1:
            count //= 2
            halves = [_part(builder, value, start, count) for start in (0, count)]
            value = builder.fadd(*halves)
        return builder.extract_element(value, _INT32(0))

    return vector.element(vector), generate


def _part(builder: Any, value: Any, start: int, count: int) -> Any:
    places = ir.Constant(ir.VectorType(_INT32, count), list(range(start, start + count)))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), places)


def _choice(name: str, relation: str, doc: str) -> Any:
    def typed(_: Any, a: Any, b: Any) -> Any:
        vector = _vector_of(name, a, b)

        def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            left, right = _all_vectors(context, builder, sig, arguments)
            wins = builder.fcmp_ordered(relation, left, right)
            nan = builder.fcmp_unordered("uno", left, left)
            return builder.select(builder.or_(wins, nan), left, right)

        return vector(a, b), generate

    typed.__name__ = typed.__qualname__ = name
    typed.__doc__ = doc
    return intrinsic(typed)


maximum = _choice("maximum", ">=", "Return the larger of each two numbers; NaN if one of them is.")
minimum = _choice("minimum", "<=", "Return the smaller of each two numbers; NaN if one of them is.")


def _operation(key: Any, name: str) -> None:
    """Teach numba an operator between vectors, and between a vector and a number."""

    class Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, _kws: Any) -> Any:
            vectors = {kind for kind in args if isinstance(kind, Vector)}
            others = [kind for kind in args if not isinstance(kind, Vector)]
            if len(vectors) == 1 and all(isinstance(kind, types.Number) for kind in others):
                return signature(vectors.pop(), *args)
            return None

    Template.key = key
    infer_global(key)(Template)

    def lower(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        values = _all_vectors(context, builder, sig, arguments)
        return getattr(Arithmetic(builder, values[0].type), name)(*values)

    both = ((Vector, Vector), (Vector, types.Number), (types.Number, Vector))
    for pair in ((Vector,),) if name == "negative" else both:
        lower_builtin(key, *pair)(lower)


for _key, _name in (
    (operator.add, "add"),
    (operator.sub, "subtract"),
    (operator.mul, "multiply"),
    (operator.truediv, "divide"),
    (operator.neg, "negative"),
):
    _operation(_key, _name)
