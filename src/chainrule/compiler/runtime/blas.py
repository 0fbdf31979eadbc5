"""Products of matrices by scipy's BLAS, from inside compiled code."""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir

from chainrule.compiler.runtime.instructions import Call, declared, intrinsic, refuse, stack_slot
from chainrule.compiler.runtime.kinds import BOOLEAN, FLOAT32, FLOAT64, INT32, NOTHING, Kind, Pointer

_SYMBOLS = {FLOAT32: "chainrule_sgemm", FLOAT64: "chainrule_dgemm"}
_INT8 = ir.IntType(8)
_COUNT = 13


@intrinsic
def gemm(*kinds: Kind) -> Call:
    """Set out = alpha · left · right + beta · out, for matrices whose rows lie one after the other.

    ``gemm(transpose_left, transpose_right, rows, columns, inner, alpha, left, left_stride, right,
    right_stride, beta, out, out_stride)``:

    transpose_left, transpose_right
        Whether the factor is stored transposed.
    rows, columns, inner
        out is rows × columns, left rows × inner, right inner × columns, after transposing.
    alpha, beta
        Numbers. With beta = 0, what out held does not matter, not even NaN.
    left, right, out
        Pointers to the first entries, all float32 or all float64.
    left_stride, right_stride, out_stride
        How many entries lie between the beginnings of two rows, as stored.
    """
    out = kinds[11] if len(kinds) == _COUNT else NOTHING
    if not isinstance(out, Pointer) or out.entry not in _SYMBOLS or not kinds[6] == kinds[8] == out:
        raise refuse("gemm", *kinds)
    entry = out.entry
    sizes = (BOOLEAN, BOOLEAN, INT32, INT32, INT32)
    matrices = (entry, out, INT32, out, INT32, entry, out, INT32)
    return Call(NOTHING, (*sizes, *matrices), partial(_generate, _SYMBOLS[entry]))


def _generate(symbol: str, builder: Any, *values: Any) -> None:
    def kept(place: int) -> Any:
        """Return the address of an argument: BLAS takes all of them by reference."""
        return _address(builder, values[place])

    def letter(place: int) -> Any:
        return _address(builder, builder.select(values[place], _INT8(ord("T")), _INT8(ord("N"))))

    def matrix(place: int) -> Any:
        return _byte_pointer(builder, values[place])

    # BLAS counts by columns and so sees every matrix transposed: outᵀ = rightᵀ · leftᵀ
    given = [letter(1), letter(0), kept(3), kept(2), kept(4), kept(5)]
    given += [matrix(8), kept(9), matrix(6), kept(7), kept(10), matrix(11), kept(12)]
    function = declared(builder, symbol, ir.VoidType(), [value.type for value in given])
    builder.call(function, given)


def _address(builder: Any, value: Any) -> Any:
    slot = stack_slot(builder, value.type)
    builder.store(value, slot)
    return _byte_pointer(builder, slot)


def _byte_pointer(builder: Any, pointer: Any) -> Any:
    return builder.bitcast(pointer, _INT8.as_pointer())
