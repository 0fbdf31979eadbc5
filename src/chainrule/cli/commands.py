"""Commands, what they take, and their help: all words from the language tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chainrule.cli import printing
from chainrule.cli.values import TEXT, Value
from chainrule.errors import SettingError
from chainrule.text import TABLES, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType


class Argument(click.Argument):
    """A positional argument."""

    def __init__(
        self, name: str, *, default: str | None = None, required: bool = True, nargs: int = 1
    ) -> None:
        settings = {} if default is None else {"default": default}  # click takes None for a default, too
        super().__init__([name], type=TEXT, required=required, nargs=nargs, **settings)
        self.shown = default or ""

    @property
    def written(self) -> str:
        """How the argument is written: DATA, or name=value."""
        return say(f"cli.metavar.{self.name}")


class Option(click.Option):
    """An option with a value, or a flag. ``shown`` is what its help says about the default."""

    def __init__(self, name: str, kind: Value | None, *, shown: str = "", **settings: Any) -> None:
        if kind is None:
            super().__init__([name], is_flag=True, **settings)
        else:
            super().__init__([name], type=kind, **settings)
        self.shown = shown

    @property
    def written(self) -> str:
        """How the option is written: ``--seed N``."""
        name = self.opts[0]
        return name if self.is_flag else f"{name} {say(f'cli.metavar.{self.name}')}"


class Command(click.Command):
    """A command: a function of its parameters that returns the exit code, 0 if it returns nothing.

    Parameters
    ----------
    name
        Its name; help texts are found in the tables under ``cli.<name>`` and ``cli.<name>.<parameter>``.
    run
        What it does.
    parameters
        What it takes; ``--json``, ``--lang`` and ``--help`` are added.
    free
        Whether words that begin with one minus may be arguments, as in ``explain -a*b``.
    """

    def __init__(
        self,
        name: str,
        run: Callable[..., int | None] | None,
        parameters: Sequence[Argument | Option],
        *,
        free: bool = False,
    ) -> None:
        common = [Option("--lang", TEXT, expose_value=False), _help_option()]
        if run is not None:
            common.insert(0, Option("--json", None))
        super().__init__(name, callback=run, params=[*parameters, *common], add_help_option=False)
        self.allow_extra_args = True
        self.ignore_unknown_options = free

    def get_help(self, ctx: click.Context) -> str:
        """Return the help in the current language."""
        return printing.rendered(*_help(self, ctx))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; a complaint about them knows which command they were for."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; words that it has no place for are an error."""
        if ctx.args:
            hint = say("cli.try_help", command=ctx.command_path)
            raise SettingError("cli.extra", value=ctx.args[0], hint=hint)
        return super().invoke(ctx)


def _help_option() -> Option:
    def show(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            printing.line(ctx.get_help())
            ctx.exit()

    return Option("--help", None, is_eager=True, expose_value=False, callback=show)


def _help(command: Command, ctx: click.Context) -> list[RenderableType]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, Option)]
    pieces = [part.written if part.required else f"[{part.written}]" for part in arguments]
    parts: list[RenderableType] = [
        say("cli.usage") + " ".join([ctx.command_path, say("cli.usage_options"), *pieces]),
        "",
        say(f"cli.{command.name}"),
    ]
    rows = [(part.written, _described(command, part)) for part in arguments]
    parts += _section(say("cli.arguments"), rows)
    parts += _section(say("cli.options"), [(part.written, _described(command, part)) for part in options])
    return [*parts, "", _title(say("cli.example")), *[f"  {line}" for line in _examples(command)]]


def _described(command: Command, part: Argument | Option) -> str:
    specific = f"cli.{command.name}.{part.name}"
    text = say(specific if specific in TABLES["en"] else f"cli.option.{part.name}")
    return f"{text} {say('cli.default', value=part.shown)}" if part.shown else text


def _examples(command: Command) -> list[str]:
    return say(f"cli.{command.name}.example").split("\n")


def _title(text: str) -> RenderableType:
    from rich.text import Text

    return Text(text, style="bold")


def _section(title: str, rows: Sequence[tuple[str, str]]) -> list[RenderableType]:
    if not rows:
        return []
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for written, description in rows:
        table.add_row(Text(f"  {written}", style="cyan"), Text(description))
    return ["", _title(title), table]


def overview(root: Command, ctx: click.Context, names: Sequence[str]) -> str:
    """Return the help of the whole program: its commands, each with a line."""
    commands = [(name, say(f"cli.{name}").split("\n")[0]) for name in names]
    options = [(part.written, _described(root, part)) for part in root.params if isinstance(part, Option)]
    return printing.rendered(
        say("cli.usage") + f"{ctx.command_path} {say('cli.usage_options')} {say('cli.usage_command')}",
        "",
        say("cli.chainrule"),
        *_section(say("cli.commands"), commands),
        *_section(say("cli.options"), options),
        "",
        _title(say("cli.example")),
        *[f"  {line}" for line in _examples(root)],
        "",
        say("cli.more", command=ctx.command_path),
    )
