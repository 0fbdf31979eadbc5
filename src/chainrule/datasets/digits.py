"""The 1,797 handwritten digits that come with scikit-learn, read without importing scikit-learn."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from chainrule.datasets.checks import damage_reported
from chainrule.datasets.dataset import Dataset
from chainrule.datasets.scaling import Scaling
from chainrule.errors import FileError
from chainrule.files import ensure_readable


def load_digits() -> Dataset:
    """Return the digits: 1,797 images of 8 × 8 pixels with values from 0 to 16.

    Returns
    -------
    Dataset
        x of shape (1797, 64), uint8; y of shape (1797,), int64, the digits 0 … 9.

    Raises
    ------
    FileError
        If scikit-learn, or its data file, is not installed.

    Examples
    --------
    >>> data = load_digits()
    >>> data.x.shape, data.y[:5].tolist()
    ((1797, 64), [0, 1, 2, 3, 4])
    """
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise FileError("data.no_sklearn")
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    ensure_readable(path)
    with damage_reported(path), gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    return Dataset(
        "digits",
        np.ascontiguousarray(table[:, :-1]),
        table[:, -1].astype(np.int64),
        feature_names=tuple(f"pixel[{row},{column}]" for row in range(8) for column in range(8)),
        target_names=("digit",),
        class_names=tuple("0123456789"),
        image_shape=(8, 8),
        scaling=Scaling(0.0, 16.0),
    )
