"""What all tests share: English texts, a folder for machine code, and that of the large data sets."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

os.environ["CHAINRULE_LANG"] = "en"
os.environ["COLUMNS"] = "80"  # workers would take over the width of the terminal that runs the tests
if (
    "PYTEST_XDIST_WORKER" not in os.environ
):  # the workers take over the folder of the process that starts them
    os.environ["CHAINRULE_CACHE"] = tempfile.mkdtemp(prefix="chainrule-tests-")
    atexit.register(shutil.rmtree, os.environ["CHAINRULE_CACHE"], ignore_errors=True)
pytest_plugins = ["laws.counting"]  # prints how many numbers the laws compared


@pytest.fixture(scope="session")
def mnist():
    """Return MNIST from the folder that CHAINRULE_DATA names; skip where there is none."""
    folder = os.environ.get("CHAINRULE_DATA")
    if not folder or not (Path(folder) / "mnist").is_dir():
        pytest.skip("CHAINRULE_DATA names no folder with mnist/")
    from chainrule.datasets import load

    return load("mnist")


@pytest.fixture(scope="session")
def digits():
    """Return the small digits, which come with scikit-learn."""
    from chainrule.datasets import load

    return load("digits")
