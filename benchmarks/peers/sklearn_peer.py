"""scikit-learn's MLP: one epoch by `partial_fit`, of which only the loop over mini-batches is timed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from peers.base import Peer
from peers.settings import Problem

LINEAR_RATE = 0.01  # linear outputs diverge at the rate of sigmoids


class SklearnPeer(Peer):
    """MLPClassifier; for the quadratic cost MLPRegressor, whose output is linear: the nearest there is."""

    def __init__(self, threads: int | None) -> None:
        super().__init__(threads)
        import sklearn
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        class Timed:
            """Notes how long the loop took, so that the checks of the data before it do not count."""

            def _fit_stochastic(self, *arguments: Any, **settings: Any) -> None:
                began = time.perf_counter()
                super()._fit_stochastic(*arguments, **settings)
                self.seconds = time.perf_counter() - began

        self.sklearn = sklearn
        self.classifier = type("Classifier", (Timed, MLPClassifier), {})
        self.regressor = type("Regressor", (Timed, MLPRegressor), {})

    def versions(self) -> dict[str, str]:
        """Return the version of scikit-learn."""
        return {"scikit-learn": self.sklearn.__version__}

    def prepare(self, problem: Problem) -> None:
        """Take a problem."""
        self.problem = problem
        self.model = self._model(shuffle=True)

    def _model(self, *, shuffle: bool) -> Any:
        """Return a model that stands at the problem's parameters."""
        problem, setting = self.problem, self.problem.setting
        kind = self.regressor if setting.cost == "quadratic" else self.classifier
        model = kind(
            hidden_layer_sizes=setting.sizes[1:-1],
            activation={"sigmoid": "logistic"}.get(setting.activation, setting.activation),
            solver=setting.optimizer,
            alpha=0,
            batch_size=setting.batch,
            learning_rate_init=LINEAR_RATE if setting.cost == "quadratic" else setting.rate,
            momentum=0,
            nesterovs_momentum=False,
            shuffle=shuffle,
            random_state=0,
            n_iter_no_change=10**9,
            tol=0,
        )
        rows = slice(0, setting.batch)
        self._learn(model, rows)
        for own, given in zip(model.coefs_, problem.parameters[::2], strict=True):
            own[...] = self._fitting(given, own.shape[-1])
        for own, given in zip(model.intercepts_, problem.parameters[1::2], strict=True):
            own[...] = self._fitting(given, own.shape[-1])
        del model._optimizer  # noqa: SLF001 - its state: the next call makes a new one
        return model

    def _fitting(self, given: np.ndarray, outputs: int) -> np.ndarray:
        """Return the parameters; two softmax outputs become the one of the logistic."""
        one = outputs == 1 and self.problem.setting.sizes[-1] == 2 and given.shape[-1] == 2
        return given[..., 1:] - given[..., :1] if one else given

    def _learn(self, model: Any, rows: slice) -> None:
        problem = self.problem
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a mini-batch is all there is at first
            if problem.setting.cost == "quadratic":
                model.partial_fit(problem.x[rows], problem.target[rows])
            else:
                model.partial_fit(
                    problem.x[rows], problem.labels[rows], classes=np.arange(problem.setting.sizes[-1])
                )

    def costs(self, rows: int, passes: int = 2) -> list[float]:
        """Return the mean cost of each pass over the first rows."""
        model = self._model(shuffle=False)
        costs = []
        for _ in range(passes):
            self._learn(model, slice(0, rows))
            costs.append(float(model.loss_))
        return costs

    def epoch(self, rows: int, random: np.random.Generator) -> float:
        """Return the seconds of one epoch."""
        del random
        self._learn(self.model, slice(0, rows))
        return self.model.seconds

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return `predict_proba` for one row."""
        model = self.classifier(hidden_layer_sizes=(30,), activation="logistic")
        model.partial_fit(np.zeros((10, 64), "float32"), np.arange(10), classes=np.arange(10))
        model.coefs_, model.intercepts_ = parameters[::2], parameters[1::2]
        return lambda x: model.predict_proba(x.reshape(1, -1))
