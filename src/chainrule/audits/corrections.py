"""The corrected line: a small edit of its text, tried out by reading the script again with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from chainrule.audits.audited import judge
from chainrule.audits.diagnosis.case import Case, Diagnosis, spelled
from chainrule.audits.judging import Judge
from chainrule.audits.points import agree
from chainrule.audits.report import Status
from chainrule.audits.settling import settled
from chainrule.audits.statements import Statement
from chainrule.errors import ChainruleError
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors
from chainrule.rewrites import simplify

MOST_TRIED = 16  # for one claim
MOST_STEPS = 15_000  # of reading the script, in one audit
READ = 2  # how much longer it takes to read a script than to try its numbers
LONGEST = 100
POWERS = str.maketrans({"²": " ** 2", "³": " ** 3"})
IMPORT = re.compile(r"^\s*import numpy(?: as (\w+))?", re.MULTILINE)
CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")


class Correction(NamedTuple):
    """A line that is right, and whether that was tried."""

    text: str = ""
    verified: bool = False


def correct(case: Case, diagnosis: Diagnosis, wrong: int) -> Correction:
    """Return the corrected line, with which fewer lines are ``wrong``, or else the true gradient in names.

    A line that is right whatever the values are is better than one that is right by the numbers of this run.
    """
    tried: set[str] = set()
    numeric = ""
    for line, text in islice(_candidates(case, diagnosis, tried), MOST_TRIED):
        if case.judge.tried > MOST_STEPS:
            break
        new = _right(case, line, text, wrong) if _has_its_value(case, line, text) else None
        if new is not None and _is_symbolic(case, new):
            return Correction(text, verified=True)
        numeric = numeric or (text if new is not None else "")
    if numeric:
        return Correction(numeric, verified=True)
    truth = "" if diagnosis.line in case.other_lines else _formula(case)
    return Correction(f"{case.claim.name} = {truth}" if truth else "")


def _candidates(case: Case, diagnosis: Diagnosis, tried: set[str]) -> Iterator[tuple[int, str]]:
    statements = list(_statements(case, diagnosis.line))
    for edit in diagnosis.edits:
        for line, statement in statements:
            for text in _edited(statement, edit, case):
                if text not in tried and text != statement.text:
                    tried.add(text)
                    yield line, text
    formula = _formula(case)
    apart = diagnosis.line in case.other_lines
    if formula and not apart and statements and isinstance(statements[0][1].node, ast.Assign):
        line, statement = statements[0]
        yield line, statement.whole(formula)


def _statements(case: Case, line_of_error: int) -> Iterator[tuple[int, Statement]]:
    """Yield the claim's statements, the last first, or only the one that is wrong where that is another."""
    try:
        tree = ast.parse(case.derivation.source)
    except SyntaxError:
        return
    found = {node.lineno: node for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    own = [case.claim.line, *reversed(case.claim.lines)]
    for line in [line_of_error] if line_of_error in case.other_lines else dict.fromkeys(own):
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


def _has_its_value(case: Case, line: int, text: str) -> bool:
    """Return whether the script with another statement has the true gradient, at its own numbers."""
    found = None if case.derivation.tried is None else case.derivation.tried(line, text)
    if found is None or case.truths.is_unused(case.claim):
        return found is not None
    case.judge.tried += found.steps
    true = [case.factor * value for value in case.points.of(case.truths.of(case.variable))[:1]]
    values = (value for name in found.names for value in found.values(name))
    if not any(value.dtype.kind in "biuf" and agree([value], true, case.judge.floor) for value in values):
        return False
    case.judge.tried += READ * found.steps
    return True


def _right(case: Case, line: int, text: str, wrong: int) -> Judge | None:
    """Return what the script with another statement is, if fewer lines are wrong, this not among them."""
    rewritten = case.derivation.rewritten
    unused = case.truths.is_unused(case.claim)
    try:
        new = rewritten(line, text) if rewritten is not None else None
        fewer = new is not None and len(new.claims) < len(case.derivation.claims)
        if new is None or (fewer and not unused):
            return None
        shown = case.truths.cost is case.derivation.shown_cost
        cost = new.shown_cost if shown else None
        other = settled(judge(new, cost), cost)
    except (ChainruleError, ValueError, ArithmeticError, LookupError, TypeError):
        return None
    lines = {
        other.judgements[place].claim.line
        for place, known in enumerate(other.statuses)
        if known is Status.WRONG
    }
    right = (unused or other.wrong < wrong) and lines.isdisjoint(case.claim.lines)
    return other.judge if right else None


def _is_symbolic(case: Case, new: Judge) -> bool:
    """Return whether a corrected claim is more than a number, unless the true gradient is one."""
    if case.points.varied.isdisjoint(ancestors([case.truths.of(case.variable)])):
        return True
    return not any(new.is_number(n) for n, claim in enumerate(new.claims) if claim.line in case.claim.lines)


def _formula(case: Case) -> str:
    """Return the true gradient in the script's names."""
    if case.truths.is_unused(case.claim) and case.variable.ndim:
        return _runnable(f"zeros_like({case.claim.of_name})", case.derivation.source)
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
    text = re.sub(r"\s+", " ", spelled(simple.outputs[0], known)).translate(POWERS)
    text = _runnable(text, case.derivation.source)
    return text if len(text) <= LONGEST and "…" not in text else ""


def _runnable(text: str, source: str) -> str:
    """Return a formula with NumPy's functions as the script calls them; empty where it cannot run there."""
    imported = IMPORT.search(source)
    if imported is None:
        return "" if CALLED.search(text) else text
    if any(not hasattr(np, name) for name in CALLED.findall(text)):
        return ""
    return CALLED.sub(rf"{imported[1] or 'numpy'}.\1(", text)
