"""What the tests of the compiler share: a count of comparisons, and a cache of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from laws.conftest import tally as tally


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: Any) -> Iterator[None]:
    """Keep machine code out of the user's folder, and what was compiled elsewhere out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHAINRULE_CACHE", str(tmp_path_factory.mktemp("code")))
        yield
