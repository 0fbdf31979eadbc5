"""Inputs as a network takes them: a table of finite real numbers, examples in rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.datasets import check_finite
from chainrule.errors import DataError, SettingError
from chainrule.graph.node import Node
from chainrule.training.targets import as_array

Array = np.ndarray[Any, Any]


def table_of(x: Any, features: int) -> Array:
    """Return inputs as a checked table of shape (m, features); one example of shape (features,) is one row.

    Raises
    ------
    DataError
        If the shape or kind of ``x`` is another, or it holds NaN or infinity (names row and column).
    """
    table = as_array("x", x)
    if table.ndim == 1:
        table = table.reshape(1, -1)
    if table.ndim != 2:
        raise DataError("fit.table", given=table.shape)
    if table.dtype.kind not in "biuf":
        raise DataError("fit.not_numbers", dtype=table.dtype)
    if table.shape[1] != features:
        raise DataError("fit.features", expected=features, given=table.shape[1])
    check_finite(table, "x")
    return table


def examples_of(x: Any, y: Any, features: int) -> tuple[Array, Array]:
    """Return inputs (m, features) and their m targets, checked.

    Raises
    ------
    DataError
        Also if there are no rows, or not as many targets as rows.
    """
    given, inputs = as_array("targets", y), as_array("x", x)
    if inputs.ndim == 1 and given.ndim and len(given) > 1:
        raise DataError("fit.one_axis", given=inputs.shape)
    table = table_of(inputs, features)
    if len(table) == 0:
        raise DataError("fit.no_rows")
    if given.ndim == 0 or len(given) != len(table):
        raise DataError("fit.count", rows=len(table), targets=len(np.atleast_1d(given)))
    return table, given


def traced_table(x: Node, features: int) -> Node:
    """Return traced inputs as a table; one example becomes one row."""
    if x.ndim not in (1, 2) or x.shape[-1] != features:
        raise DataError("fit.features", expected=features, given=x.shape[-1] if x.ndim else 0)
    rows: Node = x.reshape(1, -1) if x.ndim == 1 else x
    return rows


def pair_of(value: Any) -> tuple[Any, Any]:
    """Return validation data as the pair that it must be."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        shape = f"{len(value)} parts" if isinstance(value, list | tuple) else type(value).__name__
        raise SettingError("fit.validation", value=shape)
    return value[0], value[1]


def refuse_overflow(x: Array, scaled: Array, first: int) -> None:
    """Raise `DataError` where a finite input has become infinite in the network's dtype.

    ``first`` is the row of all data at which ``x`` begins.
    """
    if np.isfinite(scaled).all():
        return
    row, column = map(int, np.argwhere(~np.isfinite(scaled))[0])
    raise DataError("fit.too_large", row=first + row, column=column, value=x[row, column], dtype=scaled.dtype)
