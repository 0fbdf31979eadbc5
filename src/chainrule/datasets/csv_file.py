"""CSV: rows of numbers and words, with or without a header.

A column is of numbers or of words, never of both; `Column` says which, and names the line of what does
not fit. Rows are taken in blocks, so that only numbers, not their text, are kept.
"""

from __future__ import annotations

import csv
from array import array
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.datasets.checks import check_rows, damage_reported
from chainrule.datasets.columns import choose_target, find_column
from chainrule.datasets.csv_columns import Column, is_number, is_word
from chainrule.datasets.dataset import Dataset
from chainrule.errors import DataError, FileFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

BLOCK_ROWS = 20_000

Row = tuple[int, list[str]]


def load_csv(
    path: Path,
    *,
    target: str | int | None = None,
    categorical: Collection[str | int] = (),
    need_target: bool = True,
) -> Dataset:
    """Return the data set in a CSV file (also with semicolons or tabs), encoded in UTF-8.

    The first row is a header if all its cells are words, or if one is while the rest of its column is
    numbers. Every feature becomes a float64 column; a categorical one becomes a column for each of its
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
        or a feature of words that is not categorical.
    """
    source = str(path)
    with damage_reported(path), path.open(encoding="utf-8-sig", newline="") as file:
        blocks = _blocks(_rows(file, path), path)
        first = next(blocks, None)
        if first is None:
            raise FileFormatError("data.empty", path=source)
        names = _header(first)
        width = len(first[0][1])
        chosen = choose_target(target, names, width, source=source, need_target=need_target)
        as_words = {find_column(item, names, width, source=source, whole=True) for item in categorical}
        titles = names or [str(index) for index in range(width)]
        columns = [
            Column(source, title, keep_text=index == chosen or index in as_words)
            for index, title in enumerate(titles)
        ]
        lines = _fill(columns, chain([first[1:] if names else first], blocks))
    return _dataset(source, columns, lines, chosen, as_words, named=names is not None)


def _rows(file: Any, path: Path) -> Iterator[Row]:
    """Yield the rows that are not blank, with the number of the line on which each begins."""
    try:
        first = file.readline()
        delimiter = next((sign for sign in ",;\t" if sign in first), ",")
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
        line = 1
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise FileFormatError("data.not_utf8", path=str(path)) from error
    except csv.Error as error:
        raise FileFormatError("data.csv", path=str(path), line=line, reason=str(error)) from error


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


def _header(block: list[Row]) -> list[str] | None:
    """Return the columns' names if the first row holds them."""
    first, rest = block[0][1], block[1:]
    words = [index for index, cell in enumerate(first) if is_word(cell)]
    all_words = bool(words) and not any(is_number(cell) for cell in first)
    if all_words or (rest and any(all(not is_word(row[index]) for _, row in rest) for index in words)):
        # A name may have been written over several lines; messages have one.
        return [" ".join(cell.split()) or f"column {index}" for index, cell in enumerate(first)]
    return None


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
    as_words: Collection[int | None],
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
    )


def _features(
    columns: list[Column], lines: array[int], chosen: int | None, as_words: Collection[int | None]
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
