"""``chainrule explain``: the value and gradient of a formula, or of a saved network, step by step."""

from __future__ import annotations

import math
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import NOT_NEGATIVE, RATE, TEXT
from chainrule.errors import DataError, ExpressionError, SettingError, unknown_name
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.explanations import Explanation, UpdateExplanation

FORMATS = ("text", "latex", "svg", "html", "json")
SUFFIXES = {".txt": "text", ".tex": "latex", ".svg": "svg", ".html": "html", ".htm": "html", ".json": "json"}
WITH_PATHS = ("text", "svg", "json")
WITH_NUDGES = ("text", "json")
IN_A_FILE = re.compile(r"[^=;]+\.py:[^\W\d]\w*")
OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


def command() -> Command:
    """Return the command."""
    return Command(
        "explain",
        run,
        [
            Argument("expression", required=False),
            Argument("values", required=False, nargs=-1),
            Option("--wrt", TEXT, multiple=True),
            Option("--paths", TEXT, multiple=True),
            Option("--nudge", TEXT, multiple=True),
            Option("--model", TEXT),
            Option("--data", TEXT),
            Option("--target", TEXT),
            Option("--sample", NOT_NEGATIVE),
            Option("--parameter", TEXT),
            Option("--optimizer", TEXT),
            Option("--learning-rate", RATE),
            Option("--format", TEXT),
            Option("--out", TEXT),
        ],
        free=True,
    )


def run(
    expression: str | None,
    values: tuple[str, ...],
    wrt: tuple[str, ...],
    paths: tuple[str, ...],
    nudge: tuple[str, ...],
    format: str | None,  # noqa: A002 - click names it by the option
    out: str | None,
    json: bool,
    **network: Any,
) -> None:
    """Explain a formula, or a network on one row of data."""
    from chainrule.files import ensure_writable, write_atomically

    words = [*values] if expression is None else [expression, *values]
    for word in words:
        if word.startswith("--") and word[2:3].isalpha():
            raise click.NoSuchOption(word.partition("=")[0], ctx=click.get_current_context())
    form = _form(format, json, out)
    if out is not None:
        ensure_writable(out)
    explained: Explanation | UpdateExplanation
    if network["model"] is None:
        explained = _formula(expression, values, _listed(wrt), network)
    elif words:
        raise SettingError("cli.explain.either", given=words[0])
    elif wrt:
        raise SettingError("cli.explain.not_wrt", given=wrt[0])
    else:
        explained = _network(**network)
    text = _written(explained, form, _listed(paths), _nudges(nudge))
    if out is None:
        printing.line(_fitted(text, form).removesuffix("\n"))
        return
    write_atomically(out, (text.removesuffix("\n") + "\n").encode())
    printing.line(say("cli.explain.written", path=out))


def _fitted(text: str, form: str) -> str:
    """Return a text with lines that fit on the terminal; unchanged if it goes elsewhere."""
    from chainrule.explanations.wrapping import wrapped

    if form != "text" or not printing.is_terminal(sys.stdout):
        return text
    return wrapped(text, shutil.get_terminal_size().columns)


def _form(named: str | None, json: bool, out: str | None) -> str:
    """Return the form that is asked for: by ``--json``, by ``--format``, or by the suffix of ``--out``."""
    if named is not None and named not in FORMATS:
        raise unknown_name("--format", named, FORMATS)
    if json and named not in (None, "json"):
        raise SettingError("cli.explain.two_forms", form=named)
    if json:
        return "json"
    return named or SUFFIXES.get(Path(out or "").suffix.lower(), "text")


def _listed(words: Sequence[str]) -> list[str]:
    """Return names that are given one by one, or separated by commas: ``b,W1[3, 12]``."""
    return [name.strip() for word in words for name in OUTSIDE_BRACKETS.split(word)]


def _nudges(words: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for word in words:
        name, sign, text = (part.strip() for part in word.rpartition("="))
        if not sign or not name:
            raise SettingError("cli.explain.nudge_form", word=word)
        found[name] = _number(text)
    return found


def _formula(
    expression: str | None, values: Sequence[str], wrt: Sequence[str], network: dict[str, Any]
) -> Explanation:
    from chainrule.explanations import explain

    idle = [name for name, value in network.items() if value is not None]
    if idle:
        raise SettingError("cli.explain.without_model", option=f"--{idle[0].replace('_', '-')}")
    if expression is None:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param=click.get_current_context().command.params[0]
        )
    if IN_A_FILE.fullmatch(expression):
        from chainrule.cli.user_function import failures_of_the_user, load_function, values_of

        function, at = load_function(expression), values_of(values)
        with failures_of_the_user(expression):
            return explain(function, at=at, wrt=_one_or_several(wrt))
    return explain(expression, at=given_values(values), wrt=_one_or_several(wrt))


def _one_or_several(names: Sequence[str]) -> str | Sequence[str] | None:
    """Return names as `explain` takes them: a single one may be an entry, such as ``W[0, 1]``."""
    return names[0] if len(names) == 1 else names or None


def _network(
    model: str,
    data: str | None,
    target: str | None,
    sample: int | None,
    parameter: str | None,
    optimizer: str | None,
    learning_rate: float | None,
) -> Explanation | UpdateExplanation:
    """Return the explanation of a network on one row; with a learning rate, of an update step on it."""
    from chainrule.cli.about import about, option_named
    from chainrule.cli.inputs import load_for, load_model

    if data is None:
        raise SettingError("cli.explain.data_missing")
    net = load_model(model)
    dataset = load_for(net, data, target=target, need_target=True)
    row = sample or 0
    if dataset.y is None:
        raise DataError("cli.train.no_target", source=data)
    if row >= len(dataset.x):
        raise DataError(
            "cli.explain.no_sample", source=data, row=row, count=len(dataset.x), last=len(dataset.x) - 1
        )
    x, y = dataset.x[row : row + 1], dataset.y[row : row + 1]
    with about(data), option_named("parameter", "--parameter"), option_named("optimizer", "--optimizer"):
        if optimizer is None and learning_rate is None:
            return net.explain(x, y, parameter)
        return net.explain_update(
            x, y, parameter, optimizer=optimizer or "sgd", learning_rate=learning_rate or 0.1
        )


def _written(
    explained: Explanation | UpdateExplanation, form: str, paths: list[str], nudges: dict[str, float]
) -> str:
    """Return an explanation, or an update, in a form."""
    from chainrule.explanations import UpdateExplanation

    updating = isinstance(explained, UpdateExplanation)
    if updating and form == "svg":
        raise SettingError("cli.explain.update_form", form=form)
    for option, given, forms in (("--paths", paths, WITH_PATHS), ("--nudge", nudges, WITH_NUDGES)):
        if given and updating:
            raise SettingError("cli.explain.not_an_update", option=option)
        if given and form not in forms:
            raise SettingError("cli.explain.no_place", option=option, form=form, forms=", ".join(forms))
    if form == "latex":
        return explained.to_latex()
    if form == "html":
        return explained.to_html()
    if isinstance(explained, UpdateExplanation):
        return explained.to_json(indent=2) if form == "json" else explained.to_text()
    if form == "svg":
        return explained.to_svg(paths=paths or None)
    if form == "json":
        return explained.to_json(indent=2, paths=paths, nudges=nudges)
    return explained.to_text(paths=paths, nudges=nudges)


def given_values(words: Sequence[str]) -> dict[str, float]:
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
