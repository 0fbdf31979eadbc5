"""How good is Nielsen's network on MNIST: [784, 30, 10], 30 epochs, mini-batches of 10, learning rate 3.0.

Trains on the first 50,000 training images with several seeds, from this library's default start (Xavier) and
from the tutorial's own (N(0, 1)), and reports the best epoch of each run on the 10,000 test images.

    python benchmarks/mnist_accuracy.py [--seeds 5] [--epochs 30] [--json accuracy.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import chainrule as cr
from chainrule.datasets import load

TRAINING_IMAGES = 50_000
STARTS = ("xavier", "normal")


def run(seed: int, start: str, epochs: int) -> dict[str, object]:
    """Train once; return the accuracy after each epoch and the seconds that training took."""
    mnist = load("mnist")
    net = cr.Network([784, 30, 10], activation="sigmoid", cost="quadratic", initialiser=start, seed=seed)
    net.scaling = mnist.scaling
    began = time.perf_counter()
    history = net.fit(
        mnist.x[:TRAINING_IMAGES],
        mnist.y[:TRAINING_IMAGES],
        epochs=epochs,
        batch_size=10,
        learning_rate=3.0,
        validation_data=(mnist.x_test, mnist.y_test),
    )
    return {
        "start": start,
        "seed": seed,
        "best": max(history.validation_accuracy),
        "last": history.validation_accuracy[-1],
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = []
    for start in STARTS:
        for seed in range(options.seeds):
            runs.append(run(seed, start, options.epochs))
            print(
                f"{start:8} seed {seed}: best epoch {runs[-1]['best']:.2%}, last {runs[-1]['last']:.2%}, "
                f"{runs[-1]['seconds']:.0f} s",
                flush=True,
            )
        best = [entry["best"] for entry in runs if entry["start"] == start]
        print(f"{start:8} median of the best epochs: {statistics.median(best):.2%}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
