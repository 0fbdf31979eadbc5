"""The record `Primitive`, the registry of all of them, and the table of NumPy functions they stand for.

A primitive is everything the library knows about one operation: how to compute it, what shape and dtype come
out, how a gradient passes back through it, how it is written. There are two kinds:

*elementwise*
    the author writes the local derivatives, one for each input; the chain rule (the product with what comes
    in, the sum over broadcast axes) is the driver's, in `chainrule.gradients`;
*everything else*
    the author writes the shape rule and the pullback: from the gradient of the output to one gradient for
    each input, made of primitives, so that a gradient is a graph again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Never, TypeVar

import numpy as np

from chainrule.errors import unknown_name

Shape = tuple[int, ...]
Interval = tuple[float, float]


class Slice(NamedTuple):
    """A slice in an index template: ``Slice(0, 3, None)`` is ``0:3``."""

    start: int | None
    stop: int | None
    step: int | None


class Array(NamedTuple):
    """The place of an index array in an index template."""

    position: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Arguments on which the tests try an operation: the shapes of its arrays, its settings, their domains.

    ``domain`` holds an interval for each array, or one for all; None means the operation's own.
    ``integers`` names arrays (by position) that are whole numbers and have no derivative; ``listed`` says
    that the arrays are handed over as one list, as `numpy.stack` takes them.
    """

    shapes: tuple[Shape, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    domain: Interval | tuple[Interval, ...] | None = None
    integers: tuple[int, ...] = ()
    listed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """One operation: all that is known about it, side by side.

    Parameters
    ----------
    name
        How it is called in graphs; a NumPy name where NumPy has the operation.
    forward
        ``forward(xp, *arrays, **settings)``: the value, computed by the array namespace ``xp``.
    shape
        ``shape(*shapes, **settings)``: the shape of the value.
    dtype
        ``dtype(*dtypes, **settings)``: the dtype of the value.
    partials
        Elementwise only. ``partials(y, *inputs, **settings)``: the local derivative by each input, as nodes
        or numbers; None for an input that has no derivative.
    pullback
        All others. ``pullback(g, y, *inputs, **settings)``: the gradient of each input, given that of the
        output; it may have the broadcast shape of the output, the driver sums it back.
    text, latex
        How it is written for people; ``{0}``, ``{1}`` are the operands, settings go by name.
    source
        How it is written in Python with ``math`` and NumPy.
    domain
        Where the tests draw samples, away from kinks and poles: one interval, or one for each input.
    samples
        Shapes and settings on which the tests try it; elementwise operations have theirs generated.
    holomorphic
        Whether ``forward`` continues to complex numbers, so that the complex step proves the derivative.
    ufunc
        The NumPy ufunc that ``forward`` is, if it is one: it can write into an array no longer needed.
    differentiable
        False where the result is whole numbers or truth values, which ends the path of a gradient.
    kinks
        ``kinks(*inputs)``: the quantity whose zeros are the kinks, for `check_gradient`; None: no kinks.
    """

    name: str
    forward: Callable[..., Any]
    shape: Callable[..., Shape]
    dtype: Callable[..., np.dtype[Any]]
    partials: Callable[..., tuple[Any, ...]] | None = None
    pullback: Callable[..., tuple[Any, ...]] | None = None
    text: str = ""
    latex: str = ""
    source: str = ""
    domain: Interval | tuple[Interval, ...] = (-2.0, 2.0)
    samples: tuple[Sample, ...] = ()
    holomorphic: bool = True
    differentiable: bool = True
    ufunc: np.ufunc | None = None
    kinks: Callable[..., Any] | None = None

    @property
    def elementwise(self) -> bool:
        """Whether it works entry by entry, with NumPy's broadcasting."""
        return self.partials is not None

    def __repr__(self) -> str:
        return f"<Primitive {self.name}>"


@dataclass(frozen=True, slots=True)
class Translation:
    """How a function of NumPy (or of ours) is written in primitives, and samples on which to test that."""

    name: str
    function: Callable[..., Any]
    samples: tuple[Sample, ...] = ()
    domain: Interval | tuple[Interval, ...] = (-2.0, 2.0)
    holomorphic: bool = True
    differentiable: bool = True


def _leaf(name: str) -> Primitive:
    return Primitive(name=name, forward=_no_rule, shape=_no_rule, dtype=_no_rule, text=name)


def _no_rule(*_: Any, **__: Any) -> Never:
    raise AssertionError("inputs and constants are not computed")


INPUT = _leaf("input")
CONSTANT = _leaf("constant")


PRIMITIVES: dict[str, Primitive] = {}
TRANSLATIONS: dict[Any, Translation] = {}


def named(name: str) -> Primitive:
    """Return the primitive of this name; raise `UnknownNameError` with the nearest name if there is none."""
    try:
        return PRIMITIVES[name]
    except KeyError:
        raise unknown_name("primitive", name, PRIMITIVES) from None


def register(primitive: Primitive) -> Primitive:
    """Enter a primitive into the registry; a name can be taken once only."""
    if primitive.name in PRIMITIVES:
        raise ValueError(f"there are two primitives named {primitive.name!r}")
    PRIMITIVES[primitive.name] = primitive
    return primitive


AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


def translate(*functions: Any, **properties: Any) -> Callable[[AnyFunction], AnyFunction]:
    """Decorate a function of nodes that stands for these NumPy functions when they meet a traced array.

    The ``properties`` are the fields of `Translation`: samples, domain, holomorphic, differentiable.
    """

    def decorate(function: AnyFunction) -> AnyFunction:
        name = getattr(functions[0], "__name__", function.__name__)
        translation = Translation(name=name, function=function, **properties)
        for numpy_function in functions:
            if numpy_function in TRANSLATIONS:
                raise ValueError(f"two translations for {numpy_function!r}")
            TRANSLATIONS[numpy_function] = translation
        return function

    return decorate
