"""Is a claim right? Programs are run as plain Python, and variables are nudged where they are made.

Nothing here knows of the audit: it is central differences on the program's own text.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from audits.accuracy.catalogue import Planted, Program, Stated

STEP = 1e-5
NEAR = 1e-6  # a right claim is nearer to the central difference than this, relative to the largest entry
FAR = 1e-3  # and a wrong one farther away than that


class _StoppedHereError(Exception):
    """The first step of the program is over."""


def instrumented(source: str, marks: dict[int, list[str]], until: int | None) -> str:
    """Return the program with statements after given lines, and a stop before another."""
    ends: dict[int, list[str]] = {}
    starts: dict[int, str] = {}
    for line, statements in marks.items():
        found = innermost(source, line)
        assert found.end_lineno is not None
        indent = " " * found.col_offset
        if isinstance(found, ast.Return):
            starts[found.lineno] = "".join(f"{indent}{s}\n" for s in statements)
        else:
            ends.setdefault(found.end_lineno, []).extend(indent + s for s in statements)
    if until is not None:
        found = innermost(source, until)
        starts[found.lineno] = starts.get(found.lineno, "") + " " * found.col_offset + "_stop_()\n"
    written = []
    for number, text in enumerate(source.splitlines(), 1):
        written.append(starts.get(number, "") + text)
        written += ends.get(number, [])
    return "\n".join(written) + "\n"


def innermost(source: str, line: int) -> ast.stmt:
    """Return the statement of a line: the last that begins on it or before and does not end before it."""
    candidates = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(candidates, key=lambda node: node.lineno)


@dataclass
class Run:
    """One run of a program: what the cost and the claims were when last seen."""

    nudged: str = ""
    visit: int = 0
    index: tuple[int, ...] = ()
    by: float = 0.0
    seen: dict[str, Any] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)

    def see(self, name: str, value: Any, scale: Any = 1) -> None:
        """Remember a value."""
        self.seen[name] = np.array(value, dtype=float), float(scale)

    def nudge(self, name: str, value: Any) -> Any:
        """Return the value of a variable, one entry of it changed if it is its turn."""
        self.visits[name] = self.visits.get(name, 0) + 1
        self.seen["shape of " + name] = np.shape(value)
        if name != self.nudged or self.visits[name] != self.visit:
            return value
        changed = np.array(value, dtype=float)
        changed[self.index] += self.by
        return changed if isinstance(value, np.ndarray) else changed.tolist()


def stop() -> None:
    """End the program."""
    raise _StoppedHereError


def prepared(program: Program, source: str, claims: tuple[Stated, ...]) -> Callable[..., Run]:
    """Return a function that runs the program, with an entry of a variable nudged or without."""
    marks: dict[int, list[str]] = {}
    for claim in claims:
        marks.setdefault(claim.made, []).append(f"{claim.of} = _nudge_({claim.of!r}, {claim.of})")
        marks.setdefault(claim.claimed, []).append(f"_see_({claim.name!r}, {claim.name}, {claim.scale})")
    marks.setdefault(program.cost_line, []).append(f"_see_('the cost', {program.cost})")
    text = source + "\n" + program.audit.get("call", "") + "\n"
    code = compile(instrumented(text, marks, program.until), program.name, "exec")

    def run(**nudge: Any) -> Run:
        state = Run(**nudge)
        names = {"__name__": "__main__", "_see_": state.see, "_nudge_": state.nudge, "_stop_": stop}
        np.random.seed(3)  # noqa: NPY002 - the programs' own
        with contextlib.suppress(_StoppedHereError), contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)
        return state

    return run


def differences(run: Callable[..., Run], first: Run, variable: str) -> np.ndarray:
    """Return the derivative of the cost by all entries of a variable, by central differences."""
    shape = first.seen["shape of " + variable]
    gradient = np.zeros(shape)
    for index in np.ndindex(shape):
        costs = [
            run(nudged=variable, visit=first.visits[variable], index=index, by=by).seen["the cost"][0]
            for by in (STEP, -STEP)
        ]
        gradient[index] = (costs[0] - costs[1]) / (2 * STEP)
    return gradient


def wrongness(program: Program, source: str) -> dict[str, tuple[float, bool]]:
    """Return for each claim how far it is from the truth, and whether it is a multiple of it.

    The distance is relative to the largest entry; it is infinite for another shape.
    """
    run = prepared(program, source, program.claims)
    first = run()
    found = {}
    for claim in program.claims:
        claimed, scale = first.seen[claim.name]
        true = scale * differences(run, first, claim.of)
        size = max(float(np.max(np.abs(true))), float(np.max(np.abs(claimed))), 1e-6)
        if claimed.shape != true.shape:
            found[claim.name] = float("inf"), False
            continue
        overlap = float(np.sum(claimed * true) / max(float(np.sum(true * true)), 1e-12))
        multiple = bool(np.max(np.abs(claimed - overlap * true)) < FAR * size and abs(overlap) > FAR)
        found[claim.name] = float(np.max(np.abs(claimed - true))) / size, multiple
    return found


def proved_wrong(error: Planted) -> bool:
    """Return whether the claim at the root is wrong, by central differences.

    What lies between the parameters and is a multiple of the truth, or is no claim by its name, is wrong only
    if a parameter's gradient is.
    """
    found = wrongness(error.program, error.source)
    final = {claim.name: claim.final for claim in error.program.claims}
    any_final = any(found[name][0] > FAR for name in final if final[name])
    if error.root not in found:
        return any_final
    distance, multiple = found[error.root]
    return distance > FAR and (final[error.root] or not multiple or any_final)
