"""What tests of estimators share."""

import pytest


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    """Keep machine code out of the user's folder."""
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "code"))
