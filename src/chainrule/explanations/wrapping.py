"""Long lines of an explanation, broken where a reader would: before an equal sign, else at a sign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

BREAKS = (
    re.compile(r"(?= = )|(?=  \[)|(?<=: )"),
    re.compile(r"(?= [-+·∗→] )"),
    re.compile(r"(?<=, )|(?<=; )|(?= )"),
)
HANGING = 4  # more spaces before what goes on in another line
LEAST = 20  # signs that a line holds in any case


def wrapped(text: str, width: int) -> str:
    """Return a text with its long lines broken; what goes on is indented.

    Examples
    --------
    >>> print(wrapped("  dJ/dw = dJ/da ∗ ∂a/∂w = 2 · 3 = 6  [product rule]", 30))
      dJ/dw = dJ/da ∗ ∂a/∂w
          = 2 · 3 = 6
          [product rule]
    """
    return "\n".join(part for line in text.splitlines() for part in _parts(line, max(width, LEAST)))


def _parts(line: str, width: int) -> Iterator[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    hanging = indent + " " * HANGING if len(indent) + HANGING <= width // 2 else indent
    while _width(line) > width:
        end = _end(line, width, len(line) - len(line.lstrip()))
        if end is None:
            break
        yield line[:end].rstrip()
        line = hanging + line[end:].lstrip()
    yield line


def _end(line: str, width: int, start: int) -> int | None:
    """Return where a line ends: at the last place of the best kind that is not too early."""
    fits = 0
    while _width(line[: fits + 1]) <= width:
        fits += 1
    found = None
    for kind in BREAKS:
        places = [match.start() for match in kind.finditer(line) if start < match.start() <= fits]
        if places and places[-1] - start >= (fits - start) // 3:
            return places[-1]
        found = found or (places[-1] if places else None)
    return found


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
