"""The command line, called in this process (quick) or as a process of its own (as people do)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from chainrule.cli import main

SOURCE = Path(__file__).parents[2] / "src"


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Result(code, *capsys.readouterr())

    return run


def hears_ctrl_c():
    """Let a process hear Ctrl-C, also where the tests themselves run in the background and do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def process(tmp_path):
    """Start ``python -m chainrule`` in an empty folder of its own; return the process."""

    def start(*words, **settings):
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), **settings.pop("environment", {})}
        return subprocess.Popen(
            [sys.executable, "-m", "chainrule", *map(str, words)],
            cwd=tmp_path,
            env=environment,
            stdout=settings.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=settings.pop("preexec_fn", hears_ctrl_c),
            **settings,
        )

    return start


def flower_rows(seed, count):
    """Return rows of a table of three kinds of flowers that two numbers tell apart."""
    random = np.random.default_rng(seed)
    kinds = ("iris", "rose", "tulip")
    for place in range(count):
        kind = place % 3
        yield 3 * kind + random.normal() / 2, 20 - 2 * kind + random.normal() / 2, kinds[kind]


@pytest.fixture(scope="session")
def flowers(tmp_path_factory):
    """Return a CSV file of 90 flowers."""
    path = tmp_path_factory.mktemp("data") / "flowers.csv"
    lines = [f"{width:.3f},{height:.3f},{kind}" for width, height, kind in flower_rows(0, 90)]
    path.write_text("\n".join(["width,height,kind", *lines, ""]))
    return path


@pytest.fixture(scope="session")
def houses(tmp_path_factory):
    """Return a CSV file of 120 houses with prices, a column of words among the features."""
    path = tmp_path_factory.mktemp("data") / "houses.csv"
    random = np.random.default_rng(1)
    lines = ["area,place,price"]
    for _ in range(120):
        area, place = random.uniform(40, 160), ("town", "coast", "hill")[random.integers(3)]
        price = 2000 * area + {"town": 0, "coast": 90_000, "hill": 30_000}[place]
        lines.append(f"{area:.1f},{place},{price:.2f}")
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.fixture(scope="session")
def flower_model(flowers, tmp_path_factory):
    """Return a model that knows the flowers."""
    path = tmp_path_factory.mktemp("models") / "flowers.safetensors"
    assert main(["train", str(flowers), "--out", str(path), "--quiet", "--json", "--epochs", "40"]) == 0
    return path


@pytest.fixture(scope="session")
def house_model(houses, tmp_path_factory):
    """Return a model that knows the houses' prices."""
    path = tmp_path_factory.mktemp("models") / "houses.safetensors"
    words = ["train", str(houses), "--categorical", "place", "--out", str(path), "--quiet", "--epochs", "60"]
    assert main([*words, "--json"]) == 0
    return path
