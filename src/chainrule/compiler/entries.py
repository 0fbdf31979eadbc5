"""One entry of a value: the statements inside the innermost loop that compute it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.formulas import expression, literal, loop_dtypes
from chainrule.compiler.loops import Access, Do, If, Let, Statement, Text, joined, read
from chainrule.compiler.lower import Lowerer
from chainrule.compiler.naming import type_name
from chainrule.compiler.places import Affine, Index, broadcast_index, gathered, through_view, variable
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import is_uniform
from chainrule.graph.primitive import Array, Shape


class Body:
    """The statements inside the innermost loop of a kernel, as they are found to be needed."""

    def __init__(self, lowerer: Lowerer) -> None:
        self.lowerer = lowerer
        self.statements: list[Statement] = []
        self.known: dict[tuple[Node, Index], str] = {}
        self._taken: set[str] = set()

    def value(self, node: Node, index: Index) -> Text:
        """Return an entry of a node's value, computed here if it is not stored."""
        known = self.known.get((node, index))
        if known is not None:
            return read(known)
        if node.primitive is CONSTANT:
            return self._constant(node, index)
        if node in self.lowerer.locals:
            return read(self.lowerer.locals[node])
        if self.lowerer.fused.is_stored(node):
            return read(Access(self.lowerer.buffer(node), index))
        inner = through_view(node, index) if node.inputs else None
        if inner is not None:
            return self.value(node.inputs[0], inner)
        return self.computed(node, index)

    def computed(self, node: Node, index: Index) -> Text:
        """Return an entry of a node's value, computed here even if it is stored elsewhere."""
        inner = through_view(node, index) if node.inputs else None
        if inner is not None:
            text = self.value(node.inputs[0], inner)
        elif node.primitive.name == "index":
            text = self._gathered(node, index)
        else:
            text = self._elementwise(node, index)
        name = self.free_name(self._local_name(node, index))
        self.statements.append(Let(name, text, node))
        self.known[node, index] = name
        return read(name)

    def _local_name(self, node: Node, index: Index) -> str:
        """Return the name of one entry: that of the array with its indices, if the array is in memory."""
        name = self.lowerer.names[node]
        if not node.shape or node not in self.lowerer.fused.kept:
            return name
        return f"{name}_{''.join([term for part in index for term, _ in part.terms]) or 0}"

    def free_name(self, name: str) -> str:
        """Return a name that no other value has here; a numbered one that no other value has anywhere."""
        free, number = name, 1
        while free in self._taken or (number > 1 and free in self.lowerer.known_names):
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free

    def _constant(self, node: Node, index: Index) -> Text:
        if is_uniform(node):
            return read(literal(_only_entry(node), node.dtype))
        return read(Access(self.lowerer.buffer(node), index))

    def _elementwise(self, node: Node, index: Index) -> Text:
        dtypes = loop_dtypes(node) or ()
        operands = [
            self.converted(source, broadcast_index(index, source.shape), dtype)
            for source, dtype in zip(node.inputs, dtypes, strict=True)
        ]
        made = expression(node, [f"⟨{place}⟩" for place in range(len(operands))])
        if made is None:
            raise AssertionError(node.primitive.name)
        return joined(made.text, *operands)

    def converted(self, source: Node, index: Index, dtype: np.dtype[Any]) -> Text:
        """Return an entry of a node's value in another dtype."""
        if source.weak:
            return read(literal(source.value, dtype))
        text = self.value(source, index)
        if source.dtype == dtype:
            return text
        if source.primitive is CONSTANT and is_uniform(source):
            return read(literal(_only_entry(source), dtype))
        return joined(f"{type_name(dtype)}(⟨0⟩)", text)

    def _gathered(self, node: Node, index: Index) -> Text:
        """Return an entry that index arrays point at; one that points outside ends the function."""
        source, *arrays = node.inputs
        place = self.picked(node.settings["template"], source.shape, index, arrays)
        return self.value(source, place)

    def picked(
        self, template: tuple[Any, ...], shape: Shape, index: Index, arrays: Sequence[Node]
    ) -> tuple[Affine, ...]:
        """Return the entry of an array of ``shape`` that an index with index arrays means."""
        rank = len(np.broadcast_shapes(*[array.shape for array in arrays]))
        places, inner = gathered(template, shape, index, rank)
        result: list[Affine] = []
        for part in places:
            if isinstance(part, Affine):
                result.append(part)
                continue
            array, length = part
            result.append(variable(self._checked(arrays[array.position], inner, length, array)))
        return tuple(result)

    def _checked(self, array: Node, inner: Index, length: int, part: Array) -> str:
        text = self.value(array, broadcast_index(inner, array.shape))
        name = self.free_name(f"place{part.position}")
        self.statements.append(Let(name, joined("int64(⟨0⟩)", text)))
        self.statements.append(If(Text(f"{name} < 0"), [Let(name, Text(f"{name} + {length}"))]))
        self.statements.append(Fail(f"{name} < 0 or {name} >= {length}"))
        return name


def _only_entry(node: Node) -> Any:
    """Return what all entries of a constant are; 0 if it has none, for then it is never read."""
    if node.weak:
        return node.value
    return node.value.reshape(-1)[0] if node.size else node.dtype.type(0)


def Fail(condition: str) -> If:  # noqa: N802 - it makes a statement, like the classes beside it
    """Return the statement that ends the function: the interpreter then says what is wrong."""
    return If(Text(condition), [Do(Text("return -1"))])
