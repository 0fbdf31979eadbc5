"""Expressions as text, with no more brackets than they need; numbers and arrays as text, exact to the bit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

CHOICE, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 8)
"""How tightly an expression holds together: the looser one needs brackets inside the tighter one."""

WIDTH = 96


class Text(NamedTuple):
    """An expression and how tightly it holds together."""

    text: str
    binds: int = ATOM

    def within(self, binds: int) -> str:
        """Return the expression as an operand of one that holds together so tightly."""
        return self.text if self.binds >= binds else f"({self.text})"


class Form(NamedTuple):
    """How an operation is written: ``{0}``, ``{1}`` are the operands, settings go by name.

    ``binds`` is how tightly the result holds together. The first operand must hold as tightly, the others a
    little more (a − (b − c)), unless they stand between brackets and commas anyway.
    """

    template: str
    binds: int = ATOM

    def fill(self, operands: Sequence[Text], **settings: str) -> Text:
        """Return the expression for these operands."""
        inside = [
            operand.text
            if _is_enclosed(self.template, place)
            else operand.within(min(self.binds + (place > 0), ATOM))
            for place, operand in enumerate(operands)
        ]
        return Text(self.template.format(*inside, **settings), self.binds)


def _is_enclosed(template: str, place: int) -> bool:
    """Return whether an operand stands between brackets or commas."""
    return re.search(rf"[(\[,] ?\{{{place}\}}[,)\]]", template) is not None


def number(value: Any, dtype: Any) -> str:
    """Return the shortest decimal that means this number in its dtype, also when read as float64 first.

    Examples
    --------
    >>> number(np.float32(0.1), "float32"), number(1 / 3, "float64"), number(True, "bool")
    ('0.1', '0.3333333333333333', 'True')
    """
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.kind != "f":
        return str(kind.type(value).item())
    exact = kind.type(value)
    short = str(exact)
    same = not np.isfinite(exact) or kind.type(float(short)) == exact
    return short if same else repr(float(exact))


def rows_of(entries: Sequence[str], indent: str, width: int = WIDTH) -> list[str]:
    """Return entries separated by commas, in lines as long as the page is wide."""
    text = ", ".join(entries)
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
