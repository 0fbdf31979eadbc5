"""How primitives are written down: `elementwise` and `primitive` enter a record and return its function.

Settings of a primitive are the keyword-only parameters of its ``forward``; one that is unknown or missing is
an error where the node is made. `translate` says which primitives stand for a function of NumPy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import cache, wraps
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, ShapeError, TraceError
from chainrule.graph import context
from chainrule.graph import primitive as records
from chainrule.graph.node import MISFITS, Node, apply, operation
from chainrule.graph.primitive import TRANSLATIONS, AnyFunction, Primitive, Shape, Translation, register

DType = np.dtype[Any]

INEXACT: set[Any] = set()
"""Keys of `TRANSLATIONS` whose values differ from NumPy's by rounding, since the formula is another one."""


def broadcast(*shapes: Shape, **_: Any) -> Shape:
    """Shape rule of elementwise operations: NumPy's broadcasting."""
    result = shapes[0]
    for shape in shapes[1:]:
        if not result:
            result = shape
        elif shape and shape != result:
            result = np.broadcast_shapes(result, shape)
    return result


def probe(forward: Callable[..., Any]) -> Callable[..., DType]:
    """Return the dtype rule that asks NumPy itself, with empty arrays (plain numbers stay plain numbers)."""

    @cache
    def ask(kinds: tuple[Any, ...], settings: tuple[tuple[str, Any], ...]) -> DType:
        operands = [kind(1) if isinstance(kind, type) else np.ones((0,), kind) for kind in kinds]
        with np.errstate(all="ignore"):
            dtype: DType = np.asarray(forward(np, *operands, **dict(settings))).dtype
        return dtype

    def rule(*kinds: Any, **settings: Any) -> DType:
        return ask(kinds, tuple(settings.items()))

    return rule


def result_type(*kinds: Any, **_: Any) -> DType:
    """Dtype rule: the common dtype of the operands; plain numbers take their neighbour's."""
    return np.result_type(*[kind(1) if isinstance(kind, type) else kind for kind in kinds])


def truth(*_: Any, **__: Any) -> DType:
    """Dtype rule of comparisons."""
    return np.dtype(bool)


def whole(*_: Any, **__: Any) -> DType:
    """Dtype rule of positions, such as those of `argmax`."""
    return np.dtype(np.intp)


def elementwise(
    name: str,
    forward: Callable[..., Any],
    partials: Callable[..., tuple[Any, ...]],
    *,
    numpy: tuple[Any, ...] = (),
    dtype: Callable[..., DType] | None = None,
    **record: Any,
) -> Callable[..., Node]:
    """Enter an elementwise primitive; return its function of nodes or arrays.

    ``partials(y, *inputs)`` are the local derivatives; ``numpy`` lists the NumPy functions that mean it. The
    other arguments are fields of `Primitive`.
    """
    rule = dtype or probe(forward)
    return _enter(Primitive(name, forward, broadcast, rule, partials=partials, **record), numpy)


def primitive(
    name: str,
    forward: Callable[..., Any],
    shape: Callable[..., Shape],
    pullback: Callable[..., tuple[Any, ...]] | None,
    *,
    numpy: tuple[Any, ...] = (),
    dtype: Callable[..., DType] = result_type,
    **record: Any,
) -> Callable[..., Node]:
    """Enter a primitive that is not elementwise; return its function of nodes or arrays."""
    return _enter(Primitive(name, forward, shape, dtype, pullback=pullback, **record), numpy)


def _enter(record: Primitive, numpy: tuple[Any, ...]) -> Callable[..., Node]:
    ufunc = numpy[0] if numpy and isinstance(numpy[0], np.ufunc) else None
    record = register(replace(record, shape=_with_checks(record), ufunc=ufunc))
    for function in numpy:
        TRANSLATIONS[function] = Translation(
            name=record.name,
            function=_positional(record),
            samples=record.samples,
            differentiable=record.differentiable,
            holomorphic=record.holomorphic,
            domain=record.domain,
        )
    return operation(record)


def _with_checks(record: Primitive) -> Callable[..., Shape]:
    """Return the shape rule, which now also refuses a wrong number of operands and wrong settings."""
    parameters = list(inspect.signature(record.forward).parameters.values())[1:]
    kinds = [parameter.kind for parameter in parameters]
    count = None if inspect.Parameter.VAR_POSITIONAL in kinds else kinds.count(kinds[0])
    settings = {entry.name: entry for entry in parameters if entry.kind is entry.KEYWORD_ONLY}
    required = {name for name, entry in settings.items() if entry.default is entry.empty}
    rule = record.shape

    def shape(*shapes: Shape, **given: Any) -> Shape:
        if count is not None and len(shapes) != count:
            raise TypeError(f"it takes {count} operands, not {len(shapes)}")
        if given.keys() != required and (given.keys() - settings or required - given.keys()):
            raise TypeError(f"its settings are ({', '.join(settings)}), not ({', '.join(given)})")
        return rule(*shapes, **given)

    return shape


def _positional(record: Primitive) -> Callable[..., Node]:
    def translated(*operands: Any) -> Node:
        return apply(record, *operands)

    translated.__name__ = translated.__qualname__ = record.name
    return translated


def translate(*functions: Any, exact: bool = True, **properties: Any) -> Callable[[AnyFunction], AnyFunction]:
    """Decorate a function of nodes that stands for these NumPy functions when they meet a traced array.

    A key is a function, a pair ``(ufunc, method name)``, or the name of a SciPy function. ``exact`` is False
    where the formula is not NumPy's own, so that values differ by rounding. The ``properties`` are fields of
    `Translation`. What the function raises about shapes reaches the user as one of our own errors.
    """

    def decorate(function: AnyFunction) -> AnyFunction:
        records.translate(*functions, **properties)(with_own_errors(function))
        if not exact:
            INEXACT.update(functions)
        return function

    return decorate


def with_own_errors(function: AnyFunction) -> AnyFunction:
    """Decorate a function so that what it, or NumPy, says about shapes becomes one of our own errors."""

    @wraps(function)
    def translated(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ChainruleError:
            raise
        except TypeError as error:
            raise untraced(function.__name__, str(error)) from None
        except MISFITS as error:
            shapes = ", ".join(str(arg.shape) for arg in args if isinstance(arg, Node))
            raise ShapeError(
                "graph.shapes", name=function.__name__, shapes=shapes, where=context.here(), reason=error
            ) from None

    return translated  # type: ignore[return-value]


def untraced(name: str, reason: str) -> TraceError:
    """Return the error that a NumPy function is known, but not with these arguments."""
    return TraceError("trace.argument", name=f"np.{name.strip('_')}", where=context.here(), reason=reason)
