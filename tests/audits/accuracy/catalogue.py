"""The programs of the suite, and the single errors planted in them.

A program is a file of ``tests/audits/programs``; what is known of it, and the errors, are in a file of
``planted`` with the same name::

    cost = "J"                      # what is differentiated, at the last line that assigns it
    until = "W -= rate * dW"        # before this line the proof stops: the end of the first step
    planted = [                     # instead of what, what, in which claim, of which kind or kinds
        ["dZ = A - Y", "dZ = A + Y", "dZ", "sign"],
    ]
    [audit]                         # arguments of the audit, where the program alone does not suffice
    call = "f(1.0)"
    [final]                         # claims about parameters: what they claim the derivative of
    dW = "W"
    [between]                       # the others, of which a common factor is accepted
    dZ = { of = "Z", scale = "m" }  # scale: the factor of the program's convention

A claim and its variable may say after which line they have their values (``claimed``, ``made``); without that
it is the last line that assigns them. The line to name is the error's, unless further ones follow the kinds.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROGRAMS = HERE.parent / "programs"
KINDS = (
    "sign",
    "missing_factor",
    "extra_factor",
    "mean_for_sum",
    "missing_path",
    "doubled_path",
    "activation_derivative",
    "transpose",
    "shape",
    "wrong_value",
    "wrong_number",
    "unused_value",
)


@dataclass(frozen=True)
class Stated:
    """A claim of a program: its name, its variable, and the lines after which the two have their values."""

    name: str
    of: str
    claimed: int
    made: int
    scale: str
    final: bool


@dataclass(frozen=True)
class Program:
    """A correct program."""

    name: str
    source: str
    cost: str
    cost_line: int
    until: int | None
    claims: tuple[Stated, ...]
    audit: dict[str, Any]


@dataclass(frozen=True)
class Planted:
    """A program with one error: ``source``, and the claim, its lines and kinds that the audit should name."""

    program: Program
    old: str
    new: str
    source: str
    root: str
    lines: frozenset[int]
    kinds: tuple[str, ...]

    @property
    def label(self) -> str:
        """The error in a line."""
        return f"{self.program.name}:{min(self.lines)} {self.root}: {self.old!r} -> {self.new!r}"


def names() -> list[str]:
    """Return the names of all programs."""
    return sorted(path.stem for path in PROGRAMS.glob("*.py"))


def line_of(source: str, fragment: str) -> int:
    """Return the number of the only line that holds a text."""
    found = [n for n, line in enumerate(source.splitlines(), 1) if fragment in line]
    if len(found) != 1:
        raise LookupError(f"{fragment!r} is on lines {found}")
    return found[0]


def last_assignment(source: str, name: str, before: int | None = None) -> int:
    """Return the line of the last statement that assigns a name, an entry or an attribute."""
    wanted = ast.unparse(ast.parse(name, mode="eval"))
    lines = []
    for statement in ast.walk(ast.parse(source)):
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            if any(assigns(part, wanted) for part in parts):
                lines.append(statement.lineno)
    lines = [line for line in lines if before is None or line <= before]
    if not lines:
        raise LookupError(f"nothing assigns {name!r}")
    return max(lines)


def assigns(target: ast.expr, wanted: str) -> bool:
    """Return whether a target of an assignment is the wanted one, or entries of it."""
    while ast.unparse(target) != wanted:
        if not isinstance(target, ast.Subscript):
            return False
        target = target.value
    return True


def program(name: str) -> Program:
    """Return a program and what is known of it."""
    source = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
    table = table_of(name)
    cost = table["cost"]
    cost_line = line_of(source, table["cost_line"]) if "cost_line" in table else last_assignment(source, cost)
    claims = []
    for group in ("final", "between"):
        for claim, entry in table.get(group, {}).items():
            known = {"of": entry} if isinstance(entry, str) else entry
            of, written = known["of"], known.get("name", claim)
            claims.append(
                Stated(
                    name=written,
                    of=of,
                    claimed=(
                        line_of(source, known["claimed"])
                        if "claimed" in known
                        else last_assignment(source, written)
                    ),
                    made=(
                        line_of(source, known["made"])
                        if "made" in known
                        else last_assignment(source, of, cost_line)
                    ),
                    scale=known.get("scale", "1"),
                    final=group == "final",
                )
            )
    until = line_of(source, table["until"]) if "until" in table else None
    return Program(name, source, cost, cost_line, until, tuple(claims), table.get("audit", {}))


def table_of(name: str) -> dict[str, Any]:
    """Return what is known of a program."""
    return tomllib.loads((HERE / "planted" / f"{name}.toml").read_text(encoding="utf-8"))


def planted(name: str) -> list[Planted]:
    """Return the errors planted in a program."""
    whole = program(name)
    return [one_error(whole, entry) for entry in table_of(name).get("planted", [])]


def one_error(whole: Program, entry: list[Any]) -> Planted:
    """Return a program with one error: an entry is old text, new text, claim, kinds and perhaps its line."""
    old, new, root, kinds, *line = entry
    if whole.source.count(old) != 1:
        raise LookupError(f"{whole.name}: {old!r} occurs {whole.source.count(old)} times")
    source = whole.source.replace(old, new)
    if source.count("\n") != whole.source.count("\n"):
        raise ValueError(f"{whole.name}: an error keeps all line numbers")
    places = line or [old.splitlines()[0]]
    lines = frozenset(line_of(whole.source, place) for place in places)
    unknown = set(kinds.split()) - set(KINDS)
    if unknown:
        raise ValueError(f"{whole.name}: no such kind {unknown}")
    return Planted(whole, old, new, source, root, lines, tuple(kinds.split()))
