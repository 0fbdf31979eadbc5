"""From the text of a formula to its numbers, names and operators; nothing else can get through."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from typing import Literal, NamedTuple

from chainrule.errors import ExpressionError
from chainrule.text import say

MOST_CHARACTERS = 10_000
SHOWN = 60

Kind = Literal["number", "name", "sign", "end"]

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|[-+*/(),])"
)
# Signs that people type or paste for Python's; all are one character, so that columns stay where they are.
_SAME = {ord(other): usual for other, usual in zip("×·⋅∗÷∕−–", "****//--", strict=True)}
_SAME |= {0xFEE0 + code: chr(code) for code in (*range(0x28, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B))}
_INSTEAD = {"^": "**", "²": "** 2", "³": "** 3", "√": "sqrt(…)", "[": "(", "]": ")", "{": "(", "}": ")"}


class Token(NamedTuple):
    """A piece of the formula, and the column at which it begins."""

    kind: Kind
    text: str
    position: int


def usual_signs(text: str) -> str:
    """Return the formula with × · ÷ − and full-width signs written as Python writes them.

    Examples
    --------
    >>> usual_signs("２×（a−b）")
    '2*(a-b)'
    """
    return text.translate(_SAME)


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a formula, the last of kind "end".

    Raises
    ------
    ExpressionError
        If the text is too long or holds anything but numbers, names, ``+ - * / ** ( ) ,``.

    Examples
    --------
    >>> [token.text for token in tokenise("3*(a + b1)")]
    ['3', '*', '(', 'a', '+', 'b1', ')', '']
    """
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError("expression.long", length=len(text), most=MOST_CHARACTERS)
    written = usual_signs(text)
    tokens: list[Token] = []
    position = 0
    while position < len(written):
        match = _TOKEN.match(written, position)
        if match is None or match.lastgroup is None:
            raise _unusable(text, position)
        if match.lastgroup != "space":
            tokens.append(_checked(text, match.lastgroup, match.group(), position))
        position = match.end()
    return [*tokens, Token("end", "", len(written))]


def _checked(text: str, kind: str, piece: str, position: int) -> Token:
    if kind == "number":
        if not math.isfinite(float(piece)):
            raise fault("expression.huge", text, position, number=_shortened(piece))
        return Token("number", piece, position)
    if kind == "sign":
        return Token("sign", piece, position)
    if not piece.isidentifier():
        bad = next(place for place in range(len(piece)) if not piece[: place + 1].isidentifier())
        raise _unusable(text, position + bad)
    if keyword.iskeyword(piece):
        raise fault("expression.keyword", text, position, name=piece)
    return Token("name", unicodedata.normalize("NFKC", piece), position)


def _unusable(text: str, position: int) -> ExpressionError:
    sign = text[position]
    instead = (
        say("expression.instead", sign=_INSTEAD[sign]) if sign in _INSTEAD else say("expression.allowed")
    )
    shown = sign if sign.isprintable() else ascii(sign)[1:-1]
    return fault("expression.character", text, position, sign=shown, instead=instead)


def _shortened(piece: str) -> str:
    return piece if len(piece) <= 20 else piece[:20] + "…"


def fault(key: str, text: str, position: int, **values: object) -> ExpressionError:
    """Return the error for a fault at a column of the formula; the message ends with a caret under it."""
    return ExpressionError(key, position=position, **values, caret=caret(text, position))


def caret(text: str, position: int) -> str:
    r"""Return two lines: the formula (its surroundings, if it is long) and a caret under the column.

    Examples
    --------
    >>> caret("3*(a+", 5)
    '\n  3*(a+\n       ^'
    """
    first = max(0, min(position - SHOWN // 2, len(text) - SHOWN))
    window = "".join(sign if sign.isprintable() else " " for sign in text[first : first + SHOWN])
    before = ("… " if first else "") + window[: position - first]
    after = window[position - first :] + (" …" if first + SHOWN < len(text) else "")
    return f"\n  {before}{after}\n  {' ' * sum(map(_cells, before))}^"


def _cells(sign: str) -> int:
    """Return how many columns of a terminal a character takes."""
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
