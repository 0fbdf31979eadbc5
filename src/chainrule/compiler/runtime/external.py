"""Addresses of the functions outside that compiled code calls."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any

BLAS = {"chainrule_sgemm": "sgemm", "chainrule_dgemm": "dgemm"}
YIELD = "chainrule_yield"


@functools.cache
def blas_addresses() -> dict[str, int]:
    """Return symbol → address for scipy's BLAS; empty if that does not count in 32 bits."""
    from scipy.linalg import cython_blas

    name_of = ctypes.pythonapi.PyCapsule_GetName
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found = {}
    for symbol, name in BLAS.items():
        capsule = cython_blas.__pyx_capi__[name]
        signature = name_of(capsule)
        if signature is not None and re.match(rb"void \(char \*, char \*, int \*", signature):
            found[symbol] = pointer_of(capsule, signature)
    return found


@functools.cache
def yield_address() -> int:
    """Return the address of the system's function that lets other threads go first."""
    if sys.platform == "win32":
        function: Any = ctypes.windll.kernel32.SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    return address or 0


@functools.cache
def _thread_functions() -> tuple[Any, Any] | None:
    from scipy.linalg import cython_blas

    library = ctypes.CDLL(cython_blas.__file__)  # a look-up in it also looks into what it was linked with
    for prefix in ("scipy_openblas", "openblas"):
        try:
            return library[f"{prefix}_get_num_threads"], library[f"{prefix}_set_num_threads"]
        except AttributeError:
            continue
    return None


class _OneThread:
    """Counts who wants BLAS to make no threads, and how many it made before the first of them came."""

    lock = threading.Lock()
    users = 0
    before = 1


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have scipy's BLAS make no threads inside the block; without effect where it cannot be told.

    The setting is the process's: other threads that call scipy's BLAS meanwhile see it as well. Where several
    are in such a block, the last one that leaves sets it back.
    """
    functions = _thread_functions()
    if functions is None:
        yield
        return
    get, change = functions
    with _OneThread.lock:
        if not _OneThread.users:
            _OneThread.before = get()
            change(1)
        _OneThread.users += 1
    try:
        yield
    finally:
        with _OneThread.lock:
            _OneThread.users -= 1
            if not _OneThread.users:
                change(_OneThread.before)
