"""Numba's part of the compiler: a Python function becomes an LLVM module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target
from numba.core.typed_passes import (
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode

from chainrule.compiler.runtime.instructions import CPointer

_OPTIONS = {"nopython": True, "error_model": "numpy", "boundscheck": False, "fastmath": {"contract"}}
_ARGUMENTS = (CPointer(types.int64), types.int64, types.int64)


class _Pipeline(CompilerBase):  # type: ignore[misc]
    """Only the passes that emitted source needs: it has no comprehensions, closures or objects."""

    def define_pipelines(self) -> list[Any]:
        passes = PassManager("chainrule")
        for step in (
            TranslateByteCode,
            FixupArgs,
            IRProcessing,
            ReconstructSSA,
            NopythonTypeInference,
            PreLowerStripPhis,
            NativeLowering,
            NoPythonBackend,
        ):
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]


class _Library(CPUCodeLibrary):  # type: ignore[misc]
    """Collects the modules of a function, and hands them out before numba would compile them."""

    def module(self) -> Any:
        """Return the function and its C entry in one module, not yet optimised."""
        for library in self._linking_libraries:
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)  # noqa: SLF001
        return self._final_module


@global_compiler_lock  # type: ignore[untyped-decorator]
def llvm_module(function: Callable[..., Any]) -> tuple[Any, str]:
    """Return the LLVM module of a function of (memory, first, last), and the symbol of its C entry."""
    flags = Flags()
    cpu_target.options.parse_as_flags(flags, _OPTIONS)
    flags.no_cpython_wrapper, flags.no_cfunc_wrapper, flags.no_compile = True, False, True
    flags.enable_pyobject = False
    context = cpu_target.target_context
    library = _Library(context.codegen(), function.__qualname__)
    result = compile_extra(
        cpu_target.typing_context,
        context,
        function,
        args=_ARGUMENTS,
        return_type=types.int64,
        flags=flags,
        locals={},
        library=library,
        pipeline_class=_Pipeline,
    )
    symbol: str = result.fndesc.llvm_cfunc_wrapper_name
    module = library.module()
    for defined in (*module.functions, *module.global_variables):
        if not defined.is_declaration and defined.name != symbol:
            defined.linkage = "internal"
    return module, symbol
