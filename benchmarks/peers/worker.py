"""A process of one peer: reads commands, a JSON object a line, and answers each with one.

``python -m peers.worker NAME THREADS``, started by `peers.pool`. What libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from peers.base import Peer, time_calls
from peers.settings import Problem, read, start

CLASSES = {
    "ours": ("ours", "Ours"),
    "NumPy": ("numpy_peer", "NumpyPeer"),
    "JAX": ("jax_peer", "JaxPeer"),
    "PyTorch": ("torch_peer", "TorchPeer"),
    "torch.compile": ("torch_peer", "CompiledTorchPeer"),
    "scikit-learn": ("sklearn_peer", "SklearnPeer"),
    "ONNX Runtime": ("onnx_peer", "OnnxPeer"),
}


def make_peer(name: str, threads: int | None) -> Peer:
    """Return the peer of this name."""
    module, kind = CLASSES[name]
    peer: Peer = getattr(import_module(f"peers.{module}"), kind)(threads)
    return peer


class Worker:
    """Carries out commands on a peer."""

    def __init__(self, name: str, threads: int | None) -> None:
        self.peer = make_peer(name, threads)
        self.random = np.random.default_rng(0)
        self.problem: Problem | None = None
        self.gradients: dict[str, Any] = {}

    def versions(self) -> dict[str, str]:
        """Return the peer's versions, and Python's."""
        return self.peer.versions() | {"Python": ".".join(map(str, sys.version_info[:3]))}

    def prepare(self, setting: str, folder: str) -> list[float]:
        """Take a problem; return the mean costs of the first steps."""
        self.problem = read(setting, Path(folder))
        self.peer.prepare(self.problem)
        costs = self.peer.costs(self.problem.checked_rows)
        self.peer.prepare(self.problem)
        return costs

    def epoch(self) -> float:
        """Return the microseconds of a step, from one epoch."""
        if self.problem is None:
            raise RuntimeError("nothing prepared")
        return self.peer.epoch(len(self.problem.x), self.random) / self.problem.steps * 1e6

    def row(self) -> dict[str, Any]:
        """Return the microseconds for one row, and the probabilities."""
        random = np.random.default_rng(2)
        parameters = start((64, 30, 10), random)
        x = random.standard_normal(64, dtype="float32")
        call = self.peer.row(parameters)
        return {"us": time_calls(lambda: call(x)), "value": np.ravel(call(x)).tolist()}

    def gradient(self, name: str) -> dict[str, Any]:
        """Return the microseconds of a function's value and gradient, and both in a row."""
        self.gradients = self.gradients or self.peer.gradients()
        call, arguments = self.gradients[name]
        value, gradients = call(*arguments)
        flat = np.concatenate([np.ravel(np.asarray(part)) for part in (value, *gradients)])
        return {"us": time_calls(lambda: call(*arguments)), "value": flat.astype(float).tolist()}


def main() -> None:
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(reply: dict[str, Any]) -> None:
        print(json.dumps(reply), file=channel, flush=True)

    threads = None if sys.argv[2] == "any" else int(sys.argv[2])
    try:
        worker = Worker(sys.argv[1], threads)
        answer({"value": worker.versions()})
    except ImportError as error:
        answer({"missing": str(error)})
        return
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer({"value": getattr(worker, command["do"])(**command["with"])})
        except Exception as error:  # whatever a peer cannot do is reported in the table
            answer({"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"})


if __name__ == "__main__":
    main()
