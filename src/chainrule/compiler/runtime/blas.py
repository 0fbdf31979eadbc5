"""Products of matrices by scipy's BLAS, from inside compiled code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from chainrule.compiler.runtime.instructions import CPointer, intrinsic, refuse

_SYMBOLS = {types.float32: "chainrule_sgemm", types.float64: "chainrule_dgemm"}
_INT8, _INT32 = ir.IntType(8), ir.IntType(32)


@intrinsic
def gemm(
    _: Any,
    transpose_left: Any,
    transpose_right: Any,
    rows: Any,
    columns: Any,
    inner: Any,
    alpha: Any,
    left: Any,
    left_stride: Any,
    right: Any,
    right_stride: Any,
    beta: Any,
    out: Any,
    out_stride: Any,
) -> Any:
    """Set out = alpha · left · right + beta · out, for matrices whose rows lie one after the other.

    Parameters
    ----------
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
    if not isinstance(out, CPointer) or out.dtype not in _SYMBOLS or not left == right == out:
        raise refuse("gemm", left, right, out)
    sizes = (transpose_left, transpose_right, rows, columns, inner)
    matrices = (alpha, left, left_stride, right, right_stride, beta, out, out_stride)
    return types.void(*sizes, *matrices), _generate


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    entry = signature.args[11].dtype
    values = list(zip(signature.args, arguments, strict=True))

    def kept(place: int, kind: Any) -> Any:
        """Return the address of an argument: BLAS takes all of them by reference."""
        value = context.cast(builder, values[place][1], values[place][0], kind)
        return _byte_pointer(builder, cgutils.alloca_once_value(builder, value))

    def letter(place: int) -> Any:
        turned = context.cast(builder, values[place][1], values[place][0], types.boolean)
        value = builder.select(turned, _INT8(ord("T")), _INT8(ord("N")))
        return _byte_pointer(builder, cgutils.alloca_once_value(builder, value))

    def pointer(place: int) -> Any:
        return _byte_pointer(builder, values[place][1])

    count = types.int32
    # BLAS counts by columns and so sees every matrix transposed: outᵀ = rightᵀ · leftᵀ
    given = [letter(1), letter(0), kept(3, count), kept(2, count), kept(4, count), kept(5, entry)]
    given += [pointer(8), kept(9, count), pointer(6), kept(7, count), kept(10, entry)]
    given += [pointer(11), kept(12, count)]
    shape = ir.FunctionType(ir.VoidType(), [value.type for value in given])
    function = cgutils.get_or_insert_function(builder.module, shape, _SYMBOLS[entry])
    builder.call(function, given)
    return context.get_dummy_value()


def _byte_pointer(builder: Any, pointer: Any) -> Any:
    return builder.bitcast(pointer, _INT8.as_pointer())
