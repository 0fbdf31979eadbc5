"""Every text that a person reads, one table a language.

``say("key", name=value)`` looks the key up in the table of the current language and fills in the values.
The language is, in this order: what `use_language` set, the environment variable ``CHAINRULE_LANG``, the
locale (``LC_ALL``, ``LC_MESSAGES``, ``LANG``), English.
"""

from __future__ import annotations

import os
from contextvars import ContextVar

from chainrule.text import en, zh

TABLES: dict[str, dict[str, str]] = {"en": en.TABLE, "zh": zh.TABLE}

_chosen: ContextVar[str | None] = ContextVar("chainrule_language", default=None)


def use_language(language: str | None) -> None:
    """Choose the language of all later texts: "en", "zh", or None for the environment's.

    Raises
    ------
    ValueError
        If there is no table for the language.

    Examples
    --------
    >>> use_language("en")
    >>> language()
    'en'
    """
    if language is not None and language not in TABLES:
        raise ValueError(say("language.unknown", language=language, known=", ".join(TABLES)))
    _chosen.set(language)


def language() -> str:
    """Return the language of the texts: "en" or "zh"."""
    chosen = _chosen.get()
    if chosen is not None:
        return chosen
    for variable in ("CHAINRULE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(key: str, /, **values: object) -> str:
    """Return the text of ``key`` in the current language, with ``values`` filled in.

    Examples
    --------
    >>> use_language("en")
    >>> say("hint.nearest", name="relu")
    "Did you mean 'relu'?"
    """
    return TABLES[language()][key].format(**values)
