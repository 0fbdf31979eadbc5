"""A function in a file of the user's, and the values or shapes of its arguments."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import json
import re
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ChainruleError, FileError, SettingError, TraceError, nearest_hint
from chainrule.graph import context
from chainrule.graph.trace import ArraySpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MODULE = "user_file"  # what the file's module is called; its own name may be that of a library
_SPEC = re.compile(r"(bool|u?int(?:8|16|32|64)|float(?:32|64))\s*(?:\[([\d\s,]*)\])?")


def load_function(place: str) -> Callable[..., Any]:
    """Return the function that ``FILE:FUNCTION`` names; the file is run for it, as Python runs a file.

    Raises
    ------
    SettingError
        If the words name no function, or the file cannot be run.
    FileError
        If the file cannot be read.
    """
    path, colon, name = place.rpartition(":")
    if not colon or not path or not name:
        raise SettingError("cli.compile.place", value=place)
    module = _module(Path(path))
    found = vars(module).get(name)
    if not callable(found):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value) and key[0] != "_"]
        hint = nearest_hint(name, known) if known else ""
        raise SettingError("cli.compile.no_function", path=path, name=name, hint=hint)
    function: Callable[..., Any] = found
    return function


def _module(path: Path) -> Any:
    _check_readable(path)
    loader = SourceFileLoader(MODULE, str(path))
    spec = importlib.util.spec_from_loader(MODULE, loader)
    if spec is None:
        raise FileError("file.unreadable", path=str(path), reason="")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    sys.path.insert(0, str(path.parent.resolve()))  # what lies beside the file can be imported
    try:
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        with failures_of_the_user(str(path)):
            loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        raise FileError("file.missing", path=str(path)) from None
    except IsADirectoryError:
        raise FileError("file.is_folder", path=str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise FileError("file.unreadable", path=str(path), reason=reason) from None


@contextlib.contextmanager
def failures_of_the_user(place: str) -> Iterator[None]:
    """Turn what the user's code raises into an error with its line; what it prints goes to standard error.

    ``place`` is named where no line is to blame.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except ChainruleError as error:
        if error.key != "trace.result":
            raise
        raise TraceError(error.key, **{**error.values, "where": place}) from error
    except SyntaxError as error:
        where = ":".join([str(part) for part in (error.filename or place, error.lineno) if part])
        raise SettingError("cli.compile.syntax", where=where, reason=error.msg) from error
    except (Exception, SystemExit) as error:
        line = context.place_of(error)
        where = place if line is None else context.described(line)
        reason = " ".join(str(error).split())[:200]
        raise SettingError(
            "cli.compile.raised", where=where, kind=type(error).__name__, reason=reason
        ) from error


def bind(function: Callable[..., Any], words: Sequence[str], place: str) -> tuple[list[str], list[Any]]:
    """Return names and values (or an `ArraySpec` each) of the arguments that words ``name=value`` give.

    Raises
    ------
    SettingError
        If a word cannot be read, names no argument, or one is missing.
    """
    given = _pairs(words)
    parameters = [p for p in _parameters(function) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    known = [parameter.name for parameter in parameters]
    for name in given:
        if name not in known:
            hint = nearest_hint(name, known) if known else ""
            raise SettingError("cli.compile.no_argument", place=place, name=name, hint=hint)
    missing = [p.name for p in parameters if p.default is p.empty and p.name not in given]
    if missing:
        raise SettingError("cli.compile.missing", place=place, name=missing[0])
    names = [name for name in known if name in given]
    return names, [_value(name, given[name]) for name in names]


def values_of(words: Sequence[str]) -> dict[str, Any]:
    """Return the numbers and arrays that words ``name=value`` give to names.

    Raises
    ------
    SettingError
        If a word cannot be read, gives only a shape, or a name comes twice.
    """
    given = _pairs(words)
    values = {name: _value(name, text) for name, text in given.items()}
    for name, value in values.items():
        if isinstance(value, ArraySpec):
            raise SettingError("cli.compile.value", name=name, value=given[name])
    return values


def _pairs(words: Sequence[str]) -> dict[str, str]:
    given = dict(_pair(word) for word in words)
    if len(given) < len(words):
        names = [word.partition("=")[0].strip() for word in words]
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingError("cli.explain.twice", name=twice)
    return given


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def of_named(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Return the function of only these arguments, in this order; the others have their defaults."""
    nameless = [p for p in _parameters(function) if p.kind is p.POSITIONAL_ONLY]

    def call(*values: Any) -> Any:
        given = dict(zip(names, values, strict=True))
        first = [given.pop(parameter.name, parameter.default) for parameter in nameless]
        return function(*first, **given)

    call.__name__ = getattr(function, "__name__", type(function).__name__)
    return call


def _pair(word: str) -> tuple[str, str]:
    name, sign, text = (part.strip() for part in word.partition("="))
    if not sign or not name or not text:
        raise SettingError("cli.compile.not_given", word=word)
    return name, text


def _value(name: str, text: str) -> Any:
    """Return what a text means: a dtype with a shape, the array in a file, or numbers."""
    spec = _SPEC.fullmatch(text)
    if spec is not None:
        sizes = [part.strip() for part in (spec[2] or "").split(",")]
        return ArraySpec(tuple([int(size) for size in sizes if size]), spec[1])
    if text.lower().rpartition(":")[0].endswith(".npz") or text.lower().endswith((".npy", ".npz")):
        return _from_file(name, text)
    try:
        value = json.loads(text)
        array = np.array(value)
    except (ValueError, RecursionError):
        value, array = _number(name, text)
    if array.dtype.kind not in "biuf":
        raise SettingError("cli.compile.value", name=name, value=_short(text))
    return value if isinstance(value, bool | int | float) else array


def _number(name: str, text: str) -> tuple[Any, Any]:
    try:
        if "," in text and not text.startswith(("[", "{", '"')):  # a row without its brackets: 1, 2, 3
            row = np.array(json.loads(f"[{text}]"))
            return row, row
        return float(text), np.array(float(text))
    except ValueError:
        raise SettingError("cli.compile.value", name=name, value=_short(text)) from None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _from_file(name: str, text: str) -> Any:
    """Return the array in a .npy file, or one of a .npz file: ``data.npz:key``, else the argument's name."""
    path, _, key = (text, "", "") if text.lower().endswith((".npy", ".npz")) else text.rpartition(":")
    _check_readable(Path(path))
    try:
        with Path(path).open("rb") as file:
            found = _chosen(np.load(file, allow_pickle=False), path, key, name)
    except SettingError:
        raise
    except Exception as error:  # a damaged archive raises what it pleases
        reason = " ".join(str(error).split())[:200]
        raise SettingError("cli.compile.array", path=path, reason=reason) from error
    if found.dtype.kind not in "biuf":
        raise SettingError("cli.compile.array", path=path, reason=found.dtype)
    return found


def _chosen(content: Any, path: str, key: str, name: str) -> Any:
    """Return an array, or that array of an archive which is meant: its only one, or that with the name."""
    if isinstance(content, np.ndarray):
        return content
    names = list(content)
    wanted = key or (names[0] if len(names) == 1 else name)
    if wanted not in names:
        raise SettingError("data.no_array", source=path, wanted=wanted, found=", ".join(names))
    return content[wanted]
