"""Single edits of a statement, each with what it would mean: the reverse of what goes wrong on a line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from chainrule.audits.diagnosis.case import Kind
from chainrule.audits.reading.claim_names import looks_like_claim
from chainrule.audits.statements import Statement

NUMBERS = ("1", "2", "0.5", "0")
SLOWER = 0.1  # of edits of one sort, how much less likely each is than the one before
MOST_ALIKE = 10  # values that are tried in the place of one
PREFIXES = ("d_", "grad", "deriv")
ENDINGS = ("prime", "grad", "gradient", "deriv", "derivative", "backward", "_d")


class Edit(NamedTuple):
    """A statement with one change: how unusual it is, its text, and why the old one was wrong."""

    cost: float
    text: str
    kind: Kind
    reason: str
    details: Mapping[str, object]


@dataclass(frozen=True)
class Surroundings:
    """What a statement could have used: values, with their shapes, and the script's own functions."""

    atoms: tuple[str, ...] = ()
    shapes: Mapping[str, Collection[tuple[int, ...]]] = field(default_factory=dict)
    counts: Collection[str] = ()
    functions: tuple[str, ...] = ()
    rounds: tuple[str, ...] = ()
    starts: Collection[str] = ()
    source: str = ""

    def alike(self, text: str) -> list[str]:
        """Return the values that may have been meant in the place of another: those of its shape first."""
        own = self.shapes.get(text)
        claim = looks_like_claim(text)
        others = sorted(
            (atom for atom in self.atoms if atom != text), key=lambda atom: looks_like_claim(atom) != claim
        )
        if own is None:
            kind = [atom for atom in others if "[" in atom and "[" in text]
            return [*kind, *[atom for atom in others if atom not in kind]][:MOST_ALIKE]
        same = [atom for atom in others if set(self.shapes.get(atom, own)) & set(own)]
        return same[:MOST_ALIKE]

    def forward(self, target: str) -> list[str]:
        """Return values of a target's shape, as far as is known, that are no derivatives by their names."""
        own = self.shapes.get(quoted(target))
        found = [atom for atom in self.atoms if atom not in self.starts and not looks_like_claim(atom)]
        if own is not None:
            found = [atom for atom in found if set(self.shapes.get(atom, own)) & set(own)]
        return found[:MOST_ALIKE]


def edits(statement: Statement, around: Surroundings) -> list[Edit]:
    """Return single edits of a statement, the likeliest first."""
    found = [
        edit._replace(cost=edit.cost + SLOWER * number)
        for make in MAKERS
        for number, edit in enumerate(make(statement, around))
    ]
    return sorted(found, key=lambda edit: edit.cost)


def meaning(text: str) -> str:
    """Return what is equal for two statements that differ in brackets and spaces only."""
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, RecursionError):
        return text


def quoted(text: str) -> str:
    """Return a text with the marks of quotation that names of values have."""
    return text.replace("'", '"')


def _signs(statement: Statement, _: Surroundings) -> Iterator[Edit]:
    for text in statement.negated():
        longer = len(text) - len(statement.text)
        cost = (
            0.5 if longer < 0 else 1 if longer == 0 else 2
        )  # a minus is written by mistake, or two values swapped
        yield Edit(cost, text, Kind.SIGN, "sign_of_line", {})


def _sums(statement: Statement, _: Surroundings) -> Iterator[Edit]:
    """Yield ``+=`` for ``=``, and ``=`` for ``+=``."""
    node = statement.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        name = statement.source(node.targets[0])
        text = f"{name} += {statement.source(statement.value)}"
        yield Edit(1, text, Kind.MISSING_PATH, "only_the_last", {"name": name})
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        name = statement.source(node.target)
        text = f"{name} = {statement.source(statement.value)}"
        yield Edit(1, text, Kind.DOUBLED_PATH, "added_again", {"name": name})


def _operands(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with a factor, a divisor, a power or a term left out."""
    for node in statement.parts():
        if not isinstance(node, ast.BinOp):
            continue
        inside = _in_index(statement, node)
        for kept, lost in ((node.left, node.right), (node.right, node.left)):
            if kept is node.right and isinstance(node.op, ast.Div | ast.Sub | ast.Pow):
                continue
            text, written = statement.with_part(node, statement.kept(node, kept)), statement.source(lost)
            if inside:
                details = {"written": statement.source(node), "wanted": statement.source(kept)}
                yield Edit(3, text, Kind.WRONG_VALUE, "wrong_value", details)
            elif isinstance(node.op, ast.Mult | ast.Div) and _is_count(written, around):
                yield Edit(2, text, Kind.MEAN_FOR_SUM, "mean_for_sum_once", {"m": written})
            elif isinstance(node.op, ast.Mult | ast.Div | ast.Pow):
                factor = f"1 / {written}" if isinstance(node.op, ast.Div) else written
                yield Edit(2, text, Kind.EXTRA_FACTOR, "extra_factor", {"factor": factor})
            elif isinstance(node.op, ast.Add | ast.Sub) and written == statement.source(kept):
                yield Edit(2, text, Kind.DOUBLED_PATH, "added_again", {"name": written})
            elif isinstance(node.op, ast.Add | ast.Sub):
                yield Edit(3, text, Kind.OTHER, "extra_term", {"term": written})


def _transposes(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    for text in statement.swapped():
        yield Edit(3, text, Kind.TRANSPOSE, "swapped", {})
    arrays = any(around.shapes.get(quoted(statement.target), [(1,)]))
    for text in statement.transposed() if arrays else ():
        yield Edit(4, text, Kind.TRANSPOSE, "transpose_line", {})
    for text in statement.other_reduction():
        yield Edit(3, text, Kind.MEAN_FOR_SUM, "mean_for_sum_once", {"m": "mean"})


def _literals(statement: Statement, _: Surroundings) -> Iterator[Edit]:
    for node in statement.parts():
        if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
            continue
        written, inside = statement.source(node), _in_index(statement, node)
        near = [str(node.value + 1), str(node.value - 1)] if isinstance(node.value, int) else []
        for wanted in dict.fromkeys([*(near if inside else (*NUMBERS, *near))]):
            kind = Kind.WRONG_VALUE if inside else Kind.WRONG_NUMBER
            details = {"written": written, "wanted": wanted}
            yield Edit(3, statement.with_part(node, wanted), kind, "wrong_value", details)


def _indices(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with another round, or another order, in an index: ``hs[t - 1]`` for ``hs[t]``."""
    for node in _subscripts(statement):
        whole = statement.source(node)
        for text, wanted in _other_indices(statement, node, around):
            kind = Kind.ACTIVATION_DERIVATIVE if statement.in_slope(node) else Kind.WRONG_VALUE
            yield Edit(3, text, kind, "wrong_value", {"written": whole, "wanted": wanted})


def _subscripts(statement: Statement) -> list[ast.Subscript]:
    found = [node for node in ast.walk(statement.node) if isinstance(node, ast.Subscript)]
    return [node for node in found if not isinstance(node.slice, ast.Slice)]


def _other_indices(
    statement: Statement, node: ast.Subscript, around: Surroundings
) -> Iterator[tuple[str, str]]:
    base = statement.source(node.value)
    if isinstance(node.slice, ast.Tuple):
        parts = [statement.source(part) for part in node.slice.elts]
        wanted = [
            [*parts[:n], parts[n + 1], parts[n], *parts[n + 2 :]]
            for n in range(len(parts) - 1)
            if parts[n] != parts[n + 1]
        ]
        texts = [", ".join(part) for part in wanted]
    else:
        index = statement.source(node.slice)
        others = [name for name in around.rounds if name != index]
        texts = []
        if isinstance(node.slice, ast.Name | ast.BinOp) and index.isascii():
            texts = [f"{index} + 1", f"{index} - 1", *[f"{index} + {other}" for other in others]]
        if isinstance(node.slice, ast.Name | ast.Constant) and not index.startswith(('"', "'")):
            texts += others
    for text in texts:
        yield statement.with_part(node, f"{base}[{text}]"), f"{base}[{text}]"


def _names(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with another value, or another function, in one place."""
    called = {id(node.func) for node in statement.parts() if isinstance(node, ast.Call)}
    for node in statement.parts():
        if not isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            continue
        written = quoted(statement.source(node))
        derivative = statement.in_slope(node)
        kind = Kind.ACTIVATION_DERIVATIVE if derivative or id(node) in called else Kind.WRONG_VALUE
        if id(node) in called:
            others = [name for name in around.functions if name != written and written in around.functions]
        elif written in around.atoms:
            others = around.alike(written)
        else:
            continue
        for wanted in others:
            details = {"written": written, "wanted": wanted}
            yield Edit(3, statement.with_part(node, wanted), kind, "wrong_value", details)


def _complements(statement: Statement, _: Surroundings) -> Iterator[Edit]:
    """Yield ``z`` for ``1 - z``."""
    for node in statement.parts():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left):
            wanted = statement.source(node.right)
            details = {"written": statement.source(node), "wanted": wanted}
            yield Edit(3, statement.with_part(node, wanted), Kind.WRONG_VALUE, "wrong_value", details)


def _wholes(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with one value in the place of all that it computes, or of an operand."""
    for node in [statement.value, *_terms(statement.value)]:
        if isinstance(node, ast.BinOp | ast.Call):
            written = statement.source(node)
            for wanted in around.alike(quoted(statement.target)):
                details = {"written": written, "wanted": wanted}
                yield Edit(4, statement.with_part(node, wanted), Kind.WRONG_VALUE, "wrong_value", details)


def _counts(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with another count."""
    for node in statement.parts():
        written = statement.source(node)
        for wanted in around.counts if _is_count(written, around) else ():
            details = {"written": written, "wanted": wanted}
            yield Edit(2, statement.with_part(node, wanted), Kind.WRONG_VALUE, "wrong_value", details)


def _factors(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with one factor or divisor more, of the whole or of a term."""
    terms = [statement.value, *_terms(statement.value)]
    for depth, node in enumerate(dict.fromkeys(terms)):
        text = statement.source(node)
        closed = (
            f"({text})" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) else text
        )
        later = 1 if depth else 0
        for count in [*around.counts]:
            changed = statement.with_part(node, f"{closed} / {count}")
            yield Edit(4 + later, changed, Kind.MEAN_FOR_SUM, "sum_for_mean", {"m": count})
        for wanted in ("2", "0.5"):
            changed = statement.with_part(node, f"{wanted} * {closed}")
            yield Edit(4 + later, changed, Kind.MISSING_FACTOR, "missing_factor", {"factor": wanted})
        own = () if depth else _complements_of(statement)
        for formula in [*_derivatives(statement, around), *own]:
            changed = statement.with_part(node, f"{closed} * {formula}")
            details = {"derivative": _opened(formula)}
            yield Edit(3 + later, changed, Kind.ACTIVATION_DERIVATIVE, "slope_left_out", details)
        for atom in [*around.forward(statement.target), *around.atoms[: 2 * MOST_ALIKE]]:
            changed = statement.with_part(node, f"{closed} * {atom}")
            yield Edit(4 + later, changed, Kind.MISSING_FACTOR, "missing_factor", {"factor": atom})
    if not _terms(statement.value):
        return
    for node in _terms(statement.value):
        yield Edit(
            5, statement.with_part(node, f"{statement.source(node)} ** 2"), Kind.MISSING_FACTOR,
            "missing_factor", {"factor": statement.source(node)},
        )  # fmt: skip


def _slopes(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with the derivative of an activation in the place of a factor."""
    for node in statement.parts():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        for factor in (node.right, node.left):
            for formula in _derivatives(statement, around):
                text = statement.with_part(
                    factor, _opened(formula) if statement.in_brackets(factor) else formula
                )
                details = {"derivative": _opened(formula), "written": statement.source(factor)}
                yield Edit(3, text, Kind.ACTIVATION_DERIVATIVE, "slope", details)


def _more_terms(statement: Statement, around: Surroundings) -> Iterator[Edit]:
    """Yield the statement with one term more beside a value: ``value - mu`` for ``value``."""
    for node in statement.parts():
        written = quoted(statement.source(node))
        if written not in around.atoms or _in_index(statement, node):
            continue
        for wanted in (f"(1 - {written})", f"({written} - 1)"):
            details = {"written": written, "wanted": wanted[1:-1]}
            yield Edit(4, statement.with_part(node, wanted), Kind.WRONG_VALUE, "wrong_value", details)
        for atom in around.alike(written):
            for sign in "-+":
                text = statement.with_part(node, f"({written} {sign} {atom})")
                yield Edit(4, text, Kind.MISSING_PATH, "missing_term", {"term": f"{sign} {atom}"})


def _derivatives(statement: Statement, around: Surroundings) -> Iterator[str]:
    """Yield the derivatives of activations as people write them."""
    functions = [
        function
        for function in around.functions
        if function.lower().endswith(ENDINGS) or function.lower().startswith(PREFIXES)
    ]
    for atom in around.forward(statement.target):
        yield from (f"{function}({atom})" for function in functions)
        if "tanh" in around.source:
            yield f"(1 - {atom} ** 2)"
        if "np.tanh" in around.source:
            yield f"(1 - np.tanh({atom}) ** 2)"
        if "exp" in around.source:
            yield f"({atom} * (1 - {atom}))"
        if ">" in around.source or "maximum" in around.source:
            yield f"({atom} > 0)"


def _complements_of(statement: Statement) -> Iterator[str]:
    """Yield 1 minus what the statement reads: s for s(1 - s)."""
    for node in statement.parts():
        if isinstance(node, ast.Name | ast.Call) and not looks_like_claim(statement.source(node)):
            yield f"(1 - {statement.source(node)})"


def _opened(formula: str) -> str:
    return formula[1:-1] if formula.startswith("(") else formula


def _terms(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(
        node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.MatMult
    ):
        return [part for side in (node.left, node.right) for part in (side, *_terms(side))]
    if isinstance(node, ast.UnaryOp):
        return [node.operand, *_terms(node.operand)]
    return (
        [part for argument in node.args for part in (argument, *_terms(argument))]
        if isinstance(node, ast.Call)
        else []
    )


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _is_count(text: str, around: Surroundings) -> bool:
    return text in around.counts or text.startswith("len(") or ".shape[" in text


def _in_index(statement: Statement, node: ast.expr) -> bool:
    return any(
        node in set(ast.walk(part.slice)) for part in statement.parts() if isinstance(part, ast.Subscript)
    )


MAKERS: tuple[Callable[[Statement, Surroundings], Iterator[Edit]], ...] = (
    _signs, _sums, _operands, _counts, _transposes, _literals,
    _indices, _names, _complements, _wholes, _factors, _slopes, _more_terms,
)  # fmt: skip
