"""What the laws are tried on: every primitive, every NumPy function that is translated, each in many cases.

Nothing is listed by name: subjects come from the two registries, and cases from the samples in the records
(for elementwise operations from the shapes below), each in several memory layouts.
"""

from __future__ import annotations

import inspect
import operator
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.special

import chainrule.primitives  # noqa: F401 - fills the registries
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node, apply, input_node, lift
from chainrule.graph.primitive import PRIMITIVES, TRANSLATIONS, Primitive, Sample
from chainrule.graph.tree import leaves
from chainrule.primitives.define import INEXACT

SHAPES = {
    1: ([()], [(1,)], [(4,)], [(0,)], [(2, 3)], [(1, 3)], [(3, 1)], [(2, 3, 2)], [(0, 3)]),
    2: (
        [(), ()],
        [(), (3,)],
        [(3,), ()],
        [(3,), (3,)],
        [(2, 3), (3,)],
        [(2, 1), (1, 3)],
        [(1,), (2, 3)],
        [(2, 1, 2), (3, 1)],
        [(0,), (1,)],
        [(0, 3), (3,)],
        [(2, 3), (2, 3)],
    ),
    3: (
        [(), (), ()],
        [(3,), (), ()],
        [(), (2, 3), (3,)],
        [(2, 1), (3,), (1, 3)],
        [(1,), (1,), (4,)],
        [(0,), (), (1,)],
        [(2, 3), (2, 3), (2, 3)],
    ),
}


def _strided(x: np.ndarray) -> np.ndarray:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def _negative(x: np.ndarray) -> np.ndarray:
    backwards = (slice(None, None, -1),) * x.ndim
    return x[backwards].copy()[backwards]


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": _strided,
    "negative": _negative,
}


def _layouts(shapes: Sequence[tuple[int, ...]]) -> list[str]:
    """Return the layouts that make a difference for arrays of these shapes."""
    rank = max((len(shape) for shape in shapes if np.prod(shape) > 1), default=0)
    return (
        ["C", "Fortran", "strided", "negative"] if rank > 1 else ["C", "strided", "negative"][: 1 + 2 * rank]
    )


@dataclass(frozen=True)
class Case:
    """Arguments for one subject: shapes, settings, where to draw the entries, and how they lie in memory."""

    sample: Sample
    shapes: tuple[tuple[int, ...], ...]
    layout: str
    domains: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        return f"shapes {self.shapes}, {self.layout}, {dict(self.sample.settings)}, on {self.domains}"

    def arrays(self, dtype: str) -> list[Any]:
        """Return random arguments; the same for the same case."""
        rng = np.random.default_rng(zlib.crc32(str(self).encode()))
        drawn = []
        for place, (shape, (low, high)) in enumerate(zip(self.shapes, self.domains, strict=True)):
            if place in self.sample.integers:
                array = rng.integers(low, high, shape)
            else:
                array = _converted(rng.uniform(low, high, shape), dtype, (low + high) / 2)
            array = np.asarray(array)
            drawn.append(LAYOUTS[self.layout](array) if array.ndim else array[()])
        return drawn


def _converted(array: Any, dtype: str, middle: float) -> Any:
    if dtype == "bool":
        return array > middle
    return np.asarray(np.rint(array) if dtype.startswith("int") else array).astype(dtype)


@dataclass(frozen=True)
class Subject:
    """One operation: how to call it on traced values, and what plain NumPy or SciPy does."""

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    samples: tuple[Sample, ...]
    domain: Any
    arity: int | None
    holomorphic: bool
    differentiable: bool
    signature: inspect.Signature | None = None
    exact: bool = True
    own_derivative: bool = True

    def __str__(self) -> str:
        return self.name

    def cases(self) -> Iterator[Case]:
        """Yield all cases: generated shapes for elementwise operations, else the samples', in all layouts."""
        for sample in self.samples or (Sample(()),):
            for shapes in SHAPES[self.arity] if self.arity else [list(sample.shapes)]:
                domain = self.domain if sample.domain is None else sample.domain
                domains = domain if domain and isinstance(domain[0], tuple) else (domain,) * len(shapes)
                for layout in _layouts(shapes):
                    yield Case(sample, tuple(shapes), layout, tuple(domains))

    def apply(self, function: Callable[..., Any], case: Case, values: Sequence[Any]) -> Any:
        """Call with these values (one after the other, or as one list) and the case's settings.

        Settings go by position as far as the signature allows, so that positions are tested too.
        """
        arrays = [list(values)] if case.sample.listed else list(values)
        settings = dict(case.sample.settings)
        args: list[Any] = []
        for parameter in self.signature.parameters.values() if self.signature else ():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name in settings:
                args.append(settings.pop(parameter.name))
            elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD and arrays:
                args.append(arrays.pop(0))
            else:
                break
        return function(*args, *arrays, **settings)

    def graph(self, case: Case, values: Sequence[Any]) -> Graph:
        """Return the graph of this operation on arguments of these shapes and dtypes (or Python numbers)."""
        numbers = (bool, int, float)
        operands = [
            value
            if type(value) in numbers
            else input_node(np.shape(value), np.asarray(value).dtype, f"x{place}")
            for place, value in enumerate(values)
        ]
        result = self.apply(self.call, case, operands)
        outputs = [lift(leaf.value) for leaf in leaves(result)]
        return Graph([node for node in operands if isinstance(node, Node)], outputs, single=False)

    def expected(self, case: Case, values: Sequence[Any]) -> list[Any]:
        """Return what plain NumPy makes of the arguments."""
        with np.errstate(all="ignore"):
            result = self.apply(self.reference, case, values)
        return [np.asarray(leaf.value) for leaf in leaves(result)]


def operands(record: Primitive) -> int:
    """Return how many operands an elementwise primitive takes."""
    kinds = [parameter.kind for parameter in inspect.signature(record.forward).parameters.values()]
    return kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) - 1


def _of_primitive(record: Primitive) -> Subject:
    return Subject(
        record.name,
        partial(apply, record),
        partial(record.forward, np),
        record.samples,
        record.domain,
        operands(record) if record.elementwise else None,
        record.holomorphic,
        record.differentiable,
    )


def _of_translation(key: Any) -> Subject:
    translation = TRANSLATIONS[key]
    record = PRIMITIVES.get(translation.name)
    same = record is not None and translation.samples is record.samples
    name, function = numpy_function(key)
    return Subject(
        name,
        function,
        function,
        translation.samples,
        translation.domain,
        operands(record) if same and record.elementwise else None,
        translation.holomorphic,
        translation.differentiable,
        signature=inspect.signature(translation.function),
        exact=key not in INEXACT and name.startswith("np."),
        own_derivative=not same,
    )


def numpy_function(key: Any) -> tuple[str, Callable[..., Any]]:
    """Return name and function of what a translation stands for, to be called through NumPy's protocols."""
    if isinstance(key, tuple):
        ufunc, method = key
        return f"np.{ufunc.__name__}.{method}", getattr(ufunc, method)
    if key is Node.__getitem__:
        return "np.ndarray.__getitem__", lambda x, index: operator.getitem(x, index)
    if not isinstance(key, str):
        return f"np.{key.__name__}", key
    if hasattr(scipy.special, key):
        return f"scipy.special.{key}", getattr(scipy.special, key)
    return f"np.ndarray.{key}", lambda x, *args, **settings: getattr(x, key)(*args, **settings)


PRIMITIVE_SUBJECTS = [_of_primitive(record) for record in PRIMITIVES.values()]
TRANSLATION_SUBJECTS = [_of_translation(key) for key in TRANSLATIONS]
SUBJECTS = [*PRIMITIVE_SUBJECTS, *TRANSLATION_SUBJECTS]
DIFFERENTIABLE = [subject for subject in SUBJECTS if subject.differentiable and subject.own_derivative]
