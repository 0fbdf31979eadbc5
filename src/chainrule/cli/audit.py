"""``chainrule audit``: the derivatives in a script, judged line by line."""

from __future__ import annotations

import os
import sys

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT

WRONG = 1
COLOURS = {"right": "32", "wrong": "31", "inherited": "33"}


def command() -> Command:
    """Return the command."""
    return Command(
        "audit",
        run,
        [
            Argument("file"),
            Option("--of", TEXT),
            Option("--cost", TEXT),
            Option("--call", TEXT),
            Option("--at", TEXT, multiple=True),
        ],
    )


def run(
    file: str, of: str | None, cost: str | None, call: str | None, at: tuple[str, ...], json: bool
) -> int:
    """Audit a script; return 1 if something is wrong."""
    from pathlib import Path

    from chainrule.audits import audit
    from chainrule.cli.user_function import values_of

    report = audit(Path(file), of=of, cost=cost, call=call, at=values_of(at) or None)
    if json:
        printing.json_object(report.to_dict())
    else:
        printing.line(report.to_text(style=_coloured if _has_colours() else _plain))
    return 0 if report.ok else WRONG


def _has_colours() -> bool:
    return printing.is_terminal(sys.stdout) and "NO_COLOR" not in os.environ


def _coloured(text: str, status: str) -> str:
    return f"\x1b[{COLOURS[status]}m{text}\x1b[0m"


def _plain(text: str, _: str) -> str:
    return text
