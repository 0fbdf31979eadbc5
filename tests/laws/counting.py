"""Counts the scalars that the laws compare, and says how many at the end of the run.

A plugin of its own and no conftest.py, so that the process that hands tests out to others has it too.
"""

from __future__ import annotations

from typing import Any

import pytest

COUNT = pytest.StashKey[int]()
FEWEST = 12_577  # what the test suite of HIPS autograd compares


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the count to the process that started this one; fail a whole run that compared too little."""
    config, count = session.config, session.config.stash.get(COUNT, 0)
    if hasattr(config, "workeroutput"):
        config.workeroutput["comparisons"] = count
    elif _whole_suite(config) and exitstatus == pytest.ExitCode.OK and count <= FEWEST:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _whole_suite(config: pytest.Config) -> bool:
    """Return whether nothing was deselected: only folders were named, and no option picks tests."""
    options = config.option
    picked = options.keyword or options.markexpr or getattr(options, "lf", False) or options.collectonly
    return not picked and all("::" not in arg and not arg.endswith(".py") for arg in config.args)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Add the count of a worker that has finished."""
    handed = getattr(node, "workeroutput", {}).get("comparisons", 0)
    node.config.stash[COUNT] = node.config.stash.get(COUNT, 0) + handed


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the count."""
    count = config.stash.get(COUNT, 0)
    if count:
        scale = f"more than {FEWEST:,}" if count > FEWEST else "of a part of the laws"
        terminalreporter.write_line(f"laws: {count:,} scalar comparisons, {scale}")
