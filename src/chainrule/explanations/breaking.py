r"""Where a long equation breaks: how wide LaTeX is set, and the places at which a row may end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

Equation = Sequence[str | Sequence[str]]  # stages that are equal; one may be the terms of a sum

LINES = 24  # of text that one block of equations is high, about
PAGE = 330.0  # points that a row may be wide, with the margins of a plain article
INDENT = 10.0
TOKEN = re.compile(r"\\begin\{\w+\}|\\end\{\w+\}|\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
WORD = re.compile(r"\\(?:mathrm|operatorname|text|texttt|mathbf|mathbb)$")
BREAKS = (r" \+ | - ", r" \\cdot | \\odot | \\, ")  # between these, first the one, then the other
INDEX = 0.75  # of the size of what it belongs to
RELATION, SIGN, DIGIT, LETTER, BRACKET, COLUMN, LARGE = 13.0, 12.0, 5.0, 6.0, 5.0, 10.0, 15.0  # in points
WIDTHS = {
    **dict.fromkeys(("=", "<", ">", r"\in", r"\le", r"\ge", r"\ne"), RELATION),
    **dict.fromkeys(("+", "-", r"\times", r"\odot", r"\otimes"), SIGN),
    **dict.fromkeys((r"\cdot", r"\ldots", r"\dots"), 8.0),
    **dict.fromkeys((".", ",", ":", "!", "|", "'"), 3.5),
    **dict.fromkeys((r"\,", r"\!", r"\ ", r"\;"), 2.0),
    **dict.fromkeys((r"\left", r"\right", r"\Bigl", r"\Bigr", r"\partial ", "&"), 0.0),
    **dict.fromkeys(("(", ")", "[", "]", r"\{", r"\}"), BRACKET),
    **dict.fromkeys((r"\sum", r"\prod"), LARGE),
    **dict.fromkeys(("W", "M", "m", "w"), 9.0),
}


@lru_cache(maxsize=4096)
def width(latex: str) -> float:
    r"""Return about how many points wide a formula is at ten points.

    Examples
    --------
    >>> width("a + b") < width(r"a + \frac{b}{c}") < width("a + b + c")
    True
    """
    return _Measured([sign for sign in TOKEN.findall(latex) if not sign.isspace()]).row()


class _Measured:
    """A walk over the tokens of a formula."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0

    def row(self, *ends: str) -> float:
        """Return the width up to one of the tokens ``ends``, which is passed."""
        total = 0.0
        while self.place < len(self.tokens):
            sign = self.tokens[self.place]
            if sign in ends:
                break
            total += self.atom()
        self.place += 1
        return total

    def atom(self) -> float:
        """Return the width of the next sign and what belongs to it."""
        if self.place >= len(self.tokens):
            return 0.0
        sign = self.tokens[self.place]
        self.place += 1
        if sign == "{":
            return self.row("}")
        if sign in ("^", "_"):
            return INDEX * self.atom()
        if sign == r"\frac":
            return max(self.atom(), self.atom()) + 2.5
        if sign == r"\sqrt":
            return self.atom() + 9.0
        if WORD.match(sign):
            return self.atom()
        if sign.startswith(r"\begin"):
            return self._table("\\end" + sign.removeprefix(r"\begin"))
        known = WIDTHS.get(sign)
        if known is not None:
            return known
        if sign.startswith("\\") and len(sign) > 2:
            is_letter = sign[1:] not in (
                "log",
                "exp",
                "tanh",
                "sinh",
                "cosh",
                "max",
                "min",
                "arctan",
                "operatorname",
            )
            return 6.5 if is_letter else DIGIT * len(sign)
        return DIGIT if sign.isdigit() else LETTER if sign.isascii() else 10.0

    def _table(self, end: str) -> float:
        """Return the width of a matrix or of cases: that of its columns."""
        columns: list[float] = []
        column, total = 0, 0.0
        while self.place < len(self.tokens) and self.tokens[self.place] != end:
            if self.tokens[self.place] in ("&", r"\\"):
                columns[column:column] = [0.0] * (column == len(columns))
                columns[column] = max(columns[column], total)
                column, total = (column + 1 if self.tokens[self.place] == "&" else 0), 0.0
                self.place += 1
            else:
                total += self.atom()
        self.place += 1
        columns[column:column] = [0.0] * (column == len(columns))
        columns[column] = max(columns[column], total)
        return sum(columns) + COLUMN * len(columns) + 4.0


def pieces(latex: str, room: float) -> Iterator[str]:
    r"""Yield the pieces of a formula between which a row may end, each beginning with its sign.

    Pieces that are wider than ``room`` are broken further, at products and inside of parentheses.

    Examples
    --------
    >>> list(pieces(r"a + \left(b + c\right)", 100.0))
    ['a', '+ \\left(b + c\\right)']
    >>> list(pieces(r"a + \left(b + c\right)", 30.0))
    ['a', '+ \\Bigl(b', '+ c\\Bigr)']
    """
    for sign in BREAKS:
        parts = _split(latex, sign)
        if len(parts) > 1:
            for part in parts:
                yield from pieces(part, room) if width(part) > room else [part]
            return
    opened = _opened(latex) if width(latex) > room else latex
    if opened == latex:
        yield latex
    else:
        yield from pieces(opened, room)


def _split(latex: str, sign: str) -> list[str]:
    """Return a formula broken before the signs that stand in no group; the first keeps its own sign."""
    parts, start = [], 0
    for found in re.finditer(sign, latex):
        before = latex[start : found.start()]
        if before.strip() and not _depth(latex[: found.start()]) and before.strip() not in ("+", "-"):
            parts.append(before)
            start = found.start() + 1
    return [*parts, latex[start:]]


def _depth(latex: str) -> int:
    opened = len(re.findall(r"(?<!\\)\{|\\left(?![a-z])|\\begin", latex))
    return opened - len(re.findall(r"(?<!\\)\}|\\right(?![a-z])|\\end", latex))


def _opened(latex: str) -> str:
    r"""Return a formula whose first outermost ``\left( … \right)`` of more than one term may be broken."""
    for found in re.finditer(r"\\left\(", latex):
        if _depth(latex[: found.start()]):
            continue
        for end in re.finditer(r"\\right\)", latex[found.end() :]):
            inside = latex[found.end() : found.end() + end.start()]
            if not _depth(inside):
                if len(_split(inside, BREAKS[0])) > 1 or len(_split(inside, BREAKS[1])) > 1:
                    rest = latex[found.end() + end.end() :]
                    return rf"{latex[: found.start()]}\Bigl({inside}\Bigr){rest}"
                break
    return latex


def aligned(equations: Iterable[Equation]) -> Iterator[str]:
    """Yield equations in ``align*`` blocks that fit on a page, long ones in several rows."""
    block: list[str] = []
    height = 0
    listed = list(equations)
    room = PAGE - max((width(str(equation[0])) for equation in listed), default=0.0)
    for equation in listed:
        rows = list(_rows(equation, room))
        lines = sum(1 + row.count(r"\\") + (r"\frac" in row) for row in rows)
        if block and height + lines > LINES:
            yield _block(block)
            block, height = [], 0
        block += rows
        height += lines
    if block:
        yield _block(block)


def _block(rows: Sequence[str]) -> str:
    inside = " \\\\\n".join(rows)
    return f"\\begin{{align*}}\n{inside}\n\\end{{align*}}"


def _rows(equation: Equation, room: float) -> Iterator[str]:
    """Return an equation's rows: the first stage, an equal sign, the second, and so on; long ones broken."""
    first, *stages = [[stage] if isinstance(stage, str) else list(stage) for stage in equation]
    row, taken = first[0], 0.0
    for stage in stages:
        signed = [f"+ {term}" if place else term for place, term in enumerate(stage)]
        parts = [part for term in signed for part in _broken(term, room)]
        whole = RELATION + sum(map(width, parts))
        if taken and taken + whole > room >= whole:
            yield row
            row, taken = "", 0.0
        for place, part in enumerate(parts):
            sign = "" if place or part.startswith(r"\in ") else "= "
            wide = width(part) + (RELATION if sign else 0.0)
            if taken and taken + wide > room:
                yield row
                row, taken = "", 0.0
            start = "" if taken else "&{} " if place else "&"
            row += f"{' ' if row else ''}{start}{sign}{part}"
            taken += wide + (INDENT if start == "&{} " else 0.0)
    yield row


def _broken(term: str, room: float) -> list[str]:
    """Return a term whole if it fits into a row, else its pieces."""
    return [term] if width(term) + RELATION <= room else list(pieces(term, room - RELATION - INDENT))
