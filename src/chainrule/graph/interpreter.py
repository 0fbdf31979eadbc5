"""The reference executor: computes a graph's values node by node with an array namespace, NumPy first.

A `Program` is a graph laid out as a list of steps, each with the places of its operands, and the places
that nobody needs afterwards, so that memory is freed as soon as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors

Step = tuple[Callable[..., Any], tuple[int, ...], int, tuple[int, ...]]


class Program:
    """The steps that compute ``outputs`` from the values of ``inputs``.

    Floating-point warnings are off while it runs: infinity and NaN go their way as IEEE 754 says, and who
    needs to know where one was born asks `first_non_finite`.
    """

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node], xp: Any = np) -> None:
        self.nodes = [node for node in ancestors(outputs, stop=inputs) if node.primitive is not CONSTANT]
        constants = [node for node in ancestors(outputs, stop=inputs) if node.primitive is CONSTANT]
        place = {node: number for number, node in enumerate((*inputs, *constants, *self.nodes))}
        self._constants = [node.value if node.shape or node.weak else node.value[()] for node in constants]
        self._size = len(place)
        self._outputs = [place[node] for node in outputs]
        self._steps = self._lay_out(place, xp, first_free=len(inputs))

    def _lay_out(self, place: dict[Node, int], xp: Any, first_free: int) -> list[Step]:
        kept = {*self._outputs, *range(first_free + len(self._constants))}
        steps: list[Step] = []
        for node in reversed(self.nodes):
            sources = tuple([place[source] for source in node.inputs])
            dead = tuple(set(sources) - kept)
            kept.update(sources)
            settings = dict(node.settings)
            steps.append((partial(node.primitive.forward, xp, **settings), sources, place[node], dead))
        steps.reverse()
        return steps

    def run(self, *values: Any) -> list[Any]:
        """Return the outputs' values."""
        slots = [*values, *self._constants]
        slots.extend([None] * (self._size - len(slots)))
        with np.errstate(all="ignore"):
            for function, sources, target, dead in self._steps:
                slots[target] = function(*[slots[source] for source in sources])
                for place in dead:
                    slots[place] = None
        return [slots[place] for place in self._outputs]

    def trace_values(self, *values: Any) -> dict[Node, Any]:
        """Return the value of every computed node, in order of computation."""
        slots = [*values, *self._constants]
        slots.extend([None] * (self._size - len(slots)))
        with np.errstate(all="ignore"):
            for function, sources, target, _ in self._steps:
                slots[target] = function(*[slots[source] for source in sources])
        return {node: slots[target] for node, (_, _, target, _) in zip(self.nodes, self._steps, strict=True)}

    def first_non_finite(self, *values: Any) -> Node | None:
        """Return the first computed node whose value holds a NaN or an infinity; None if there is none."""
        for node, value in self.trace_values(*values).items():
            if node.dtype.kind in "fc" and not np.all(np.isfinite(value)):
                return node
        return None
