"""Trace and gradient take time in proportion to the size of a graph: microseconds an operation, 1k to 100k.

    python benchmarks/graph_size.py [--rounds 5] [--largest 100000] [--json]

Three shapes: a chain (each value used once), a fan-out (one value used by all), and a neuron (a sum of
w[i]·x[i] written out, where each w[i] pulls back to an array of the size of w). All sizes are timed in turn,
round after round, and the median is printed, so that a busy moment of the machine hurts no single size.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import chainrule as cr


def chain(size: int) -> tuple[Callable[..., Any], Any]:
    def function(x: Any) -> Any:
        for _ in range(size // 2):
            x = np.sin(x) * 1.001
        return x

    return function, 0.3


def fan_out(size: int) -> tuple[Callable[..., Any], Any]:
    def function(x: Any) -> Any:
        total = 0.0
        for place in range(size // 3):
            total = total + np.sin(x * place)
        return total

    return function, 0.3


def neuron(size: int) -> tuple[Callable[..., Any], Any]:
    inputs = np.linspace(-1, 1, size // 3).tolist()

    def function(w: Any) -> Any:
        total = 0.0
        for place, number in enumerate(inputs):
            total = total + w[place] * number
        return np.tanh(total)

    return function, np.ones(size // 3)


SHAPES = {"chain": chain, "fan-out": fan_out, "neuron": neuron}


def measure(function: Callable[..., Any], x: Any, size: int) -> dict[str, float]:
    """Return microseconds an operation: to trace, to make the gradient's graph, and to run it once more."""
    gc.collect()
    start = perf_counter()
    graph = cr.trace(function, x)
    traced = perf_counter()
    slope = cr.gradient(graph)
    made = perf_counter()
    slope(x)  # lays the graph out as a program
    ready = perf_counter()
    slope(x)
    end = perf_counter()
    times = {"trace": traced - start, "gradient": made - traced, "run": end - ready}
    return {step: 1e6 * seconds / size for step, seconds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [size for size in (1_000, 3_000, 10_000, 30_000, 100_000) if size <= options.largest]
    cases = [(shape, size, *make(size)) for shape, make in SHAPES.items() for size in sizes]
    measure(*chain(1_000), 1_000)  # so that no case pays for imports
    rounds = [[measure(function, x, size) for _, size, function, x in cases] for _ in range(options.rounds)]
    rows = [
        {"shape": shape, "operations": size}
        | {step: round(median([times[step] for times in results]), 2) for step in results[0]}
        for (shape, size, *_), results in zip(cases, zip(*rounds, strict=True), strict=True)
    ]
    if options.json:
        print(json.dumps(rows))
        return
    print(f"{'shape':10}{'operations':>12}{'trace':>10}{'gradient':>10}{'run':>10}   µs an operation")
    for row in rows:
        print(f"{row['shape']:10}{row['operations']:12,}{row['trace']:10}{row['gradient']:10}{row['run']:10}")


if __name__ == "__main__":
    main()
