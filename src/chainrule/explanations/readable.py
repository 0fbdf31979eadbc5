"""`Readable`: an answer that shows itself as text, in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import ClassVar

from chainrule.explanations.formulas import number


class Readable:
    """A record with a text form, which notebooks show; its ``repr`` is one line with a few of its fields."""

    shown: ClassVar[tuple[str, ...]] = ()

    def to_text(self) -> str:
        """Return the record as lines of text, in the current language."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name in self.shown]
        texts = [f"{name}={value if isinstance(value, str) else number(value)}" for name, value in values]
        return f"<{type(self).__name__} {', '.join(texts)}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.to_text(), quote=False)}</pre>"
