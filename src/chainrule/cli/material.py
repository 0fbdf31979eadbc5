"""What a network is trained on and judged by: rows, what the targets are, and how both are scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.datasets import Dataset, Scaling, check_finite, split
from chainrule.errors import DataError, SettingError
from chainrule.nn.costs import COSTS
from chainrule.training.targets import is_one_hot

if TYPE_CHECKING:
    from chainrule.network import Network

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]

HELD_OUT = 0.2
MOST_CLASSES = 100
FEW_CLASSES = 20  # so few different whole numbers are labels in any number of rows
ROWS_PER_CLASS = 10  # more of them are labels only if they repeat this often
LARGE_BYTES = 1 << 30
LARGEST_WHOLE = 2.0**53  # beyond it float64 has gaps between whole numbers


@dataclass(frozen=True)
class Material:
    """Everything about the data that training needs.

    Parameters
    ----------
    training, held_out
        Inputs and targets: (m, n) and (m,) or (m, k).
    labels
        Whether the targets are labels; else they are numbers to be approached.
    outputs
        How many outputs the network needs.
    scaling
        Of the inputs.
    target_scaling
        Of the targets while training, None if they are learned as they are.
    """

    training: Pair
    held_out: Pair
    labels: bool
    outputs: int
    scaling: Scaling
    target_scaling: Scaling | None

    def learned(self, pair: Pair) -> Pair:
        """Return inputs and targets as they are learned."""
        x, y = pair
        if self.target_scaling is None:
            return x, y
        columns = self.target_scaling(y if y.ndim == 2 else y[:, None], np.float64)
        return x, columns if y.ndim == 2 else columns[:, 0]

    def restore_units(self, net: Network) -> None:
        """Fold the scaling of the targets into the last layer, so that outputs come in the targets' units."""
        if self.target_scaling is None:
            return
        last = net.architecture.layers
        offset, scale = self.target_scaling.offset, self.target_scaling.scale
        weights, bias = net.parameters[f"W{last}"], net.parameters[f"b{last}"]
        net.set_parameters(**{f"W{last}": weights * scale, f"b{last}": bias * scale + offset})


def prepare(data: Dataset, *, cost: str | None, output: str | None, seed: int) -> Material:
    """Return the rows to train on, those to judge by, and how they are to be understood.

    The data's own test set is held out, else a fifth of the rows, drawn from every class alike. Inputs are
    scaled as the data calls for, else standardised by the training rows. Targets are labels if they are words
    or whole numbers that repeat (at most twenty different ones, or a hundred in ten times as many rows),
    unless ``cost`` is one for numbers. Whole numbers written
    as 0.0 and 1.0 are labels only if ``cost`` is one for labels.

    Raises
    ------
    DataError
        If there are no targets, fewer than two rows, one class only, or a value is not finite.
    SettingError
        If the cost is one for labels, and the targets are none.
    """
    if data.y is None:
        raise DataError("cli.train.no_target", source=data.name)
    y = _counted(data.y, cost)
    labels = _are_labels(y, cost)
    if not labels:
        check_finite(y, data.name)
    if not labels and cost == "cross_entropy":
        raise SettingError("cli.train.labels_only", cost=cost, value=_example(y), most=MOST_CLASSES)
    training, held_out = _divided(data, y, cost, labels=labels, seed=seed)
    scaling = data.scaling if data.scaling is not None else Scaling.standard(training[0])
    target_scaling = None
    if not labels and output in (None, "identity"):
        learned = training[1].astype("float64")
        target_scaling = Scaling.standard(learned if learned.ndim == 2 else learned[:, None])
    outputs = _classes(y) if labels else 1 if y.ndim == 1 else y.shape[1]
    return Material(training, held_out, labels, outputs, scaling, target_scaling)


def _counted(y: Array, cost: str | None) -> Array:
    """Return whole numbers that are written as 0.0 or 1.0 as integers, if ``cost`` is one for labels."""
    single_column = y.ndim == 1 or y.shape[1] == 1
    if cost is None or not COSTS[cost].labels or y.dtype.kind != "f" or not single_column:
        return y
    whole = bool(((y == np.floor(y)) & (np.abs(y) < LARGEST_WHOLE)).all())
    return y.astype(np.int64) if whole else y


def _example(y: Array) -> str:
    """Return an entry that shows that the targets are no labels: one with a fraction, if there is any."""
    entries = y.reshape(-1)
    fractions = entries[entries != np.floor(entries)]
    return f"{(fractions if fractions.size else entries)[0]:g}"


def _are_labels(y: Array, cost: str | None) -> bool:
    if y.dtype.kind == "U":
        return True
    for_numbers = cost is not None and not COSTS[cost].labels
    if y.ndim == 2 and y.shape[1] > 1:
        return is_one_hot(y) and not for_numbers
    if y.dtype.kind not in "biu" or for_numbers:
        return False
    for_labels = cost is not None
    count = len(np.unique(y))
    repeated = count <= FEW_CLASSES or len(y) >= ROWS_PER_CLASS * count
    return count <= MOST_CLASSES and (repeated or for_labels)


def _classes(y: Array) -> int:
    """Return how many outputs the labels need: one each; whole numbers from 0 on count up to the largest."""
    if y.ndim == 2 and y.shape[1] > 1:
        return int(y.shape[1])
    found = np.unique(y)
    if len(found) == 1:
        raise DataError("targets.one_class", label=str(found[0]))
    counting = found.dtype.kind in "biu" and found[0] >= 0 and found[-1] < MOST_CLASSES
    return int(found[-1]) + 1 if counting else len(found)


def _divided(data: Dataset, y: Array, cost: str | None, *, labels: bool, seed: int) -> tuple[Pair, Pair]:
    if data.x_test is not None and data.y_test is not None:
        return (data.x, y), (data.x_test, _counted(data.y_test, cost))
    total = len(data.x)
    if isinstance(data.x, np.memmap) and data.x.nbytes > LARGE_BYTES:
        first = total - max(1, round(HELD_OUT * total))  # slices of a memory map are not read
        return (data.x[:first], y[:first]), (data.x[first:], y[first:])
    classes = np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(total)
    training, held_out = split(total, HELD_OUT, seed, classes if labels else None)
    return (data.x[training], y[training]), (data.x[held_out], y[held_out])
