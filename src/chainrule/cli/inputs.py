"""Data against a model: its columns in the model's order, its target left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.datasets import Dataset, load
from chainrule.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.network import Network

TABLES = (".csv", ".tsv", ".txt")


def load_for(net: Network, source: str, *, target: str | None = None, need_target: bool) -> Dataset:
    """Return data as the model takes it: the columns that it was trained on, in that order.

    Parameters
    ----------
    net
        The model.
    source
        The name of a data set, or a path.
    target
        The target column; None: the one that the model was trained on, if the file has it.
    need_target
        Whether there must be targets.

    Raises
    ------
    DataError
        If columns are missing or too many, or a category was not seen in training.
    """
    features = net.architecture.sizes[0]
    known = net.information.get("target_names") or []
    categorical = list(net.information.get("categorical") or [])
    is_table = PurePath(source).suffix.lower() in TABLES
    wanted = target or (known[0] if known and is_table else None)
    data = load(source, target=wanted, categorical=categorical if is_table else (), need_target=need_target)
    nameless = is_table and not data.feature_names and data.y is not None
    if nameless and not need_target and data.x.shape[1] != features:
        whole = load(source, target=str(features), categorical=categorical, need_target=False)
        data = whole if whole.x.shape[1] == features else data  # a table without names, and without a target
    names = net.information.get("feature_names")
    if is_table and names and data.feature_names:
        return replace(data, x=_in_order(data, names, categorical), feature_names=tuple(names))
    return data


def _in_order(data: Dataset, names: Sequence[str], categorical: Sequence[str]) -> Any:
    """Return the columns of ``names``; a category that does not occur in the data is a column of zeros."""
    found = list(data.feature_names or ())
    missing = [name for name in names if name not in found and name.partition("=")[0] not in categorical]
    if missing:
        raise DataError("cli.column_missing", source=data.name, column=missing[0])
    extra = [name for name in found if name not in names]
    if extra:
        key = "cli.category_unseen" if extra[0].partition("=")[0] in categorical else "cli.column_extra"
        raise DataError(key, source=data.name, column=extra[0])
    if found == list(names):
        return data.x
    columns = [data.x[:, found.index(name)] if name in found else np.zeros(len(data.x)) for name in names]
    return np.stack(columns, axis=1)
