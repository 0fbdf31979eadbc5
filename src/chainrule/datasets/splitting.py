"""Setting examples aside, to measure what a network does on examples it has not seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chainrule.errors import DataError, SettingError

Indices = npt.NDArray[np.intp]


def split(
    m: int, fraction: float, seed: int | None, stratify: npt.ArrayLike | None = None
) -> tuple[Indices, Indices]:
    """Return the indices of training and of held-out examples, each in random order.

    Parameters
    ----------
    m
        Number of examples, at least 2.
    fraction
        The share to hold out, 0 < fraction < 1: round(fraction · m) examples, but at least one, and at
        least one is left for training.
    seed
        Seed of the shuffle; the same seed gives the same split. None draws a fresh one.
    stratify
        Labels, shape (m,). The held-out share is then as equal as can be in every class, and no class
        loses its last training example to it (with one example in each class, the split is plain).

    Returns
    -------
    tuple of arrays
        Training and held-out indices, together a permutation of 0 … m−1.

    Raises
    ------
    SettingError
        If ``fraction`` is not between 0 and 1.
    DataError
        If there are fewer than 2 examples, or not as many labels as examples.

    Examples
    --------
    >>> train, held_out = split(10, 0.2, seed=0)
    >>> len(train), len(held_out), sorted([*train, *held_out]) == list(range(10))
    (8, 2, True)
    """
    if not 0 < fraction < 1:
        raise SettingError("data.fraction", value=fraction)
    if m < 2:
        raise DataError("data.too_few", rows=m)
    order = np.random.default_rng(seed).permutation(m)
    held = min(max(1, round(fraction * m)), m - 1)
    if stratify is None:
        return order[held:], order[:held]
    labels = np.asarray(stratify)
    if labels.shape != (m,):
        raise DataError("data.count", source="split", rows=m, targets=labels.size)
    chosen = _stratified(labels[order], held)
    if not chosen.any():
        return order[held:], order[:held]
    return order[~chosen], order[chosen]


def _stratified(labels: npt.NDArray[np.generic], held: int) -> npt.NDArray[np.bool_]:
    """Mark ``held`` of the shuffled labels, each class by its share, by the largest remainders."""
    _, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    quota = counts * (held / len(labels))
    share = np.minimum(np.floor(quota).astype(np.intp), counts - 1)
    for kind in np.argsort(np.floor(quota) - quota, kind="stable"):
        if share.sum() < held and share[kind] < counts[kind] - 1:
            share[kind] += 1
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for kind, number in enumerate(share):
        chosen[np.flatnonzero(members == kind)[:number]] = True
    return chosen
