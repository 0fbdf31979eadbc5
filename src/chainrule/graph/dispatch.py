"""What stands for a NumPy function when it meets a traced array, and what to say where nothing does."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, TraceError
from chainrule.graph import context
from chainrule.graph.primitive import TRANSLATIONS
from chainrule.text import say

# Methods of arrays, t.sum() or t.reshape(…), are NumPy's functions under another spelling.
METHODS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        "all",
        "any",
        "argmax",
        "argmin",
        "clip",
        "copy",
        "cumsum",
        "diagonal",
        "dot",
        "max",
        "mean",
        "min",
        "prod",
        "ravel",
        "repeat",
        "reshape",
        "round",
        "squeeze",
        "std",
        "sum",
        "swapaxes",
        "take",
        "trace",
        "transpose",
        "var",
    )
} | {"astype": "astype", "flatten": np.ravel}


def call(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call what stands for a NumPy function; say which function and line where nothing does."""
    translation = TRANSLATIONS.get(function) or TRANSLATIONS.get(getattr(function, "__name__", ""))
    if translation is None:
        raise TraceError(
            "trace.function", name=_full_name(function), where=context.here(), hint=_alternative(function)
        )
    try:
        return translation.function(*args, **kwargs)
    except ChainruleError:
        raise
    except TypeError as error:
        if _fits(translation.function, args, kwargs):
            raise
        name = f"np.{translation.name}"
        raise TraceError("trace.argument", name=name, where=context.here(), reason=error) from None


def _full_name(function: Any) -> str:
    """Return how users write a function: ``np.linalg.inv``, ``np.add.at``."""
    if isinstance(function, tuple):
        ufunc, method = function
        return f"np.{ufunc.__name__}.{method}"
    if isinstance(function, str):
        return f"np.{function}"
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"


def _alternative(function: Any) -> str:
    """Return what to write instead of a function that is not known."""
    name = _full_name(function).rpartition("np.")[2]
    if name in WRITING:
        return _remedy() or say("remedy.assign")
    if hasattr(np, name.partition(".")[0]):
        return say("remedy.unknown")  # it is no slip of the pen: a similar name does something else
    known = {translation.name for translation in TRANSLATIONS.values()}
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return say("hint.nearest", name=close[0]) if close else say("remedy.unknown")


WRITING = frozenset({"copyto", "put", "place", "putmask", "fill_diagonal", "add.at", "put_along_axis"})


def _fits(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether the function could take these arguments at all."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def check_rebinding(ufunc: np.ufunc, first: Any, out: Any, holders: int) -> None:
    """Let ``a += t`` give the name ``a`` to the sum; refuse all else that would write into an array.

    Not where ``a`` is a view, nor where the array has another name: NumPy would write into the array behind
    both, and the other name would then lack the sum. ``holders`` is the array's count of references, taken in
    `Node.__array_ufunc__`.
    """
    if first is not out or not context.in_place_operator():
        raise TraceError("trace.out", function=f"np.{ufunc.__name__}", where=context.here())
    if getattr(out, "base", None) is not None:
        raise TraceError("trace.view", where=context.here())
    if holders > holders_of_one_name():
        raise TraceError("trace.shared", where=context.here())


@lru_cache(maxsize=1)
def holders_of_one_name() -> int:
    """Return how many references an array has inside ``__array_ufunc__`` if it has one name only.

    Python's versions differ in what the interpreter itself holds, so it is measured: a variable, and a place
    in a list.
    """
    probe: Any = _Probe()
    variable: Any = np.zeros(1)
    variable += probe
    places: list[Any] = [np.zeros(1)]
    places[0] += probe
    return int(max(variable, places[0]))


class _Probe:
    """Counts as `Node.__array_ufunc__` does, in the same place."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> int:
        out = kwargs.pop("out", None)
        holders = sys.getrefcount(out[0])
        return holders  # noqa: RET504 - as a variable, like there


def check_plain(value: Any) -> None:
    """Refuse arrays whose operations mean something else than those of plain arrays.

    ``*`` of matrices is no product of entries, and masked entries do not take part; as plain arrays they
    would silently lose that meaning.
    """
    if is_masked(value):
        raise TraceError("trace.masked", where=context.here())
    if isinstance(value, np.matrix):
        raise TraceError("trace.matrix", where=context.here())


def is_masked(value: Any) -> bool:
    """Return whether a value is a masked array."""
    if type(value) is np.ndarray or not isinstance(value, np.ndarray):
        return False
    masked = sys.modules.get("numpy.ma")  # not imported for this: without it there are none
    return masked is not None and isinstance(value, masked.MaskedArray)


def refusal(key: str, **values: Any) -> TraceError:
    """Return the error for what NumPy's protocols cannot see, with the user's line and the remedy.

    It must be loud, or a traced value would become a constant, and its derivative silently 0.
    """
    running = context.tracing.get()
    if running is None:
        return TraceError("trace.leaked", where=context.here())
    error = TraceError(key, where=context.here(), remedy=_remedy() or say("remedy.general"), **values)
    running.refused = error, context.location()
    return error


def _remedy() -> str:
    """Return what to write instead of the user's line; empty if it has no known fault."""
    place = context.location()
    code = "" if place is None else place.code
    return next((say(key) for pattern, key in REMEDIES.items() if re.search(pattern, code)), "")


REMEDIES = {
    r"\bmath\.": "remedy.math",
    r"\bfull(_like)?\(": "remedy.full",
    r"\b(as)?array\(|\(\[": "remedy.stack",
    r"\]\s*[-+*/@%&|^]*=[^=]": "remedy.assign",
    r"\brandom\b|\brng\b": "remedy.random",
    r"\{.*:.*\}|format\(": "remedy.format",
}
