"""Kinds: the types that values of emitted source have, what LLVM calls them, and conversions between them.

Whole numbers wrap around and are converted as in C; a truth value is one bit, in memory the byte 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir


@dataclass(frozen=True)
class Boolean:
    """A truth value."""


@dataclass(frozen=True)
class Integer:
    """A whole number of so many bits."""

    bits: int = 64
    signed: bool = True


@dataclass(frozen=True)
class Literal(Integer):
    """A whole number that is written out in the source."""

    value: int = 0


@dataclass(frozen=True)
class Float:
    """A floating-point number of 32 or 64 bits."""

    bits: int = 64


@dataclass(frozen=True)
class Vector:
    """So many floating-point numbers, in as many vector registers as it takes."""

    element: Float
    count: int


@dataclass(frozen=True)
class Pointer:
    """The address of entries that lie one after the other; of truth values, as the bytes 0 and 1."""

    entry: Kind


@dataclass(frozen=True)
class TypeName:
    """A dtype's name in the source, such as ``float32``: a conversion, and an argument of `array`."""

    kind: Kind


@dataclass(frozen=True)
class Nothing:
    """The result of what is called for its effect."""


Kind = Boolean | Integer | Float | Vector | Pointer | TypeName | Nothing
Number = Boolean | Integer | Float

BOOLEAN, INT8, INT32, INT64, FLOAT32, FLOAT64 = (
    Boolean(),
    Integer(8),
    Integer(32),
    Integer(),
    Float(32),
    Float(),
)
NOTHING = Nothing()

NAMED: dict[str, Kind] = {
    "bool_": BOOLEAN,
    "float32": FLOAT32,
    "float64": FLOAT64,
    **{f"int{bits}": Integer(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": Integer(bits, signed=False) for bits in (8, 16, 32, 64)},
}
"""The kinds that emitted source calls by the names of NumPy's dtypes."""


def plain(kind: Kind) -> Kind:
    """Return the kind without the number that a literal has; one beyond int64 is an uint64."""
    return Integer(signed=kind.value < 1 << 63) if isinstance(kind, Literal) else kind


def llvm_type(kind: Kind) -> Any:
    """Return what LLVM calls a kind."""
    if isinstance(kind, Boolean):
        return ir.IntType(1)
    if isinstance(kind, Integer):
        return ir.IntType(kind.bits)
    if isinstance(kind, Float):
        return ir.FloatType() if kind.bits == 32 else ir.DoubleType()
    if isinstance(kind, Vector):
        return ir.VectorType(llvm_type(kind.element), kind.count)
    if isinstance(kind, Pointer):
        return (ir.IntType(8) if isinstance(kind.entry, Boolean) else llvm_type(kind.entry)).as_pointer()
    return ir.VoidType()


def convert(builder: Any, value: Any, source: Kind, target: Kind) -> Any:
    """Return a value of one kind as a value of another.

    Raises
    ------
    TypeError
        If there is no conversion.
    """
    source, target = plain(source), plain(target)
    if source == target:
        return value
    wanted = llvm_type(target)
    if isinstance(target, Vector) and isinstance(source, Number):
        return spread(builder, convert(builder, value, source, target.element), target.count)
    if isinstance(target, Boolean) and isinstance(source, Integer):
        return builder.icmp_signed("!=", value, value.type(0))
    if isinstance(target, Boolean) and isinstance(source, Float):
        return builder.fcmp_unordered("!=", value, value.type(0.0))
    if isinstance(target, Integer) and isinstance(source, Boolean | Integer):
        signed = isinstance(source, Integer) and source.signed
        return _resized(builder, value, wanted, signed=signed)
    if isinstance(target, Integer) and isinstance(source, Float):
        return (builder.fptosi if target.signed else builder.fptoui)(value, wanted)
    if isinstance(target, Float) and isinstance(source, Boolean | Integer):
        signed = isinstance(source, Integer) and source.signed
        return (builder.sitofp if signed else builder.uitofp)(value, wanted)
    if isinstance(target, Float) and isinstance(source, Float):
        return (builder.fpext if target.bits > source.bits else builder.fptrunc)(value, wanted)
    raise TypeError(f"{source} is not converted to {target}")


def _resized(builder: Any, value: Any, wanted: Any, *, signed: bool) -> Any:
    if value.type.width == wanted.width:
        return value
    if value.type.width > wanted.width:
        return builder.trunc(value, wanted)
    return (builder.sext if signed else builder.zext)(value, wanted)


def spread(builder: Any, number: Any, count: int) -> Any:
    """Return the vector that has the number in all its places."""
    kind = ir.VectorType(number.type, count)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), number, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), count), [0] * count)
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), everywhere)
