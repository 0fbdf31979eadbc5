"""The corrected line: a small edit of its text, tried out by reading the script again with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from chainrule.audits.derivation import Claim, Derivation
from chainrule.audits.diagnosis.case import Case, Diagnosis, spelled
from chainrule.audits.judging import Judge
from chainrule.audits.points import Points, agree
from chainrule.audits.statements import Statement
from chainrule.audits.truths import Truths
from chainrule.errors import ChainruleError
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node
from chainrule.rewrites import simplify

MOST_TRIED = 16  # for one claim
MOST_READ = 40  # in one audit
LONGEST = 100
IMPORT = re.compile(r"^\s*import numpy(?: as (\w+))?", re.MULTILINE)
CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")


class Correction(NamedTuple):
    """A line that is right, and whether that was tried."""

    text: str = ""
    verified: bool = False


def correct(case: Case, diagnosis: Diagnosis) -> Correction:
    """Return the corrected line, or else the true gradient in the script's names."""
    tried: set[str] = set()
    if case.derivation.rewritten is not None:
        for line, text in islice(_candidates(case, diagnosis, tried), MOST_TRIED):
            case.judge.tried += 1
            if case.judge.tried > MOST_READ:
                break
            if _is_right(case, line, text):
                return Correction(text, verified=True)
    truth = _formula(case)
    return Correction(f"{case.claim.name} = {truth}" if truth else "")


def _candidates(case: Case, diagnosis: Diagnosis, tried: set[str]) -> Iterator[tuple[int, str]]:
    statements = list(_statements(case))
    for edit in diagnosis.edits:
        for line, statement in statements:
            for text in _edited(statement, edit, case):
                if text not in tried and text != statement.text:
                    tried.add(text)
                    yield line, text
    formula = _formula(case)
    if formula and statements and isinstance(statements[0][1].node, ast.Assign):
        line, statement = statements[0]
        yield line, statement.whole(formula)


def _statements(case: Case) -> Iterator[tuple[int, Statement]]:
    """Yield the claim's statements, the last first."""
    try:
        tree = ast.parse(case.derivation.source)
    except SyntaxError:
        return
    found = {node.lineno: node for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    for line in dict.fromkeys([case.claim.line, *reversed(case.claim.lines)]):
        segment = ast.get_source_segment(case.derivation.source, found[line]) if line in found else None
        try:
            yield line, Statement(segment or "")
        except SyntaxError:
            continue


def _summed(statement: Statement, axis: str, keepdims: str) -> Iterator[str]:
    """Yield the statement with its right side summed."""
    over = "" if axis == "None" else f", axis={axis}"
    kept = ", keepdims=True" if keepdims == "True" else ""
    yield statement.whole(f"np.sum({statement.source(statement.value)}{over}{kept})")


def _with_derivative(statement: Statement, *names: str) -> Iterator[str]:
    for formula in _derivatives(*names):
        yield from statement.factors_replaced(formula)
        yield from statement.multiplied(f"({formula})")


def _reshaped(statement: Statement, shape: str) -> Iterator[str]:
    yield statement.whole(f"({statement.source(statement.value)}).reshape({shape})")


def _replaced(statement: Statement, old: str, new: str) -> Iterator[str]:
    yield from statement.replaced(old, new)
    yield from statement.names_replaced(new)


def _transposed(statement: Statement, *_: str) -> Iterator[str]:
    yield from statement.transposed()
    yield from statement.swapped()


EDITS: dict[str, Callable[..., Iterator[str]]] = {
    "negate": Statement.negated,
    "negate_term": Statement.terms_negated,
    "drop": lambda statement, _: statement.dropped(ast.Mult, ast.Div),
    "drop_term": lambda statement: statement.dropped(ast.Add, ast.Sub),
    "multiply": Statement.multiplied,
    "divide": Statement.divided,
    "multiply_term": lambda statement, factor, *_: statement.parts_scaled(factor, "*"),
    "divide_term": lambda statement, factor, *_: statement.parts_scaled(factor, "/"),
    "replace": _replaced,
    "literal": Statement.replaced,
    "transpose": _transposed,
    "transpose_operand": _transposed,
    "swap": Statement.swapped,
    "keepdims": lambda statement: statement.with_keyword("keepdims", "True"),
    "no_keepdims": lambda statement: statement.with_keyword("keepdims", None),
    "axis": lambda statement, axis, _: statement.with_keyword("axis", None if axis == "None" else axis),
    "reshape": _reshaped,
    "sum": _summed,
    "other_reduction": Statement.other_reduction,
    "derivative": _with_derivative,
}


def _edited(statement: Statement, edit: tuple[str, ...], case: Case) -> Iterator[str]:
    """Yield the texts that an edit makes of a statement."""
    name, *given = edit
    yield from _with_path(statement, case) if name == "add_path" else EDITS[name](statement, *given)


def _derivatives(before: str, after: str, formula: str) -> Iterator[str]:
    """Yield the derivative of an activation as people write it, and as the graph has it."""
    yield f"1 - {after}**2"
    yield f"{after} * (1 - {after})"
    yield f"{before} > 0"
    yield formula


def _with_path(statement: Statement, case: Case) -> Iterator[str]:
    """Yield the statement adding up, then with the share of each path added."""
    if isinstance(statement.node, ast.Assign) and len(statement.node.targets) == 1:
        yield f"{statement.target} += {statement.source(statement.value)}"
    for _, share in case.truths.shares(case.variable):
        text = _written(case, share)
        if text:
            yield statement.extended(text)


def _is_right(case: Case, line: int, text: str) -> bool:
    """Return whether the script with another statement makes the right claim from true inputs."""
    rewritten = case.derivation.rewritten
    try:
        new = rewritten(line, text) if rewritten is not None else None
        return new is not None and _claims_the_truth(case, new)
    except (ChainruleError, ValueError, ArithmeticError, LookupError, TypeError):
        return False


def _claims_the_truth(case: Case, new: Derivation) -> bool:
    found = [place for place, claim in enumerate(new.claims) if _is_same(claim, case.claim)]
    if not found or [claim.name for claim in new.claims] != [claim.name for claim in case.derivation.claims]:
        return False
    truths = Truths(new, new.cost)
    points = Points(new.leaves, [truths.cost, *[claim.node for claim in new.claims]], of=truths.cost)
    judge = Judge(new, truths, points)
    place = case.place if case.place in found else found[0]
    factors = [judgement.factor for judgement in case.judgements]
    target = [factors[place] * value for value in judge.values[place]]
    return agree(judge.local(place, factors), target, judge.floor)


def _is_same(claim: Claim, other: Claim) -> bool:
    return claim.name == other.name and claim.of_name == other.of_name


def _formula(case: Case) -> str:
    """Return the true gradient in the script's names."""
    true = case.truths.of(case.variable)
    return _written(case, true if case.factor == 1 else true * case.factor)


def _written(case: Case, node: Node) -> str:
    """Return a gradient in names of the forward part, and of claims before it; empty where it is too long."""
    names: dict[Node, str] = {}
    for judgement in case.judgements[: case.place]:
        if judgement.factor == 1 and judgement.claim.of in case.truths.found:
            names.setdefault(case.truths.found[judgement.claim.of], judgement.claim.name)
    known = {**case.names, **names}
    cut = [other for other in known if other is not node and other.primitive is not CONSTANT]
    try:
        simple = simplify(Graph(cut, [node], names={}))
    except ChainruleError:
        return ""
    if np.size(simple.outputs[0].value) > 1 and simple.outputs[0].primitive is CONSTANT:
        return ""
    text = _runnable(re.sub(r"\s+", " ", spelled(simple.outputs[0], known)), case.derivation.source)
    return text if len(text) <= LONGEST and "…" not in text else ""


def _runnable(text: str, source: str) -> str:
    """Return a formula with NumPy's functions as the script calls them; empty where it cannot run there."""
    imported = IMPORT.search(source)
    if imported is None:
        return "" if CALLED.search(text) else text
    if any(not hasattr(np, name) for name in CALLED.findall(text)):
        return ""
    return CALLED.sub(rf"{imported[1] or 'numpy'}.\1(", text)
