"""`Graph`: inputs, outputs, and guards; it can be printed, called, checked, compared and substituted into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import GraphError, GuardError, ShapeError
from chainrule.graph import context
from chainrule.graph.dispatch import check_plain
from chainrule.graph.interpreter import Program, own
from chainrule.graph.node import CONSTANT, INPUT, Node, apply, kind_of
from chainrule.graph.order import ancestors, structure
from chainrule.graph.writer import name_nodes, write


class Guard(NamedTuple):
    """A truth value on which the traced function branched, and how it came out."""

    node: Node
    truth: bool


Structure = Callable[[Sequence[Any]], Any]


class Graph:
    """A computation: outputs computed from inputs by primitives.

    Parameters
    ----------
    inputs
        The nodes that stand for the arguments, in order. Nothing behind them belongs to the graph.
    outputs
        The nodes that are returned.
    guards
        Branches that the traced function took; calling the graph checks them.
    name
        The function's name.
    single
        Whether the graph returns its one output bare rather than in a tuple.
    flatten, restore
        How the arguments become a flat list of arrays, and the flat list of results what the function
        returned (nested lists, tuples, dicts); None: they are flat already.
    names
        Names for nodes, for printing only; None: the variables to which the user's lines assign them.

    Raises
    ------
    GraphError
        If an output depends on an input that is not among ``inputs``.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda a, b, c: 3 * (a + b * c), 7.0, 4.0, 2.0)
    >>> graph(7.0, 4.0, 2.0)
    np.float64(45.0)
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        *,
        guards: Sequence[Guard] = (),
        name: str = "function",
        single: bool = True,
        flatten: Callable[[tuple[Any, ...]], list[Any]] | None = None,
        restore: Structure | None = None,
        names: Mapping[Node, str] | None = None,
    ) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.guards = tuple(guards)
        self.name = name
        self.single = single
        self.flatten = flatten
        self.restore = restore
        self.names = names
        for node in self.nodes:
            if node.primitive is INPUT:
                where = context.described(node.location)
                raise GraphError("graph.free_input", name=node.label or "?", where=where)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes but the inputs, in an order in which they can be computed."""
        return tuple(ancestors([*self.outputs, *[guard.node for guard in self.guards]], stop=self.inputs))

    @cached_property
    def _program(self) -> Program:
        return Program(self.inputs, [*self.outputs, *[guard.node for guard in self.guards]])

    @cached_property
    def _structure(self) -> tuple[Any, ...]:
        tested = [guard.node for guard in self.guards]
        truths = tuple(guard.truth for guard in self.guards)
        return self.single, len(self.outputs), truths, structure(self.inputs, [*self.outputs, *tested])

    def check(self) -> None:
        """Raise `GraphError` unless nodes come after their operands, with the right shapes and dtypes."""
        known = set(self.inputs)
        if len(known) < len(self.inputs):
            raise GraphError("graph.repeated_input")
        for node in self.nodes:
            if node.primitive is not CONSTANT:
                _check_node(node, known)
            known.add(node)

    def __call__(self, *values: Any) -> Any:
        """Compute the outputs by the reference interpreter.

        Raises
        ------
        ShapeError
            If the number, shapes or dtypes of the values are not those of the inputs.
        GuardError
            If the values take another branch than the one that was traced.
        """
        flat = self.flatten(values) if self.flatten else list(values)
        arrays = self.convert(flat)
        results = self._program.run(*arrays)
        for guard, value in zip(self.guards, results[len(self.outputs) :], strict=True):
            if bool(value) != guard.truth:
                raise GuardError(
                    "graph.guard", truth=guard.truth, where=context.described(guard.node.location)
                )
        return self.pack(own(results[: len(self.outputs)], *arrays))

    def convert(self, values: Sequence[Any]) -> list[Any]:
        """Return flat values as arrays of the inputs' dtypes; raise `ShapeError` if they do not fit."""
        if len(values) != len(self.inputs):
            raise ShapeError("graph.count", name=self.name, expected=len(self.inputs), given=len(values))
        return [_convert(self.name, node, value) for node, value in zip(self.inputs, values, strict=True)]

    def pack(self, results: Sequence[Any]) -> Any:
        """Return flat results (values or nodes) in the form that the function returned."""
        if self.restore is not None:
            return self.restore(results)
        return results[0] if self.single else tuple(results)

    def substitute(self, *replacements: Any) -> tuple[Node, ...]:
        """Return the output nodes with the inputs replaced by other nodes (or constants)."""
        return substitute(self.outputs, dict(zip(self.inputs, replacements, strict=True)))

    def replaced(
        self,
        outputs: Sequence[Node],
        *,
        guards: Sequence[Guard] = (),
        names: Mapping[Node, str] | None = None,
    ) -> Graph:
        """Return a graph with other nodes for outputs and guards, and all else as it is here."""
        return Graph(
            self.inputs,
            outputs,
            guards=guards,
            name=self.name,
            single=self.single,
            flatten=self.flatten,
            restore=self.restore,
            names=names,
        )

    def node_names(self) -> dict[Node, str]:
        """Return the names under which the nodes appear in the text form."""
        return name_nodes(self.inputs, self.nodes, self.names)

    def to_text(self) -> str:
        """Return the whole text form, which can be executed, and read back by `chainrule.read_graph`."""
        return self._written(brief=False)

    def __str__(self) -> str:
        return self._written(brief=True)

    def _written(self, *, brief: bool) -> str:
        return write(
            self.name,
            self.inputs,
            self.outputs,
            single=self.single,
            guards=self.guards,
            names=self.names,
            brief=brief,
        )

    def __repr__(self) -> str:
        operations = sum(node.primitive is not CONSTANT for node in self.nodes)
        sizes = f"{len(self.inputs)} inputs, {operations} operations, {len(self.outputs)} outputs"
        return f"<Graph {self.name}: {sizes}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self._structure == other._structure

    def __hash__(self) -> int:
        return hash(self._structure)


def _check_node(node: Node, known: set[Node]) -> None:
    name = node.primitive.name
    if not all(source in known for source in node.inputs):
        raise GraphError("graph.order", name=name)
    shape = node.primitive.shape(*[source.shape for source in node.inputs], **node.settings)
    dtype = node.primitive.dtype(*[kind_of(source) for source in node.inputs], **node.settings)
    if (shape, dtype) != (node.shape, node.dtype):
        raise GraphError(
            "graph.node",
            name=name,
            claimed=f"{node.dtype}{node.shape}",
            true=f"{dtype}{shape}",
            where=context.described(node.location),
        )


def _convert(name: str, node: Node, value: Any) -> Any:
    """Return an argument's value as an array of the input's dtype."""
    check_plain(value)
    array = np.asarray(value)
    if array.shape != node.shape:
        raise ShapeError(
            "graph.argument_shape", name=name, argument=node.label, expected=node.shape, given=array.shape
        )
    if array.dtype != node.dtype:
        if not np.can_cast(array.dtype, node.dtype, "same_kind"):
            raise ShapeError(
                "graph.argument_dtype", name=name, argument=node.label, expected=node.dtype, given=array.dtype
            )
        array = array.astype(node.dtype)
    return array[()] if array.ndim == 0 else array


def substitute(outputs: Sequence[Node], replacements: Mapping[Node, Any]) -> tuple[Node, ...]:
    """Return ``outputs`` computed from replacements instead of from the replaced nodes.

    Nodes that do not depend on a replaced node are shared, not copied.
    """
    new = dict(replacements)
    with context.on_behalf() as on_behalf_of:
        for node in ancestors(outputs, stop=replacements):
            if any(source in new for source in node.inputs):
                on_behalf_of(node)
                operands = [new.get(source, source) for source in node.inputs]
                new[node] = apply(node.primitive, *operands, **node.settings)
    return tuple([new.get(node, node) for node in outputs])
