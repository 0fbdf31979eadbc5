"""From what a user calls targets (labels as numbers or words, one-hot rows, regression columns) to (m, k)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import DataError, SettingError
from chainrule.graph.dispatch import is_masked
from chainrule.training.sparse import is_sparse

Array = np.ndarray[Any, Any]


def as_array(name: str, value: Any) -> Array:
    """Return ``value`` as an array; a memory map stays one, objects become numbers or words.

    Raises
    ------
    DataError
        If rows differ in length, a value is missing, or ``value`` is a masked array or a matrix, whose
        arithmetic is another, or sparse.
    """
    if is_sparse(value):
        raise DataError("fit.sparse", name=name, kind=type(value).__name__)
    if is_masked(value) or isinstance(value, np.matrix):
        raise DataError("fit.array_kind", name=name, kind=type(value).__name__)
    try:
        array = np.asanyarray(value)
        return _without_objects(name, array) if array.dtype.kind == "O" else array
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError("fit.ragged", name=name, reason=" ".join(str(error).split())) from None


def _without_objects(name: str, array: Array) -> Array:
    """Return an array of objects (as data frames hand out) as one of numbers or words."""
    for row, entry in enumerate(array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)):
        for value in entry:
            if value is None or value != value:  # NaN and NaT are not equal to themselves
                raise DataError("fit.missing", name=name, row=row, value=value)
    plain = np.array(array.tolist())
    if plain.dtype.kind == "U" and not all(isinstance(value, str) for value in array.flat):
        raise DataError("fit.mixed", name=name)
    return plain


@dataclass(frozen=True)
class Targets:
    """How targets are written for the cost, and read back from outputs.

    Parameters
    ----------
    outputs
        The number k of the network's outputs.
    labels
        What the outputs stand for, in their order; two for a single output (0 and 1). None: a regression.
    """

    outputs: int
    labels: Array | None = None

    @property
    def classifies(self) -> bool:
        """Whether the targets are labels."""
        return self.labels is not None

    def encode(self, y: Any, dtype: Any, first: int = 0) -> Array:
        """Return the targets as numbers of shape (m, k): one-hot rows, 0 and 1, or regression columns.

        ``first`` is the row of all data at which ``y`` begins, for messages.

        Raises
        ------
        DataError
            If labels were not seen before, or the shape does not fit the outputs.
        """
        given = as_array("targets", y)
        if self.labels is None:
            return self._columns(given, dtype, first)
        if given.ndim == 2 and given.shape[1] == self.outputs and self.outputs > 1:
            return _one_hot_rows(given, first).astype(dtype)
        positions = self._positions(given.reshape(-1) if given.shape[1:] == (1,) else given)
        if self.outputs == 1:
            return positions.reshape(-1, 1).astype(dtype)
        encoded = np.zeros((len(positions), self.outputs), dtype)
        encoded[np.arange(len(positions)), positions] = 1
        return encoded

    def _columns(self, given: Array, dtype: Any, first: int) -> Array:
        columns = given.reshape(-1, 1) if given.ndim == 1 else given
        if columns.ndim != 2 or columns.shape[1] != self.outputs:
            raise DataError("targets.shape", given=given.shape, outputs=self.outputs)
        if columns.dtype.kind not in "biuf":
            raise DataError("targets.words", value=str(columns.flat[0]) if columns.size else "")
        with np.errstate(over="ignore"):
            numbers: Array = columns.astype(dtype)
        bad = np.argwhere(~np.isfinite(numbers))
        if len(bad):
            row, column = map(int, bad[0])
            value = columns[row, column]
            key = "targets.too_large" if np.isfinite(value) else "targets.not_finite"
            raise DataError(key, row=first + row, column=column, value=value, dtype=np.dtype(dtype))
        return numbers

    def _positions(self, given: Array) -> Array:
        """Return each label's place among the labels."""
        labels = self.labels
        if labels is None or given.ndim != 1:
            raise DataError("targets.shape", given=given.shape, outputs=self.outputs)
        if (given.dtype.kind == "U") != (labels.dtype.kind == "U"):
            raise DataError("targets.unseen", label=given[0] if given.size else "", known=listing(labels))
        order = np.argsort(labels)
        places = np.minimum(np.searchsorted(labels, given, sorter=order), len(labels) - 1)
        positions: Array = order[places]
        unseen = np.flatnonzero(labels[positions] != given)
        if unseen.size:
            raise DataError("targets.unseen", label=given[unseen[0]], known=listing(labels))
        return positions

    def decode(self, output: Array) -> Array:
        """Return labels (m,) from outputs (m, k), or the values: (m,) if there is one column."""
        if self.labels is None:
            return output[:, 0] if self.outputs == 1 else output
        chosen: Array = self.labels[places_of(output)]
        return chosen


def places_of(rows: Array) -> Array:
    """Return which label each row (m, k) of outputs, or of encoded targets, means: its place, shape (m,).

    The largest of several; of a single one, the second label from 0.5 on.
    """
    if rows.shape[1] == 1:
        return (rows[:, 0] >= 0.5).astype(np.intp)
    places: Array = np.argmax(rows, axis=1)
    return places


def listing(labels: Sequence[Any] | Array, most: int = 12) -> str:
    """Return the first labels, for a message."""
    names = [str(label) for label in labels[:most]]
    return ", ".join(names) + (" …" if len(labels) > most else "")


def _one_hot_rows(given: Array, first: int) -> Array:
    """Return one-hot rows after checking that they are."""
    if given.dtype.kind not in "biuf":
        raise DataError("targets.words", value=str(given.flat[0]) if given.size else "")
    bad = np.flatnonzero(~((given == 0) | (given == 1)).all(axis=1) | (given.sum(axis=1) != 1))
    if bad.size:
        raise DataError("targets.one_hot", row=first + int(bad[0]))
    return given


def infer_targets(y: Any, outputs: int, *, labels_expected: bool, learning: bool = False) -> Targets:
    """Return how the first targets that a network sees are to be understood.

    One column of words or whole numbers (also written as floats) is labels where the cost expects labels, and
    under other costs words, and whole numbers if there are several outputs; one-hot rows are labels where the
    cost expects them; all else is a regression.

    Raises
    ------
    DataError
        If there are more labels than outputs, or only one and the network is to learn from them.
    """
    given = as_array("targets", y)
    if given.ndim not in (1, 2):
        raise DataError("targets.shape", given=given.shape, outputs=outputs)
    single_column = given.ndim == 1 or given.shape[1] == 1
    if given.dtype.kind == "U" or (single_column and _are_labels(given, outputs, labels_expected)):
        return Targets(outputs, _labels(given.reshape(-1), outputs, learning=learning))
    one_hot = given.ndim == 2 and given.shape[1] == outputs > 1 and given.size and is_one_hot(given)
    if labels_expected and one_hot:
        return Targets(outputs, np.arange(outputs))
    return Targets(outputs)


def _are_labels(given: Array, outputs: int, labels_expected: bool) -> bool:
    if given.dtype.kind in "biu":
        return labels_expected or outputs > 1
    if given.dtype.kind != "f" or not labels_expected:
        return False
    finite = given[np.isfinite(given)]
    if not finite.size or not np.array_equal(finite, np.rint(finite)):
        return False
    bad = np.flatnonzero(~np.isfinite(given))
    if bad.size:
        row = int(bad[0])
        raise DataError("targets.not_finite", row=row, column=0, value=given.reshape(-1)[row])
    return True


def is_one_hot(given: Array) -> bool:
    """Return whether each row has one 1 and otherwise zeros."""
    zero_or_one = given.dtype.kind in "biuf" and bool(((given == 0) | (given == 1)).all())
    return zero_or_one and bool((given.sum(axis=1) == 1).all())


def _labels(given: Array, outputs: int, *, learning: bool) -> Array:
    """Return the labels that k outputs stand for: 0 … k−1 where that fits, else those found, sorted."""
    found: Array = np.unique(given)
    if found.dtype.kind == "b":
        found = found.astype(int)
    count = 2 if outputs == 1 else outputs
    if found.size == 1 and learning:
        raise DataError("targets.one_class", label=str(found[0]))
    if found.dtype.kind in "iuf" and (not found.size or (found[0] >= 0 and found[-1] < count)):
        return np.arange(count, dtype=None if found.dtype.kind in "iu" else found.dtype)
    if found.size != count:
        raise DataError("targets.labels", found=found.size, names=listing(found), count=count)
    return found


def example_weights(
    y: Any, targets: Targets, sample_weight: Any = None, class_weight: str | Mapping[Any, float] | None = None
) -> Array | None:
    """Return a weight for each example, shape (m,), with mean 1; None if all are the same.

    Parameters
    ----------
    y, targets
        The targets as a user gives them, and how they are understood.
    sample_weight
        Numbers, 0 or more, one for each example.
    class_weight
        By which each label's examples are multiplied: a mapping of labels, 1 for those that it leaves out; or
        "balanced", so that every label weighs as much as any other.

    Raises
    ------
    DataError
        If the weights are not m finite numbers, 0 or more, with one above 0.
    SettingError
        If classes are weighted in a regression, or a label is unknown.

    Examples
    --------
    >>> labels = ["a", "a", "a", "b"]
    >>> example_weights(labels, infer_targets(labels, 2, labels_expected=True), class_weight="balanced")
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if sample_weight is None and class_weight is None:
        return None
    count = len(as_array("targets", y))
    weights = np.ones(count) if sample_weight is None else as_array("sample_weight", sample_weight)
    if weights.shape != (count,) or weights.dtype.kind not in "biuf":
        raise DataError("weights.shape", given=f"{weights.dtype}{list(weights.shape)}", rows=count)
    weights = weights.astype(np.float64)
    if class_weight is not None:
        weights = weights * _weights_of_classes(y, targets, class_weight)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise DataError("weights.value", row=int(bad[0]), value=weights[bad[0]])
    if not weights.any():
        raise DataError("weights.zero")
    largest = weights / weights.max()  # so that their sum is finite
    normal: Array = largest / largest.mean()
    return normal


def _weights_of_classes(y: Any, targets: Targets, choice: str | Mapping[Any, float]) -> Array:
    if targets.labels is None:
        raise SettingError("weights.regression")
    names = targets.labels.tolist()
    places = places_of(targets.encode(y, np.float64))
    if isinstance(choice, Mapping):
        for label in choice:
            if label not in names:
                raise SettingError("weights.label", label=label, known=listing(names))
        factors = np.array([choice.get(name, 1.0) for name in names], np.float64)
    elif choice == "balanced":
        counts = np.bincount(places, minlength=len(names))
        factors = len(places) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        raise SettingError("weights.choice", value=choice)
    found: Array = factors[places]
    return found
