"""What the options take: each turns text into a value, or says what is wrong with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from chainrule.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType  # takes no type arguments at run time in older versions of click


class Value(_Type):
    """A type of values, made of a function that reads one from text.

    ``read(setting, text)`` raises `SettingError`; ``setting`` is what messages call the option.
    """

    name = "value"

    def __init__(self, read: Callable[[str, str], Any]) -> None:
        self.read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value of a text; values that are read already (defaults) stay as they are."""
        del ctx
        if not isinstance(value, str):
            return value
        setting = (
            param.opts[0] if isinstance(param, click.Option) else "" if param is None else str(param.name)
        )
        return self.read(setting, value)


def _whole(text: str) -> int | None:
    plain = text.strip()
    digits = plain.removeprefix("-").removeprefix("+")
    return int(plain) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _positive(setting: str, text: str) -> int:
    number = _whole(text)
    if number is None or number < 1:
        raise SettingError("setting.positive", setting=setting, value=text)
    return number


def _not_negative(setting: str, text: str) -> int:
    number = _whole(text)
    if number is None or number < 0:
        raise SettingError("setting.not_negative", setting=setting, value=text)
    return number


def _rate(setting: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number <= 0:
        raise SettingError("setting.rate", setting=setting, value=text)
    return number


def _amount(setting: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise SettingError("setting.amount", setting=setting, value=text)
    return number


def _sizes(setting: str, text: str) -> tuple[int, ...]:
    if text.strip().lower() == "none":
        return ()
    numbers = [_whole(part) for part in text.split(",")]
    if not all(number is not None and number > 0 for number in numbers):
        raise SettingError("cli.sizes", setting=setting, value=text)
    return tuple(number for number in numbers if number is not None)


def _names(_: str, text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


TEXT = Value(lambda _, text: text)
POSITIVE = Value(_positive)
NOT_NEGATIVE = Value(_not_negative)
RATE = Value(_rate)
AMOUNT = Value(_amount)
SIZES = Value(_sizes)
NAMES = Value(_names)
