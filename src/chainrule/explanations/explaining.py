"""`explain`: from a formula or a function and its values to an `Explanation`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ExpressionError, SettingError
from chainrule.explanations.entries import find_entry
from chainrule.explanations.explanation import Explanation, Gradient
from chainrule.explanations.run import Run, Wrt
from chainrule.explanations.variables import Variables
from chainrule.explanations.written import read_steps
from chainrule.functions import as_real
from chainrule.gradients import check_scalar
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.graph.trace import parameter_names, trace_call
from chainrule.graph.tree import rebuild
from chainrule.rewrites import stabilise

ACCURATE = 1e-10  # of the largest entry: how much the steps as written may be off
ZERO = 1e-4  # what stands for the largest entry where all are 0


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
        A formula such as ``"3*(a + b*c)"``, or several that name their steps, ``"z = w*x; tanh(z)"``; or a
        plain function on NumPy arrays that returns one number.
    arguments
        The function's arguments: numbers, arrays, nested lists, tuples and dicts of them; lists of numbers
        are arrays. A formula's values are given by name.
    wrt
        The names by which to differentiate; None: all. ``"W[0, 1]"`` names an entry: it is expanded to the
        sum behind it, with the paths from it to the output.
    at
        Values by name, for names that ``explain`` itself uses, such as ``wrt``.
    values
        Values by name.

    Returns
    -------
    Explanation
        ``print`` shows it; ``.value``, ``.gradient``, ``.forward`` and ``.backward`` are its parts; its
        methods answer more: `paths`, `nudge`, `expand`, `why_zero`.

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
      dJ/dv = ∂J/∂v = 3  [constant factor rule]
      dJ/du = dJ/dv · ∂v/∂u = 3 · 1 = 3  [sum rule]
      dJ/db = dJ/du · ∂u/∂b = dJ/du · c = 3 · 2 = 6  [product rule]
    <BLANKLINE>
    Gradient
      dJ/db = 6
    """
    given = {**(at or {}), **values}
    if isinstance(function, str):
        if arguments:
            raise ExpressionError("explain.positional")
        numbers = {name: _real_number(name, value) for name, value in given.items()}
        graph = read_steps(function, list(numbers))
        return _explain(graph, list(numbers.values()), function.strip(), wrt)
    if not callable(function):
        raise SettingError("explain.kind", kind=type(function).__name__)
    positional, settings = _bound(function, arguments, given)
    real = [rebuild(with_arrays(argument), as_real) for argument in positional]
    variables = Variables()
    graph = trace_call(variables.watched(function), real, settings, parameter_names(function)).graph
    graph.names = {**(graph.names or {}), **variables.names}
    flat = graph.flatten(tuple(real)) if graph.flatten else real
    called = f"{getattr(function, '__name__', 'function')}({', '.join(node.label for node in graph.inputs)})"
    return _explain(graph, graph.convert(flat), called.replace("<lambda>", "f"), wrt)


def with_arrays(value: Any) -> Any:
    """Return an argument with lists and tuples of numbers, of equal length where they are nested, as arrays.

    Examples
    --------
    >>> with_arrays([[1, 2], [3, 4]]).shape, with_arrays((np.ones(2), 3))[1]
    ((2, 2), 3)
    """
    if isinstance(value, dict) and type(value) is dict:
        return {name: with_arrays(part) for name, part in value.items()}
    if type(value) not in (list, tuple) or not value:
        return value
    array = np.array(value) if _shape(value) is not None else None
    if array is not None and array.dtype.kind in "iuf":
        return array
    return type(value)([with_arrays(part) for part in value])


def _shape(value: Any) -> tuple[int, ...] | None:
    """Return the lengths of nested lists of numbers; None if they are of unequal length, or hold others."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.number):
        return ()
    if type(value) not in (list, tuple):
        return None
    inner = {_shape(part) for part in value}
    (shape,) = inner if len(inner) == 1 else (None,)
    return None if shape is None else (len(value), *shape)


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
    if not (isinstance(wrt, str) and "[" in wrt):
        return explain_graph(graph, values, expression, wrt=wrt)
    known = {node.label: value for node, value in zip(graph.inputs, values, strict=True)}
    entry = find_entry(wrt, known, "wrt")
    return explain_graph(graph, values, expression, wrt=entry.name, focus=str(entry))


def explain_graph(
    graph: Graph,
    values: Sequence[Any],
    expression: str,
    *,
    wrt: Wrt = None,
    naming: Callable[[Graph], Mapping[Node, str]] | None = None,
    weights: Sequence[str] | None = None,
    focus: str | None = None,
) -> Explanation:
    """Return the explanation of a graph with one output, a number.

    The steps are those of the graph as it is; where its values or derivatives are not finite, or have lost
    digits, those of the equivalent form that does without.

    Parameters
    ----------
    graph, values
        The graph, and the values of its inputs.
    expression
        What to call the whole.
    wrt
        The inputs to differentiate by, by their names; None: all that are real.
    naming
        Names for nodes of the graph, or of its equivalent form.
    weights
        The names of the inputs that are weights, the others being data; None: those called w, W1, theta ….
    focus
        The entry that is looked at, such as ``W1[3, 12]``.
    """
    explained = _explanation(graph, values, expression, wrt, naming, weights, focus)
    stable = stabilise(graph)
    if stable == graph:
        return explained
    other = _explanation(stable, values, expression, wrt, naming, weights, focus, stabilised=True)
    return other if _finite(other) and not _agree(explained, other) else explained


def _explanation(
    graph: Graph,
    values: Sequence[Any],
    expression: str,
    wrt: Wrt,
    naming: Callable[[Graph], Mapping[Node, str]] | None,
    weights: Sequence[str] | None,
    focus: str | None,
    *,
    stabilised: bool = False,
) -> Explanation:
    run = Run(graph, values, wrt, naming(graph) if naming else None, weights)
    return Explanation(
        expression=expression,
        inputs=run.inputs,
        output=run.output_name,
        value=run.value,
        gradient=Gradient(run.gradient),
        forward=run.forward_steps(),
        backward=run.backward_steps(),
        stabilised=stabilised,
        focus=focus,
        run=run,
    )


def _parts(explanation: Explanation) -> list[Any]:
    return [explanation.value, *explanation.gradient.values()]


def _finite(explanation: Explanation) -> bool:
    return all(bool(np.all(np.isfinite(part))) for part in _parts(explanation))


def _agree(written: Explanation, stable: Explanation) -> bool:
    """Return whether the steps as written come to the same numbers."""
    if not _finite(written):
        return False
    for part, true in zip(_parts(written), _parts(stable), strict=True):
        size = float(np.max(np.abs(true), initial=0.0)) or ZERO
        if not np.max(np.abs(np.subtract(part, true)), initial=0.0) <= ACCURATE * size:
            return False
    return True
