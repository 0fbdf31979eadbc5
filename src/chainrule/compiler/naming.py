"""Names in emitted source: of variables, arrays and types."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

import numpy as np

from chainrule.compiler import formulas, runtime

VARIABLES = "ijkl"
OWN_NAMES = frozenset(
    (
        *("memory", "first", "last", "step", "range", "min", "max", "abs"),
        *("part", "total", "best", "place", "count", "entry", "block", "factor", "line", "row", "here"),
        *("thread", "threads", "share", "shares", "gate", "mode", "begin", "following", "near"),
        *(
            "ahead",
            "ahead_start",
            "ahead_stop",
            "start",
            "stop",
            "column",
            "change",
            "example",
            "before",
            "after",
        ),
    )
)
NUMBERED_VARIABLES = [f"{letter}{number}" for letter in "is" for number in range(64)]
IMPORTED = frozenset((*formulas.RESERVED, *runtime.__all__))
RESERVED = IMPORTED.union(VARIABLES, NUMBERED_VARIABLES, OWN_NAMES)
_OWN = re.compile(r"(sums|place)\d+(_\d+)?")
_OF_ENTRY = re.compile(r"(.+)_(?:at|0|[ijkl][ijkl0-9]*)")  # of a number's memory, or an array's entry


def fit_name(name: str, known: Set[str] = frozenset()) -> str:
    """Return a name for emitted source, ending in ``_`` if it means something else there.

    ``known`` are the names of all values: ``a_i`` is an entry of ``a``.
    """
    fit = name
    while _is_reserved(fit, known) or (fit != name and fit in known):
        fit += "_"
    return fit


def _is_reserved(name: str, known: Set[str]) -> bool:
    entry = _OF_ENTRY.fullmatch(name)
    own = name in RESERVED or _OWN.fullmatch(name) is not None
    return own or (entry is not None and entry[1] in known)


def type_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a dtype's scalar type in emitted source."""
    return "bool_" if dtype.kind == "b" else str(dtype.name)
