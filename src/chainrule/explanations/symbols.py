"""Names, numbers and arrays as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule.explanations.formulas import FEW, number

GREEK = {
    *(
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
    ),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta"),
    *("Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"),
}
SHORT = 3  # letters of a name whose digits are an index
MARKS = (("′", "_prime"), ("\N{COMBINING CIRCUMFLEX ACCENT}", "_hat"))  # on names, in words
ACCENTS = ("hat", "bar", "tilde", "dot", "vec")
SPECIAL = {"inf": r"\infty", "nan": r"\mathrm{NaN}", "True": r"\mathrm{True}", "False": r"\mathrm{False}"}
NONE: Mapping[str, str] = MappingProxyType({})
PLACES_APART = r",\,"


def told_apart(names: Iterable[str]) -> dict[str, str]:
    r"""Return LaTeX for the names that would look like another, such as x_2 beside x2: as they are written.

    Examples
    --------
    >>> print(told_apart(["x2", "x_2", "y"])["x_2"])
    \mathrm{x\_2}
    """
    seen: dict[str, str] = {}
    for name in sorted(names, key=lambda name: ("_" in name, name)):
        seen.setdefault(in_symbols(name), name)
    return {
        name: rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
        for name in names
        if seen[in_symbols(name)] != name
    }


def derivative(output: str, name: str, sign: str = r"\mathrm{d}", apart: Mapping[str, str] = NONE) -> str:
    r"""Return a derivative as a fraction.

    Examples
    --------
    >>> print(derivative("J", "w_1"))
    \frac{\mathrm{d}J}{\mathrm{d}w_{1}}
    """
    return rf"\frac{{{sign}{in_symbols(output, apart)}}}{{{sign}{in_symbols(name, apart)}}}"


def in_symbols(name: str, apart: Mapping[str, str] = NONE) -> str:
    r"""Return a name as LaTeX: digits and what follows _ as an index, Greek letters as such.

    ``apart`` has the LaTeX of names that are written otherwise; see `told_apart`.

    Examples
    --------
    >>> print(in_symbols("W1"), in_symbols("y_hat"), in_symbols("delta_l2"), in_symbols("loss"))
    W_{1} \hat{y} \delta_{l2} \mathrm{loss}
    """
    if name in SPECIAL or name in apart:
        return apart.get(name) or SPECIAL[name]
    array, bracket, places = name.removesuffix("]").partition("[")
    if bracket:
        whole, inside = in_symbols(array, apart), places.replace(", ", PLACES_APART)
        return rf"{whole}[{inside}]" if "_" in whole else f"{{{whole}}}_{{{inside}}}"
    for mark, word in MARKS:
        name = name.replace(mark, word)
    head, *indices = [part for part in name.split("_") if part] or [""]
    accents = [part for part in indices if part in ACCENTS]
    primes = "'" * indices.count("prime")
    indices = [part for part in indices if part not in (*ACCENTS, "prime")]
    letters = head.rstrip("0123456789")
    if 0 < len(letters) < len(head) and (letters in GREEK or len(letters) <= SHORT):
        head, indices = letters, [head[len(letters) :], *indices]
    symbol = _letters(head)
    for accent in accents:
        symbol = rf"\{accent}{{{symbol}}}"
    return f"{symbol}{primes}_{{{','.join(map(_index, indices))}}}" if indices else symbol + primes


def _letters(word: str) -> str:
    if word in GREEK:
        return f"\\{word}"
    if len(word) == 1 and not word.isascii():
        return _unicode_letter(word)
    if word.isascii():
        return word if len(word) == 1 else rf"\mathrm{{{word}}}" if word else r"\_"
    return rf"\text{{{word}}}"


def _unicode_letter(letter: str) -> str:
    """Return η as its command; other letters as text."""
    found = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", unicodedata.name(letter, ""))
    name = "" if found is None else found[2].lower() if found[1] == "SMALL" else found[2].title()
    name = {"lamda": "lambda", "Lamda": "Lambda"}.get(name, name)
    return f"\\{name}" if name in GREEK else rf"\text{{{letter}}}"


def _index(part: str) -> str:
    return part if part.isascii() and (part.isdigit() or len(part) < 3) else _letters(part)


def verbatim(text: str) -> str:
    r"""Return a text as it is, for what is no formula.

    Examples
    --------
    >>> print(verbatim("a_1 if b else 2"))
    \texttt{a\_1 if b else 2}
    """
    marks = {
        "\\": r"\textbackslash{}",
        "…": r"\ldots{}",
        "^": r"\^{}",
        "~": r"\~{}",
        "²": r"\textsuperscript{2}",
    }
    marks.update({mark: f"\\{mark}" for mark in "_&%$#{}"})
    return rf"\texttt{{{''.join(marks.get(mark, mark) for mark in text)}}}"


def value_in_latex(value: Any, *, column: bool = False) -> str:
    r"""Return a number or a small array as LaTeX; of a large array the space it is in.

    The entries of an array are given in four digits. A vector is a row; as a ``column``, one transposed.

    Examples
    --------
    >>> print(value_in_latex(1.5e-7), value_in_latex(np.zeros((20, 3))), sep="   ")
    1.5 \times 10^{-7}   \in \mathbb{R}^{20 \times 3}
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return number_in_latex(array)
    if array.size > FEW or array.ndim > 2 or not array.size:
        lengths = r" \times ".join(map(str, array.shape))
        return rf"\in \mathbb{{R}}^{{{lengths}}}"
    rows = [[number_in_latex(float(f"{entry:.4g}")) for entry in row] for row in np.atleast_2d(array)]
    return matrix(rows) + ("^T" if column and array.ndim == 1 and array.size > 1 else "")


def number_in_latex(value: Any) -> str:
    r"""Return a number as LaTeX.

    Examples
    --------
    >>> print(number_in_latex(-0.5), number_in_latex(1e-5), number_in_latex(-np.inf), number_in_latex(True))
    -0.5 10^{-5} -\infty \mathrm{True}
    """
    return text_in_latex(number(value))


def text_in_latex(text: str) -> str:
    """Return a number that is written out, such as -1.5e-07, as LaTeX."""
    mantissa, sign, exponent = text.removeprefix("-").partition("e")
    if sign and text not in SPECIAL:
        power = f"10^{{{int(exponent)}}}"
        mantissa = power if mantissa == "1" else rf"{mantissa} \times {power}"
    return SPECIAL.get(text) or ("-" if text.startswith("-") else "") + SPECIAL.get(mantissa, mantissa)


def matrix(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of entries as a matrix."""
    inside = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{bmatrix}} {inside} \end{{bmatrix}}"
