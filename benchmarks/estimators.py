"""Our estimators beside scikit-learn's MLP: five-fold scores and training times, at the same settings.

Run by hand: ``python benchmarks/estimators.py [--json FILE]``. The two take turns, fold by fold; each time is
the sum over the folds, the best of three rounds.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from chainrule.estimators import NetworkClassifier, NetworkRegressor

ROUNDS = 3
SETS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "iris": (datasets.load_iris, {}),
    "wine": (datasets.load_wine, {}),
    "breast_cancer": (datasets.load_breast_cancer, {}),
    "digits": (datasets.load_digits, {}),
    "diabetes": (datasets.load_diabetes, {"max_iter": 400, "learning_rate_init": 0.01}),
}


def compare(name: str) -> dict[str, Any]:
    """Return scores and seconds of both on one data set."""
    load, settings = SETS[name]
    X, y = load(return_X_y=True)
    regression = name == "diabetes"
    kinds = (NetworkRegressor, MLPRegressor) if regression else (NetworkClassifier, MLPClassifier)
    folds = (KFold if regression else StratifiedKFold)(5, shuffle=True, random_state=0)
    scores: list[list[float]] = [[], []]
    seconds = np.full((2, ROUNDS), 0.0)
    for turn in range(ROUNDS):
        for learned, held_out in folds.split(X, y):
            scale = StandardScaler().fit(X[learned])
            for place, kind in enumerate(kinds):
                model = kind(random_state=turn, **settings)
                began = time.perf_counter()
                model.fit(scale.transform(X[learned]), y[learned])
                seconds[place, turn] += time.perf_counter() - began
                scores[place].append(model.score(scale.transform(X[held_out]), y[held_out]))
    ours, theirs = (float(np.mean(found)) for found in scores)
    return {"set": name, "ours": ours, "theirs": theirs, "seconds": seconds.min(axis=1).tolist()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    found = []
    print(f"{'data set':15}{'score: ours':>12}{'MLP':>8}{'seconds: ours':>15}{'MLP':>8}{'faster':>9}")
    for name in SETS:
        row = compare(name)
        found.append(row)
        ours, theirs = row["seconds"]
        print(
            f"{name:15}{row['ours']:12.4f}{row['theirs']:8.4f}{ours:15.2f}{theirs:8.2f}{theirs / ours:8.1f}x"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
