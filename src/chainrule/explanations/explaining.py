"""`explain`: from a formula or a function and its values to an `Explanation`.

No derivative is known here: the edges come from the driver in `chainrule.gradients`, and only their values
are computed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ExpressionError, SettingError, unknown_name
from chainrule.explanations.explanation import Explanation
from chainrule.explanations.formulas import FEW, formula, in_names, with_numbers
from chainrule.explanations.names import step_names
from chainrule.explanations.steps import BackwardStep, ForwardStep, Use
from chainrule.expressions import read_expression
from chainrule.functions import as_real
from chainrule.gradients import Edge, check_scalar, pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import CONSTANT, Node, lift
from chainrule.graph.trace import trace
from chainrule.graph.tree import rebuild
from chainrule.rewrites import simplify, stabilise

Values = dict[Node, Any]
Wrt = str | Sequence[str] | None


def explain(
    function: str | Callable[..., Any],
    /,
    *arguments: Any,
    wrt: str | Sequence[str] | None = None,
    at: Mapping[str, Any] | None = None,
    **values: Any,
) -> Explanation:
    """Explain a value and its gradient step by step: forward, then by the chain rule back.

    Parameters
    ----------
    function
        A formula such as ``"3*(a + b*c)"``, or a plain function on NumPy arrays that returns one number.
    arguments
        The function's arguments: numbers, arrays, nested lists, tuples and dicts of them. A formula's values
        are given by name.
    wrt
        The names by which to differentiate; None: all.
    at
        Values by name, for names that ``explain`` itself uses, such as ``wrt``.
    values
        Values by name.

    Returns
    -------
    Explanation
        ``print`` shows it; ``.value``, ``.gradient``, ``.forward`` and ``.backward`` are its parts.

    Raises
    ------
    ExpressionError
        If the formula cannot be read, a name has no value, or a value is no number.
    UnknownNameError, GradientError, TraceError
        If ``wrt`` names nothing that is given, the value is not one real number, or the function cannot be
        traced.

    Examples
    --------
    >>> import chainrule as cr
    >>> print(cr.explain("3*(a + b*c)", a=7, b=4, c=2, wrt="b"))
    3*(a + b*c)  at a = 7, b = 4, c = 2
    <BLANKLINE>
    Forward: the value of each step
      u = b * c = 4 * 2 = 8
      v = a + u = 7 + 8 = 15
      J = 3 * v = 3 * 15 = 45
    <BLANKLINE>
    Backward: the chain rule, from J back
      dJ/dv = ∂J/∂v = 3
      dJ/du = dJ/dv · ∂v/∂u = 3 · 1 = 3
      dJ/db = dJ/du · ∂u/∂b = dJ/du · c = 3 · 2 = 6
    <BLANKLINE>
    Gradient
      dJ/db = 6
    """
    given = {**(at or {}), **values}
    if isinstance(function, str):
        if arguments:
            raise ExpressionError("explain.positional")
        numbers = {name: _real_number(name, value) for name, value in given.items()}
        graph = read_expression(function, list(numbers))
        return _explain(graph, list(numbers.values()), function.strip(), wrt)
    if not callable(function):
        raise SettingError("explain.kind", kind=type(function).__name__)
    positional, settings = _bound(function, arguments, given)
    real = [rebuild(argument, as_real) for argument in positional]
    graph = trace(function, *real, **settings)
    flat = graph.flatten(tuple(real)) if graph.flatten else real
    called = f"{getattr(function, '__name__', 'function')}({', '.join(node.label for node in graph.inputs)})"
    return _explain(graph, graph.convert(flat), called.replace("<lambda>", "f"), wrt)


def _real_number(name: str, value: Any) -> float:
    array = np.asarray(value)
    if array.shape != () or array.dtype.kind not in "iuf" or not np.isfinite(array):
        raise ExpressionError("expression.value", name=name, value=" ".join(str(value).split())[:60])
    return float(array)


def _bound(
    function: Callable[..., Any], arguments: tuple[Any, ...], given: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        bound = inspect.signature(function).bind(*arguments, **given)
    except ValueError:
        return arguments, given
    except TypeError as error:
        name = getattr(function, "__name__", "function")
        raise SettingError("explain.arguments", function=name, reason=error) from None
    return bound.args, bound.kwargs


def _explain(graph: Graph, values: list[Any], expression: str, wrt: Wrt) -> Explanation:
    check_scalar(graph)
    explained = _Run(graph, values, expression, wrt).explanation()
    stable = stabilise(graph)
    if _finite(explained) or stable == graph:
        return explained
    other = _Run(stable, values, expression, wrt, stabilised=True).explanation()
    return other if _finite(other) else explained


def _finite(explanation: Explanation) -> bool:
    parts = [explanation.value, *explanation.gradient.values()]
    return all(bool(np.all(np.isfinite(part))) for part in parts)


class _Run:
    """A graph at some values, with its edges back from the output to the chosen inputs."""

    def __init__(
        self,
        graph: Graph,
        values: list[Any],
        expression: str,
        wrt: Wrt,
        *,
        stabilised: bool = False,
    ) -> None:
        self.graph, self.expression, self.stabilised = graph, expression, stabilised
        self.names = step_names(graph)
        self.output = graph.outputs[0]
        self.sources = self._chosen(wrt)
        self.edges: list[Edge] = []
        slopes = pull_back(self.output, self.sources, edges=self.edges) if self.sources else []
        self.slopes = dict(zip(self.sources, slopes, strict=True))
        self.locals = [None if edge.local is None else lift(edge.local) for edge in self.edges]
        self.values = self._computed(values)

    def _chosen(self, wrt: Wrt) -> list[Node]:
        by_name = {self.names[node]: node for node in self.graph.inputs if node.dtype.kind == "f"}
        chosen = list(by_name) if wrt is None else [wrt] if isinstance(wrt, str) else list(dict.fromkeys(wrt))
        for name in chosen:
            if name not in by_name:
                raise unknown_name("wrt", name, by_name)
        return [by_name[name] for name in chosen]

    def _computed(self, values: list[Any]) -> Values:
        """Return the value of every node that the explanation shows."""
        nodes = [self.output, *self.graph.nodes, *self.slopes.values()]
        nodes += [node for edge in self.edges for node in (edge.incoming, edge.gradient)]
        nodes += [node for node in self.locals if node is not None]
        shown = list(dict.fromkeys(nodes))
        results = Program(self.graph.inputs, shown).run(*values)
        pairs = zip([*shown, *self.graph.inputs], [*results, *values], strict=True)
        return {node: _plain(value) for node, value in pairs}

    def explanation(self) -> Explanation:
        """Return the run as plain data."""
        return Explanation(
            expression=self.expression,
            inputs={self.names[node]: self.values[node] for node in self.graph.inputs},
            output=self.names.get(self.output, "J"),
            value=self.values[self.output],
            gradient={self.names[node]: self.values[slope] for node, slope in self.slopes.items()},
            forward=tuple([self._forward(node) for node in self.graph.nodes if node in self.names]),
            backward=tuple(self._backward()),
            stabilised=self.stabilised,
        )

    def _forward(self, node: Node) -> ForwardStep:
        few = sum(source.size for source in node.inputs) <= FEW
        return ForwardStep(
            name=self.names[node],
            formula=formula(node, self.names),
            numbers=with_numbers(node, self.values) if few else "",
            value=self.values[node],
            operands=tuple([self.names[source] for source in node.inputs if source in self.names]),
            line=str(node.location) if node.location else None,
        )

    def _backward(self) -> list[BackwardStep]:
        uses: dict[Node, list[Use]] = {}
        for edge, use in zip(self.edges, self._uses(), strict=True):
            uses.setdefault(edge.source, []).append(use)
        between = [node for node in reversed(self.graph.nodes) if node in uses and node not in self.slopes]
        sources = [node for node in self.sources if node is not self.output]
        steps = [BackwardStep(self.names[node], tuple(uses[node]), _total(uses[node])) for node in between]
        for node in sources:
            value = self.values[self.slopes[node]]
            steps.append(BackwardStep(self.names[node], tuple(uses.get(node, ())), value))
        return steps

    def _uses(self) -> list[Use]:
        output = self.names.get(self.output, "J")
        slopes = {edge.incoming: f"d{output}/d{self.names[edge.consumer]}" for edge in self.edges}
        slopes = {node: text for node, text in slopes.items() if node.primitive is not CONSTANT}
        names = {**slopes, **self.names}
        symbols = self._symbols()
        return [
            Use(
                through=self.names[edge.consumer],
                local=formula(edge.gradient, names) if local is None else symbols[local],
                elementwise=local is not None,
                local_value=None if local is None else self.values[local],
                incoming=self.values[edge.incoming],
                value=self.values[edge.gradient],
                summed=local is not None and edge.consumer.shape != edge.source.shape,
            )
            for edge, local in zip(self.edges, self.locals, strict=True)
        ]

    def _symbols(self) -> dict[Node, str]:
        """Return each local derivative as a formula of this run's names, simplified."""
        locals_ = list(dict.fromkeys(node for node in self.locals if node is not None))
        simple = simplify(Graph(list(self.names), locals_, single=False)).outputs
        return {node: in_names(plain, self.names) for node, plain in zip(locals_, simple, strict=True)}


def _total(uses: Sequence[Use]) -> Any:
    total = uses[0].value
    for use in uses[1:]:
        total = total + use.value
    return total


def _plain(value: Any) -> Any:
    """Return a number as Python's own, an array as it is."""
    array = np.asarray(value)
    return array if array.ndim else array.item()
