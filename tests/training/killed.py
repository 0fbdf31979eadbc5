"""Fits that are killed at random instants, and resumed, until they are done: are they as if never stopped?

A program of its own, ``python killed.py KILLS SEED FOLDER``: it forks, which a test with threads must not.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.models import read_model
from chainrule.network.checkpointing import KIND, NAME

KILLS_OF_A_FIT = 10
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(143, 4))
Y = np.where(X @ [1.0, -2.0, 0.5, 0.2] + 0.5 * RANDOM.normal(size=143) > 0, "yes", "no")
KINDS = [
    {"optimizer": "adam", "early_stopping": 4, "every": {"steps": 1}},
    {"optimizer": "momentum", "schedule": "cosine", "every": {"steps": 7}},
    {"optimizer": "nadam", "schedule": cr.schedules.plateau(0.5, 1), "every": {}},
    {"optimizer": "sgd", "schedule": "one_cycle", "every": {"minutes": 1e-4}, "compiled": True},
    {"optimizer": "adamw", "early_stopping": 50, "every": {"steps": 3}, "compiled": True},
]


def learn(kind, folder):
    """Fit as one process would: begin, or go on; save the model at the end."""
    settings = {"compiled": False, "learning_rate": 0.01, **KINDS[kind]}
    checkpoint = cr.Checkpoint(folder, **settings.pop("every"))
    net = cr.Network([4, 6, 2], activation="tanh", cost="cross_entropy", seed=kind)
    net.fit(
        X[:103],
        Y[:103],
        epochs=12,
        validation_data=(X[103:], Y[103:]),
        checkpoint=checkpoint,
        resume=True,
        log=folder / "log.csv",
        **settings,
    )
    net.save(folder / "model")


def outcome(folder):
    """Return all that a finished fit leaves, but for the seconds that it took."""
    file = read_model(folder / NAME, kind=KIND)
    assert file.architecture["standing"]["finished"]
    arrays = {name: array.tobytes() for name, array in file.tensors.items() if name != "history.seconds"}
    log = [line.rpartition(",")[0] for line in (folder / "log.csv").read_text().splitlines()]
    return arrays, file.architecture, log, (folder / "model").read_bytes()


def child(kind, folder):
    """Start a process that learns; return its id."""
    process = os.fork()
    if process:
        return process
    try:
        learn(kind, folder)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        os._exit(1)
    os._exit(0)


def ended(process, seconds):
    """Wait for a process, kill it after so many seconds; return whether it came to its end."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0
            return True
        time.sleep(0.001)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code == 0


def main(kills, seed, folder):
    chance, found = random.Random(seed), {"kills": 0, "fits": 0, "different": 0, "lost": 0}
    expected, seconds = {}, {}
    for kind in range(len(KINDS)):
        for _ in range(2):  # once more, with machine code on disk, to know how long it takes
            whole = folder / f"whole{kind}"
            shutil.rmtree(whole, ignore_errors=True)
            began = time.monotonic()
            assert ended(child(kind, whole), 120)
            seconds[kind] = time.monotonic() - began
        expected[kind] = outcome(whole)
    while found["kills"] < kills:
        kind, place = found["fits"] % len(KINDS), folder / f"fit{found['fits']}"
        for _ in range(KILLS_OF_A_FIT):
            if ended(child(kind, place), chance.uniform(0, 0.5) * seconds[kind]):
                break
            found["kills"] += 1
            if (place / NAME).exists():
                read_model(place / NAME, kind=KIND)
            elif (place / "log.csv").exists():
                found["lost"] += 1
        else:
            assert ended(child(kind, place), 120)
        found["fits"] += 1
        found["different"] += outcome(place) != expected[kind]
        shutil.rmtree(place)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
