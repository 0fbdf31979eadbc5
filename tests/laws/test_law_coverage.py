"""The records keep the rules that laws rely on: enough cases, samples, NumPy's names, checked settings."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from law_cases import PRIMITIVE_SUBJECTS, SUBJECTS, TRANSLATION_SUBJECTS, Subject

from chainrule.errors import ChainruleError
from chainrule.graph.node import apply, input_node
from chainrule.graph.primitive import PRIMITIVES

FEWEST_CASES = 12


@pytest.mark.parametrize("subject", [s for s in PRIMITIVE_SUBJECTS if s.differentiable], ids=str)
def test_every_differentiable_primitive_has_twelve_cases(subject: Subject) -> None:
    cases = [str(case) for case in subject.cases()]
    assert len(set(cases)) >= FEWEST_CASES


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_everything_has_samples(subject: Subject) -> None:
    assert all(case.shapes for case in subject.cases())


@pytest.mark.parametrize("subject", [s for s in PRIMITIVE_SUBJECTS if s.differentiable], ids=str)
def test_samples_include_an_empty_array_and_several_layouts(subject: Subject) -> None:
    cases = list(subject.cases())
    assert any(0 in shape for case in cases for shape in case.shapes)
    assert {case.layout for case in cases} >= {"C", "strided", "negative"}


@pytest.mark.parametrize("subject", [s for s in TRANSLATION_SUBJECTS if s.signature], ids=str)
def test_parameters_are_those_of_numpy(subject: Subject) -> None:
    try:
        theirs = list(inspect.signature(subject.reference).parameters.values())
    except ValueError:
        return  # NumPy does not tell
    names = [parameter.name for parameter in theirs]
    assert subject.signature is not None
    if any(parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) for parameter in theirs):
        return
    for place, parameter in enumerate(subject.signature.parameters.values()):
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            assert names.index(parameter.name) == place, f"{parameter.name} is in another place"
        elif parameter.kind is parameter.KEYWORD_ONLY:
            assert parameter.name in names


@pytest.mark.parametrize("subject", PRIMITIVE_SUBJECTS, ids=str)
def test_wrong_settings_are_refused_with_our_own_error(subject: Subject) -> None:
    case = next(iter(subject.cases()))
    record = PRIMITIVES[subject.name]
    nodes: list[Any] = [input_node(np.shape(value), value.dtype, "x") for value in case.arrays("float64")]
    settings = dict(case.sample.settings)
    for operands in (nodes, [1.0] * len(nodes)):
        with pytest.raises(ChainruleError):
            apply(record, *operands, **settings, nonsense=1)
    parameters = inspect.signature(record.forward).parameters.values()
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            with pytest.raises(ChainruleError):
                apply(
                    record,
                    *nodes,
                    **{name: value for name, value in settings.items() if name != parameter.name},
                )
    if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        with pytest.raises(ChainruleError):
            apply(record, *nodes, 1.0, **settings)
