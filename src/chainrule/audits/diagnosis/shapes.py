"""Shapes: a transpose, a sum over another axis, an axis that was lost or kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.audits.diagnosis.case import Case, Diagnosis, Kind, same_shape
from chainrule.audits.diagnosis.expression import ordinary
from chainrule.graph.node import Node

REDUCTIONS = ("sum", "mean")


def whole(case: Case) -> Iterator[Diagnosis]:
    """Find a claim whose numbers are right in another shape."""
    shapes = {"claimed": np.shape(case.local[0]), "true": np.shape(case.target[0])}
    wrong_shape = not same_shape(shapes["claimed"], shapes["true"])
    if min(map(len, shapes.values())) >= 2 and case.fits(np.swapaxes(value, -1, -2) for value in case.local):
        yield Diagnosis(Kind.TRANSPOSE, "transpose", shapes, edits=(("transpose",),))
    if not wrong_shape:
        return
    if case.fits(np.reshape(value, shapes["true"]) for value in case.local):
        edits = (("keepdims",), ("no_keepdims",), ("reshape", str(shapes["true"])))
        yield Diagnosis(Kind.SHAPE, "shape", shapes, edits=edits)
    for axis in (0, 1, None):
        for keepdims in (True, False):
            if case.fits(np.sum(value, axis=axis, keepdims=keepdims) for value in case.local):
                yield Diagnosis(Kind.SHAPE, "not_summed", shapes, edits=(("sum", str(axis), str(keepdims)),))


def any_other(case: Case) -> Iterator[Diagnosis]:
    """Say that the shape is wrong where nothing else explains the claim."""
    shapes = {"claimed": np.shape(case.local[0]), "true": np.shape(case.target[0])}
    if not same_shape(shapes["claimed"], shapes["true"]):
        yield Diagnosis(Kind.SHAPE, "shape", shapes, edits=(("keepdims",), ("no_keepdims",)))


def transposed_inside(case: Case) -> Iterator[Diagnosis]:
    """Find a factor of a product that must be transposed, or factors in the wrong order."""
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name != "matmul":
            continue
        for place in (0, 1):
            if node.inputs[place].ndim == 2 and case.fits(
                case.expression.changed(group, _transposing(place))
            ):
                name = case.name(node.inputs[place])
                edits = (("transpose_operand", name),)
                yield Diagnosis(Kind.TRANSPOSE, "transpose_of", {"name": name}, edits=edits)
        if case.fits(case.expression.changed(group, _swapped)):
            yield Diagnosis(Kind.TRANSPOSE, "swapped", edits=(("swap",),))
        if case.fits(case.expression.changed(group, lambda n, xs, _: np.swapaxes(ordinary(n, xs), -1, -2))):
            yield Diagnosis(Kind.TRANSPOSE, "transpose_product", edits=(("transpose",),))


def _transposing(place: int) -> Any:
    def act(node: Node, operands: Sequence[Any], _: int) -> Any:
        return ordinary(node, [np.transpose(x) if n == place else x for n, x in enumerate(operands)])

    return act


def _swapped(node: Node, operands: Sequence[Any], _: int) -> Any:
    return ordinary(node, operands[::-1])


def reduction(case: Case) -> Iterator[Diagnosis]:
    """Find a sum that should be a mean, or one over other axes."""
    for group in case.expression.groups():
        node = group[-1]
        if node.primitive.name not in REDUCTIONS:
            continue
        for function in (np.mean, np.sum):
            if case.fits(case.expression.changed(group, _reducing(function, node.settings))):
                reason = "sum_for_mean" if function is np.mean else "mean_for_sum"
                edits: tuple[tuple[str, ...], ...] = (("other_reduction",),)
                size = node.inputs[0].size // max(node.size, 1)
                yield Diagnosis(Kind.MEAN_FOR_SUM, reason, {"m": size}, edits=edits)
        for axis in (None, *range(node.inputs[0].ndim)):
            for keepdims in (True, False):
                settings = {"axis": axis, "keepdims": keepdims}
                same = np.mean if node.primitive.name == "mean" else np.sum
                if case.fits(case.expression.changed(group, _reducing(same, settings))):
                    edits = (("axis", str(axis), str(keepdims)),)
                    yield Diagnosis(Kind.SHAPE, "axis", {"axis": axis, "keepdims": keepdims}, edits=edits)


def _reducing(function: Any, settings: Any) -> Any:
    given = {key: settings[key] for key in ("axis", "keepdims") if key in settings}
    return lambda _, operands, __: function(operands[0], **given)
