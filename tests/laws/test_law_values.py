"""Shape and dtype at birth, and values bit for bit: what a graph computes is what plain NumPy computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from law_cases import SUBJECTS, Subject
from law_checks import check_values

DTYPES = ("float64", "float32", "int64", "bool")
NUMBERS = (2, 0.5, True)


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_values(subject: Subject, tally: Any) -> None:
    for case in subject.cases():
        taken = [check_values(subject, case, case.arrays(dtype), tally) for dtype in DTYPES]
        assert any(taken), f"NumPy takes none of {subject}, {case}"


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s.arity and s.arity > 1], ids=str)
def test_python_numbers_take_the_dtype_of_their_neighbour(subject: Subject, tally: Any) -> None:
    case = next(case for case in subject.cases() if any(case.shapes))
    for dtype in DTYPES:
        values = [np.atleast_1d(value) for value in case.arrays(dtype)]
        for place in range(len(values)):
            for number in NUMBERS:
                check_values(subject, case, [*values[:place], number, *values[place + 1 :]], tally)
