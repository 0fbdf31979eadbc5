"""The settings that are measured, and their data: one folder of .npy files that every peer reads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

CHECKED_STEPS = 8
CHECKED_PASSES = 2


@dataclass(frozen=True)
class Setting:
    """A network and how it learns; ``rows`` examples make the epoch that a round measures."""

    name: str
    sizes: tuple[int, ...]
    batch: int
    activation: str
    cost: str
    optimizer: str
    rows: int
    goal: float

    @property
    def rate(self) -> float:
        """The learning rate."""
        if self.optimizer == "adam":
            return 0.001
        return 3.0 if self.cost == "quadratic" else 0.1

    @property
    def mnist(self) -> bool:
        """Whether the data is MNIST; else it is random and dense."""
        return self.sizes[0] == 784

    @property
    def text(self) -> str:
        """The setting in words."""
        kind = "MNIST" if self.mnist else "dense random"
        optimizer = "SGD" if self.optimizer == "sgd" else "Adam"
        cost = self.cost.replace("_", " ")
        return f"{list(self.sizes)}, batch {self.batch}, {self.activation}, {cost}, {optimizer}, {kind}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("S1", (784, 30, 10), 10, "sigmoid", "quadratic", "sgd", 30_000, 3.0),
        Setting("S2", (784, 128, 10), 32, "relu", "cross_entropy", "sgd", 32_000, 2.0),
        Setting("S3", (64, 32, 10), 32, "relu", "cross_entropy", "adam", 32_000, 3.0),
        Setting("S4", (784, 512, 512, 10), 128, "relu", "cross_entropy", "adam", 12_800, 1.3),
        Setting("S5", (784, 2048, 2048, 10), 512, "relu", "cross_entropy", "sgd", 5_120, 1.0),
        Setting("S6", (200, 256, 128, 2), 256, "relu", "cross_entropy", "adam", 51_200, 1.5),
    )
}


@dataclass(frozen=True)
class Problem:
    """A setting with its data: inputs (m, n), labels (m,), one-hot targets (m, k), and the start W1, b1 …."""

    setting: Setting
    x: np.ndarray
    labels: np.ndarray
    target: np.ndarray
    parameters: list[np.ndarray]

    @property
    def steps(self) -> int:
        """The number of mini-batches of an epoch."""
        return len(self.x) // self.setting.batch

    @property
    def checked_rows(self) -> int:
        """The number of examples in the few steps on which peers are compared."""
        return min(CHECKED_STEPS, self.steps) * self.setting.batch


def make(setting: Setting, mnist: tuple[np.ndarray, np.ndarray] | None, shrink: int) -> Problem:
    """Return the problem, drawn from a fixed seed; ``shrink`` divides the number of examples."""
    random = np.random.default_rng(0)
    rows = max(setting.rows // shrink // setting.batch, 1) * setting.batch
    if setting.mnist and mnist is not None:
        images, digits = mnist
        x, labels = images[:rows].astype("float32") / np.float32(255), digits[:rows].astype("int64")
    else:
        x = random.standard_normal((rows, setting.sizes[0]), dtype="float32")
        labels = random.integers(0, setting.sizes[-1], rows)
    target = np.eye(setting.sizes[-1], dtype="float32")[labels]
    return Problem(setting, x, labels, target, start(setting.sizes, random))


def start(sizes: tuple[int, ...], random: np.random.Generator) -> list[np.ndarray]:
    """Return W1, b1, W2, b2 … drawn at random."""
    parameters = []
    for inputs, outputs in pairwise(sizes):
        weights = random.standard_normal((inputs, outputs)) * np.sqrt(2 / (inputs + outputs))
        parameters += [weights.astype("float32"), np.zeros(outputs, "float32")]
    return parameters


def write(problem: Problem, folder: Path) -> None:
    """Write the problem's arrays into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {"x": problem.x, "labels": problem.labels, "target": problem.target}
    arrays |= {f"parameter{place}": value for place, value in enumerate(problem.parameters)}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


def read(name: str, folder: Path) -> Problem:
    """Return the problem of a setting from a folder."""
    setting = SETTINGS[name]
    count = 2 * (len(setting.sizes) - 1)
    parameters = [np.load(folder / f"parameter{place}.npy") for place in range(count)]
    x, labels, target = (np.load(folder / f"{part}.npy") for part in ("x", "labels", "target"))
    return Problem(setting, x, labels, target, parameters)
