"""What emitted source imports: arrays as addresses, vectors, mathematics, BLAS and barriers.

The functions exist inside compiled code only. A name is imported when it is first asked for, and LLVM's
language with it; `external` and `linking` do without, for they serve code that was compiled earlier.
"""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "memory": (
        "array",
        "barrier",
        "flush_subnormals",
        "inside",
        "length",
        "prefetch",
        "restore_mode",
        "shifted",
    ),
    "vectors": ("load", "maximum", "minimum", "multiply_add", "spread", "store", "total"),
    "scalars": (
        "absolute",
        "add",
        "ceil",
        "copysign",
        "exp2",
        "floor",
        "integer_power",
        "is_finite",
        "is_inf",
        "is_nan",
        "largest",
        "rint",
        "smallest",
        "sqrt",
        "trunc",
        "where",
    ),
    "exponential": ("exp", "expm1", "sigmoid", "tanh"),
    "logarithm": ("log", "log1p"),
    "blas": ("gemm",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
