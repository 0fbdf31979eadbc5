"""What a caller uses: derivatives of plain Python functions on NumPy arrays.

Each call traces the function anew, so loops and branches on values do what they do in Python. Where the
function itself is being traced (a derivative of a derivative) the result is part of the outer graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from chainrule.errors import GradientError
from chainrule.gradients import check_scalar, pull_back
from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard, substitute
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, constant, input_node
from chainrule.graph.trace import Trace, is_array, parameter_names, trace_call
from chainrule.graph.tree import leaves, rebuild
from chainrule.rewrites import simplify, stabilise

Function = Callable[..., Any]
Wrt = int | Sequence[int]


@dataclass(frozen=True)
class Differentiable:
    """A function traced by the arguments to differentiate by, and the values at hand.

    ``values`` belong to the first inputs of the graph; the others are nodes of an outer trace.
    """

    graph: Graph
    values: list[Any]
    free: list[Node]
    chosen: tuple[Any, ...]
    bare: bool
    result: Callable[[Sequence[Any]], Any]

    @property
    def sources(self) -> tuple[Node, ...]:
        """The inputs to differentiate by."""
        return self.graph.inputs[: len(self.values)]

    @property
    def nested(self) -> bool:
        """Whether the result belongs to a graph that is being traced outside."""
        return bool(self.free) or any(isinstance(value, Node) for value in self.values)

    def compute(self, outputs: Sequence[Node]) -> list[Any]:
        """Return the values of nodes of this graph, or the nodes themselves in terms of the outer trace's."""
        if not self.nested:
            tested = [guard.node for guard in self.graph.guards]
            graph = simplify(Graph(self.graph.inputs, [*outputs, *tested], single=False))
            return Program(graph.inputs, graph.outputs).run(*self.values)[: len(outputs)]
        replacements = dict(zip(self.sources, self.values, strict=True))
        tested = [guard.node for guard in self.graph.guards]
        new = substitute([*outputs, *tested], replacements)
        outer = context.tracing.get()
        if isinstance(outer, Trace):
            truths = [guard.truth for guard in self.graph.guards]
            outer.guards += [Guard(*pair) for pair in zip(new[len(outputs) :], truths, strict=True)]
        return list(new[: len(outputs)])

    def arrange(self, gradients: Sequence[Any]) -> Any:
        """Return flat gradients in the structure of the arguments; None for what is no array."""
        entries = iter(gradients)
        filled = rebuild(self.chosen, lambda value: next(entries) if is_array(value) else None)
        return filled[0] if self.bare else filled


def differentiable(
    function: Function, wrt: Wrt, arguments: tuple[Any, ...], settings: dict[str, Any]
) -> Differentiable:
    """Trace ``function`` by the chosen arguments, the others and the settings held fixed."""
    bare = isinstance(wrt, int | np.integer)
    places = _places(function, [wrt] if bare else list(wrt), len(arguments))  # type: ignore[arg-type,list-item]
    chosen = tuple(rebuild(arguments[place], _as_real) for place in places)

    def of_chosen(*values: Any) -> Any:
        full = list(arguments)
        for place, value in zip(places, values, strict=True):
            full[place] = value
        return function(*full, **settings)

    of_chosen.__name__ = getattr(function, "__name__", "function")
    all_names = parameter_names(function, len(arguments))
    names = [all_names[place] for place in places]
    traced = trace_call(of_chosen, chosen, {}, names)
    values = [leaf.value for leaf in leaves(chosen) if is_array(leaf.value)]
    if not values:
        raise GradientError("gradient.not_real", name=of_chosen.__name__, argument=", ".join(names))
    return Differentiable(stabilise(traced.graph), values, traced.free, chosen, bare, traced.graph.pack)


def _places(function: Function, wrt: list[int], count: int) -> list[int]:
    name = getattr(function, "__name__", "function")
    for place in wrt:
        if not -count <= place < count:
            raise GradientError("gradient.argument", name=name, index=place, count=count)
    return [place % count for place in wrt]


def _as_real(value: Any) -> Any:
    """Return whole numbers as float64, so that there is something to differentiate by."""
    if not is_array(value):
        return value
    if isinstance(value, Node):
        return value if value.dtype.kind == "f" else value * 1.0
    array = np.asarray(value)
    real = array.astype("float64") if array.dtype.kind in "iu" else array
    return real[()] if real.ndim == 0 else real


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

    @wraps(function)
    def evaluate(*arguments: Any, **settings: Any) -> tuple[Any, Any]:
        traced = differentiable(function, wrt, arguments, settings)
        check_scalar(traced.graph)
        output = traced.graph.outputs[0]
        value, *gradients = traced.compute([output, *pull_back(output, traced.sources)])
        return traced.result([value]), traced.arrange(gradients)

    return evaluate


def grad(function: Function, wrt: Wrt = 0) -> Function:
    r"""Return the function that computes the gradient of ``function``; see `value_and_grad`.

    .. math:: (\\nabla f(x))_i = \\frac{\\partial f}{\\partial x_i}(x)

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

    .. math:: J_{o\\,i} = \\frac{\\partial f_o}{\\partial x_i}

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

    @wraps(function)
    def evaluate(*arguments: Any, **settings: Any) -> Any:
        traced = differentiable(function, wrt, arguments, settings)
        blocks = [_block_row(traced, output) for output in traced.graph.outputs]
        return traced.result([traced.arrange(row) for row in blocks])

    return evaluate


def _block_row(traced: Differentiable, output: Node) -> list[Any]:
    """Return the derivatives of all entries of one output by each source, shapes O + I."""
    if output.dtype.kind != "f":
        return [np.zeros(output.shape + source.shape, source.dtype) for source in traced.sources]
    if traced.nested:
        return _nested_row(traced, output)
    seed = input_node(output.shape, output.dtype, "seed")
    pulled = pull_back(output, traced.sources, seed)
    graph = simplify(Graph([*traced.graph.inputs, seed], pulled, single=False))
    program = Program(graph.inputs, graph.outputs)
    blocks = [np.empty((output.size, *source.shape), source.dtype) for source in traced.sources]
    for row in range(output.size):
        for block, derivative in zip(blocks, program.run(*traced.values, _unit(output, row)), strict=True):
            block[row] = derivative
    return [block.reshape(output.shape + block.shape[1:])[()] for block in blocks]


def _nested_row(traced: Differentiable, output: Node) -> list[Any]:
    rows = [pull_back(output, traced.sources, constant(_unit(output, row))) for row in range(output.size)]
    if not rows:
        return [np.zeros(output.shape + source.shape, source.dtype) for source in traced.sources]
    flat = traced.compute([part for row in rows for part in row])
    count = len(traced.sources)
    return [
        np.reshape(np.stack(flat[place::count]), output.shape + source.shape)
        for place, source in enumerate(traced.sources)
    ]


def _unit(output: Node, place: int) -> Any:
    seed = np.zeros(output.size, output.dtype)
    seed[place] = 1
    return seed.reshape(output.shape)


def hessian(function: Function, wrt: Wrt = 0) -> Function:
    r"""Return the function that computes all second derivatives: the Jacobian of the gradient.

    .. math:: H_{ij} = \\frac{\\partial^2 f}{\\partial x_i\\,\\partial x_j}

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """
    return jacobian(grad(function, wrt), wrt)
