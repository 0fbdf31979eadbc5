"""The one statement with which a script is right: found by trying small edits of its text.

The searches of `diagnosis` change a node, or those of one place in a loop. What they cannot explain may still
be one edit of a line: an index, a ``=`` for a ``+=``, or a value that no name announces and that several
claims read.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.audits.audited import Audited, judge
from chainrule.audits.derivation import Derivation
from chainrule.audits.diagnosis.case import Kind
from chainrule.audits.edits import Edit, Surroundings, edits, meaning, quoted
from chainrule.audits.judging import mentions
from chainrule.audits.points import agree
from chainrule.audits.report import Status
from chainrule.audits.statements import Statement
from chainrule.graph.order import ancestors

MOST_STEPS = 30_000  # of reading the script, in one audit
MOST_LINES = 8
MOST_NESTED = 2  # calls inside of calls
READ = 6  # how much longer it takes to judge a script than to try its numbers
MOST_COUNTED = 1e6
CALLED = frozenset({"np", "numpy", "math", "range", "len", "print", "self"})


class Repair(NamedTuple):
    """A line, what should stand there and why; the claims that are right then; what the line computes."""

    line: int
    edit: Edit
    places: tuple[int, ...]
    name: str
    claimed: Any
    true: Any


class Repairs:
    """Tries edits of a script's statements, a bounded number of them."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.steps = MOST_STEPS
        self.read = 0
        self.statements = dict(_statements(derivation.source))
        self.functions = _functions(derivation.source)

    def of(
        self,
        audited: Audited,
        places: Sequence[int],
        kinds: Collection[Kind] = tuple(Kind),
    ) -> Repair | None:
        """Return the edit of one line, of one of some kinds, with which claims at some places are right."""
        if self.derivation.tried is None or any(audited.judge.is_number(place) for place in places):
            return None
        if self.steps <= 0:
            return None
        lines = self._lines(audited, places)
        own = self._own(lines)
        if own is None:
            return None
        wanted = {place: self._spots(audited, place, own) for place in places}
        around = {line: _surroundings(self.derivation, line, own) for line in lines}
        found = [
            (edit.cost + (0.5 if far else 0) + 0.05 * far, far, line, edit)
            for far, line in enumerate(lines)
            for edit in edits(self.statements[line], around[line])
            if edit.kind in kinds
        ]
        seen = {(line, meaning(self.statements[line].text)) for line in lines}
        for _, _, line, edit in sorted(found, key=lambda row: row[:2]):
            if self.steps <= 0:
                return None
            if (line, meaning(edit.text)) in seen:
                continue
            seen.add((line, meaning(edit.text)))
            tried = self._try(line, edit.text)
            if tried is not None and all(
                any(self._is(audited, place, value) for spot in spots for value in self._there(tried, spot))
                for place, spots in wanted.items()
            ):
                repair = self._verified(audited, places, line, edit)
                if repair is not None:
                    return repair
        return None

    def _try(self, line: int, text: str) -> Any:
        assert self.derivation.tried is not None
        tried = self.derivation.tried(line, text)
        if tried is not None:
            self.read = tried.steps
        self.steps -= self.read
        return tried

    def _own(self, lines: Sequence[int]) -> Any:
        return self._try(lines[0], self.statements[lines[0]].text) if lines else None

    def _spots(self, audited: Audited, place: int, own: Any) -> list[tuple[str, int, int]]:
        """Return where the script has a claim's value: names, and which of how many values of this name."""
        claimed = audited.judgements[place].claimed[:1]
        return [
            (name, number, len(values))
            for name in own.names
            for values in [own.values(name)]
            for number, value in enumerate(values)
            if value.dtype.kind in "biuf" and agree([value], claimed)
        ]

    @staticmethod
    def _there(tried: Any, spot: tuple[str, int, int]) -> list[Any]:
        """Return the value at a spot of another reading; all of its name if there are more or less."""
        name, number, count = spot
        values: list[Any] = tried.values(name)
        return values[number : number + 1] if len(values) == count else values

    def _is(self, audited: Audited, place: int, value: Any) -> bool:
        target = audited.judgements[place].target[:1]
        return value.dtype.kind in "biuf" and agree([value], target, audited.judge.floor)

    def _lines(self, audited: Audited, places: Sequence[int]) -> list[int]:
        """Return the lines on which all these claims depend, and no right claim between, the last first."""
        right = [
            judgement.claim.node
            for judgement, status in zip(audited.judgements, audited.statuses, strict=True)
            if status is Status.RIGHT
        ]
        common: set[int] | None = None
        for place in places:
            claim = audited.judgements[place].claim
            stop = {*right, *audited.judge.truths.forward} - {claim.node}
            made = {self.derivation.lines.get(node, 0) for node in ancestors([claim.node], stop)}
            made = self._with_aliases(made | set(claim.lines))
            common = made if common is None else common & made
        known = [line for line in common or () if line in self.statements]
        claimed = {line for place in places for line in audited.judgements[place].claim.lines}
        scopes = {self._scope(line) for line in claimed}
        texts = [self._text(audited.judgements[place].claim.lines) for place in places]
        late = []
        for line in known:
            unread = sum(line not in claimed and not mentions(text, self._base(line)) for text in texts)
            late.append((self._scope(line) not in scopes, unread, -line, line))
        return [line for *_, line in sorted(late)][:MOST_LINES]

    def _scope(self, line: int) -> int:
        """Return the line on which the function around a line begins; 0 outside of functions."""
        return max((first for first, last, _ in self.functions if first <= line <= last), default=0)

    def _text(self, lines: Sequence[int]) -> str:
        """Return what some lines compute, each after a sign of equality."""
        return "=" + "\n".join(
            self.statements[line].source(self.statements[line].value)
            for line in lines
            if line in self.statements
        )

    def _base(self, line: int) -> str:
        return self.statements[line].target.partition("[")[0]

    def name(self, line: int) -> str:
        """Return what a line gives a value to; of a return, the function."""
        if isinstance(self.statements[line].node, ast.Return):
            inside = [name for first, last, name in self.functions if first <= line <= last]
            return inside[-1] if inside else self.statements[line].target
        return self.statements[line].target

    def _is_copy(self, line: int) -> bool:
        return isinstance(self.statements[line].value, ast.Name | ast.Subscript | ast.Attribute)

    def _with_aliases(self, lines: set[int]) -> set[int]:
        """Return lines with those that compute nothing: copies that they read, and what helpers return."""
        found, first = lines, min(lines, default=0)
        scopes = {self._scope(line) for line in lines}
        for _ in range(MOST_NESTED):
            read = self._text(sorted(found))
            found = found | {
                line
                for line, statement in self.statements.items()
                if (
                    self._is_copy(line)
                    and line > first
                    and self._scope(line) in scopes
                    and mentions(read, statement.target)
                )
                or (isinstance(statement.node, ast.Return) and f"{self.name(line)}(" in read)
            }
        return found

    def _verified(self, audited: Audited, places: Sequence[int], line: int, edit: Edit) -> Repair | None:
        old = self.derivation
        new = old.rewritten(line, edit.text) if old.rewritten is not None else None
        if new is None:
            return None
        self.steps -= READ * self.read
        shown = audited.judge.truths.cost is old.shown_cost
        other = judge(new, new.shown_cost if shown else None)
        wrong = {
            judgement.claim.name
            for judgement, status in zip(other.judgements, other.statuses, strict=True)
            if status is Status.WRONG
        }
        if wrong & {audited.judgements[place].claim.name for place in places} or other.wrong >= audited.wrong:
            return None
        name = self.name(line)
        claimed, true = _value(audited, name, line), _value(other, name, line)
        return Repair(line, edit, tuple(places), name, claimed, true)


def _value(audited: Audited, name: str, line: int) -> Any:
    """Return the last value that a line gave to a name, at the script's own numbers."""
    derivation = audited.judge.derivation
    made = [
        node
        for node, known in derivation.names.items()
        if known == name and derivation.lines.get(node) == line
    ]
    return audited.judge.points.of(max(made, key=lambda node: node.serial))[0] if made else None


def _statements(source: str) -> Iterator[tuple[int, Statement]]:
    """Yield the statements that can be edited, each with its line."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return):
            try:
                yield node.lineno, Statement(ast.get_source_segment(source, node) or "")
            except SyntaxError:
                continue


def _functions(source: str) -> list[tuple[int, int, str]]:
    """Return the first and the last line of each function, and its name, the innermost last."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return sorted((node.lineno, node.end_lineno or node.lineno, node.name) for node in found)


def _surroundings(derivation: Derivation, line: int, own: Any) -> Surroundings:
    """Return what a statement could have used: what is named in its function, the nearest first."""
    tree = ast.parse(derivation.source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = [node for node in functions if node.lineno <= line <= (node.end_lineno or 0)]
    scope: ast.AST = max(inside, key=lambda node: node.lineno) if inside else tree
    names = {node.name for node in functions} | CALLED
    called = {id(node.func) for node in ast.walk(scope) if isinstance(node, ast.Call)}
    found: dict[str, int] = {}
    for node in ast.walk(scope):
        text = "" if id(node) in called else _atom(node)
        if text and text not in names and isinstance(node, ast.expr):
            far = abs(node.lineno - line)
            found[text] = min(far, found.get(text, far))
    atoms = [text for text in sorted(found, key=lambda text: found[text]) if _is_known(text, own)]
    shapes = {text: _shapes(text, own) for text in atoms}
    rounds = [
        _atom(node.target) for node in ast.walk(scope) if isinstance(node, ast.For) and _around(node, line)
    ]
    whole = [text for text in atoms if _is_whole(own.values(text)) and text not in rounds]
    lengths = [ast.unparse(n) for n in ast.walk(scope) if isinstance(n, ast.Call) and _is_length(n)]
    return Surroundings(
        tuple([text for text in atoms if text not in rounds]),
        {text: shape for text, shape in shapes.items() if shape},
        tuple(dict.fromkeys([*whole, *lengths])),
        tuple([node.name for node in functions]),
        tuple([name for name in rounds if name]),
        frozenset(leaf.name for leaf in derivation.leaves),
        derivation.source,
    )


def _shapes(text: str, own: Any) -> set[tuple[int, ...]]:
    """Return the shapes of a value; of an entry of an array, those of all entries."""
    found = {np.shape(value) for value in own.values(text)}
    base, bracket, index = text.partition("[")
    if not found and bracket and not set(index) & set(':,"'):
        found = {np.shape(value)[1:] for value in own.values(base) if np.ndim(value)}
    return found


def _atom(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
        return "" if node.value.id in CALLED - {"self"} else quoted(ast.unparse(node))
    return ""


def _is_known(text: str, own: Any) -> bool:
    """Return whether a text stands for a number or an array, as far as is known."""
    base = text.partition("[")[0].partition(".")[0]
    return bool(own.values(text) or (base != text and any(name.startswith(base) for name in own.names)))


def _around(node: ast.For, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


def _is_length(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id == "len"


def _is_whole(values: Sequence[Any]) -> bool:
    return any(
        value.ndim == 0 and value.dtype.kind in "iuf" and 1 < value < MOST_COUNTED and value == int(value)
        for value in values
    )
