"""The published table of conventions is true: each of its rows is run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.functions import grad

TABLE = Path(__file__).parents[2] / "docs" / "conventions.md"
ROW = re.compile(r"\| `(?P<formula>[^`]+)` \| `(?P<point>[^`]+)` \| `(?P<slope>[^`]+)` \| [^|]+ \|")
NAMES = {"np": np, "cr": cr, "inf": np.inf, "nan": np.nan}


def rows() -> list[tuple[str, str, str]]:
    return [match.group("formula", "point", "slope") for match in ROW.finditer(TABLE.read_text("utf-8"))]


@pytest.mark.parametrize(("formula", "point", "slope"), rows())
def test_row(formula: str, point: str, slope: str, tally: Any) -> None:
    x = np.array(eval(point, NAMES))
    function = eval(f"lambda x: {formula}", NAMES)
    tally.close(grad(function)(x), np.array(eval(slope, NAMES)), 1e-15, formula)


def test_every_line_of_the_tables_is_a_row() -> None:
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(lines) == len(rows())
