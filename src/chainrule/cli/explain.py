"""``chainrule explain``: a formula's value and gradient, step by step."""

from __future__ import annotations

import math

import click

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT
from chainrule.errors import ExpressionError


def command() -> Command:
    """Return the command."""
    return Command(
        "explain",
        run,
        [
            Argument("expression"),
            Argument("values", required=False, nargs=-1),
            Option("--wrt", TEXT, multiple=True),
        ],
        free=True,
    )


def run(expression: str, values: tuple[str, ...], wrt: tuple[str, ...], json: bool) -> None:
    """Explain a formula."""
    for word in (expression, *values):
        if word.startswith("--") and word[2:3].isalpha():
            raise click.NoSuchOption(word.partition("=")[0], ctx=click.get_current_context())
    from chainrule.explanations import explain

    names = [name.strip() for part in wrt for name in part.split(",")]
    explanation = explain(expression, at=given_values(values), wrt=names or None)
    printing.line(explanation.to_json(indent=2) if json else explanation.to_text())


def given_values(words: tuple[str, ...]) -> dict[str, float]:
    """Return the values that words such as ``a=7`` give to names.

    Raises
    ------
    ExpressionError
        If a word is not of this form, its value is no number, or a name is given twice.

    Examples
    --------
    >>> given_values(("a=7", "b=-2.5"))
    {'a': 7.0, 'b': -2.5}
    """
    values: dict[str, float] = {}
    for word in words:
        name, sign, text = (part.strip() for part in word.partition("="))
        if not sign or not name:
            raise ExpressionError("cli.explain.not_given", word=word)
        if name in values:
            raise ExpressionError("cli.explain.twice", name=name)
        values[name] = _number(text)
        if not math.isfinite(values[name]):
            raise ExpressionError("expression.value", name=name, value=text)
    return values


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
