"""kill -9 at any instant: what is resumed ends with the same bits as what never stopped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr

PROGRAM = Path(__file__).with_name("killed.py")


def killed(kills, seed, folder):
    environment = {**os.environ, "PYTHONPATH": str(Path(cr.__file__).parents[1])}
    words = [sys.executable, str(PROGRAM), str(kills), str(seed), str(folder)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_change_nothing(tmp_path):
    found = killed(50, 1, tmp_path)
    assert found["kills"] >= 50
    assert (found["lost"], found["different"]) == (0, 0)


@pytest.mark.exhaustive
def test_a_thousand_kills_lose_nothing_and_change_nothing(tmp_path):
    found = killed(1000, 2, tmp_path)
    assert found["kills"] >= 1000
    assert (found["lost"], found["different"]) == (0, 0)
