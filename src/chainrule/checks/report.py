"""What a check of a gradient found: the worst entry, the kinks, and all of it as a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.text import say

SHOWN_KINKS = 5


@dataclass(frozen=True)
class Entry:
    """One entry of a gradient: claimed and true value, and the line where the argument is first used."""

    name: str
    index: tuple[int, ...]
    claimed: float
    true: float
    relative_error: float
    line: str

    def __str__(self) -> str:
        return place_text(self.name, self.index)


@dataclass(frozen=True)
class Kink:
    """An entry at which the derivatives from the left and from the right differ, and the operation's line.

    ``primitive`` is empty where no operation is known for the kink.
    """

    name: str
    index: tuple[int, ...]
    claimed: float
    left: float
    right: float
    primitive: str
    line: str

    def __str__(self) -> str:
        return place_text(self.name, self.index)


def place_text(name: str, index: tuple[int, ...]) -> str:
    """Return the name of an entry: ``W[3, 12]``."""
    return f"{name}[{', '.join(map(str, index))}]" if index else name


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found; ``str`` of it is a report.

    Attributes
    ----------
    passed
        Whether no entry is wrong.
    worst
        The entry with the largest relative error; None if there was none to compare.
    kinks
        Entries at a kink, where every value between the left and the right derivative is right.
    wrong, compared, entries
        How many entries are wrong, were compared, and there are.
    untraced
        Why the function could not be traced, so that differences had to do; None if it could.
    """

    passed: bool
    worst: Entry | None
    kinks: tuple[Kink, ...]
    wrong: int
    compared: int
    entries: int
    untraced: str | None = None

    def __str__(self) -> str:
        return "\n".join([*self._verdict(), *self._kinks(), *self._remarks()])

    def _verdict(self) -> Iterator[str]:
        worst = self.worst
        if worst is None:
            yield say("check.nothing")
        elif self.passed:
            yield say("check.passed", count=self.compared, name=worst, error=worst.relative_error)
        else:
            yield say(
                "check.failed",
                name=worst,
                claimed=worst.claimed,
                true=worst.true,
                error=worst.relative_error,
                wrong=self.wrong,
                count=self.compared,
            )
            yield say("check.line", line=worst.line)

    def _kinks(self) -> Iterator[str]:
        for kink in self.kinks[:SHOWN_KINKS]:
            where = " ".join([part for part in (kink.primitive, kink.line) if part])
            yield say(
                "check.kink", name=kink, where=where, left=kink.left, right=kink.right, claimed=kink.claimed
            )
        if len(self.kinks) > SHOWN_KINKS:
            yield say("check.more_kinks", count=len(self.kinks) - SHOWN_KINKS)

    def _remarks(self) -> Iterator[str]:
        if self.compared < self.entries:
            yield say("check.sampled", count=self.compared, entries=self.entries)
        if self.untraced is not None:
            yield say("check.untraced", reason=self.untraced)
