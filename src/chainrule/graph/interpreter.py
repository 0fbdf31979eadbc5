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
REDUCING = frozenset({"matmul", "sum", "mean", "softmax", "log_softmax"})  # results that share no memory


class Program:
    """The steps that compute ``outputs`` from the values of ``inputs``.

    Floating-point warnings are off while it runs: infinity and NaN go their way as IEEE 754 says, and who
    needs to know where one was born asks `first_non_finite`. With ``in_place`` an elementwise step writes its
    result over an operand that dies in it, if nothing else can see that array; the values must then have the
    very dtypes of the inputs.
    """

    def __init__(
        self, inputs: Sequence[Node], outputs: Sequence[Node], xp: Any = np, *, in_place: bool = False
    ) -> None:
        cone = ancestors(outputs, stop=inputs)
        self.nodes = [node for node in cone if node.primitive is not CONSTANT]
        constants = [node for node in cone if node.primitive is CONSTANT]
        place = {node: number for number, node in enumerate((*inputs, *constants, *self.nodes))}
        self._constants = [node.value if node.shape or node.weak else node.value[()] for node in constants]
        self.constant_bytes: int = sum(node.value.nbytes for node in constants if node.shape)
        self._size = len(place)
        self._outputs = [place[node] for node in outputs]
        self._steps = self._lay_out(place, xp, len(inputs) + len(constants), in_place)

    def _lay_out(self, place: dict[Node, int], xp: Any, first_computed: int, in_place: bool) -> list[Step]:
        kept = {*self._outputs, *range(first_computed)}
        private = _private(self.nodes) if in_place and xp is np else set()
        steps: list[Step] = []
        for node in reversed(self.nodes):
            sources = tuple([place[source] for source in node.inputs])
            dead = tuple(set(sources) - kept)
            kept.update(sources)
            donors = [place[source] for source in node.inputs if source in private and _fits(source, node)]
            reused = next((donor for donor in donors if donor in dead), None)
            function: Callable[..., Any] = partial(node.primitive.forward, xp, **node.settings)
            if xp is np and node.primitive.ufunc is not None:
                function = node.primitive.ufunc
                if reused is not None:
                    function, sources = partial(_written, node.primitive.ufunc), (*sources, reused)
            steps.append((function, sources, place[node], dead))
        steps.reverse()
        return steps

    def run(self, *values: Any) -> list[Any]:
        """Return the outputs' values."""
        slots = self._slots(values)
        with np.errstate(all="ignore"):
            for function, sources, target, dead in self._steps:
                # Written out for one and two operands: a list for each step costs as much as a small sum.
                if len(sources) == 2:
                    first, second = sources
                    slots[target] = function(slots[first], slots[second])
                elif len(sources) == 1:
                    slots[target] = function(slots[sources[0]])
                else:
                    slots[target] = function(*[slots[source] for source in sources])
                for place in dead:
                    slots[place] = None
        return [slots[place] for place in self._outputs]

    def _slots(self, values: Sequence[Any]) -> list[Any]:
        slots = [*values, *self._constants]
        slots.extend([None] * (self._size - len(slots)))
        return slots

    def first_non_finite(self, *values: Any) -> Node | None:
        """Return the first computed node whose value holds a NaN or an infinity; None if there is none."""
        slots = self._slots(values)
        with np.errstate(all="ignore"):
            for node, (function, sources, target, _) in zip(self.nodes, self._steps, strict=True):
                slots[target] = function(*[slots[source] for source in sources])
                if node.dtype.kind in "fc" and not np.all(np.isfinite(slots[target])):
                    return node
        return None


def _written(ufunc: Any, *operands: Any) -> Any:
    """Return a ufunc's result, written over the last of the operands, which is no argument of it."""
    return ufunc(*operands[:-1], out=operands[-1])


def own(results: Sequence[Any], *given: Any) -> list[Any]:
    """Return results as writable arrays with memory of their own; those without axes as numbers.

    It is shared neither with the arrays ``given`` nor among the results.

    What leaves the library may be written into, and must then change nothing else.
    """
    taken = {id(array) for array in given}
    owned: list[Any] = []
    for result in results:
        array = result
        if isinstance(array, np.ndarray):
            if array.ndim == 0:
                array = array[()]
            elif id(array) in taken or not (array.flags.writeable and array.flags.owndata):
                array = np.array(array)
            taken.add(id(array))
        owned.append(array)
    return owned


def _private(nodes: Sequence[Node]) -> set[Node]:
    """Return the nodes whose arrays are made by their step and seen through no other node's array."""
    fresh = {node for node in nodes if node.shape and _makes_array(node)}
    for node in nodes:
        if not _makes_array(node):
            fresh.difference_update(node.inputs)
    return fresh


def _makes_array(node: Node) -> bool:
    return node.primitive.ufunc is not None or node.primitive.name in REDUCING


def _fits(donor: Node, node: Node) -> bool:
    return node.primitive.elementwise and donor.shape == node.shape and donor.dtype == node.dtype
