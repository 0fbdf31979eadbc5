"""`main`: choose the language, find the command, run it, and turn every way to fail into an exit code.

::

    0    done
    1    a check found something wrong
    2    unusable input: one line on standard error; nothing was written
    70   a fault of chainrule itself; CHAINRULE_DEBUG=1 shows where
    130  stopped by Ctrl-C
    141  whoever read the output went away
"""

from __future__ import annotations

import contextvars
import importlib
import os
import sys
import warnings
from typing import TYPE_CHECKING

import click

from chainrule import __version__
from chainrule.cli import printing
from chainrule.cli.commands import Command, Option, overview
from chainrule.cli.complaints import complaint
from chainrule.errors import ChainruleError, SettingError, nearest_hint
from chainrule.text import TABLES, say, use_language

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMANDS = ("train", "evaluate", "predict", "inspect", "export", "explain", "audit", "compile", "primitives")
DONE, UNUSABLE, FAULT, STOPPED, UNREAD = 0, 2, 70, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; see this module for the codes.

    Parameters
    ----------
    arguments
        The words after ``chainrule``; None takes them from ``sys.argv``.

    Examples
    --------
    >>> main(["explain", "a*b", "a=2", "b=3", "--wrt", "a", "--lang", "en"])
    a*b  at a = 2, b = 3
    <BLANKLINE>
    Forward: the value of each step
      J = a * b = 2 * 3 = 6
    <BLANKLINE>
    Backward: the chain rule, from J back
      dJ/da = ∂J/∂a = b = 3  [product rule]
    <BLANKLINE>
    Gradient
      dJ/da = 3
    0
    """
    if arguments is None and not sys.warnoptions:
        warnings.simplefilter("ignore")  # standard error is for our one line
    words = list(sys.argv[1:] if arguments is None else arguments)
    return contextvars.copy_context().run(_guarded, words)  # the language is forgotten afterwards


def _guarded(words: list[str]) -> int:
    """Run, and say in one line what went wrong, if anything did."""
    printing.tolerate_narrow_encodings()
    try:
        code = _run(words)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return _flushed(error.exit_code)
    except click.ClickException as error:
        return _failed(complaint(error))
    except BrokenPipeError:
        printing.close_output()
        return UNREAD
    except ChainruleError as error:
        return _failed(_message(error))
    except KeyboardInterrupt:
        printing.complain(say("cli.stopped"))
        return STOPPED
    except MemoryError:
        return _failed(say("cli.memory"))
    except Exception as error:
        return _fault(error)
    return code


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        printing.close_output()
        return UNREAD
    return code


def _failed(message: str) -> int:
    printing.complain(message)
    return UNUSABLE


def _message(error: ChainruleError) -> str:
    """Return an error on one line; a formula under it, with a caret, may stay."""
    text = str(error)
    caret = str(error.values.get("caret", ""))
    body = text.removesuffix(caret) if caret else text
    return " ".join(body.split()) + caret


def _fault(error: Exception) -> int:
    if isinstance(error, OSError) and error.filename is None and error.errno is not None:
        printing.close_output()  # standard output itself: /dev/full, a full disk behind a redirection
        return _failed(say("cli.output", reason=error.strerror or error))
    if os.environ.get("CHAINRULE_DEBUG"):
        import traceback

        sys.stderr.write("".join(traceback.format_exception(error)))
    kind = type(error).__name__
    printing.complain(say("cli.fault", kind=kind, reason=" ".join(str(error).split())[:200]))
    return FAULT


def _run(words: list[str]) -> int:
    _choose_language(words)
    root = _root()
    with root.make_context("chainrule", words) as context:
        if not context.args:
            printing.line(overview(root, context, COMMANDS))
            return DONE
        name, *rest = context.args
        if name not in COMMANDS:
            hint = nearest_hint(name, COMMANDS)
            raise SettingError("cli.no_command", name=name, hint=hint)
        make: Callable[[], Command] = importlib.import_module(f"chainrule.cli.{name}").command
        command = make()
        with command.make_context(name, rest, parent=context) as inner:
            return command.invoke(inner) or DONE


def _root() -> Command:
    def show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted:
            printing.line(f"chainrule {__version__}")
            ctx.exit()

    version = Option("--version", None, is_eager=True, expose_value=False, callback=show_version)
    root = _Root("chainrule", None, [version])
    root.allow_interspersed_args = False
    return root


class _Root(Command):
    """What stands before the command's name."""

    def get_help(self, ctx: click.Context) -> str:
        return overview(self, ctx, COMMANDS)


def _choose_language(words: Sequence[str]) -> None:
    """Use the language that ``--lang`` names, wherever it stands: the last one counts."""
    chosen = None
    for place, word in enumerate(words):
        if word == "--":
            break
        if word == "--lang" and place + 1 < len(words):
            chosen = words[place + 1]
        elif word.startswith("--lang="):
            chosen = word.removeprefix("--lang=")
    if chosen is not None and chosen not in TABLES:
        raise SettingError("language.unknown", language=chosen, known=", ".join(TABLES))
    if chosen is not None:
        use_language(chosen)
