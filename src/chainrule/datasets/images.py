"""Stacks of images as tables of pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.scaling import Scaling
from chainrule.errors import DataError

Array = npt.NDArray[Any]
ImageShape = tuple[int, int]


def as_table(x: Array, source: str) -> tuple[Array, ImageShape | None]:
    """Return ``x`` with one row an example, and the image's shape if it was a stack of images.

    Raises
    ------
    DataError
        If ``x`` has fewer than two axes.

    Examples
    --------
    >>> table, image_shape = as_table(np.zeros((5, 28, 28)), "x")
    >>> table.shape, image_shape
    ((5, 784), (28, 28))
    """
    if x.ndim < 2:
        raise DataError("data.not_table", name=source, shape=x.shape)
    image_shape = (x.shape[1], x.shape[2]) if x.ndim == 3 else None
    return x.reshape(len(x), math.prod(x.shape[1:])), image_shape


def pixel_scaling(x: Array, image_shape: ImageShape | None) -> Scaling | None:
    """Return the scaling of pixels from 0 to 255, or None if ``x`` holds none.

    Examples
    --------
    >>> pixel_scaling(np.zeros((5, 784), np.uint8), (28, 28))
    Scaling(offset=0.0, scale=255.0)
    """
    return Scaling(0.0, 255.0) if image_shape is not None and x.dtype == np.uint8 else None
