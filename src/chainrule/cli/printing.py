"""Writing to standard output and standard error."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDEST = 100


def line(text: str = "") -> None:
    """Write a line to standard output."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """Write an error to standard error: ``chainrule: …``."""
    sys.stderr.write(f"chainrule: {text}\n")


def json_object(value: Any) -> None:
    """Write a JSON object to standard output; NaN and infinities become strings."""
    line(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def console(stream: Any, *, free: int = 0) -> Console:
    """Return a console on a stream, `WIDEST` at most, with ``free`` columns left; colours on a terminal."""
    from rich.console import Console

    width = min(shutil.get_terminal_size((80, 24)).columns - free, WIDEST)
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)


def rendered(*parts: RenderableType) -> str:
    """Return rich text as it should be written to standard output."""
    from rich.console import Console

    target = io.StringIO()
    plain = console(target)
    if is_terminal(sys.stdout) and "NO_COLOR" not in os.environ:
        plain = Console(file=target, width=plain.width, highlight=False, emoji=False, force_terminal=True)
    for part in parts:
        plain.print(part)
    return "\n".join(text.rstrip() for text in target.getvalue().rstrip("\n").split("\n"))


def source(text: str) -> None:
    """Write Python text to standard output, in colours on a terminal."""
    text = text.rstrip("\n")
    if is_terminal(sys.stdout) and "NO_COLOR" not in os.environ:
        from rich.console import Console
        from rich.syntax import Syntax

        target = io.StringIO()
        coloured = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(text)
        Console(file=target, force_terminal=True, emoji=False).print(coloured, soft_wrap=True, end="")
        text = target.getvalue().rstrip("\n")
    line(text)


def tolerate_narrow_encodings() -> None:
    """Let characters that a stream's encoding lacks be written as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="backslashreplace")


def close_output() -> None:
    """Point standard output to nowhere after its reader went away, so that nothing fails at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def table(heads: list[str], rows: list[list[str]], left: tuple[int, ...] = (0,)) -> str:
    """Return a table with a rule under its heads; columns flush right, except those of ``left``."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, head in enumerate(heads):
        grid.add_column(head, justify="left" if place in left else "right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    return rendered(grid)


def pairs(rows: list[tuple[str, str]]) -> str:
    """Return names and values in two columns."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2), pad_edge=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(Text(name, style="bold"), Text(value))
    return rendered(grid)
