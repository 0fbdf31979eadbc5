"""One column of a CSV file: numbers or words, and what to say where it is neither."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import DataError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})

Floats = npt.NDArray[np.float64]
Lines = Sequence[int]


def is_number(cell: str) -> bool:
    """Whether ``cell`` reads as a number; Python's ``1_000`` is none in a table.

    Examples
    --------
    >>> is_number(" -1.5e3"), is_number("1_000"), is_number("")
    (True, False, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_word(cell: str) -> bool:
    """Whether ``cell`` holds something that is neither a number nor a mark for a missing value.

    Examples
    --------
    >>> is_word("red"), is_word("3"), is_word("NA")
    (True, False, False)
    """
    return cell.strip().lower() not in MISSING and not is_number(cell)


class Column:
    """The cells of one column, block by block: float64 where all of a block are numbers, else text.

    Parameters
    ----------
    source, title
        What messages call the file and the column.
    keep_text
        Keep the text of numbers too: targets and categories need it.
    """

    def __init__(self, source: str, title: str, *, keep_text: bool) -> None:
        self.title = title
        self._source = source
        self._keep_text = keep_text
        self._blocks: list[Floats | tuple[str, ...]] = []

    def add(self, cells: tuple[str, ...]) -> None:
        """Take the cells of the next block of rows."""
        block = None if self._keep_text else _parse(cells)
        self._blocks.append(cells if block is None else block)

    def numbers(self, lines: Lines) -> Floats:
        """Return the column as finite float64.

        Raises
        ------
        DataError
            If it holds a word, a missing value, NaN or infinity.
        """
        parsed = [block if isinstance(block, np.ndarray) else _parse(block) for block in self._blocks]
        blocks = [block for block in parsed if block is not None]
        if len(blocks) < len(parsed):
            raise self._not_numbers(lines)
        values = np.concatenate(blocks)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            value = values[bad[0]]
            key = "data.missing" if math.isnan(value) else "data.not_finite_cell"
            raise self._error(key, lines[bad[0]], value=value)
        return values

    def targets(self, lines: Lines, *, as_words: bool) -> npt.NDArray[Any]:
        """Return the column as int64, float64 or, with ``as_words`` or if it holds words, strings.

        Raises
        ------
        DataError
            If numbers and words are mixed, or a value is missing or not finite.
        """
        cells = self._text()
        if as_words or not any(is_number(cell) for cell in cells):
            return np.array(self._words(lines))
        numbers = self.numbers(lines)
        try:
            return np.array([int(cell) for cell in cells], dtype=np.int64)
        except (ValueError, OverflowError):
            return numbers

    def one_hot(self, lines: Lines) -> tuple[list[str], Floats]:
        """Return the different words in sorted order, and a float64 column of 0 and 1 for each.

        Raises
        ------
        DataError
            If a cell is empty.
        """
        words, members = np.unique(np.array(self._words(lines)), return_inverse=True)
        return [str(word) for word in words], (members[:, None] == np.arange(len(words))).astype(np.float64)

    def _text(self) -> list[str]:
        return [str(cell) for block in self._blocks for cell in block]

    def _words(self, lines: Lines) -> list[str]:
        words = [" ".join(cell.split()) for cell in self._text()]  # a word may run over several lines
        if "" in words:
            raise self._error("data.missing", lines[words.index("")])
        return words

    def _not_numbers(self, lines: Lines) -> DataError:
        """Return the error for a column that is not of numbers only: say what the odd cell is."""
        cells = self._text()
        numeric = [is_number(cell) for cell in cells]
        words = [is_word(cell) for cell in cells]
        if not any(words):
            return self._error("data.missing", lines[numeric.index(False)])
        if not any(numeric):
            index = words.index(True)
            return self._error("data.words", lines[index], value=cells[index])
        index = words.index(True) if sum(words) <= sum(numeric) else numeric.index(True)
        return self._error("data.mixed", lines[index], value=cells[index])

    def _error(self, key: str, line: int, **values: object) -> DataError:
        return DataError(key, source=self._source, line=line, column=self.title, **values)


def _parse(cells: tuple[str, ...]) -> Floats | None:
    """Return the cells as float64, or None if one is not a number."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    return None if "_" in "".join(cells) else values
