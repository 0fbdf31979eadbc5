"""The programs of a network's graphs, one for each number of examples, made when they are first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.gradients import gradient
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.nn.architecture import Architecture
from chainrule.rewrites import simplify, stabilise

Array = np.ndarray[Any, Any]
MOST_PROGRAMS = 64


class Programs:
    """What an architecture computes, ready to run.

    ``output(m)`` runs (x, parameters …) → outputs; ``judged(m)`` (parameters …, x, target) → cost, outputs;
    ``gradients(m)`` (parameters …, x, target) → the gradient of the cost by each parameter.
    """

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._made: dict[tuple[str, int], Program] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep nothing of what was made in copies and pickles; it is made anew."""
        return Programs, (self._architecture,)

    def output(self, rows: int) -> Program:
        """Return the program of the outputs."""
        return self._get("output", rows, lambda: stabilise(self._architecture.output_graph(rows)))

    def judged(self, rows: int) -> Program:
        """Return the program of the mean cost and the outputs."""
        return self._get("judged", rows, lambda: stabilise(self._architecture.judged_graph(rows)))

    def gradients(self, rows: int) -> Program:
        """Return the program of the mean cost's gradients."""
        a = self._architecture
        return self._get("gradients", rows, lambda: gradient(a.cost_graph(rows), list(a.parameter_shapes)))

    def mean_gradients(
        self, parameters: Sequence[Array], portions: Iterable[tuple[Array, Array]]
    ) -> list[Array]:
        """Return the gradients of the mean cost over all portions (x, target), each counted by its size."""
        means = [np.zeros(value.shape) for value in parameters]
        total = 0
        for x, target in portions:
            total += len(x)
            found = self.gradients(len(x)).run(*parameters, x, target)
            with np.errstate(invalid="ignore", over="ignore"):
                for mean, part in zip(means, found, strict=True):
                    mean += (part - mean) * (len(x) / total)
        return [mean.astype(value.dtype) for mean, value in zip(means, parameters, strict=True)]

    def clear(self) -> None:
        """Forget all programs, since a cost function of the user may compute something else by now."""
        self._made.clear()

    def _get(self, kind: str, rows: int, make: Callable[[], Graph]) -> Program:
        program = self._made.get((kind, rows))
        if program is None:
            if len(self._made) >= MOST_PROGRAMS:
                self._made.clear()
            graph = simplify(make())
            program = self._made[kind, rows] = Program(graph.inputs, graph.outputs, in_place=True)
        return program
