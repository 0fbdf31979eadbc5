"""First and second derivatives of everything differentiable, in float64 and float32."""

from __future__ import annotations

from typing import Any

import pytest
from law_cases import DIFFERENTIABLE, Subject
from law_checks import check_first_derivatives, check_float32_gradients, check_second_derivatives


@pytest.mark.parametrize("subject", DIFFERENTIABLE, ids=str)
def test_first_derivatives(subject: Subject, tally: Any) -> None:
    for case in subject.cases():
        check_first_derivatives(subject, case, tally)


@pytest.mark.parametrize("subject", DIFFERENTIABLE, ids=str)
def test_float32_gradients(subject: Subject, tally: Any) -> None:
    for case in subject.cases():
        check_float32_gradients(subject, case, tally)


@pytest.mark.parametrize("subject", DIFFERENTIABLE, ids=str)
def test_second_derivatives(subject: Subject, tally: Any) -> None:
    for case in subject.cases():
        check_second_derivatives(subject, case, tally)
