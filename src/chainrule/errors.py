"""The tree of errors. Each message says what, where, why, and what to do; the words live in `chainrule.text`.

::

    ChainruleError
    ├── TraceError            a Python function cannot be turned into a graph      (TypeError)
    │   ├── TraceValueError     it asks for a number where only shapes are known
    │   └── TraceAttributeError it uses an attribute that arrays of a graph lack   (AttributeError)
    ├── GuardError            values take another branch than the one traced       (ValueError)
    ├── ShapeError            shapes or dtypes do not fit                          (ValueError)
    ├── GradientError         a derivative is asked of something that has none     (ValueError)
    ├── GraphError            a graph, or its text form, is not well formed        (ValueError)
    ├── ExpressionError       a formula cannot be read; knows the position         (ValueError)
    ├── SettingError          a setting has an impossible value                    (ValueError)
    │   └── UnknownNameError    no such activation, cost, data set …; suggests one
    ├── DataError             the data cannot be used                              (ValueError)
    ├── AuditError            a script, or a pair of functions, cannot be audited  (ValueError)
    ├── CompileError          a graph cannot be compiled, or its code not linked    (RuntimeError)
    ├── NonFiniteCostError    training met NaN or infinity; knows where            (ArithmeticError)
    └── FileError             a file cannot be read or written                     (OSError)
        ├── FileFormatError     it is damaged, or not what it claims to be
        └── ModelFileError      a model file is damaged or was made by something else
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from chainrule.text import say


class ChainruleError(Exception):
    """Root of all errors that this library raises on purpose.

    Parameters
    ----------
    key
        The text's key in the language tables.
    values
        What the text's placeholders are filled with; kept in ``self.values``.

    Examples
    --------
    >>> import chainrule as cr
    >>> try:
    ...     cr.Network([2, 1], activation="rellu")
    ... except cr.ChainruleError as error:
    ...     print(error)
    activation: there is no 'rellu'. Did you mean 'relu'?
    """

    def __init__(self, key: str, /, **values: object) -> None:
        super().__init__(say(key, **values))
        self.key = key
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.key, {name: _plain(value) for name, value in self.values.items()})

    def __str__(self) -> str:
        return str(self.args[0])


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | tuple | None) else str(value)


def _rebuild(kind: type[ChainruleError], key: str, values: dict[str, object]) -> ChainruleError:
    return kind(key, **values)


class TraceError(ChainruleError, TypeError):
    """A Python function cannot be turned into a graph: NumPy's protocols do not see what it does."""


class TraceValueError(TraceError):
    """The function asks for the value of a traced array where only its shape is known."""


class TraceAttributeError(TraceError, AttributeError):
    """The function uses an attribute or method that traced arrays do not have."""


class GuardError(ChainruleError, ValueError):
    """A graph was called with values that take another branch than the one that was traced."""


class ShapeError(ChainruleError, ValueError):
    """Shapes or dtypes do not fit the operation or the graph."""


class GradientError(ChainruleError, ValueError):
    """A derivative is asked of something that has none."""


class GraphError(ChainruleError, ValueError):
    """A graph, or the text form of one, is not well formed."""


class ExpressionError(ChainruleError, ValueError):
    """A formula cannot be read. ``position`` is the column of the fault, from 0, or None."""

    @property
    def position(self) -> int | None:
        """Column of the fault in the formula, counted from 0; None where no place can be named."""
        position = self.values.get("position")
        return position if isinstance(position, int) else None


class AuditError(ChainruleError, ValueError):
    """A script, or a pair of functions, cannot be audited. ``line`` is the script's line, or None."""

    @property
    def line(self) -> int | None:
        """The line of the script that cannot be followed; None where it is not a single line's fault."""
        line = self.values.get("line")
        return line if isinstance(line, int) else None


class SettingError(ChainruleError, ValueError):
    """A setting has an impossible value."""


class UnknownNameError(SettingError):
    """There is no activation, cost, data set … of this name."""


class DataError(ChainruleError, ValueError):
    """The data cannot be used: wrong shapes, missing columns, NaN, unseen labels."""


class NonFiniteCostError(ChainruleError, ArithmeticError):
    """Training met NaN or infinity and stopped; the last good parameters were kept."""


class CompileError(ChainruleError, RuntimeError):
    """Source that the compiler emitted cannot be made machine code, or the code not be linked."""


class FileError(ChainruleError, OSError):
    """A file cannot be read or written."""


class FileFormatError(FileError):
    """A file is damaged, or is not what it claims to be."""


class ModelFileError(FileFormatError):
    """A model file is damaged, or was not made by this library."""


def nearest_hint(name: object, known: Iterable[str]) -> str:
    """Return "Did you mean …?" if a known name is close, else the list of known names.

    Examples
    --------
    >>> nearest_hint("rellu", ["relu", "tanh"])
    "Did you mean 'relu'?"
    """
    names = sorted(known)
    folded = {candidate.lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(str(name).lower(), folded, n=1)
    return say("hint.nearest", name=folded[close[0]]) if close else say("hint.known", names=", ".join(names))


def unknown_name(setting: str, value: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for a name that is in no table, with the nearest known name."""
    return UnknownNameError("setting.unknown", setting=setting, value=value, hint=nearest_hint(value, known))
