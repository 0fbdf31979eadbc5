"""Inputs as a network takes them: a table of finite real numbers, examples in rows; dense or sparse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.datasets import Scaling, check_finite
from chainrule.datasets.checks import check_finite_entries, place_of_entry
from chainrule.errors import DataError, SettingError, nearest_hint
from chainrule.graph.node import Node
from chainrule.training.sparse import is_sparse, sparse_table, with_values
from chainrule.training.targets import as_array

if TYPE_CHECKING:
    from chainrule.nn.architecture import Architecture
    from chainrule.training.sparse import SparseTable

Array = np.ndarray[Any, Any]


def table_of(x: Any, features: int) -> Array | SparseTable:
    """Return inputs as a checked table of shape (m, features); one example of shape (features,) is one row.

    A sparse table, of any format, comes back in CSR.

    Raises
    ------
    DataError
        If the shape or kind of ``x`` is another, or it holds NaN or infinity (names row and column).
    """
    table = x if is_sparse(x) else as_array("x", x)
    if table.ndim not in (1, 2):
        raise DataError("fit.table", given=table.shape)
    if table.dtype.kind not in "biuf":
        raise DataError("fit.not_numbers", dtype=table.dtype)
    if table.shape[-1] != features:
        raise DataError("fit.features", expected=features, given=table.shape[-1])
    if is_sparse(table):
        rows = sparse_table(table)
        check_finite_entries(rows.data, rows.indptr, rows.indices, "x")
        return rows
    if table.ndim == 1:
        table = table.reshape(1, -1)
    check_finite(table, "x")
    return table


def examples_of(x: Any, y: Any, features: int) -> tuple[Array | SparseTable, Array]:
    """Return inputs (m, features) and their m targets, checked.

    Raises
    ------
    DataError
        Also if there are no rows, or not as many targets as rows.
    """
    given, inputs = as_array("targets", y), x if is_sparse(x) else as_array("x", x)
    if inputs.ndim == 1 and given.ndim and len(given) > 1:
        raise DataError("fit.one_axis", given=inputs.shape)
    table = table_of(inputs, features)
    count = table.shape[0]
    if count == 0:
        raise DataError("fit.no_rows")
    if given.ndim == 0 or len(given) != count:
        raise DataError("fit.count", rows=count, targets=len(np.atleast_1d(given)))
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


@dataclass(frozen=True)
class InputScale:
    """From checked inputs to what a network computes with: scaled, if it scales, and of its dtype."""

    scaling: Scaling | None
    dtype: str

    def __call__(self, x: Array | SparseTable, first: int = 0) -> Array:
        """Return rows of inputs, scaled and dense; ``first`` is where they begin.

        Raises
        ------
        DataError
            Where a finite input becomes infinite in the network's dtype.
        """
        dense: Array = x.toarray() if is_sparse(x) else x
        with np.errstate(over="ignore"):
            scaled: Array = (
                dense.astype(self.dtype) if self.scaling is None else self.scaling(dense, self.dtype)
            )
        if not np.isfinite(scaled).all():
            row, column = map(int, np.argwhere(~np.isfinite(scaled))[0])
            raise self._too_large(first + row, column, dense[row, column])
        return scaled

    def sparse(self, x: SparseTable) -> SparseTable | None:
        """Return a sparse table as a whole, scaled; None if its zeros do not stay zeros.

        Raises
        ------
        DataError
            Where a finite input becomes infinite in the network's dtype.
        """
        if self.scaling is not None:
            self.scaling(np.empty((0, x.shape[1])))  # refuses another number of columns
        values = self._scaled_entries(x.data, x.indices)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise self._too_large(*place_of_entry(int(bad[0]), x.indptr, x.indices), x.data[bad[0]])
        if self.scaling is not None and np.any(self.scaling.offset):
            return None
        return with_values(x, values)

    def _scaled_entries(self, values: Array, columns: Array) -> Array:
        """Return the entries that a sparse table stores, scaled with the very operations of `Scaling`."""
        with np.errstate(over="ignore"):
            if self.scaling is None:
                return values.astype(self.dtype, copy=False)
            parts = np.asarray(self.scaling.offset), np.asarray(self.scaling.scale)
            offset, scale = (part[columns] if part.ndim else part for part in parts)
            scaled: Array = ((values.astype(np.float64) - offset) / scale).astype(self.dtype)
            return scaled

    def _too_large(self, row: int, column: int, value: Any) -> DataError:
        return DataError("fit.too_large", row=row, column=column, value=value, dtype=self.dtype)


def with_parameters(present: Mapping[str, Array], given: Mapping[str, Any]) -> list[Array]:
    """Return parameters, some of them replaced by copies of what is given by their names.

    Raises
    ------
    SettingError
        If there is no such parameter, or its shape is another.
    """
    new = {name: np.array(value) for name, value in present.items()}
    for name, value in given.items():
        if name not in new:
            raise SettingError("setting.parameter", name=name, hint=nearest_hint(name, list(new)))
        array = np.array(value, new[name].dtype)
        if array.shape != new[name].shape:
            expected = new[name].shape
            raise SettingError("setting.parameter_shape", name=name, expected=expected, given=array.shape)
        new[name] = array
    return list(new.values())


def traced_outputs(x: Node, network: Architecture, scaling: Scaling | None, values: Sequence[Array]) -> Any:
    """Return a network's outputs for traced inputs, as nodes of the same trace."""
    rows = traced_table(x, network.sizes[0])
    if scaling is not None:
        rows = (rows - scaling.offset) / scaling.scale
    (output,) = network.output_graph(rows.shape[0]).substitute(rows, *values)
    return output[0] if x.ndim == 1 else output
