"""What both estimators share: they check, delegate to `Network.fit`, and tell what came of it."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule.errors import SettingError
from chainrule.estimators.making import Rates, is_whole_batch, method_of, network_of, sizes_of
from chainrule.estimators.parts import Part
from chainrule.estimators.progress import Course, Watch
from chainrule.estimators.settings import check_parameters
from chainrule.functions import grad
from chainrule.network import Network
from chainrule.nn.costs import CostFunction
from chainrule.text import say
from chainrule.training.history import End
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
MOST_AUTOMATIC = 200  # examples in a mini-batch that nobody chose
SKLEARN_NAMES = {"sigmoid": "logistic"}


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]
    """The part of an estimator that does not depend on what is predicted."""

    network_: Network
    _numeric = False  # whether targets must be numbers
    _course: Course
    _strength: tuple[float, float] | None

    @abstractmethod
    def _read_targets(self, y: Any, *, first: bool) -> Array:
        """Return targets in the user's form, checked; learn what they mean if this is the first fit."""

    @abstractmethod
    def _encode(self, y: Array) -> Array:
        """Return targets as the network takes them."""

    @abstractmethod
    def _decode(self, outputs: Array) -> Array:
        """Return predictions in the user's form."""

    @abstractmethod
    def _plan(self, y: Array) -> tuple[Targets, str | CostFunction, str]:
        """Return the network's targets, its cost, and its output activation."""

    @abstractmethod
    def _score(self, y: Array, predicted: Array, weights: Array | None) -> float:
        """Return how good predictions are."""

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """Return the weights of examples."""
        del y
        return sample_weight

    @property
    def _stratified(self) -> bool:
        """Whether a validation part has the classes in the same shares."""
        return False

    @property
    def _loss_scale(self) -> float:
        """By what the network's cost is multiplied to give the loss."""
        return 1.0

    # What came of it.

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (inputs, outputs); the network's own, to be read."""
        return self._parameters("W")

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer; the network's own, to be read."""
        return self._parameters("b")

    def _parameters(self, kind: str) -> list[Array]:
        if "network_" not in vars(self):
            raise AttributeError(kind)
        return [value for name, value in self.network_.parameters.items() if name[0] == kind]

    def gradients(self, X: Any, y: Any) -> dict[str, Array]:
        """Return the gradient of the mean cost (without penalty) by W1, b1 …, on data.

        Parameters
        ----------
        X, y
            Examples and targets, as `fit` takes them.
        """
        check_is_fitted(self)
        X = self._checked(X)
        return self.network_.gradients(X, self._encode(self._read_targets(y, first=False)))

    def input_gradients(self, X: Any) -> Array:
        """Return the derivative of each output by each input: shape (m, outputs, features).

        Outputs are the network's: a single one, the probability of the second class, for two classes.
        """
        check_is_fitted(self)
        X = self._checked(X)
        table = (X.toarray() if hasattr(X, "toarray") else X).astype(self.network_.architecture.dtype)
        net, outputs = self.network_, self.network_.architecture.sizes[-1]

        def of(place: int) -> Array:
            found: Array = np.asarray(grad(lambda x: np.sum(net(x)[:, place]))(table))  # rows do not mix
            return found

        return np.stack([of(place) for place in range(outputs)], axis=1)

    def _checked(self, X: Any) -> Any:
        return validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return self.network_(self._checked(X))

    # Learning.

    def _learn(
        self, X: Any, y: Any, sample_weight: Any, held_out: tuple[Any, Any], *, incremental: bool
    ) -> Self:
        parameters = self.get_params(deep=False)
        check_parameters(parameters)
        rates = None if is_whole_batch(parameters) else Rates(parameters)
        first = "network_" not in vars(self) or not (self.warm_start or incremental)
        data = self._data(X, y, sample_weight, first=first)
        if incremental and not first and self._course.stopped:
            return self
        random = check_random_state(self.random_state)
        if first:
            self._begin(parameters, data, random)
        else:
            self._check_layers(parameters)
        data, judged = self._validation(data, held_out, random, wanted=rates is not None)
        self._run(parameters, data, judged, rates, epochs=1 if incremental else self.max_iter)
        return self

    def _data(self, X: Any, y: Any, sample_weight: Any, *, first: bool) -> Part:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=self._numeric,
            dtype=(np.float64, np.float32),
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        y = self._read_targets(y, first=first)
        return Part(X, y, self._weights(y, sample_weight))

    def _begin(self, parameters: dict[str, Any], data: Part, random: np.random.RandomState) -> None:
        """Make the network, and forget all that was before."""
        targets, cost, output = self._plan(data.y)
        sizes = sizes_of(parameters, data.X.shape[1], targets.outputs)
        self.network_ = network_of(parameters, sizes, cost, output, data.X.dtype, random)
        self.network_.targets = targets
        names = getattr(self, "feature_names_in_", None)
        self.network_.information["feature_names"] = None if names is None else [str(name) for name in names]
        self.n_layers_, self.n_outputs_ = len(sizes), targets.outputs
        self.out_activation_ = SKLEARN_NAMES.get(output, output)
        self._course = Course()
        self._strength = None

    def _check_layers(self, parameters: dict[str, Any]) -> None:
        known = list(self.network_.architecture.sizes)
        wanted = sizes_of(parameters, known[0], known[-1])
        if known != wanted:
            raise SettingError("estimator.warm_shape", known=known, given=wanted)

    def _validation(
        self, data: Part, given: tuple[Any, Any], random: np.random.RandomState, *, wanted: bool
    ) -> tuple[Part, Part | None]:
        """Return what is learned from, and what every epoch is judged on."""
        missing = [name for name, value in zip(("X_val", "y_val"), given, strict=True) if value is None]
        if len(missing) == 1:
            raise SettingError("estimator.validation_pair", missing=missing[0])
        if not missing:
            X, y = self._checked(given[0]), np.asarray(given[1])
            check_consistent_length(X, y)
            return data, Part(X, self._read_targets(y, first=False), None)
        if not (wanted and self.early_stopping):
            return data, None
        return data.split(self.validation_fraction, random, stratified=self._stratified)

    def _penalty(self, size: int, weights: Array | None) -> float:
        """Return λ of the penalty: alpha over the sum of the weights of a mini-batch.

        It stays the same while fitting goes on, since an optimizer keeps its state by its settings.
        """
        if self._strength is None or self._strength[0] != self.alpha:
            mean = 1.0 if weights is None else float(weights.mean())
            self._strength = float(self.alpha), float(self.alpha) / (size * mean or 1.0)
        return self._strength[1]

    def _run(
        self,
        parameters: dict[str, Any],
        data: Part,
        judged: Part | None,
        rates: Rates | None,
        *,
        epochs: int,
    ) -> None:
        net, course, rows = self.network_, self._course, data.X.shape[0]
        size = self._batch_size(rows)
        strength = self._penalty(rows if rates is None else size, data.weights)
        optimizer = method_of(parameters, strength)
        if rates is not None:
            rates.resume(course.factor)
        score = None if judged is None else partial(self._judge, judged)
        watch = Watch(parameters, course, net, rows, self._loss_scale, strength, score, rates)
        validation = None if judged is None else (judged.X, self._encode(judged.y))
        try:
            history = net.fit(
                data.X,
                self._encode(data.y),
                epochs=epochs,
                batch_size=size,
                learning_rate=float(self.learning_rate_init),
                optimizer=optimizer,
                schedule=None if rates is None else rates.schedule,
                validation_data=validation,
                shuffle=self.shuffle and size < rows,  # a mini-batch of all needs no order
                callbacks=[watch, *(self.callbacks or ())],
                sample_weight=data.weights,
                judge_training=False,
                compiled=self.compiled,
            )
        except KeyboardInterrupt:
            warnings.warn(say("estimator.interrupted"), UserWarning, stacklevel=4)
        else:
            if history.end is End.EPOCHS and epochs > 1:
                message = say("estimator.not_converged", iterations=watch.epochs)
                warnings.warn(message, ConvergenceWarning, stacklevel=4)
        incremental = epochs == 1 and self.max_iter != 1
        self._conclude(watch, going_on=incremental and not course.stopped)

    def _conclude(self, watch: Watch, *, going_on: bool) -> None:
        """Write down what came of it; bring the best parameters back unless training goes on."""
        course = watch.course
        if course.best is not None and not going_on:
            self.network_.set_parameters(**course.best)
        if watch.rates is not None:
            course.factor = watch.rates.factor
        early = course.best is not None
        self.n_iter_, self.t_ = watch.epochs, course.seen
        self.loss_curve_ = course.losses
        self.loss_ = course.losses[-1] if course.losses else np.inf
        self.best_loss_ = None if early else course.best_loss
        self.validation_loss_curve_ = course.validation_losses or None
        self.validation_scores_ = course.scores or None
        self.best_validation_score_ = course.best_score if early else None
        self.stopped_ = course.stopped

    def _judge(self, judged: Part) -> float:
        outputs = self.network_(judged.X)
        return self._score(judged.y, self._decode(outputs), judged.weights)

    def _batch_size(self, rows: int) -> int:
        if isinstance(self.batch_size, str):
            return min(MOST_AUTOMATIC, rows)
        if self.batch_size > rows:
            message = say("estimator.batch_size", given=self.batch_size, rows=rows)
            warnings.warn(message, UserWarning, stacklevel=5)
        return min(int(self.batch_size), rows)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
