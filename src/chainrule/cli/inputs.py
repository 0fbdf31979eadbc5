"""A model, and data against it: its columns in the model's order, its target left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.datasets import Dataset, load
from chainrule.datasets.csv_columns import is_number
from chainrule.errors import DataError, ModelFileError
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.network import Network

TABLES = (".csv", ".tsv", ".txt")
NAME_LISTS = ("feature_names", "target_names", "class_names", "categorical")


def load_model(path: str) -> Network:
    """Return the network of a model file, and see that what it says about its data can be relied upon.

    `Network.information` is free for its owner to fill; the command line reads some of it.

    Raises
    ------
    ModelFileError
        If the file is damaged, names are no list of strings, or an image's shape is no list of sizes.
    """
    from chainrule.network import load

    net = load(path)
    for name, value in net.information.items():
        if value is not None and not _fits(name, value, net.architecture.sizes[0]):
            raise ModelFileError("model.damaged", path=path, reason=say("model.information", name=name))
    return net


def _fits(name: str, value: Any, features: int) -> bool:
    if name == "data":
        return isinstance(value, str)
    if name == "image_shape":
        return isinstance(value, list) and all(type(size) is int and size > 0 for size in value)
    if name not in NAME_LISTS:
        return True
    listed = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    return listed and (name != "feature_names" or len(value) == features)


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
    if is_table and names and not data.feature_names and _begins_with(data, names):
        raise DataError("cli.names_are_numbers", source=source)
    if is_table and names and data.feature_names:
        return replace(data, x=_in_order(data, names, categorical), feature_names=tuple(names))
    return data


def _begins_with(data: Dataset, names: Sequence[str]) -> bool:
    """Whether the first row of data holds the columns' names, which are numbers."""
    return all(map(is_number, names)) and sorted(map(float, names)) == sorted(data.x[0].tolist())


def _in_order(data: Dataset, names: Sequence[str], categorical: Sequence[str]) -> Any:
    """Return the columns of ``names``; a category that does not occur in the data is a column of zeros."""
    found = list(data.feature_names or ())
    if found == list(names):
        return data.x
    for listed in (names, found):
        twice = next((name for name in listed if listed.count(name) > 1), None)
        if twice is not None:
            raise DataError("cli.column_twice", source=data.name, column=twice)
    missing = [name for name in names if name not in found and not _is_category(name, categorical)]
    if missing:
        raise DataError("cli.column_missing", source=data.name, column=missing[0])
    extra = [name for name in found if name not in names]
    if extra:
        key = "cli.category_unseen" if _is_category(extra[0], categorical) else "cli.column_extra"
        raise DataError(key, source=data.name, column=extra[0])
    columns = [data.x[:, found.index(name)] if name in found else np.zeros(len(data.x)) for name in names]
    return np.stack(columns, axis=1)


def _is_category(name: str, categorical: Sequence[str]) -> bool:
    return any(name.startswith(f"{title}=") for title in categorical)


def class_names(net: Network) -> list[str]:
    """Return what the outputs stand for, as people call it; empty for a regression."""
    labels = [] if net.labels is None else net.labels.tolist()
    names = net.information.get("class_names") or []
    named = len(names) == len(labels) and labels == list(range(len(labels)))
    return [str(name) for name in names] if named else [str(label) for label in labels]
