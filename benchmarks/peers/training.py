"""Microseconds a training step, ours and the peers' in turn, round by round."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from peers.numpy_peer import NumpyPeer
from peers.pool import PeerError, Pool, Process
from peers.settings import CHECKED_PASSES, Problem, write

TRAINERS = ("ours", "JAX", "torch.compile", "PyTorch", "scikit-learn", "NumPy")
SAME = 1e-3  # relative: of a mean cost in float32 after a few steps
TRIALS = 2  # epochs by which the number of threads is chosen
NEAREST = {
    ("scikit-learn", "S1"): "linear outputs, since it has no quadratic cost after a sigmoid",
    ("scikit-learn", "S6"): "one logistic output in place of two of softmax",
}


QUIET_SECONDS = 0.4  # before each turn: thread pools of the one before go on spinning for a while


@dataclass
class Entry:
    """What was measured of one peer on one setting, in microseconds a step."""

    name: str
    process: Process
    note: str
    apart: float
    times: list[float]

    @property
    def result(self) -> dict[str, Any]:
        """The figures."""
        return {
            "median": median(self.times),
            "minimum": min(self.times),
            "times": self.times,
            "threads": self.process.threads,
            "note": self.note,
            "apart": self.apart,
        }


def measure(pool: Pool, problem: Problem, names: list[str], rounds: int, folder: Path) -> dict[str, Any]:
    """Return the figures of each peer on one setting; a peer that computes something else has none."""
    write(problem, folder)
    expected = reference(problem)
    entries, failed = [], {}
    for name in names:
        try:
            entry = chosen(pool, name, problem, expected, folder)
        except PeerError as error:
            failed[name] = str(error)
            continue
        if entry is not None:
            entries.append(entry)
    for _ in range(rounds):
        for entry in entries:
            time.sleep(QUIET_SECONDS)
            entry.times.append(entry.process.ask("epoch"))
    return {"peers": {entry.name: entry.result for entry in entries}, "failed": failed}


def reference(problem: Problem) -> list[float]:
    """Return the costs of the first steps in float64, by hand."""
    peer = NumpyPeer(None, "float64")
    peer.prepare(problem)
    return peer.costs(problem.checked_rows, CHECKED_PASSES)


def chosen(pool: Pool, name: str, problem: Problem, expected: list[float], folder: Path) -> Entry | None:
    """Return the peer with the number of threads that suits it best here; None if it is not installed."""
    setting = problem.setting.name
    tried: list[tuple[float, float, Process]] = []
    note = NEAREST.get((name, setting), "")
    for process in pool.of(name):
        costs = process.ask("prepare", setting=setting, folder=str(folder))
        # Of the nearest that there is we ask only that its costs are finite.
        apart = float(np.max(np.abs(np.divide(costs, expected) - 1)))
        if not apart <= (np.inf if note else SAME):
            raise PeerError(f"computes something else: costs {costs}, expected {expected}")
        process.ask("epoch")  # whatever happens only once
        tried.append((min(process.ask("epoch") for _ in range(TRIALS)), apart, process))
    if not tried:
        return None
    _, apart, best = min(tried, key=lambda one: one[0])
    return Entry(name, best, note and f"nearest: {note}", apart, [])
