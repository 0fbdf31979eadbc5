"""What every reader returns: a table of examples with, if known, targets and a separate test set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

    from chainrule.datasets.scaling import Scaling


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples as they lie in the source, not yet scaled.

    Parameters
    ----------
    name
        The name of the data set, or the path it was read from.
    x
        Raw inputs, shape (m, n): a row is an example. May be a read-only memory map.
    y
        Labels or regression targets, shape (m,) or (m, k); None if the source has none. Whole numbers
        are int64 or uint8, other numbers float64, words are strings (dtype kind "U").
    x_test, y_test
        The source's own test set, of shapes (p, n) and (p,) or (p, k), else None.
    feature_names
        Names of the n columns of ``x``, or None where they have none.
    target_names
        Names of the target columns: one for y of shape (m,); empty if ``y`` is None.
    class_names
        If the labels are 0 … k−1 and stand for something, what they stand for; else None.
    categorical
        Titles of the source's columns whose cells were taken as categories, the target's among them.
    image_shape
        (height, width) if a row is an image read row by row, height · width = n; else None.
    scaling
        The scaling that the source calls for; None means that the trainer standardises the columns by
        the training rows.
    """

    name: str
    x: npt.NDArray[Any]
    y: npt.NDArray[Any] | None
    x_test: npt.NDArray[Any] | None = None
    y_test: npt.NDArray[Any] | None = None
    feature_names: tuple[str, ...] | None = None
    target_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    image_shape: tuple[int, int] | None = None
    scaling: Scaling | None = None
