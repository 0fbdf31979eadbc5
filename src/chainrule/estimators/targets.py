"""Classes: how an estimator's labels are written for the network, and read back from its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from chainrule.errors import DataError
from chainrule.training.targets import Targets, listing, places_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Classes:
    """The classes of a classifier.

    Parameters
    ----------
    names
        Sorted; of a table of labels the numbers of its columns.
    several
        Whether an example may have several of them.
    """

    names: Array
    several: bool

    @property
    def outputs(self) -> int:
        """How many outputs the network has: one for two classes."""
        return len(self.names) if self.several or len(self.names) > 2 else 1

    @property
    def output(self) -> str:
        """The network's output activation."""
        return "softmax" if not self.several and len(self.names) > 2 else "sigmoid"

    @property
    def targets(self) -> Targets:
        """What the network takes for targets."""
        return Targets(self.outputs, None if self.several else self._labels)

    @property
    def _labels(self) -> Array:
        """The classes as a network knows them, at least two: numbers or words, not objects."""
        plain = np.array(self.names.tolist())
        if len(plain) < 2 or plain.dtype.kind not in "iufU" or np.unique(plain).size != plain.size:
            return np.arange(max(2, len(plain)))
        return plain

    def encode(self, y: Array) -> Array:
        """Return labels as the network takes them.

        Raises
        ------
        DataError
            If there are others than these classes.
        """
        if self.several:
            return np.asarray(y, np.float64)
        places = np.minimum(np.searchsorted(self.names, y), len(self.names) - 1)
        new = np.unique(y[self.names[places] != y])
        if new.size:
            raise DataError("estimator.classes", new=listing(new), known=listing(self.names))
        encoded: Array = self._labels[places]
        return encoded

    def decode(self, outputs: Array) -> Array:
        """Return classes (m,) from outputs (m, k), or a table of 0 and 1."""
        if self.several:
            return (outputs > 0.5).astype(int)
        found: Array = self.names[np.minimum(places_of(outputs), len(self.names) - 1)]
        return found

    def probabilities(self, outputs: Array) -> Array:
        """Return a probability for each class, shape (m, classes)."""
        if self.several or self.outputs > 1:
            return outputs
        return np.ones_like(outputs) if len(self.names) == 1 else np.hstack([1 - outputs, outputs])


def read_labels(y: Array) -> tuple[Array, bool]:
    """Return labels, and whether they are a table of 0 and 1.

    Raises
    ------
    DataError
        If there are several columns of classes.
    ValueError
        As scikit-learn says it, if they are no labels at all.
    """
    check_classification_targets(y)
    kind = type_of_target(y)
    if kind.endswith("multioutput"):
        raise DataError("estimator.multioutput")
    several = kind.startswith("multilabel")
    if several and hasattr(y, "toarray"):
        y = y.toarray()
    return np.asarray(y), several


def classes_of(y: Array, *, several: bool, names: Any = None) -> Classes:
    """Return the classes of labels, or those that a user names."""
    if several:
        return Classes(np.arange(y.shape[1]), several=True)
    return Classes(np.unique(y if names is None else np.asarray(names)), several=False)
