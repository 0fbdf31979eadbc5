"""In which order the epochs of a fit take the examples."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np

Array = np.ndarray[Any, Any]
WORTH_A_THREAD = 4096  # examples from which drawing their order takes longer than handing it to a thread


class Orders:
    """The order of the examples in each epoch: a permutation that depends on the seed and its number only.

    So a fit that goes on later takes those that it would have taken. The next one is drawn while an epoch
    is learned from, which does not keep Python busy.

    Parameters
    ----------
    seed
        What all permutations come from.
    rows
        How many examples there are.
    last
        The number of the last epoch that may be asked for.

    Examples
    --------
    >>> with Orders(np.random.SeedSequence(1), 5, last=2) as orders:
    ...     print(orders.of(1), orders.of(2))
    [4 1 0 3 2] [0 1 4 2 3]
    """

    def __init__(self, seed: np.random.SeedSequence, rows: int, last: int) -> None:
        self._seed, self._rows, self._last = seed, rows, last
        self._ahead: tuple[int, Future[Array]] | None = None
        self._threads = ThreadPoolExecutor(1, "chainrule-order") if rows >= WORTH_A_THREAD else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def of(self, epoch: int) -> Array:
        """Return an epoch's order, int64 of shape (rows,)."""
        ahead, self._ahead = self._ahead, None
        found = ahead[1].result() if ahead is not None and ahead[0] == epoch else self._drawn(epoch)
        if self._threads is not None and epoch < self._last:
            self._ahead = epoch + 1, self._threads.submit(self._drawn, epoch + 1)
        return found

    def _drawn(self, epoch: int) -> Array:
        seed = np.random.SeedSequence(self._seed.entropy, spawn_key=(*self._seed.spawn_key, epoch))
        return np.random.default_rng(seed).permutation(self._rows)
