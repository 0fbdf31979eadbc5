"""Object code becomes functions: done by LLVM's linker alone."""

from __future__ import annotations

import functools
import itertools
import threading
from typing import Any

from chainrule.compiler.runtime.external import YIELD, blas_addresses, yield_address
from chainrule.errors import CompileError

_LOCK = threading.Lock()
_NUMBERS = itertools.count()


@functools.cache
def target() -> tuple[str, str]:
    """Return the processor's name and its features, as LLVM calls them."""
    import llvmlite.binding as llvm

    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def target_machine() -> Any:
    """Return LLVM's description of this processor, for position-independent code at full optimisation."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = target()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="default", jit=True
    )


@functools.cache
def _linker() -> Any:
    import llvmlite.binding as llvm

    return llvm.create_lljit_compiler(target_machine(), suppress_errors=True)


def link(object_code: bytes, symbol: str, *, needs_blas: bool) -> tuple[int, Any]:
    """Return the address of a function, and what must be kept for as long as it is used.

    Raises
    ------
    CompileError
        If the code calls a function that this process does not have.
    """
    import llvmlite.binding as llvm

    library = llvm.JITLibraryBuilder().add_object_img(object_code).add_current_process()
    library.import_symbol(YIELD, yield_address())
    for name, address in (blas_addresses() if needs_blas else {}).items():
        library.import_symbol(name, address)
    library.export_symbol(symbol)
    with _LOCK:
        try:
            kept = library.link(_linker(), f"chainrule.{next(_NUMBERS)}")
        except RuntimeError as error:
            raise CompileError("compiler.unlinked", symbol=symbol, reason=str(error).strip()) from error
    return kept[symbol], (kept, _linker())
