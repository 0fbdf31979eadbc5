"""Point sets in the plane that no straight line separates: moons, circles, spiral."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.dataset import Dataset
from chainrule.errors import SettingError

Points = npt.NDArray[np.float64]


def moons(points: int = 1000, noise: float = 0.1, seed: int | None = 0) -> Dataset:
    """Return two interleaved half circles.

    Class 0 lies on (cos t, sin t), class 1 on (1 − cos t, ½ − sin t), t from 0 to π, each coordinate
    plus ``noise`` · N(0, 1).

    Parameters
    ----------
    points
        Number of rows m, shared equally by the classes.
    noise
        Standard deviation of the noise, at least 0.
    seed
        Seed of noise and order.

    Returns
    -------
    Dataset
        x of shape (m, 2), float64; y of shape (m,), int64.

    Raises
    ------
    SettingError
        If ``points`` is no positive integer or ``noise`` is negative or not finite.

    Examples
    --------
    >>> data = moons(4, noise=0)
    >>> sorted(data.x[data.y == 0].round(6).tolist())
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    first, second = _halves(points)
    t = np.linspace(0, np.pi, first)
    s = np.linspace(0, np.pi, second)
    outer = np.column_stack([np.cos(t), np.sin(t)])
    inner = np.column_stack([1 - np.cos(s), 0.5 - np.sin(s)])
    return _noisy("moons", [outer, inner], noise, seed)


def circles(points: int = 1000, noise: float = 0.1, seed: int | None = 0) -> Dataset:
    """Return two circles around the origin: class 0 of radius 1, class 1 of radius ½.

    Parameters, result and errors are those of `moons`.

    Examples
    --------
    >>> data = circles(10, noise=0)
    >>> np.hypot(*data.x[data.y == 1].T).round(6).tolist()
    [0.5, 0.5, 0.5, 0.5, 0.5]
    """
    first, second = _halves(points)
    outer, inner = (
        radius * _on_circle(np.linspace(0, 2 * np.pi, count, endpoint=False))
        for radius, count in ((1.0, first), (0.5, second))
    )
    return _noisy("circles", [outer, inner], noise, seed)


def spiral(points: int = 1000, noise: float = 0.1, seed: int | None = 0, arms: int = 3) -> Dataset:
    """Return the arms of a spiral, one class each.

    Arm k of K is r · (cos φ, sin φ) with r from 0 to 1 and φ = 2πk/K + 4r + ``noise`` · N(0, 1): the noise
    is in the angle, so that the arms stay apart at the centre too.

    Parameters, result and errors are those of `moons`; ``arms`` is the number of classes.

    Examples
    --------
    >>> np.unique(spiral(30).y).tolist()
    [0, 1, 2]
    """
    _check_count("points", points)
    _check_count("arms", arms)
    _check_noise(noise)
    generator = np.random.default_rng(seed)
    y = np.arange(points) % arms
    r = (np.arange(points) // arms) / max(1, (points - 1) // arms)
    angle = 2 * np.pi * y / arms + 4 * r + noise * generator.standard_normal(points)
    return _shuffled("spiral", r[:, None] * _on_circle(angle), y, generator)


def _on_circle(angle: Points) -> Points:
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _halves(points: int) -> tuple[int, int]:
    _check_count("points", points)
    return points - points // 2, points // 2


def _check_count(setting: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SettingError("data.positive", setting=setting, value=value)


def _check_noise(noise: float) -> None:
    if not 0 <= noise < np.inf:
        raise SettingError("data.noise", value=noise)


def _noisy(name: str, classes: list[Points], noise: float, seed: int | None) -> Dataset:
    _check_noise(noise)
    generator = np.random.default_rng(seed)
    x = np.concatenate(classes)
    y = np.repeat(np.arange(len(classes)), [len(points) for points in classes])
    return _shuffled(name, x + noise * generator.standard_normal(x.shape), y, generator)


def _shuffled(name: str, x: Points, y: npt.NDArray[np.int64], generator: np.random.Generator) -> Dataset:
    order = generator.permutation(len(x))
    return Dataset(name, x[order], y[order], feature_names=("x1", "x2"), target_names=("class",))
