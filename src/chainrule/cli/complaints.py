"""A mistake in the command's words, as click reports it, as one line in the reader's language."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Iterable


def complaint(error: click.ClickException) -> str:
    """Return what is wrong, and where help is to be found."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "chainrule"
    return say("cli.sentences", first=_reason(error, context), second=say("cli.try_help", command=path))


def _reason(error: click.ClickException, context: click.Context | None) -> str:
    if isinstance(error, click.MissingParameter):
        name = getattr(error.param, "written", "")
        return say("cli.missing", name=name)
    if isinstance(error, click.NoSuchOption):
        known = _option_names(context)
        return with_hint(say("cli.no_option", name=error.option_name), error.option_name, known)
    if isinstance(error, click.BadOptionUsage):
        takes_none = error.option_name in _flags(context)
        return say("cli.takes_no_value" if takes_none else "cli.needs_value", name=error.option_name)
    return say("cli.unusable", reason=" ".join(error.format_message().split()))


def with_hint(sentence: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence, and "Did you mean …?" after it if a known name is close."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return (
        say("cli.sentences", first=sentence, second=say("hint.nearest", name=close[0])) if close else sentence
    )


def _option_names(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    return [name for option in context.command.get_params(context) for name in option.opts if name[0] == "-"]


def _flags(context: click.Context | None) -> set[str]:
    if context is None:
        return set()
    options = [option for option in context.command.get_params(context) if isinstance(option, click.Option)]
    return {name for option in options if option.is_flag or option.count for name in option.opts}
