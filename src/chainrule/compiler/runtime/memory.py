"""Arrays as addresses, counts that the optimiser does not see, and the meeting of threads."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from chainrule.compiler.runtime.external import YIELD
from chainrule.compiler.runtime.instructions import CPointer, intrinsic, refuse

_SPINS = 2000
_INT64 = ir.IntType(64)
_INT32 = ir.IntType(32)
_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
_FLUSH = 0x8040  # results, and operands, below the smallest normal number become 0


@intrinsic
def array(_: Any, memory: Any, slot: Any, offset: Any, dtype: Any) -> Any:
    """Return the array that begins ``offset`` bytes after the address ``memory[slot]``.

    It has no length: ``a[i]`` reads and ``a[i] = value`` writes, without any test of i. Entries of the dtype
    ``bool_`` are the bytes 0 and 1.
    """
    if not isinstance(memory, CPointer) or not isinstance(dtype, types.NumberClass | types.DType):
        raise refuse("array", memory, slot, offset, dtype)
    entry = types.uint8 if dtype.dtype == types.boolean else dtype.dtype

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, place, start, _ = arguments
        place = context.cast(builder, place, signature.args[1], types.int64)
        start = context.cast(builder, start, signature.args[2], types.int64)
        address = builder.load(builder.gep(table, [place]))
        return builder.inttoptr(builder.add(address, start), context.get_value_type(signature.return_type))

    return CPointer(entry)(memory, slot, offset, dtype), generate


@intrinsic
def length(_: Any, count: Any) -> Any:
    """Return ``count``, hidden from the optimiser.

    It unrolls loops of a constant length until nothing is left to vectorise; not knowing, it vectorises.
    """
    if not isinstance(count, types.Integer):
        raise refuse("length", count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = context.cast(builder, arguments[0], signature.args[0], types.int64)
        return builder.asm(ir.FunctionType(_INT64, [_INT64]), "", "=r,0", [value], side_effect=False)

    return types.int64(count), generate


@intrinsic
def prefetch(_: Any, values: Any, place: Any) -> Any:
    """Ask for the memory of ``values[place]``, which is read soon; the address need not exist."""
    if not isinstance(values, CPointer) or not isinstance(place, types.Integer):
        raise refuse("prefetch", values, place)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        index = context.cast(builder, arguments[1], signature.args[1], types.intp)
        address = builder.bitcast(builder.gep(arguments[0], [index]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(function, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(values, place), generate


@intrinsic
def shifted(_: Any, values: Any, count: Any) -> Any:
    """Return the pointer to the entry ``count`` places further on."""
    if not isinstance(values, CPointer) or not isinstance(count, types.Integer):
        raise refuse("shifted", values, count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [context.cast(builder, arguments[1], signature.args[1], types.intp)])

    return values(values, count), generate


@intrinsic
def flush_subnormals(_: Any) -> Any:
    """Have numbers below the smallest normal one count as 0 from here on; return the mode before.

    Processors compute with such numbers up to a hundred times as slowly, and a training run meets them where
    averages of gradients fade away. Elsewhere than on x86 it does nothing.
    """

    def generate(_context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        if not _IS_X86:
            return _INT32(0)
        before = _mode(builder)
        _set_mode(builder, builder.or_(before, _INT32(_FLUSH)))
        return before

    return types.int32(), generate


@intrinsic
def restore_mode(_: Any, mode: Any) -> Any:
    """Go back to the mode that `flush_subnormals` returned."""
    if mode != types.int32:
        raise refuse("restore_mode", mode)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if _IS_X86:
            _set_mode(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(mode), generate


def _mode(builder: Any) -> Any:
    place = cgutils.alloca_once(builder, _INT32)
    _control(builder, "llvm.x86.sse.stmxcsr", place)
    return builder.load(place)


def _set_mode(builder: Any, mode: Any) -> None:
    place = cgutils.alloca_once(builder, _INT32)
    builder.store(mode, place)
    _control(builder, "llvm.x86.sse.ldmxcsr", place)


def _control(builder: Any, name: str, place: Any) -> None:
    address = builder.bitcast(place, ir.IntType(8).as_pointer())
    shape = ir.FunctionType(ir.VoidType(), [address.type])
    builder.call(cgutils.get_or_insert_function(builder.module, shape, name), [address])


@intrinsic
def inside(_: Any, place: Any, count: Any) -> Any:
    """Return a place in an array of ``count`` entries; end the process if it is not in there.

    It guards every place if ``NUMBA_BOUNDSCHECK`` is set: for tests, which shall not overlook such a fault.
    """
    if not isinstance(place, types.Integer) or not isinstance(count, types.Integer):
        raise refuse("inside", place, count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number, limit = (
            context.cast(builder, value, kind, types.int64)
            for value, kind in zip(arguments, signature.args, strict=True)
        )
        with builder.if_then(builder.icmp_unsigned(">=", number, limit), likely=False):
            _call(builder, ir.VoidType(), "llvm.trap")
        return number

    return types.int64(place, count), generate


@intrinsic
def barrier(_: Any, counter: Any, count: Any) -> Any:
    """Wait until ``count`` threads have come here.

    ``counter`` points to an int64 that all of them share: 0 at first, and never reset, so that the next
    barrier can use it again. A thread that waits for long lets others have the processor.
    """
    if counter != CPointer(types.int64) or not isinstance(count, types.Integer):
        raise refuse("barrier", counter, count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        threads = context.cast(builder, arguments[1], signature.args[1], types.int64)
        with builder.if_then(builder.icmp_signed(">", threads, _INT64(1))):
            _wait(builder, arguments[0], threads)
        return context.get_dummy_value()

    return types.void(counter, count), generate


def _wait(builder: Any, counter: Any, threads: Any) -> None:
    """Append: arrive, and look at the counter until everybody of this round has arrived."""
    before = builder.atomic_rmw("add", counter, _INT64(1), "seq_cst")
    goal = builder.mul(builder.add(builder.sdiv(before, threads), _INT64(1)), threads)
    start = builder.block
    look, spin, rest, done = (
        builder.append_basic_block(name) for name in ("barrier.look", "spin", "rest", "done")
    )
    builder.branch(look)
    builder.position_at_end(look)
    spins = builder.phi(_INT64)
    spins.add_incoming(_INT64(0), start)
    arrived = builder.load_atomic(counter, "seq_cst", 8)
    builder.cbranch(builder.icmp_signed(">=", arrived, goal), done, spin)
    builder.position_at_end(spin)
    if _IS_X86:
        _call(builder, ir.VoidType(), "llvm.x86.sse2.pause")
    more = builder.add(spins, _INT64(1))
    spins.add_incoming(more, spin)
    builder.cbranch(builder.icmp_signed("<", more, _INT64(_SPINS)), look, rest)
    builder.position_at_end(rest)
    _call(builder, ir.IntType(32), YIELD)
    spins.add_incoming(_INT64(0), rest)
    builder.branch(look)
    builder.position_at_end(done)


def _call(builder: Any, result: Any, name: str) -> None:
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, []), name)
    builder.call(function, [])
