"""Which column of a table is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import DataError, nearest_hint
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET_NAMES = ("target", "label", "y")

_LONGEST_HINT = 200


def find_column(
    wanted: str | int, names: Sequence[str] | None, count: int, *, source: str, whole: bool = False
) -> int | None:
    """Return the index of the column called ``wanted``, or of number ``wanted``; None if there is none.

    A name goes before a number; numbers count from 0, or from −1 backwards.

    Parameters
    ----------
    wanted
        A column's name or number; the number may be a string.
    names
        The columns' names, if they have any.
    count
        The number of columns.
    source
        What messages call the table.
    whole
        Raise instead of returning None.

    Raises
    ------
    DataError
        If two columns have the name; with ``whole``, if there is no such column.

    Examples
    --------
    >>> find_column("b", ["a", "b"], 2, source="data.csv")
    1
    >>> find_column(-1, None, 3, source="data.csv")
    2
    """
    matches = [index for index, name in enumerate(names or ()) if name == wanted]
    if len(matches) > 1:
        raise DataError("data.twice", source=source, column=wanted)
    if matches:
        return matches[0]
    try:
        index = int(wanted)
    except ValueError:
        index = count
    if -count <= index < count:
        return index % count
    if whole:
        hint = nearest_hint(wanted, names) if names else ""
        if not 0 < len(hint) <= _LONGEST_HINT:
            hint = say("data.hint_index", last=count - 1)
        raise DataError("data.no_column", source=source, column=wanted, hint=hint)
    return None


def choose_target(
    target: str | int | None, names: Sequence[str] | None, count: int, *, source: str, need_target: bool
) -> int | None:
    """Return the target's column: ``target``, else one called target, label or y, else the last.

    Without ``need_target`` the last column is no fallback, and None may come back: all are features.

    Raises
    ------
    DataError
        If ``target`` is needed and not there.

    Examples
    --------
    >>> choose_target(None, ["y", "size"], 2, source="data.csv", need_target=True)
    0
    >>> choose_target(None, ["weight", "size"], 2, source="data.csv", need_target=True)
    1
    """
    if target is not None:
        return find_column(target, names, count, source=source, whole=need_target)
    lowered = [name.lower() for name in names or ()]
    for known in TARGET_NAMES:
        if known in lowered:
            return lowered.index(known)
    return count - 1 if need_target else None
