"""How wide a text is, without the font at hand: widths of a wide sans-serif, so that no reader's is wider."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# Widths in hundredths of the font size: those of DejaVu Sans or Verdana, whichever is wider.
_WIDTHS = {
    sign: width
    for width, signs in {
        28: "'ijl",
        36: " ,.f|",
        42: "tI\u00b2·",
        46: '/:;\\()-[]r!J"',
        56: "?Lcsz∂",
        60: "Fkvxy",
        72: "ABCRVXZK_",
        77: "HNU",
        84: "&DGOQw#+<=>^~−×→←≥≤∗",
        90: "M",
        101: "@Wm…",
        108: "%",
    }.items()
    for sign in signs
}
_OTHER = 66
_WIDE = 104  # Chinese, and whatever a font may draw as wide as that
BOLD = 1.13
ELLIPSIS = "…"
MOST = 400  # signs of a text that are looked at


def text_width(text: str, size: float) -> float:
    """Return the width of a text at a font size, rather too wide than too narrow.

    Examples
    --------
    >>> round(text_width("J = 45", 14), 1), text_width("梯度", 10)
    (46.8, 20.8)
    """
    return size / 100 * sum(map(_width, text))


def _width(sign: str) -> int:
    known = _WIDTHS.get(sign)
    if known is not None:
        return known
    if unicodedata.combining(sign):
        return 0
    return _WIDE if unicodedata.east_asian_width(sign) in "WFA" and ord(sign) > 0x2E00 else _OTHER


def shortened(text: str, width: float, size: float) -> str:
    """Return the text, cut off with an ellipsis where it is wider than ``width``.

    Examples
    --------
    >>> shortened("a very long name", 60, 10)
    'a very lo…'
    """
    if text_width(text, size) <= width:
        return text
    text = text[:MOST]
    while text and text_width(text + ELLIPSIS, size) > width:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """Return the text in at most ``most`` lines of this width, broken at spaces or after signs.

    Examples
    --------
    >>> wrapped("a + b * c + d", 60, 10, 2)
    ['a + b * c', '+ d']
    """
    lines = list(_lines(text[:MOST], width, size))
    if len(lines) > most:
        return [*lines[: most - 1], shortened(" ".join(lines[most - 1 :]), width, size)]
    return lines


def _lines(text: str, width: float, size: float) -> Iterator[str]:
    while text_width(text, size) > width:
        end = 1
        while text_width(text[: end + 1], size) <= width:
            end += 1
        space = text.rfind(" ", 1, end + 1)
        sign = max(text.rfind(sign, 1, end) for sign in "(,_→") + 1
        end = space if space > 0 else sign if sign > 1 else end
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    if text:
        yield text
