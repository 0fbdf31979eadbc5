"""Entries of arrays by name: ``W1[3, 12]``, ``b2[4]``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SettingError, unknown_name

Index = tuple[int, ...]
ENTRY = re.compile(r"\s*([^\W\d]\w*)\s*(?:\[([^\[\]]*)\])?\s*")
WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")


@dataclass(frozen=True)
class Entry:
    """A number among the values of an explanation: a name, and the place in its array."""

    name: str
    index: Index = ()

    def __str__(self) -> str:
        return entry_name(self.name, self.index)


def entry_name(name: str, index: Iterable[int | str]) -> str:
    """Return how an entry is written.

    Examples
    --------
    >>> entry_name("W1", (3, 12)), entry_name("a", ())
    ('W1[3, 12]', 'a')
    """
    places = ", ".join(map(str, index))
    return f"{name}[{places}]" if places else name


def split_name(text: str) -> tuple[str, Index | None]:
    """Return the name and the index of ``W1[3, 12]``; the index of a mere name is None.

    Raises
    ------
    SettingError
        If the text has another form.

    Examples
    --------
    >>> split_name("W1[3,12]"), split_name("b")
    (('W1', (3, 12)), ('b', None))
    """
    found = ENTRY.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise SettingError("explain.entry", entry=text)
    name, inside = found.groups()
    if inside is None:
        return name, None
    parts = inside.split(",")
    if not all(WHOLE.fullmatch(part) for part in parts):
        raise SettingError("explain.entry", entry=text)
    return name, tuple(int(part) for part in parts)


def find_entry(text: str, values: Mapping[str, Any], setting: str = "name") -> Entry:
    """Return the entry that a text names among arrays and numbers; negative places count from the end.

    Raises
    ------
    UnknownNameError
        If there is no such name.
    SettingError
        If an array is named without a place, or the place is outside of it.

    Examples
    --------
    >>> find_entry("W[-1, 0]", {"W": np.zeros((3, 2))})
    Entry(name='W', index=(2, 0))
    """
    name, index = split_name(text)
    if name not in values:
        raise unknown_name(setting, name, values)
    shape = np.shape(values[name])
    if index is None and int(np.prod(shape)) == 1:
        index = (0,) * len(shape)
    if index is None or len(index) != len(shape):
        example = entry_name(name, (0,) * len(shape))
        raise SettingError("explain.entry_axes", entry=text, name=name, shape=shape, example=example)
    places = []
    for place, length in zip(index, shape, strict=True):
        if not -length <= place < length:
            raise SettingError("explain.entry_outside", entry=text, name=name, shape=shape)
        places.append(place % length)
    return Entry(name, tuple(places))
