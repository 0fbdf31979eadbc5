"""Checks of the numbers that a user sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import SettingError


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_positive(setting: str, value: Any) -> int:
    """Return a setting that must be a positive whole number; raise `SettingError` if it is not."""
    if not _is_whole(value) or value < 1:
        raise SettingError("setting.positive", setting=setting, value=value)
    return int(value)


def check_not_negative(setting: str, value: Any) -> int:
    """Return a setting that must be a whole number from 0 on; raise `SettingError` if it is not."""
    if not _is_whole(value) or value < 0:
        raise SettingError("setting.not_negative", setting=setting, value=value)
    return int(value)


def check_rate(setting: str, value: Any) -> float:
    """Return a setting that must be a positive, finite number; raise `SettingError` if it is not."""
    if not _is_number(value) or not math.isfinite(value) or value <= 0:
        raise SettingError("setting.rate", setting=setting, value=value)
    return float(value)


def check_fraction(setting: str, value: Any) -> float:
    """Return a setting that must be a number from 0 up to, but not including, 1."""
    if not _is_number(value) or not 0 <= value < 1:
        raise SettingError("setting.fraction", setting=setting, value=value)
    return float(value)


def check_amount(setting: str, value: Any) -> float:
    """Return a setting that must be a finite number from 0 on; raise `SettingError` if it is not."""
    if not _is_number(value) or not math.isfinite(value) or value < 0:
        raise SettingError("setting.amount", setting=setting, value=value)
    return float(value)


def check_flag(setting: str, value: Any) -> bool:
    """Return a setting that must be True or False; raise `SettingError` if it is not."""
    if not isinstance(value, bool | np.bool_):
        raise SettingError("setting.flag", setting=setting, value=value)
    return bool(value)
