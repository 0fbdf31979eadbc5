"""LLVM instructions on floating-point values, written as arithmetic.

`Arithmetic` works on one number or on a vector of numbers alike. Its instructions carry the flag ``contract``
alone: a product and a sum may become one multiply-add, nothing else may be rearranged, and NaN, infinities
and the sign of zero are those of IEEE arithmetic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from chainrule.compiler.runtime.kinds import Float, Kind, Vector, convert

CONTRACT = ("contract",)


@dataclass(frozen=True)
class Call:
    """How a call is compiled.

    Attributes
    ----------
    result
        The kind of its value.
    parameters
        The kinds to which the arguments are converted first.
    generate
        ``generate(builder, *arguments)`` appends the instructions and returns the value; None for none.
    """

    result: Kind
    parameters: tuple[Kind, ...]
    generate: Callable[..., Any]

    def compile(self, builder: Any, kinds: Sequence[Kind], values: Sequence[Any]) -> Any:
        """Append the conversions of the arguments and the instructions; return the value."""
        triples = zip(values, kinds, self.parameters, strict=True)
        return self.generate(builder, *[convert(builder, *triple) for triple in triples])


@dataclass(frozen=True)
class Intrinsic:
    """A function of emitted source; ``rule`` returns the `Call` for arguments of these kinds."""

    name: str
    rule: Callable[..., Call]
    doc: str | None = None


def intrinsic(rule: Callable[..., Call]) -> Intrinsic:
    """Return a function for emitted source, given the rule that types its call."""
    return Intrinsic(rule.__name__, rule, rule.__doc__)


def is_floating(kind: Kind) -> bool:
    """Return whether ``kind`` is a floating-point type, or a vector of one."""
    return isinstance(kind, Float | Vector)


def refuse(name: str, *kinds: Kind) -> TypeError:
    """Return the error for arguments that a function of the runtime does not take."""
    return TypeError(f"{name}({', '.join(map(str, kinds))})")


def declared(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    """Return the function of this name outside the module, for arguments of these LLVM types."""
    known = builder.module.globals.get(name)
    shape = ir.FunctionType(result, list(arguments))
    return known or ir.Function(builder.module, shape, name)


def stack_slot(builder: Any, kind: Any) -> Any:
    """Return the address of room for a value of an LLVM type, for as long as the function runs."""
    with builder.goto_entry_block():
        return builder.alloca(kind)


class Arithmetic:
    """Instructions on values of one LLVM type: float, double, or a vector of them.

    Parameters
    ----------
    builder
        Where the instructions are appended.
    kind
        The LLVM type of the values.

    Attributes
    ----------
    digits
        Bits after the point: 23 or 52.
    bias
        What is added to an exponent before it is stored: 127 or 1023.
    """

    def __init__(self, builder: Any, kind: Any) -> None:
        self.builder, self.kind = builder, kind
        self.count = kind.count if isinstance(kind, ir.VectorType) else 0
        self.single = (kind.element if self.count else kind) == ir.FloatType()
        self.digits, self.bias = (23, 127) if self.single else (52, 1023)
        whole = ir.IntType(32 if self.single else 64)
        self.whole = ir.VectorType(whole, self.count) if self.count else whole
        self.suffix = (f"v{self.count}" if self.count else "") + ("f32" if self.single else "f64")

    def pick(self, single: Any, double: Any) -> Any:
        """Return what belongs to the type: the first for float32, the second for float64."""
        return single if self.single else double

    def number(self, value: float) -> Any:
        """Return a constant, rounded to the type."""
        if self.single:
            value = struct.unpack("f", struct.pack("f", value))[0]
        return ir.Constant(self.kind, [value] * self.count if self.count else value)

    def integer(self, value: int) -> Any:
        """Return a constant of the integer type of the same size."""
        return ir.Constant(self.whole, [value] * self.count if self.count else value)

    def add(self, a: Any, b: Any) -> Any:
        """Return a + b."""
        return self.builder.fadd(a, b, flags=CONTRACT)

    def subtract(self, a: Any, b: Any) -> Any:
        """Return a − b."""
        return self.builder.fsub(a, b, flags=CONTRACT)

    def multiply(self, a: Any, b: Any) -> Any:
        """Return a · b."""
        return self.builder.fmul(a, b, flags=CONTRACT)

    def divide(self, a: Any, b: Any) -> Any:
        """Return a / b, rounded once as IEEE 754 demands."""
        return self.builder.fdiv(a, b, flags=CONTRACT)

    def negative(self, a: Any) -> Any:
        """Return −a: the sign turned, that of NaN and of 0 too."""
        return self.builder.fneg(a)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Return a · b + c, rounded once where the machine can."""
        return self.call("llvm.fmuladd", a, b, c)

    def polynomial(self, x: Any, coefficients: Any) -> Any:
        """Return the polynomial by Horner's rule; the highest power's coefficient comes first."""
        first, *others = coefficients
        value = self.number(first)
        for coefficient in others:
            value = self.multiply_add(value, x, self.number(coefficient))
        return value

    def compare(self, relation: str, a: Any, b: Any) -> Any:
        """Return whether ``a relation b``; false if one is NaN."""
        return self.builder.fcmp_ordered(relation, a, b)

    def choose(self, condition: Any, a: Any, b: Any) -> Any:
        """Return a where the condition holds, else b."""
        return self.builder.select(condition, a, b)

    def absolute(self, x: Any) -> Any:
        """Return |x|."""
        return self.call("llvm.fabs", x)

    def bits(self, x: Any) -> Any:
        """Return the bits of x as an integer."""
        return self.builder.bitcast(x, self.whole)

    def floating(self, bits: Any) -> Any:
        """Return the number that has these bits."""
        return self.builder.bitcast(bits, self.kind)

    def call(self, name: str, *arguments: Any) -> Any:
        """Return the result of an LLVM function that exists for every floating-point type."""
        function = declared(self.builder, f"{name}.{self.suffix}", self.kind, [self.kind] * len(arguments))
        return self.builder.call(function, arguments, fastmath=CONTRACT)


def function_of_one(name: str, formula: Callable[..., Any], *, result: Kind | None = None) -> Intrinsic:
    """Return a function of one number or vector for emitted source.

    Parameters
    ----------
    name
        What it is called.
    formula
        ``formula(arithmetic, x)`` appends the instructions and returns the value.
    result
        Its kind; by default that of the argument.
    """

    def rule(x: Kind) -> Call:
        if not is_floating(x):
            raise refuse(name, x)
        return Call(result or x, (x,), lambda builder, value: formula(Arithmetic(builder, value.type), value))

    return Intrinsic(name, rule, formula.__doc__)
