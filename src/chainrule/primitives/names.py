"""Every primitive as a function of nodes or arrays, under its own name: what a graph's text form imports.

>>> from chainrule.primitives.names import *
>>> add(multiply(2.0, 3.0), 1.0)
np.float64(7.0)
"""

from __future__ import annotations

import base64
import operator
from typing import Any

import numpy as np

import chainrule.primitives
from chainrule.errors import GraphError, GuardError
from chainrule.graph.node import operation
from chainrule.graph.primitive import PRIMITIVES, Array, Slice
from chainrule.graph.writer import DTYPES

inf = float("inf")
nan = float("nan")


class DType:
    """A dtype in a signature of the text form: ``float64[3, 2]``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getitem__(self, shape: int | tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
        return self.name, shape if isinstance(shape, tuple) else (shape,)


def constant(dtype: str, shape: tuple[int, ...], entries: Any) -> np.ndarray[Any, Any]:
    """Return a constant array from its entries, or from their bytes in base 64.

    Examples
    --------
    >>> constant("float64", (2,), [1.0, 2.0])
    array([1., 2.])
    """
    if entries is Ellipsis:
        raise GraphError("graph.elided")
    if isinstance(entries, str):
        content = base64.b64decode(entries, validate=True)
        return np.frombuffer(content, dtype=dtype).reshape(shape)
    return np.array(entries, dtype=dtype).reshape(shape)


def guard(value: Any, truth: bool) -> None:
    """Raise `GuardError` unless a value has the truth that it had when the graph was traced."""
    if operator.truth(value) != truth:  # `bool` is a dtype here
        raise GuardError("graph.guard", truth=truth, where="?")


globals().update({name: operation(primitive) for name, primitive in PRIMITIVES.items()})
globals().update({name: DType(name) for name in DTYPES})
__all__ = ["Array", "Slice", "constant", "guard", "inf", "nan", *PRIMITIVES, *DTYPES]
del chainrule
