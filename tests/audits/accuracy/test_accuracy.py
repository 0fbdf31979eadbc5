"""The audit against programs of many styles: correct ones, and the same with one error planted in each."""

from __future__ import annotations

import pytest
from audits.accuracy import catalogue, proving, scoring

NAMES = catalogue.names()
QUICK = (
    "scalar_graph",
    "two_paths",
    "scalar_math",
    "logistic_script",
    "hidden_layer_script",
    "two_layer_fit",
)
ERRORS = {name: catalogue.planted(name) for name in NAMES}
LINES, KINDS = 0.95, 0.90


def test_the_suite_is_large_and_has_all_kinds():
    errors = [error for group in ERRORS.values() for error in group]
    assert len(NAMES) >= 24
    assert len({error.source for error in errors}) == len(errors) >= 200
    assert {kind for error in errors for kind in error.kinds} == set(catalogue.KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_programs_called_correct_agree_with_central_differences(name):
    program = catalogue.program(name)
    found = proving.wrongness(program, program.source)
    assert {claim for claim, (distance, _) in found.items() if not distance < proving.NEAR} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_planted_errors_are_errors_by_central_differences(name):
    assert [error.label for error in ERRORS[name] if not proving.proved_wrong(error)] == []


@pytest.mark.parametrize("name", NAMES)
def test_correct_programs_raise_no_alarm(name):
    assert scoring.alarms(catalogue.program(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_claims_of_correct_programs_are_judged(name):
    assert scoring.unjudged(catalogue.program(name)) == []


def test_planted_errors_are_found_and_named_in_a_few_programs():
    assert_accurate([scoring.score(error) for name in QUICK for error in ERRORS[name]])


@pytest.mark.slow
def test_planted_errors_are_found_and_named():
    assert_accurate([scoring.score(error) for name in NAMES for error in ERRORS[name]])


def assert_accurate(scores):
    report = f"\n{scoring.table(scores)}\n{scoring.misses(scores)}"
    assert sum(row.line_named for row in scores) >= LINES * len(scores), report
    assert sum(row.kind_named for row in scores) >= KINDS * len(scores), report
