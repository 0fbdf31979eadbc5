"""Arrays as addresses, counts that the optimiser does not see, and the meeting of threads."""

from __future__ import annotations

import platform
from typing import Any

from llvmlite import ir

from chainrule.compiler.runtime.external import YIELD
from chainrule.compiler.runtime.instructions import Call, declared, intrinsic, refuse, stack_slot
from chainrule.compiler.runtime.kinds import (
    INT32,
    INT64,
    NOTHING,
    Integer,
    Kind,
    Pointer,
    TypeName,
    llvm_type,
)

_SPINS = 2000
_INT64 = ir.IntType(64)
_INT32 = ir.IntType(32)
_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
_FLUSH = 0x8040  # results, and operands, below the smallest normal number become 0


@intrinsic
def array(memory: Kind, slot: Kind, offset: Kind, dtype: Kind) -> Call:
    """Return the array that begins ``offset`` bytes after the address ``memory[slot]``.

    It has no length: ``a[i]`` reads and ``a[i] = value`` writes, without any test of i. Entries of the dtype
    ``bool_`` are the bytes 0 and 1.
    """
    if not isinstance(memory, Pointer) or not isinstance(dtype, TypeName):
        raise refuse("array", memory, slot, offset, dtype)
    result = Pointer(dtype.kind)

    def generate(builder: Any, table: Any, place: Any, start: Any, _: Any) -> Any:
        address = builder.load(builder.gep(table, [place]))
        return builder.inttoptr(builder.add(address, start), llvm_type(result))

    return Call(result, (memory, INT64, INT64, dtype), generate)


@intrinsic
def length(count: Kind) -> Call:
    """Return ``count``, hidden from the optimiser.

    It unrolls loops of a constant length until nothing is left to vectorise; not knowing, it vectorises.
    """
    if not isinstance(count, Integer):
        raise refuse("length", count)

    def generate(builder: Any, value: Any) -> Any:
        return builder.asm(ir.FunctionType(_INT64, [_INT64]), "", "=r,0", [value], side_effect=False)

    return Call(INT64, (INT64,), generate)


def _entry_of(name: str, values: Kind, place: Kind) -> tuple[Kind, Kind]:
    if not isinstance(values, Pointer) or not isinstance(place, Integer):
        raise refuse(name, values, place)
    return values, INT64


@intrinsic
def prefetch(values: Kind, place: Kind) -> Call:
    """Ask for the memory of ``values[place]``, which is read soon; the address need not exist."""

    def generate(builder: Any, array: Any, index: Any) -> None:
        address = builder.bitcast(builder.gep(array, [index]), ir.IntType(8).as_pointer())
        kinds = [address.type, _INT32, _INT32, _INT32]
        function = declared(builder, "llvm.prefetch.p0", ir.VoidType(), kinds)
        builder.call(function, [address, _INT32(0), _INT32(3), _INT32(1)])

    return Call(NOTHING, _entry_of("prefetch", values, place), generate)


@intrinsic
def shifted(values: Kind, count: Kind) -> Call:
    """Return the pointer to the entry ``count`` places further on."""
    parameters = _entry_of("shifted", values, count)
    return Call(values, parameters, lambda builder, array, index: builder.gep(array, [index]))


@intrinsic
def flush_subnormals() -> Call:
    """Have numbers below the smallest normal one count as 0 from here on; return the mode before.

    Processors compute with such numbers up to a hundred times as slowly, and a training run meets them where
    averages of gradients fade away. Elsewhere than on x86 it does nothing.
    """

    def generate(builder: Any) -> Any:
        if not _IS_X86:
            return _INT32(0)
        before = _mode(builder)
        _set_mode(builder, builder.or_(before, _INT32(_FLUSH)))
        return before

    return Call(INT32, (), generate)


@intrinsic
def restore_mode(mode: Kind) -> Call:
    """Go back to the mode that `flush_subnormals` returned."""
    if mode != INT32:
        raise refuse("restore_mode", mode)

    def generate(builder: Any, before: Any) -> None:
        if _IS_X86:
            _set_mode(builder, before)

    return Call(NOTHING, (INT32,), generate)


def _mode(builder: Any) -> Any:
    place = stack_slot(builder, _INT32)
    _control(builder, "llvm.x86.sse.stmxcsr", place)
    return builder.load(place)


def _set_mode(builder: Any, mode: Any) -> None:
    place = stack_slot(builder, _INT32)
    builder.store(mode, place)
    _control(builder, "llvm.x86.sse.ldmxcsr", place)


def _control(builder: Any, name: str, place: Any) -> None:
    address = builder.bitcast(place, ir.IntType(8).as_pointer())
    builder.call(declared(builder, name, ir.VoidType(), [address.type]), [address])


@intrinsic
def inside(place: Kind, count: Kind) -> Call:
    """Return a place in an array of ``count`` entries; end the process if it is not in there.

    It guards every place if ``CHAINRULE_BOUNDSCHECK`` is set: tests shall not overlook such a fault.
    """
    if not isinstance(place, Integer) or not isinstance(count, Integer):
        raise refuse("inside", place, count)

    def generate(builder: Any, number: Any, limit: Any) -> Any:
        with builder.if_then(builder.icmp_unsigned(">=", number, limit), likely=False):
            _call(builder, ir.VoidType(), "llvm.trap")
        return number

    return Call(INT64, (INT64, INT64), generate)


@intrinsic
def barrier(counter: Kind, count: Kind) -> Call:
    """Wait until ``count`` threads have come here.

    ``counter`` points to an int64 that all of them share: 0 at first, and never reset, so that the next
    barrier can use it again. A thread that waits for long lets others have the processor.
    """
    if counter != Pointer(INT64) or not isinstance(count, Integer):
        raise refuse("barrier", counter, count)

    def generate(builder: Any, address: Any, threads: Any) -> None:
        with builder.if_then(builder.icmp_signed(">", threads, _INT64(1))):
            _wait(builder, address, threads)

    return Call(NOTHING, (counter, INT64), generate)


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
    builder.call(declared(builder, name, result, []), [])
