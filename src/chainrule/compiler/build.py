"""From emitted source to machine code: numba writes LLVM's language, LLVM optimises and assembles it.

Nothing of numba is needed to run the code: what comes out is an object file's bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import linecache
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.compiler.runtime.external import BLAS
from chainrule.compiler.runtime.linking import link, target_machine
from chainrule.errors import CompileError

_LOCK = threading.Lock()
_BLAS_MODULE = "scipy.linalg.cython_blas"

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
        It is executed, so it must be text that this library wrote.
    name
        The function's name.
    filename
        What tracebacks and debuggers call the source; they can show its lines.

    Raises
    ------
    CompileError
        If numba does not understand the source, or LLVM what numba made of it.
    """
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    with _LOCK, _without_blas():
        try:
            return _compiled(_function(source, name, filename))
        except Exception as error:  # numba's own and, from its depths, any other
            raise CompileError("compiler.failed", name=name, reason=_reason(error)) from error


def _function(source: str, name: str, filename: str) -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "chainrule.compiled"}
    exec(compile(source, filename, "exec"), space)  # noqa: S102
    function: Callable[..., Any] = space[name]
    return function


@contextlib.contextmanager
def _without_blas() -> Iterator[None]:
    """Keep numba from importing scipy.linalg, which takes half a second and is not used.

    Numba only looks whether the module exists; it finds an empty one, which is gone afterwards.
    """
    if _BLAS_MODULE in sys.modules:
        yield
        return
    stub = types.ModuleType(_BLAS_MODULE)
    sys.modules[_BLAS_MODULE] = stub
    try:
        yield
    finally:
        if sys.modules.get(_BLAS_MODULE) is stub:
            del sys.modules[_BLAS_MODULE]


def _compiled(function: Callable[..., Any]) -> MachineCode:
    from chainrule.compiler.runtime.frontend import llvm_module

    module, symbol = llvm_module(function)
    machine = target_machine()
    _optimise(module, machine)
    declared = {used.name for used in module.functions if used.is_declaration}
    return MachineCode(symbol, machine.emit_object(module), needs_blas=not declared.isdisjoint(BLAS))


def _reason(error: Exception) -> str:
    """Return the line of numba's long message that says what is wrong; the first only names the pass."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Failed in")]
    return telling[0] if telling else type(error).__name__


def _optimise(module: Any, machine: Any) -> None:
    import llvmlite.binding as llvm

    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    module.verify()
