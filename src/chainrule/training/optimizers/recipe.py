"""What an optimizer was made of, as plain data: names with their settings."""

from __future__ import annotations

from typing import Any

Part = tuple[str, tuple[tuple[str, Any], ...]]
Recipe = tuple[Part, ...]


def part(name: str, **settings: Any) -> Recipe:
    """Return the recipe of what the function ``name`` makes of these settings."""
    return ((name, tuple(settings.items())),)


def plain(recipe: Recipe) -> list[dict[str, Any]]:
    """Return a recipe as data that JSON can hold.

    Examples
    --------
    >>> plain(part("momentum", decay=0.9))
    [{'name': 'momentum', 'decay': 0.9}]
    """
    return [{"name": name, **dict(settings)} for name, settings in recipe]
