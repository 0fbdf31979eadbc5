"""How fast is training through the interpreter, against the same step written by hand in vectorised NumPy.

Both gather a shuffled mini-batch, compute the cost, all gradients and the update, in float32. Ours is the
public `fit`'s epoch function. The two take turns, round by round, in one process and on one BLAS thread; the
figure to look at is the ratio of a round's two times, and its median.

    python benchmarks/training_step.py [--rounds 9] [--json step.json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import chainrule as cr
from chainrule.training.optimizers import optimizer
from chainrule.training.step import Batches, Interpreted

RATE = 0.1


@dataclass(frozen=True)
class Setting:
    """A network, and the step by hand that does the same work."""

    name: str
    sizes: tuple[int, int, int]
    batch: int
    activation: str
    cost: str
    by_hand: Callable[..., float]


def sigmoid_quadratic(P: list[np.ndarray], x: np.ndarray, t: np.ndarray) -> float:
    W1, b1, W2, b2 = P
    a1 = 1 / (1 + np.exp(-(x @ W1 + b1)))
    a2 = 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    difference = a2 - t
    cost = 0.5 * np.sum(difference * difference) / len(x)
    d2 = difference * a2 * (1 - a2)
    d1 = (d2 @ W2.T) * a1 * (1 - a1)
    update(P, x, a1, d1, d2, np.float32(RATE / len(x)))
    return cost


def relu_cross_entropy(P: list[np.ndarray], x: np.ndarray, t: np.ndarray) -> float:
    W1, b1, W2, b2 = P
    a1 = np.maximum(x @ W1 + b1, 0)
    z2 = a1 @ W2 + b2
    z2 -= z2.max(axis=1, keepdims=True)
    exponentials = np.exp(z2)
    sums = exponentials.sum(axis=1, keepdims=True)
    cost = -np.sum(t * (z2 - np.log(sums))) / len(x)
    d2 = exponentials / sums - t
    d1 = (d2 @ W2.T) * (a1 > 0)
    update(P, x, a1, d1, d2, np.float32(RATE / len(x)))
    return cost


def update(
    P: list[np.ndarray], x: np.ndarray, a1: np.ndarray, d1: np.ndarray, d2: np.ndarray, rate: np.float32
) -> None:
    P[0] -= rate * (x.T @ d1)
    P[1] -= rate * d1.sum(axis=0)
    P[2] -= rate * (a1.T @ d2)
    P[3] -= rate * d2.sum(axis=0)


SETTINGS = (
    Setting("Nielsen's MNIST network", (784, 30, 10), 10, "sigmoid", "quadratic", sigmoid_quadratic),
    Setting("MNIST, relu", (784, 128, 10), 32, "relu", "cross_entropy", relu_cross_entropy),
    Setting("digits", (64, 30, 10), 10, "sigmoid", "quadratic", sigmoid_quadratic),
    Setting("digits, relu", (64, 32, 10), 32, "relu", "cross_entropy", relu_cross_entropy),
)


def measure(setting: Setting, rounds: int, steps: int) -> dict[str, object]:
    """Return the microseconds a step of both, round by round, and how far their parameters are apart."""
    random = np.random.default_rng(0)
    x = random.random((10_000, setting.sizes[0]), dtype="float32")
    t = np.eye(setting.sizes[-1], dtype="float32")[random.integers(0, setting.sizes[-1], len(x))]
    net = cr.Network(list(setting.sizes), activation=setting.activation, cost=setting.cost, seed=0)
    ours = list(net.parameters.values())
    theirs = [np.array(value) for value in ours]
    epoch = Interpreted(net.architecture.cost_graph, optimizer("sgd"))
    times: dict[str, list[float]] = {"ours": [], "numpy": []}
    apart = 0.0
    for number in range(rounds + 1):
        batches = Batches(
            lambda rows: (x[rows], t[rows]),
            random.permutation(len(x))[: steps * setting.batch],
            setting.batch,
        )
        began = time.process_time()
        ours = epoch(ours, batches, RATE, lambda *_: None)
        middle = time.process_time()
        with np.errstate(over="ignore"):
            for step in range(len(batches)):
                rows = batches.rows(step)
                if not np.isfinite(setting.by_hand(theirs, x[rows], t[rows])):
                    raise ArithmeticError
        ended = time.process_time()
        times["ours"].append((middle - began) / len(batches) * 1e6)
        times["numpy"].append((ended - middle) / len(batches) * 1e6)
        if number == 0:  # later, rounding alone may flip a relu and lead the two apart
            apart = max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
    ratios = [hand / own for own, hand in zip(times["ours"][1:], times["numpy"][1:], strict=True)]
    return {
        "name": setting.name,
        "ours_us": statistics.median(times["ours"][1:]),
        "numpy_us": statistics.median(times["numpy"][1:]),
        "speed_of_numpy": statistics.median(ratios),
        "parameters_apart": apart,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"{'network':26} {'ours':>9} {'NumPy':>9}   share of NumPy's speed   parameters apart")
    results = []
    for setting in SETTINGS:
        result = measure(setting, options.rounds, options.steps)
        results.append(result)
        print(
            f"{result['name']:26} {result['ours_us']:6.0f} µs {result['numpy_us']:6.0f} µs   "
            f"{result['speed_of_numpy']:20.0%}   {result['parameters_apart']:16.1e}"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
