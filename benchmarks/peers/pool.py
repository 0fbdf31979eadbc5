"""The processes of the peers, as the one that measures sees them. Only one of them works at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

BENCHMARKS = Path(__file__).parents[1]
SOURCE = BENCHMARKS.parent / "src"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PeerError(Exception):
    """What a peer could not do, in one line."""


def environment(threads: int | None = None, **more: str) -> dict[str, str]:
    """Return the environment of a process: this library's source on the path, and a number of threads."""
    variables = {**os.environ, "PYTHONPATH": str(SOURCE), **more}
    if threads is not None:
        variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    return variables


class Process:
    """A worker of a peer with a number of threads (None: as it comes)."""

    def __init__(self, name: str, threads: int | None, python: str) -> None:
        self.name, self.threads = name, threads
        self._process = subprocess.Popen(
            [python, "-m", "peers.worker", name, "any" if threads is None else str(threads)],
            cwd=BENCHMARKS,
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.versions: dict[str, str] = self._answer()

    def ask(self, do: str, **settings: Any) -> Any:
        """Return what the worker answers to a command; raise `PeerError` if it cannot."""
        if self._process.stdin is None:
            raise PeerError("no way to talk to it")
        try:
            print(json.dumps({"do": do, "with": settings}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise PeerError(f"its process ended with {self._process.wait()}") from None
        return self._answer()

    def _answer(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise PeerError(f"its process ended with {self._process.wait()}")
        reply = json.loads(line)
        if "missing" in reply:
            raise PeerError(f"not installed ({reply['missing']})")
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply["value"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


class Pool:
    """All workers: started when first asked for, and kept."""

    def __init__(self, peers_python: str, threads: tuple[int, ...]) -> None:
        self._python, self._threads = peers_python, threads
        self._made: dict[str, list[Process]] = {}
        self.skipped: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for processes in self._made.values():
            for process in processes:
                process.close()

    def of(self, name: str) -> list[Process]:
        """Return a peer's workers, one for each number of threads to try; none if it is not installed."""
        if name in self.skipped:
            return []
        if name not in self._made:
            own = name in ("ours", "NumPy")
            python = sys.executable if own else self._python
            choices = (None,) if name == "ours" else self._threads
            self._made[name] = []
            try:
                for threads in choices:
                    self._made[name].append(Process(name, threads, python))
            except PeerError as error:
                self.skipped[name] = str(error)
                return []
        return self._made[name]

    @property
    def versions(self) -> dict[str, str]:
        """The versions of everything that was measured."""
        return {
            name: version
            for processes in self._made.values()
            for process in processes[:1]
            for name, version in process.versions.items()
        }
