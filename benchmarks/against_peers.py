"""How fast is this library against JAX, PyTorch, torch.compile, scikit-learn and NumPy written by hand.

Measures, in float32, a training step of six networks (gathering a shuffled mini-batch, the cost, all
gradients, the update), one row through a small network, gradients of users' functions, and start-up. Every
library works in a process of its own, one at a time, in turn, round by round; each with the number of threads
that suits it best. A peer whose costs are not those of a float64 computation by hand is left out. Peers that
are not installed are left out, too: ``pip install '.[bench]'``, or name another interpreter that has them.

    python benchmarks/against_peers.py [--settings S1,S3] [--rounds 5] [--quick] [--peers-python PATH]
        [--json peers.json] [--picture peers.png]

`--ours-only` measures no peer, which is what one wants under a profiler.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from peers import calls, functions, picture, report, start, training
from peers.pool import SOURCE, Pool
from peers.settings import SETTINGS, Problem, make

sys.path.insert(0, str(SOURCE))

PARTS = ("training", "row", "gradients", "start")
PEERS = ("JAX", "torch.compile", "PyTorch", "scikit-learn", "NumPy", "ONNX Runtime")


def listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", type=listed, default=list(SETTINGS), help="S1,S3: these networks only")
    parser.add_argument("--parts", type=listed, default=list(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--peers", type=listed, default=list(PEERS), help=f"of {', '.join(PEERS)}")
    parser.add_argument("--ours-only", action="store_true", help="no peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a fifth of the data, three rounds")
    parser.add_argument("--peers-python", default=sys.executable, help="the interpreter that has the peers")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path, help="a .png; the .svg is written beside it")
    chosen = parser.parse_args()
    for given, known in ((chosen.settings, SETTINGS), (chosen.parts, PARTS), (chosen.peers, PEERS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            parser.error(f"{', '.join(unknown)}: not one of {', '.join(known)}")
    if chosen.quick:
        chosen.rounds = min(chosen.rounds, 3)
    return chosen


def mnist() -> tuple[np.ndarray, np.ndarray] | None:
    """Return MNIST's training images and labels, or None where they are not at hand."""
    import chainrule as cr
    from chainrule.datasets import load

    try:
        data = load("mnist")
    except cr.ChainruleError as error:
        print(f"MNIST is replaced by random numbers: {error}")
        return None
    return np.asarray(data.x), np.asarray(data.y)


def say(text: str) -> None:
    print(f"{text}\n", flush=True)


def measure(chosen: argparse.Namespace, results: dict[str, Any]) -> None:
    """Add all figures to the results; each part is printed, and kept in the file, as soon as it is there."""
    names = ["ours", *([] if chosen.ours_only else chosen.peers)]
    images = mnist() if {"training", "start"} & set(chosen.parts) else None
    with Pool(chosen.peers_python, (1, 2)) as pool:
        for name in names:
            pool.of(name)
        results |= {"versions": pool.versions, "skipped": pool.skipped}
        say(report.header(results))
        if "training" in chosen.parts:
            measure_training(results, chosen, pool, names, images)
        if "row" in chosen.parts:
            results["row"] = calls.rows(pool, names, chosen.rounds)
            say(report.figures("one row through [64, 30, 10] to probabilities", results["row"]))
        if "gradients" in chosen.parts:
            users = list(functions.functions(np, np.logaddexp.reduce))
            results["gradients"] = calls.gradients(pool, names, chosen.rounds, users)
            for name, found in results["gradients"].items():
                say(report.figures(f"value and gradient, {name}", found))
    keep(results, chosen)
    if "start" in chosen.parts:
        measure_start(results, chosen, names, make(SETTINGS["S1"], images, 30))
        say(report.seconds(results))


def measure_training(
    results: dict[str, Any], chosen: argparse.Namespace, pool: Pool, names: list[str], images: Any
) -> None:
    """Add the figures of a training step in each setting."""
    results["training"] = {}
    trainers = [name for name in training.TRAINERS if name in names]
    with tempfile.TemporaryDirectory() as folder:
        for setting in (SETTINGS[name] for name in chosen.settings):
            problem = make(setting, images, 5 if chosen.quick else 1)
            found = training.measure(pool, problem, trainers, chosen.rounds, Path(folder))
            results["training"][setting.name] = found
            title = f"{setting.name}  {setting.text}: a training step"
            say(report.figures(title, found, goal=setting.goal))
            keep(results, chosen)


def measure_start(
    results: dict[str, Any], chosen: argparse.Namespace, names: list[str], problem: Problem
) -> None:
    """Add the figures of start-up; the slow ones in fewer rounds."""
    results["processes"] = start.processes(chosen.peers_python, names, chosen.rounds)
    slow = 1 if chosen.quick else 2
    results["first_steps"] = start.first_steps(problem, chosen.peers_python, names, slow)
    if not chosen.quick:
        results["thirty_epochs"] = start.thirty_epochs()


def keep(results: dict[str, Any], chosen: argparse.Namespace) -> None:
    """Write the results so far, so that an interruption loses little."""
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1))
    if chosen.picture and results.get("training"):
        picture.draw(results, chosen.picture)


def main() -> None:
    chosen = options()
    results: dict[str, Any] = {"machine": report.machine(), "rounds": chosen.rounds}
    measure(chosen, results)
    keep(results, chosen)


if __name__ == "__main__":
    main()
