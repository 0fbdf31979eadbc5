"""From emitted source to machine code: an object file's bytes, made by LLVM."""

from __future__ import annotations

import ctypes
import linecache
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.compiler.runtime.external import BLAS
from chainrule.compiler.runtime.linking import link, target_machine
from chainrule.errors import CompileError

_LOCK = threading.Lock()

_SIGNATURE = (ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@dataclass(frozen=True)
class MachineCode:
    """An object file of this machine with one function in it.

    Attributes
    ----------
    symbol
        The function's name in the object file.
    object_code
        The file's bytes.
    needs_blas
        Whether it calls scipy's BLAS.
    """

    symbol: str
    object_code: bytes
    needs_blas: bool

    def load(self, *, hold_gil: bool = False) -> Callable[[int, int, int], int]:
        """Return the function of (address of the table of addresses, first step, last step).

        Parameters
        ----------
        hold_gil
            Whether Python's other threads wait meanwhile; a call is then a little cheaper.

        Raises
        ------
        CompileError
            If the code calls a function that this process does not have.
        """
        address, kept = link(self.object_code, self.symbol, needs_blas=self.needs_blas)
        prototype = (ctypes.PYFUNCTYPE if hold_gil else ctypes.CFUNCTYPE)(*_SIGNATURE)
        function = prototype(address)
        function.kept = kept  # type: ignore[attr-defined]
        return function


def build(source: str, name: str, filename: str) -> MachineCode:
    """Return the machine code of the function ``name`` in ``source``.

    Parameters
    ----------
    source
        Python text of a function of (memory, first, last) that imports from `chainrule.compiler.runtime`.
    name
        The function's name.
    filename
        What tracebacks and debuggers call the source; they can show its lines.

    Raises
    ------
    CompileError
        If the source has no meaning for the kinds of its values, or imports what does not exist.
    """
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        return _compiled(source, name)
    except (TypeError, KeyError, ValueError, ImportError, AttributeError, SyntaxError, RuntimeError) as error:
        raise CompileError("compiler.failed", name=name, reason=error) from error


def _compiled(source: str, name: str) -> MachineCode:
    import llvmlite.binding as llvm

    from chainrule.compiler.translator import symbol_of, translate

    with _LOCK:  # also for Python's own parser: before 3.13, two at once may fail with a SystemError
        machine = target_machine()
        module = translate(source, name)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        parsed = llvm.parse_assembly(str(module))
        _optimise(parsed, machine)
        declared = {used.name for used in parsed.functions if used.is_declaration}
        return MachineCode(
            symbol_of(name), machine.emit_object(parsed), needs_blas=not declared.isdisjoint(BLAS)
        )


def _optimise(module: Any, machine: Any) -> None:
    import llvmlite.binding as llvm

    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    module.verify()
