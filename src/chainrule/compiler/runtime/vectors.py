"""Vectors: a value of several numbers, which LLVM keeps in as many vector registers as it takes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from chainrule.compiler.runtime.instructions import Arithmetic, Call, Intrinsic, intrinsic, refuse
from chainrule.compiler.runtime.kinds import (
    INT64,
    NOTHING,
    Float,
    Integer,
    Kind,
    Literal,
    Number,
    Pointer,
    Vector,
    llvm_type,
)
from chainrule.compiler.runtime.kinds import spread as spread_out
from chainrule.compiler.runtime.operators import common

_INT32 = ir.IntType(32)


def _vector(name: str, element: Kind, count: Kind) -> Vector:
    if not isinstance(element, Float) or not isinstance(count, Literal) or count.value < 1:
        raise refuse(name, element, count)
    return Vector(element, count.value)


def _address(builder: Any, array: Any, place: Any, vector: Vector) -> Any:
    return builder.bitcast(builder.gep(array, [place]), llvm_type(vector).as_pointer())


@intrinsic
def load(values: Kind, place: Kind, count: Kind) -> Call:
    """Return the vector of ``values[place]`` … ``values[place + count - 1]``."""
    if not isinstance(values, Pointer) or not isinstance(place, Integer):
        raise refuse("load", values, place, count)
    vector = _vector("load", values.entry, count)

    def generate(builder: Any, array: Any, start: Any, _: Any) -> Any:
        return builder.load(_address(builder, array, start, vector), align=vector.element.bits // 8)

    return Call(vector, (values, INT64, count), generate)


@intrinsic
def store(values: Kind, place: Kind, vector: Kind) -> Call:
    """Write the vector into ``values`` from ``values[place]`` on."""
    if not isinstance(vector, Vector) or values != Pointer(vector.element):
        raise refuse("store", values, place, vector)
    align = vector.element.bits // 8

    def generate(builder: Any, array: Any, start: Any, numbers: Any) -> None:
        builder.store(numbers, _address(builder, array, start, vector), align=align)

    return Call(NOTHING, (values, INT64, vector), generate)


@intrinsic
def spread(number: Kind, count: Kind) -> Call:
    """Return the vector that has ``number`` in all its ``count`` places."""
    vector = _vector("spread", number, count)
    return Call(vector, (number, count), lambda builder, value, _: spread_out(builder, value, vector.count))


@intrinsic
def multiply_add(a: Kind, b: Kind, c: Kind) -> Call:
    """Return a · b + c, rounded once where the machine can; each may be a number or a vector."""
    kind = common(common(a, b), c)
    if not isinstance(kind, Float | Vector):
        raise refuse("multiply_add", a, b, c)

    def generate(builder: Any, *values: Any) -> Any:
        return Arithmetic(builder, llvm_type(kind)).multiply_add(*values)

    return Call(kind, (kind, kind, kind), generate)


@intrinsic
def total(vector: Kind) -> Call:
    """Return the sum of a vector's numbers, always in one order: halves are added until one is left."""
    if not isinstance(vector, Vector) or vector.count & (vector.count - 1):
        raise refuse("total", vector)

    def generate(builder: Any, value: Any) -> Any:
        count = vector.count
        while count > 1:
            count //= 2
            value = builder.fadd(*[_part(builder, value, start, count) for start in (0, count)])
        return builder.extract_element(value, _INT32(0))

    return Call(vector.element, (vector,), generate)


def _part(builder: Any, value: Any, start: int, count: int) -> Any:
    places = ir.Constant(ir.VectorType(_INT32, count), list(range(start, start + count)))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), places)


def _choice(name: str, relation: str, doc: str) -> Intrinsic:
    def rule(a: Kind, b: Kind) -> Call:
        if not all(isinstance(kind, Number | Vector) for kind in (a, b)):
            raise refuse(name, a, b)
        vector = common(a, b)
        if not isinstance(vector, Vector):
            raise refuse(name, a, b)

        def generate(builder: Any, left: Any, right: Any) -> Any:
            wins = builder.fcmp_ordered(relation, left, right)
            nan = builder.fcmp_unordered("uno", left, left)
            return builder.select(builder.or_(wins, nan), left, right)

        return Call(vector, (vector, vector), generate)

    return Intrinsic(name, rule, doc)


maximum = _choice("maximum", ">=", "Return the larger of each two numbers; NaN if one of them is.")
minimum = _choice("minimum", "<=", "Return the smaller of each two numbers; NaN if one of them is.")
