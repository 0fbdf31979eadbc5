"""What a caller uses: derivatives of plain Python functions on NumPy arrays.

Each call traces the function anew, so loops and branches on values do what they do in Python; what is derived
from the graph is remembered, so that a second call which makes an equal graph only runs it. Where the
function itself is being traced (a derivative of a derivative) the result is part of the outer graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from chainrule.derived import Derive, Derived
from chainrule.errors import GradientError
from chainrule.gradients import check_scalar, pull_back
from chainrule.graph import context
from chainrule.graph.dispatch import check_plain
from chainrule.graph.graph import Graph, Guard, substitute
from chainrule.graph.node import Node, constant, next_serial
from chainrule.graph.trace import ArraySpec, Trace, function_name, is_array, parameter_names, trace_call
from chainrule.graph.tree import leaves, rebuild
from chainrule.rewrites import stabilise

Function = Callable[..., Any]
Wrt = int | Sequence[int]


@dataclass(frozen=True)
class Differentiable:
    """A function traced by the arguments to differentiate by, and the values at hand.

    ``values`` belong to the first inputs of the graph; the others are nodes of an outer trace.
    """

    graph: Graph
    values: list[Any]
    chosen: tuple[Any, ...]
    bare: bool

    @property
    def nested(self) -> bool:
        """Whether the result belongs to a graph that is being traced outside."""
        return len(self.graph.inputs) > len(self.values) or any(isinstance(v, Node) for v in self.values)

    def compute(self, what: str, derive: Derive) -> list[Any]:
        """Return what ``derive`` makes of the graph and its sources: values, or nodes of the outer trace."""
        if self.nested:
            return self.within(derive)
        return Derived(what, self.graph, derive).run(self.values)

    def within(self, derive: Derive) -> list[Node]:
        """Return what ``derive`` makes of the graph and its sources, in terms of the outer trace's nodes."""
        first = next_serial()
        graph = stabilise(self.graph)
        sources = graph.inputs[: len(self.values)]
        outputs = derive(graph, sources)
        tested = [guard.node for guard in graph.guards]
        names = self._names(graph, outputs, derive)
        new = substitute([*outputs, *tested, *names], dict(zip(sources, self.values, strict=True)))
        outer = context.tracing.get()
        if isinstance(outer, Trace):
            kept = len(outputs) + len(tested)
            truths = [guard.truth for guard in graph.guards]
            outer.guards += [Guard(*pair) for pair in zip(new[len(outputs) : kept], truths, strict=True)]
            outer.names |= dict(zip(new[kept:], names.values(), strict=True))
            outer.made_for_user.append(range(first, next_serial()))
        return list(new[: len(outputs)])

    def _names(self, graph: Graph, outputs: Sequence[Node], derive: Derive) -> dict[Node, str]:
        """Return names of nodes, for printing: the user's variables, and the gradients by the arguments."""
        labels = [f"d_{source.label}" for source in graph.inputs[: len(self.values)]]
        gradients = zip(outputs[1:], labels, strict=True) if derive is _value_and_gradient else ()
        return {**dict(gradients), **(graph.names or {})}

    def arrange(self, gradients: Sequence[Any]) -> Any:
        """Return flat gradients in the structure of the arguments; None for what has no derivative."""
        entries = iter(gradients)

        def of_leaf(value: Any) -> Any:
            if not is_array(value):
                return None
            gradient = next(entries)
            return gradient if value.dtype.kind == "f" else None

        filled = rebuild(self.chosen, of_leaf)
        return filled[0] if self.bare else filled


def differentiable(
    function: Function, wrt: Wrt, names: list[str], arguments: tuple[Any, ...], settings: dict[str, Any]
) -> Differentiable:
    """Trace ``function`` by the chosen arguments, the others and the settings held fixed."""
    bare = isinstance(wrt, str) or not isinstance(wrt, Iterable)  # type: ignore[unreachable]
    places = _places(function, [wrt] if bare else list(wrt), len(arguments), settings)  # type: ignore[arg-type]
    chosen = tuple([rebuild(arguments[place], as_real) for place in places])

    def of_chosen(*values: Any) -> Any:
        full = list(arguments)
        for place, value in zip(places, values, strict=True):
            full[place] = value
        return function(*full, **settings)

    of_chosen.__name__ = function_name(function)
    labels = [names[place] if place < len(names) else f"x{place}" for place in places]
    values = [leaf.value for leaf in leaves(chosen) if is_array(leaf.value)]
    if not any(value.dtype.kind == "f" for value in values):
        raise GradientError("gradient.not_real", name=of_chosen.__name__, argument=", ".join(labels))
    traced = trace_call(of_chosen, chosen, {}, labels)
    return Differentiable(traced.graph, values, chosen, bare)


def _places(function: Function, wrt: Sequence[Any], count: int, settings: Iterable[str]) -> list[int]:
    """Return the positions of the arguments to differentiate by, counted from 0."""
    name = function_name(function)
    if not wrt:
        raise GradientError("gradient.position", name=name, given="()")
    places: list[int] = []
    for place in wrt:
        if not isinstance(place, int | np.integer) or isinstance(place, bool):
            raise GradientError("gradient.position", name=name, given=repr(place))
        if not -count <= place < count:
            by_keyword = ", ".join(settings)
            key = "gradient.keyword" if by_keyword else "gradient.argument"
            raise GradientError(key, name=name, index=int(place), count=count, keywords=by_keyword)
        if int(place) % count in places:
            raise GradientError("gradient.twice", name=name, index=int(place), given=repr(tuple(wrt)))
        places.append(int(place) % count)
    return places


def as_real(value: Any) -> Any:
    """Return whole numbers as float64, so that there is something to differentiate by."""
    if not is_array(value):
        return value
    if isinstance(value, ArraySpec):
        raise GradientError("gradient.spec")
    if isinstance(value, Node):
        return value * 1.0 if value.dtype.kind in "iu" else value
    check_plain(value)
    array = np.asarray(value)
    real = array.astype("float64") if array.dtype.kind in "iu" else array
    return real[()] if real.ndim == 0 else real


def _value_and_gradient(graph: Graph, sources: Sequence[Node]) -> list[Node]:
    return [graph.outputs[0], *pull_back(graph.outputs[0], sources)]


def value_and_grad(function: Function, wrt: Wrt = 0) -> Function:
    """Return the function that computes a function's value and its gradient in one go.

    Parameters
    ----------
    function
        Returns one real number. Its arguments may be numbers, arrays, nested lists, tuples and dicts of them.
    wrt
        The position of the argument to differentiate by, or several positions.

    Returns
    -------
    callable
        ``(value, gradient)``; the gradient has the structure, shapes and floating dtypes of the argument
        (whole numbers count as float64), and is a tuple of such if ``wrt`` is a sequence.

    Raises
    ------
    GradientError
        If the function's value is not one real number, or ``wrt`` names no argument.
    TraceError
        If the function does what NumPy's protocols cannot see.

    Examples
    --------
    >>> import chainrule as cr
    >>> value, slope = cr.value_and_grad(lambda a: a**2)(5.0)
    >>> float(value), float(slope)
    (25.0, 10.0)
    """
    names = parameter_names(function)

    @wraps(function)
    def evaluate(*arguments: Any, **settings: Any) -> tuple[Any, Any]:
        traced = differentiable(function, wrt, names, arguments, settings)
        check_scalar(traced.graph)
        value, *gradients = traced.compute("gradient", _value_and_gradient)
        return traced.graph.pack([value]), traced.arrange(gradients)

    return evaluate


def grad(function: Function, wrt: Wrt = 0) -> Function:
    r"""Return the function that computes the gradient of ``function``; see `value_and_grad`.

    .. math:: (\nabla f(x))_i = \frac{\partial f}{\partial x_i}(x)

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> float(cr.grad(cr.grad(lambda x: x**3))(2.0))
    12.0
    """
    both = value_and_grad(function, wrt)

    @wraps(function)
    def evaluate(*arguments: Any, **settings: Any) -> Any:
        return both(*arguments, **settings)[1]

    return evaluate


def jacobian(function: Function, wrt: Wrt = 0) -> Function:
    r"""Return the function that computes all derivatives of all entries of a function's value.

    .. math:: J_{o\,i} = \frac{\partial f_o}{\partial x_i}

    Parameters
    ----------
    function
        Returns a real array of any shape O, or a nested list, tuple or dict of them.
    wrt
        The position of the argument to differentiate by, or several positions.

    Returns
    -------
    callable
        In the structure of the function's value: arrays of shape O + I for an argument of shape I.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    names = parameter_names(function)

    @wraps(function)
    def evaluate(*arguments: Any, **settings: Any) -> Any:
        traced = differentiable(function, wrt, names, arguments, settings)
        rows = [_row(traced, place) for place in range(len(traced.graph.outputs))]
        return traced.graph.pack([traced.arrange(row) for row in rows])

    return evaluate


def _row(traced: Differentiable, place: int) -> list[Any]:
    """Return the derivatives of all entries of one output by each source, of shapes O + I."""
    output, sources = traced.graph.outputs[place], traced.graph.inputs[: len(traced.values)]
    shapes = [output.shape + source.shape for source in sources]
    if output.dtype.kind != "f" or not output.size:
        return [np.zeros(shape, source.dtype) for shape, source in zip(shapes, sources, strict=True)]
    if traced.nested:
        pulled = traced.within(lambda graph, sources: _pull_units(graph.outputs[place], sources))
        columns: list[Any] = [np.stack(pulled[start :: len(sources)]) for start in range(len(sources))]
        return [np.reshape(column, shape) for column, shape in zip(columns, shapes, strict=True)]
    derived = Derived(
        f"row {place}",
        traced.graph,
        lambda graph, sources, seed: pull_back(graph.outputs[place], sources, seed),
        like=[output],
    )
    rows = [derived.run(traced.values, [unit]) for unit in _units(output)]
    blocks = [np.array(column) for column in zip(*rows, strict=True)]
    return [block.reshape(shape)[()] for block, shape in zip(blocks, shapes, strict=True)]


def _pull_units(output: Node, sources: Sequence[Node]) -> list[Node]:
    return [part for unit in _units(output) for part in pull_back(output, sources, constant(unit))]


def _units(output: Node) -> Iterator[Any]:
    """Yield, for each entry of an output, the array that is 1 there and 0 elsewhere."""
    for place in range(output.size):
        seed = np.zeros(output.size, output.dtype)
        seed[place] = 1
        yield seed.reshape(output.shape)


def hessian(function: Function, wrt: Wrt = 0) -> Function:
    r"""Return the function that computes all second derivatives: the Jacobian of the gradient.

    .. math:: H_{ij} = \frac{\partial^2 f}{\partial x_i\,\partial x_j}

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(function, wrt), wrt)
