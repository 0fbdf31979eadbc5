"""LaTeX as MathML, for pages."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from xml.etree import ElementTree as ET

SIGN = re.compile("(<mo>&#x0003D;</mo>)<mo>(&#x02212;)</mo>")  # = -a: set as the sign of a
LETTERS = re.compile(r'(<mi mathvariant="normal">[^<]*</mi>){2,}')


@lru_cache(maxsize=4096)
def to_mathml(latex: str) -> str:
    """Return a formula as MathML; as text if it cannot be converted.

    Examples
    --------
    >>> to_mathml("x^2")
    '<math><mrow><msup><mi>x</mi><mn>2</mn></msup></mrow></math>'
    """
    from latex2mathml.converter import convert

    verbatim = re.fullmatch(r"\\texttt\{(.*)\}", latex)
    if verbatim:
        plain = re.sub(r"\\([_&%$#{}])", r"\1", verbatim[1]).replace(r"\ldots{}", "…")
        return f"<math><mtext>{escape(plain)}</mtext></math>"
    try:
        found = convert(_known(latex))
        ET.fromstring(found)  # noqa: S314 - made by us
    except Exception:  # the converter raises errors of many kinds
        return f"<math><mtext>{escape(latex)}</mtext></math>"
    inside = re.sub(r"^<math[^>]*>|</math>$", "", found)
    inside = inside.replace('mathvariant="bold"', 'style="font-weight:bold"')  # browsers know no other way
    inside = SIGN.sub(r'\1<mo form="prefix">\2</mo>', inside)
    return f"<math>{LETTERS.sub(_word, inside)}</math>"


def _known(latex: str) -> str:
    r"""Return a formula without what the converter does not know: ``\arg\max``, names with an underscore."""
    latex = re.sub(r"\\arg\\(max|min)", r"\\operatorname{arg\1}", latex)
    return re.sub(r"\\operatorname\{([^{}]*\\_[^{}]*)\}", r"\\mathrm{\1}", latex)


def _word(found: re.Match[str]) -> str:
    """Return upright letters as one word, not as a product of letters."""
    return f"<mi>{re.sub('<[^>]*>', '', found[0])}</mi>"
