"""Seconds until something happens: whole processes, in turn."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from peers.pool import BENCHMARKS, environment
from peers.settings import Problem, write

FIRST_STEP_PEERS = {"ours": None, "JAX": 1, "torch.compile": 1}
CACHES = {  # where each library keeps compiled code
    "CHAINRULE_CACHE": "chainrule",
    "XDG_CACHE_HOME": "cache",
    "JAX_COMPILATION_CACHE_DIR": "jax",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
}
CACHE_ALL = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


class StartError(Exception):
    """A process failed; its last line says why."""


def seconds_of(command: list[str], variables: dict[str, str]) -> tuple[float, str]:
    """Return how long a process took, and what it printed; raise `StartError` if it failed."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=BENCHMARKS, env=variables, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise StartError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return took, done.stdout


def processes(peers_python: str, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the seconds of imports, and of the same job on the digits, ours and with scikit-learn."""
    commands = {
        "import numpy": [sys.executable, "-c", "import numpy"],
        "import chainrule": [sys.executable, "-c", "import chainrule"],
        "chainrule train digits": [sys.executable, "-m", "chainrule", "train", "digits", "--quiet"],
        "the same job with scikit-learn": [peers_python, "-m", "peers.digits_sklearn"],
    }
    if "scikit-learn" not in names:
        del commands["the same job with scikit-learn"]
    times: dict[str, list[float]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    for number in range(rounds + 1):
        for name, command in commands.items():
            try:
                took, _ = seconds_of(command, environment())
            except StartError as error:
                failed[name] = str(error)
                continue
            if number:  # the first fills the caches
                times[name].append(took)
    figures = {
        name: {"median": median(found), "minimum": min(found), "times": found}
        for name, found in times.items()
        if found
    }
    return {"seconds": figures, "failed": failed}


def first_steps(problem: Problem, peers_python: str, names: list[str], rounds: int) -> dict[str, Any]:
    """Return the seconds of the first step in a fresh process, from a cold cache and from a warm one."""
    found: dict[str, dict[str, list[float]]] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as root:
        write(problem, Path(root) / "data")
        for number in range(rounds):
            for name, threads in FIRST_STEP_PEERS.items():
                if name not in names or name in failed:
                    continue
                python = sys.executable if name == "ours" else peers_python
                cache = Path(root) / f"{name}{number}"
                arguments = [name, problem.setting.name, str(Path(root) / "data"), str(threads or "any")]
                try:
                    for state in ("cold", "warm"):
                        took, text = _with_cache(
                            [python, "-m", "peers.first_step", *arguments], cache, threads
                        )
                        times = found.setdefault(name, {})
                        times.setdefault(f"{state}, process", []).append(took)
                        times.setdefault(f"{state}, after imports", []).append(json.loads(text))
                except StartError as error:
                    failed[name] = str(error)
                shutil.rmtree(cache, ignore_errors=True)
    figures = {
        name: {state: {"median": median(times), "times": times} for state, times in states.items()}
        for name, states in found.items()
    }
    return {"seconds": figures, "failed": failed}


def _with_cache(command: list[str], cache: Path, threads: int | None) -> tuple[float, str]:
    """Run with all caches of compiled code in one folder of our own."""
    cache.mkdir(mode=0o700, exist_ok=True)
    places = {variable: os.fspath(cache / name) for variable, name in CACHES.items()}
    return seconds_of(command, environment(threads, **places, **CACHE_ALL))


NIELSEN = """
import time
import chainrule as cr
from chainrule.datasets import load
mnist = load("mnist")
x, x_test = (images.astype("float32") / 255 for images in (mnist.x[:50_000], mnist.x_test))
net = cr.Network([784, 30, 10], activation="sigmoid", cost="quadratic", seed=0)
began = time.perf_counter()
history = net.fit(x, mnist.y[:50_000], epochs=30, batch_size=10, learning_rate=3.0,
                  validation_data=(x_test, mnist.y_test))
print([time.perf_counter() - began, sum(history.seconds), max(history.validation_accuracy)])
"""


def thirty_epochs() -> dict[str, float]:
    """Return the seconds of Nielsen's experiment: all of `fit`, its training alone, and the best accuracy."""
    _, text = seconds_of([sys.executable, "-c", NIELSEN], environment())
    whole, training, accuracy = json.loads(text)
    return {"fit": whole, "training": training, "best accuracy": accuracy}
