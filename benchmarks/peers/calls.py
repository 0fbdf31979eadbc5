"""Microseconds a call: one row through a network, and gradients of users' functions; in turn, by rounds."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from peers.pool import PeerError, Pool

ROW_PEERS = ("ours", "NumPy", "ONNX Runtime", "PyTorch", "scikit-learn")
GRADIENT_PEERS = ("ours", "JAX")
SAME = 1e-4  # relative to the largest entry


def rows(pool: Pool, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the figures of one row through [64, 30, 10]."""
    return _measure(pool, [name for name in ROW_PEERS if name in names], rounds, "row", {})


def gradients(pool: Pool, names: list[str], rounds: int, functions: list[str]) -> dict[str, Any]:
    """Return the figures of each function's value and gradient."""
    present = [name for name in GRADIENT_PEERS if name in names]
    return {one: _measure(pool, present, rounds, "gradient", {"name": one}) for one in functions}


def _measure(pool: Pool, names: list[str], rounds: int, do: str, settings: dict[str, str]) -> dict[str, Any]:
    """Return the figures.

    The first round chooses the threads, and compares the values with those of the first peer.
    """
    processes, expected, failed = {}, None, {}
    for name in names:
        try:
            tried = [(process.ask(do, **settings), process) for process in pool.of(name)]
        except PeerError as error:
            failed[name] = str(error)
            continue
        if not tried:
            continue
        values = np.array([reply["value"] for reply, _ in tried])
        expected = values[0] if expected is None else expected
        if not np.abs(values - expected).max() <= SAME * np.abs(expected).max():
            failed[name] = f"computes something else, {np.abs(values - expected).max():.1e} apart"
            continue
        processes[name] = min(tried, key=lambda pair: pair[0]["us"])[1]
    times: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            times[name].append(process.ask(do, **settings)["us"])
    peers = {
        name: {
            "median": median(found),
            "minimum": min(found),
            "times": found,
            "threads": processes[name].threads,
        }
        for name, found in times.items()
    }
    return {"peers": peers, "failed": failed}
