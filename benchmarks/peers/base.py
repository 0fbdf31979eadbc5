"""What the modules of the peers have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from peers.settings import CHECKED_PASSES, Problem

TIMED_SECONDS = 0.15


class Peer:
    """A library at work. Made in a process of its own, with a number of threads (None: as it comes).

    A peer that trains has `prepare` and `run`; others have `row` or `gradients` only.
    """

    def __init__(self, threads: int | None) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Return the versions of what is measured."""
        raise NotImplementedError

    def prepare(self, problem: Problem) -> None:
        """Take a problem, and start from its parameters."""
        raise NotImplementedError

    def run(self, order: np.ndarray) -> float:
        """Learn from the rows in this order, mini-batch by mini-batch; return the mean cost."""
        raise NotImplementedError

    def costs(self, rows: int, passes: int = CHECKED_PASSES) -> list[float]:
        """Return the mean cost of each pass over the first rows, in their order, from the start."""
        return [float(self.run(np.arange(rows))) for _ in range(passes)]

    def epoch(self, rows: int, random: np.random.Generator) -> float:
        """Return the seconds of one epoch in a new order."""
        began = time.perf_counter()
        self.run(random.permutation(rows))
        return time.perf_counter() - began

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function from one row to the probabilities of [64, 30, 10], sigmoid, softmax."""
        raise NotImplementedError

    def gradients(self) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
        """Return the value and gradient of each user's function, with the arguments to call them on."""
        raise NotImplementedError


def time_calls(call: Callable[[], Any], seconds: float = TIMED_SECONDS) -> float:
    """Return the median microseconds of a call, of nine portions of calls."""
    count = 1
    while True:
        began = time.perf_counter()
        for _ in range(count):
            call()
        took = time.perf_counter() - began
        if took > seconds / 20:
            break
        count *= 4
    count = max(int(count * seconds / 9 / took), 1)
    portions = []
    for _ in range(9):
        began = time.perf_counter()
        for _ in range(count):
            call()
        portions.append((time.perf_counter() - began) / count)
    return median(portions) * 1e6
