"""Which file an error is about."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from chainrule.errors import DataError, SettingError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def about(source: str) -> Iterator[None]:
    """Let errors about data begin with the data's name, if they do not name it yet.

    Examples
    --------
    >>> with about("iris.csv"):
    ...     raise DataError("fit.features", expected=4, given=3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    chainrule.errors.DataError: iris.csv: The network takes 4 features, but the data has 3. ...
    """
    try:
        yield
    except DataError as error:
        if source in str(error):
            raise
        raise DataError("cli.about", source=source, reason=str(error)) from error


@contextlib.contextmanager
def option_named(setting: str, option: str) -> Iterator[None]:
    """Let errors about a setting call it by the option that sets it."""
    try:
        yield
    except UnknownNameError as error:
        if error.values.get("setting") != setting:
            raise
        raise UnknownNameError(error.key, **{**error.values, "setting": option}) from error
    except SettingError as error:
        if error.values.get("setting") != setting:
            raise
        raise SettingError(error.key, **{**error.values, "setting": option}) from error
