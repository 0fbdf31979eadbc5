"""The derivative of one operation by each of its operands: as numbers, at given values, in float64.

All of it comes from the operation's own record. A pullback is linear in what comes in, so it holds the whole
Jacobian matrix: with a single one coming in it gives a row, and the pullback of the pullback gives a column.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from chainrule.gradients import gradients_of_all, pull_back
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, apply, constant, input_node, lift
from chainrule.graph.order import constant_key
from chainrule.graph.primitive import Shape
from chainrule.rewrites import Masks

FLOAT = np.dtype("float64")
Array = np.ndarray[Any, Any]


class Partial(NamedTuple):
    """A local derivative in the shape of the result, and where the branch that it belongs to was taken."""

    value: Array
    taken: Array


class Local:
    """The derivative of an operation by its operands, whatever their values.

    Parameters
    ----------
    node
        The operation with its settings and the shapes of its operands.

    Attributes
    ----------
    places
        The operands by which there is a derivative.
    """

    def __init__(self, node: Node) -> None:
        self.operands = [_stand_in(source) for source in node.inputs]
        self.result = apply(node.primitive, *self.operands, **node.settings)
        self.elementwise = node.primitive.elementwise
        self._seed = input_node(self.result.shape, self.result.dtype, "g")
        self._given = [*[operand for operand in self.operands if not operand.weak], self.result, self._seed]
        real = [operand for operand in self.operands if operand.dtype.kind == "f" and not operand.weak]
        found = gradients_of_all(self.result, real, self._seed) if node.primitive.differentiable else {}
        self._gradients = {
            place: found[operand]
            for place, operand in enumerate(self.operands)
            if operand in found and not operand.weak
        }
        self.places = tuple(self._gradients)
        self._back: dict[int, Program] = {}
        self._forward: dict[int, Program] = {}

    def values(self, operands: Sequence[Any], result: Any) -> list[Any]:
        """Return the values of operands and result in the form that the other methods take."""
        pairs = zip(self.operands, operands, strict=True)
        given = [np.asarray(value, operand.dtype) for operand, value in pairs if not operand.weak]
        return [*given, np.asarray(result, FLOAT)]

    def generic(self, values: Sequence[Any], rng: np.random.Generator) -> list[Any]:
        """Return other real values, none of which happens to be 0; whole numbers and truth values stay."""
        return [rng.uniform(0.5, 1.5, value.shape) if value.dtype.kind == "f" else value for value in values]

    def row(self, place: int, values: Sequence[Any], g: Array) -> Array:
        """Return the gradient of an operand, given that of the result: gᵀ · Jacobian matrix."""
        program = self._back.get(place)
        if program is None:
            program = self._back[place] = Program(self._given, [self._gradients[place]])
        return np.asarray(program.run(*values, g)[0])

    def column(self, place: int, values: Sequence[Any], v: Array) -> Array:
        """Return how the result changes when an operand changes along v: Jacobian matrix · v."""
        program = self._forward.get(place)
        if program is None:
            along = input_node(self.operands[place].shape, FLOAT, "v")
            forward = pull_back(self._gradients[place], [self._seed], along)
            program = self._forward[place] = Program([*self._given, along], forward)
        return np.asarray(program.run(*values, np.zeros(self.result.shape), v)[0])

    def partials(self, values: Sequence[Any]) -> dict[int, Partial]:
        """Return an elementwise operation's local derivatives by its operands."""
        results = self._partials.run(*values, np.zeros(self.result.shape))
        shape = self.result.shape
        return {
            place: Partial(widened(np.asarray(value, FLOAT), shape), widened(np.asarray(taken, bool), shape))
            for place, value, taken in zip(self.places, results[::2], results[1::2], strict=True)
        }

    @cached_property
    def _partials(self) -> Program:
        primitive = self.result.primitive
        assert primitive.partials is not None
        locals_ = primitive.partials(self.result, *self.operands, **self.result.settings)
        masks, outputs = Masks(), []
        for place in self.places:
            local = lift(locals_[place])
            taken = masks.support(local)
            outputs += [local, constant(True) if taken is None else taken]
        return Program(self._given, outputs)


def widened(array: Array, shape: Shape) -> Array:
    """Return an array broadcast to a shape."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _stand_in(source: Node) -> Node:
    """Return what stands for an operand: a Python number itself, else an input, real ones in float64."""
    if source.weak:
        return source
    return input_node(source.shape, FLOAT if source.dtype.kind == "f" else source.dtype, "x")


class Locals:
    """The `Local` of each node, made once for all nodes of the same operation, settings and shapes."""

    def __init__(self) -> None:
        self._known: dict[Any, Local] = {}

    def of(self, node: Node) -> Local:
        """Return the derivatives of a node by its operands."""
        kinds = [
            constant_key(source) if source.weak else (source.shape, source.dtype.str)
            for source in node.inputs
        ]
        key = node.primitive.name, tuple(sorted(node.settings.items(), key=itemgetter(0))), tuple(kinds)
        local = self._known.get(key)
        if local is None:
            local = self._known[key] = Local(node)
        return local
