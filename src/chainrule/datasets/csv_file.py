"""CSV: rows of numbers and words, with or without a header.

A column is of numbers or of words, never of both; `Column` says which, and names the line of what does
not fit. Rows are taken in blocks, so that only numbers, not their text, are kept.
"""

from __future__ import annotations

import contextlib
import csv
from array import array
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.checks import check_rows, damage_reported
from chainrule.datasets.columns import TARGET_NAMES, choose_target, find_column
from chainrule.datasets.csv_columns import Column, is_number, is_word
from chainrule.datasets.dataset import Dataset
from chainrule.errors import DataError, FileFormatError
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

BLOCK_ROWS = 20_000
REASONS = {
    "unexpected end of data": "data.csv_open",
    "expected after": "data.csv_quote",
    "field larger": "data.csv_long",
}
DELIMITERS = "\t;,"
TITLES = tuple(name for name in TARGET_NAMES if len(name) > 1)  # y may be a label: y or n

Row = tuple[int, list[str]]


def load_csv(
    path: Path,
    *,
    target: str | int | None = None,
    categorical: Collection[str | int] = (),
    need_target: bool = True,
) -> Dataset:
    """Return the data set in a CSV file (also with semicolons or tabs), encoded in UTF-8.

    The first row is a header if all its cells are words; or if one is a word while the rest of its column is
    numbers; or if one is the name that ``target`` or ``categorical`` give, or "target" or "label", and does
    not occur below. So names may be numbers, as in ``2019,2020,label``. If nothing of this holds, but the
    first label occurs in no other row while every other label does, it could be a name or a label: that is
    an error. Every feature becomes a float64 column; a categorical one becomes a column for each of its
    words in sorted order, called ``colour=red``, which holds 1 where the word stands and else 0.

    Parameters
    ----------
    path
        The file.
    target
        Name or number of the target column; by default one called target, label or y, else the last.
        Targets are int64 if all are whole numbers, float64 if all are numbers, else strings.
    categorical
        Names or numbers of columns whose numbers and words both are categories. If the target is among
        them, its labels are strings.
    need_target
        If false, the last column is no target unless it is called so, and a missing ``target`` is no error.

    Raises
    ------
    FileFormatError
        If the file is empty, not UTF-8, has an open quote, or rows of different length.
    DataError
        If there are no rows, no such column, a missing or non-finite value, a column of numbers and words,
        a feature of words that is not categorical, or a first row that may be names or data.
    """
    source = str(path)
    with damage_reported(path), path.open(encoding="utf-8-sig", newline="") as file:
        blocks = _blocks(_rows(file, path), path)
        first = next(blocks, None)
        if first is None:
            raise FileFormatError("data.empty", path=source)
        names = _header(first, [item for item in (target, *categorical) if isinstance(item, str)])
        width = len(first[0][1])
        chosen = choose_target(target, names, width, source=source, need_target=need_target)
        if names is None and chosen is not None and need_target:
            _refuse_lonely_label(first, chosen, source)
        found = (
            find_column(item, names, width, source=source, whole=need_target or item != target)
            for item in categorical
        )
        as_words = {index for index in found if index is not None}
        titles = names or [str(index) for index in range(width)]
        columns = [
            Column(source, title, keep_text=index == chosen or index in as_words)
            for index, title in enumerate(titles)
        ]
        lines = _fill(columns, chain([first[1:] if names else first], blocks))
    return _dataset(source, columns, lines, chosen, as_words, named=names is not None)


def _rows(file: Any, path: Path) -> Iterator[Row]:
    """Yield the rows that are not blank, with the number of the line on which each begins."""
    line = 1
    try:
        delimiter = _delimiter(file)
        reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise FileFormatError("data.not_utf8", path=str(path)) from error
    except csv.Error as error:
        raise FileFormatError("data.csv", path=str(path), line=line, reason=_reason(error)) from error


def _reason(error: csv.Error) -> str:
    """Return in the reader's language what Python's reader says in English."""
    keys = (key for words, key in REASONS.items() if words in str(error))
    key = next(keys, None)
    return str(error) if key is None else say(key)


def _delimiter(file: Any) -> str:
    """Return what cuts the first row into the most cells: a comma in quotes cuts nothing.

    Where a comma does no better than a semicolon or a tab, it belongs to a number or to a text.
    """
    cells = dict.fromkeys(DELIMITERS, 1)
    for sign in DELIMITERS:
        with contextlib.suppress(csv.Error):  # reading the rows will say what is wrong
            rows = csv.reader(file, delimiter=sign, skipinitialspace=True)
            cells[sign] = next((len(row) for row in rows if "".join(row).strip()), 1)
        file.seek(0)
    best = max(DELIMITERS, key=cells.__getitem__)
    return best if cells[best] > 1 else ","


def _blocks(rows: Iterator[Row], path: Path) -> Iterator[list[Row]]:
    width = None
    while block := list(islice(rows, BLOCK_ROWS)):
        width = len(block[0][1]) if width is None else width
        for line, row in block:
            if len(row) != width:
                raise FileFormatError(
                    "data.ragged", path=str(path), line=line, found=len(row), expected=width
                )
        yield block


def _header(block: list[Row], asked: Collection[str]) -> list[str] | None:
    """Return the columns' names if the first row holds them; ``asked`` are names that the caller knows."""
    first, rest = block[0][1], block[1:]
    words = [index for index, cell in enumerate(first) if is_word(cell)]
    all_words = bool(words) and not any(is_number(cell) for cell in first)
    over_numbers = rest and any(all(not is_word(row[index]) for _, row in rest) for index in words)
    if not (all_words or over_numbers or any(_is_title(block, index, asked) for index in words)):
        return None
    # A name may have been written over several lines; messages have one.
    return [" ".join(cell.split()) or f"column {index}" for index, cell in enumerate(first)]


def _is_title(block: list[Row], index: int, asked: Collection[str]) -> bool:
    """Whether the first cell of a column of words is a known name, and is no word of the column too."""
    word = block[0][1][index].strip()
    known = word in asked or word.lower() in TITLES
    return known and all(row[index].strip() != word for _, row in block[1:])


def _refuse_lonely_label(block: list[Row], chosen: int, source: str) -> None:
    """Raise `DataError` if the first label is the only one that no other row has: it may be a name."""
    first, *rest = (row[chosen].strip() for _, row in block)
    counts = Counter(rest)
    if is_word(first) and first not in counts and counts and min(counts.values()) > 1:
        raise DataError("data.header_or_data", source=source, line=block[0][0], value=" ".join(first.split()))


def _fill(columns: list[Column], blocks: Iterable[list[Row]]) -> array[int]:
    """Hand every column its cells; return the line number of every row."""
    lines = array("q")
    for block in blocks:
        if block:
            lines.extend(line for line, _ in block)
            for column, cells in zip(columns, zip(*(row for _, row in block), strict=True), strict=True):
                column.add(cells)
    return lines


def _dataset(
    source: str,
    columns: list[Column],
    lines: array[int],
    chosen: int | None,
    as_words: Collection[int],
    *,
    named: bool,
) -> Dataset:
    if not lines:
        raise DataError("data.no_rows", source=source)
    x, feature_names = _features(columns, lines, chosen, as_words)
    y = None if chosen is None else columns[chosen].targets(lines, as_words=chosen in as_words)
    check_rows(source, x, y)
    return Dataset(
        source,
        x,
        y,
        feature_names=tuple(feature_names) if named or as_words else None,
        target_names=() if chosen is None else (columns[chosen].title,),
        categorical=tuple(columns[index].title for index in sorted(as_words)),
    )


def _features(
    columns: list[Column], lines: array[int], chosen: int | None, as_words: Collection[int]
) -> tuple[npt.NDArray[np.float64], list[str]]:
    names: list[str] = []
    parts: list[npt.NDArray[np.float64]] = []
    for index, column in enumerate(columns):
        if index == chosen:
            continue
        if index in as_words:
            words, table = column.one_hot(lines)
            names += [f"{column.title}={word}" for word in words]
            parts.append(table)
        else:
            names.append(column.title)
            parts.append(column.numbers(lines)[:, None])
    return np.hstack(parts) if parts else np.empty((len(lines), 0)), names
