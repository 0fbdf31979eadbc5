"""Every primitive as machine code computes what the interpreter does, on its law cases and on special values.

All cases of a few primitives are joined into one graph, which is compiled once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from agreement import Part, check, results_of
from laws.law_cases import PRIMITIVE_SUBJECTS, Case, Subject

from chainrule.compiler.compiled import compiled_or_reason
from chainrule.compiler.expand import Refusal, expand
from chainrule.compiler.formulas import DTYPE_NAMES
from chainrule.errors import ChainruleError
from chainrule.gradients import pull_back
from chainrule.graph.graph import Graph
from chainrule.graph.node import constant
from chainrule.graph.primitive import Sample
from chainrule.rewrites import stabilise

REFUSED = {
    "argsort": "a sort is no loop over entries",
    "power": "NumPy refuses negative exponents of whole numbers, which only the values show",
}
COMPILED = [subject for subject in PRIMITIVE_SUBJECTS if subject.name != "argsort"]
GROUP = 4  # primitives that are compiled together
GROUPS = [COMPILED[start : start + GROUP] for start in range(0, len(COMPILED), GROUP)]
DTYPES = ("float64", "float32", "int64", "bool")
RARE_DTYPES = tuple(sorted(DTYPE_NAMES.difference(DTYPES)))
NUMBERS = (2, 0.5, True)
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 5e-324, -1e-310, 1e-30, 89.0, 710.0)
SPECIAL += (-750.0, 1e19, 1e30, -1e300)


def named(groups: list[list[Subject]]) -> list[Any]:
    """Return the groups under the names of what is in them."""
    return [pytest.param(group, id="-".join(map(str, group))) for group in groups]


def cases(subject: Subject) -> list[Case]:
    """Return the cases of a subject that are not alike for a compiler: in one layout."""
    return [case for case in subject.cases() if case.layout == "C"]


def part(subject: Subject, case: Case, values: list[Any]) -> Part | None:
    """Return a case as a graph with values; None if NumPy does not take them, or makes float16 of them."""
    try:
        subject.expected(case, values)
        graph = subject.graph(case, values)
    except (TypeError, ValueError, ChainruleError):
        return None
    if any(node.dtype == np.float16 for node in graph.nodes):
        return None
    arrays = [value for value in values if isinstance(value, np.ndarray | np.generic)]
    return Part(graph, arrays, f"{subject}, {[np.asarray(value).dtype.name for value in values]}, {case}")


def is_compiled(graph: Graph) -> bool:
    """Return whether a graph can be lowered."""
    try:
        expand(graph)
    except Refusal:
        return False
    return True


def parts(subject: Subject, *, all_of_them: bool = False) -> Iterator[Part]:
    """Yield the cases in float64, and a part of them in the other dtypes: together, they take minutes."""
    every = cases(subject)
    rare = RARE_DTYPES[len(subject.name) % len(RARE_DTYPES)]
    for turn, dtype in enumerate((*DTYPES, *RARE_DTYPES) if all_of_them else (*DTYPES, rare)):
        few = every[turn % 5 :: 5] if subject.arity else every[turn % 3 :: 3]
        for case in every if dtype == "float64" or all_of_them else few:
            made = part(subject, case, case.arrays(dtype))
            if made is not None and is_compiled(made.graph):
                yield made


@pytest.mark.parametrize("group", named(GROUPS))
def test_values(group: list[Subject], tally: Any) -> None:
    check([part for subject in group for part in parts(subject)], tally)


@pytest.mark.exhaustive
@pytest.mark.parametrize("subject", COMPILED, ids=str)
def test_values_in_all_dtypes(subject: Subject, tally: Any) -> None:
    check(list(parts(subject, all_of_them=True)), tally)


def test_only_what_is_listed_is_not_compiled() -> None:
    refused = {
        subject.name
        for subject in PRIMITIVE_SUBJECTS
        for turn, dtype in enumerate((*DTYPES, *RARE_DTYPES))
        for case in cases(subject)[turn % 4 :: 4]
        if (made := part(subject, case, case.arrays(dtype))) is not None and not is_compiled(made.graph)
    }
    assert refused == set(REFUSED)


def test_half_precision_is_not_compiled() -> None:
    subject = next(subject for subject in COMPILED if subject.name == "exp")
    graph = subject.graph(cases(subject)[0], [np.float16(1)])
    machine, reason = compiled_or_reason(graph)
    assert machine is None
    assert reason is not None
    assert "float16" in reason


def with_numbers(subject: Subject, turn: int) -> Iterator[Part]:
    """Yield cases in which a Python number stands for an operand, in a dtype that changes by turns."""
    case = next(case for case in cases(subject) if any(case.shapes))
    for place, number in itertools.product(range(len(case.shapes)), NUMBERS):
        turn += 1
        values = [np.atleast_1d(value) for value in case.arrays(DTYPES[turn % len(DTYPES)])]
        made = part(subject, case, [*values[:place], number, *values[place + 1 :]])
        if made is not None and is_compiled(made.graph):
            yield made


OF_SEVERAL = [subject for subject in COMPILED if subject.arity and subject.arity > 1]


@pytest.mark.parametrize("group", named([OF_SEVERAL[start::3] for start in range(3)]))
def test_python_numbers(group: list[Subject], tally: Any) -> None:
    check([part for turn, subject in enumerate(group) for part in with_numbers(subject, turn)], tally)


DIFFERENTIABLE = [subject for subject in COMPILED if subject.differentiable]


def gradient_part(subject: Subject, case: Case, dtype: str) -> Part:
    """Return the gradient of the sum of all results by all real operands."""
    values = case.arrays(dtype)
    graph = stabilise(subject.graph(case, values))
    sources = [node for node in graph.inputs if node.dtype.kind == "f"]
    (output,) = graph.outputs
    weights = np.linspace(0.5, 1.5, output.size).reshape(output.shape).astype(output.dtype)
    outputs = pull_back(output, sources, constant(weights))
    return Part(Graph(graph.inputs, outputs, single=False), values, f"gradient of {subject}, {dtype}, {case}")


def gradients(subject: Subject) -> Iterator[Part]:
    every = cases(subject)
    for case in [every[4]] if subject.arity else every:
        yield gradient_part(subject, case, "float64")
    yield gradient_part(subject, every[-1 if subject.arity else 0], "float32")


@pytest.mark.parametrize(
    "group", named([DIFFERENTIABLE[k : k + GROUP] for k in range(0, len(DIFFERENTIABLE), GROUP)])
)
def test_gradients(group: list[Subject], tally: Any) -> None:
    check([part for subject in group for part in gradients(subject)], tally)


def special_part(subject: Subject, dtype: str) -> Part | None:
    """Return an operation on all combinations of special values."""
    count = subject.arity or 1
    entries = np.array(SPECIAL if count < 3 else SPECIAL[:8]).astype(dtype)
    shapes = [(len(entries), *[1] * later) for later in reversed(range(count))]
    case = Case(Sample(()), tuple(shapes), "C", ((0.0, 0.0),) * count)
    return part(subject, case, [entries.reshape(shape) for shape in shapes])


ELEMENTWISE = [subject for subject in COMPILED if subject.arity]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize("group", named([ELEMENTWISE[start::8] for start in range(8)]))
def test_special_values(group: list[Subject], tally: Any) -> None:
    made = [special_part(subject, dtype) for subject in group for dtype in ("float64", "float32")]
    parts = [part for part in made if part is not None]
    for part, (result,) in results_of(parts):
        (expected,) = part.graph(*part.values)
        if expected.dtype.kind != "f":
            tally.same(result, expected, part.note)
            continue
        # An entry's error is relative to the entry, so that small ones count; subnormal ones to the smallest.
        ordinary = np.abs(expected) > np.finfo(expected.dtype).tiny
        scale = np.where(ordinary & np.isfinite(expected), np.abs(expected), 1)
        tolerance = 1e-12 if expected.dtype == np.float64 else 1e-5
        tally.close(result / scale, expected / scale, tolerance, part.note, least=1.0)


ROWS = np.array(
    [[1.0, np.nan, -np.inf], [np.inf, -0.0, 2.0], [np.inf, -np.inf, 0.0], [-np.inf] * 3, [1e200, 1e200, -1.0]]
)
ALONG = [s for s in COMPILED if any({"axis", "keepdims"} & set(sample.settings) for sample in s.samples)]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_special_values_along_axes(tally: Any) -> None:
    parts = []
    for subject, dtype in itertools.product(ALONG, ("float64", "float32")):
        for sample in subject.samples:
            if sample.shapes == ((2, 3),) and sample.settings["axis"] in ((1,), 1):
                case = Case(sample, (ROWS.shape,), "C", ((0.0, 0.0),))
                parts.append(part(subject, case, [ROWS.astype(dtype)]))
    assert len(parts) >= 2 * (len(ALONG) - 1)
    check([part for part in parts if part is not None], tally)
