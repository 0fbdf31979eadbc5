"""Broadcasting, axes, indices and einsum subscripts drawn at random: values, shapes and derivatives."""

from __future__ import annotations

import string
from typing import Any

import hypothesis.extra.numpy as shapes_of
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from law_cases import DIFFERENTIABLE, TRANSLATION_SUBJECTS, Case, Subject
from law_checks import check_first_derivatives, check_values

import chainrule as cr
from chainrule.graph.primitive import Sample

BROADCASTING = [subject for subject in DIFFERENTIABLE if subject.arity and subject.arity > 1]
REDUCING = [
    subject
    for subject in DIFFERENTIABLE
    if any(isinstance(sample.settings.get("axis"), tuple) for sample in subject.samples)
    and all(len(sample.shapes) == 1 for sample in subject.samples)
]
EINSUMS = [
    subject
    for subject in TRANSLATION_SUBJECTS
    if any("subscripts" in sample.settings for sample in subject.samples)
]
small = settings(max_examples=60, deadline=None, derandomize=True)


def _check(subject: Subject, case: Case, tally: Any) -> None:
    if check_values(subject, case, case.arrays("float64"), tally):
        check_first_derivatives(subject, case, tally)


@small
@given(data=st.data())
def test_broadcasting(tally: Any, data: Any) -> None:
    subject = data.draw(st.sampled_from(BROADCASTING))
    drawn = data.draw(
        shapes_of.mutually_broadcastable_shapes(num_shapes=subject.arity, max_dims=3, min_side=0, max_side=3)
    )
    like = next(subject.cases())
    _check(subject, Case(like.sample, tuple(drawn.input_shapes), "C", like.domains), tally)


@small
@given(data=st.data())
def test_axes(tally: Any, data: Any) -> None:
    subject = data.draw(st.sampled_from(REDUCING))
    shape = data.draw(shapes_of.array_shapes(min_dims=1, max_dims=3, max_side=3))
    like = next(case for case in subject.cases() if "axis" in case.sample.settings)
    axis = data.draw(shapes_of.valid_tuple_axes(len(shape), min_size=1))
    chosen = {**like.sample.settings, "axis": tuple(place % len(shape) for place in axis)}
    chosen = {name: value for name, value in chosen.items() if name not in ("weights", "indices")}
    if "keepdims" in chosen:
        chosen["keepdims"] = data.draw(st.booleans())
    _check(subject, Case(Sample((shape,), chosen), (shape,), "C", like.domains[:1]), tally)


@small
@given(data=st.data())
def test_einsum(tally: Any, data: Any) -> None:
    subject = data.draw(st.sampled_from(EINSUMS))
    letters = string.ascii_letters[: data.draw(st.integers(1, 4))]
    length = {letter: data.draw(st.integers(1, 3)) for letter in letters}
    terms = data.draw(st.lists(st.text(letters, max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    output = "".join(data.draw(st.lists(st.sampled_from(used), unique=True)) if used else [])
    subscripts = ",".join(terms) + data.draw(st.sampled_from(["", f"->{output}"]))
    shapes = tuple(tuple(length[letter] for letter in term) for term in terms)
    sample = Sample(shapes, {"subscripts": subscripts})
    _check(subject, Case(sample, shapes, "C", ((-2.0, 2.0),) * len(shapes)), tally)


@st.composite
def mixed_indices(draw: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Draw an index of numbers, slices, new axes and index arrays, in any order."""
    lengths = draw(shapes_of.array_shapes(max_dims=2, max_side=3))
    count = draw(st.integers(0, len(shape)))
    parts: list[Any] = []
    for n in shape[:count]:
        array = shapes_of.arrays(np.intp, lengths, elements=st.integers(-n, n - 1))
        parts.append(draw(array | st.slices(n) | st.integers(-n, n - 1)))
        parts += [None] * draw(st.integers(0, 1))
    place = draw(st.integers(0, len(parts))) if count == len(shape) else len(parts)
    ellipsis = [...] if draw(st.booleans()) else []
    return (*parts[:place], *ellipsis, *parts[place:])


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def test_indices(tally: Any, data: Any) -> None:
    shape = data.draw(shapes_of.array_shapes(max_dims=3, max_side=4))
    index = data.draw(
        shapes_of.basic_indices(shape, allow_newaxis=True)
        | shapes_of.integer_array_indices(shape)
        | shapes_of.arrays(bool, shape)
        | st.tuples(shapes_of.arrays(bool, shape[:1]), st.just(Ellipsis))
        | mixed_indices(shape)
    )
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    weights = np.cos(np.arange(x[index].size)).reshape(x[index].shape)

    def weighted(x: Any) -> Any:
        return np.sum(weights * x[index])

    note = f"x[{index!r}] of shape {shape}"
    graph = cr.trace(lambda x: x[index], x)
    assert graph.outputs[0].shape == np.shape(x[index]), note
    tally.same(graph(x), x[index], note)
    scattered = np.zeros(shape)
    np.add.at(scattered, index, weights)
    tally.close(cr.grad(weighted)(x), scattered, 1e-15, note, least=1.0)
