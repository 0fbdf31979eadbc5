"""How primitives are written down: `elementwise` and `primitive` enter a record and return its function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, operation
from chainrule.graph.primitive import TRANSLATIONS, Primitive, Shape, Translation, register

DType = np.dtype[Any]


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
    register(record)
    for function in numpy:
        TRANSLATIONS[function] = Translation(
            name=record.name,
            function=_positional(record),
            differentiable=record.differentiable,
            holomorphic=record.holomorphic,
            domain=record.domain,
        )
    return operation(record)


def _positional(record: Primitive) -> Callable[..., Node]:
    def translated(*operands: Any) -> Node:
        return apply(record, *operands)

    return translated
