"""`NetworkClassifier`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target

from chainrule.errors import DataError, SettingError
from chainrule.estimators.base import NetworkEstimator
from chainrule.estimators.making import is_whole_batch
from chainrule.estimators.targets import Classes, classes_of, read_labels
from chainrule.nn.costs import CostFunction
from chainrule.training.history import Listener
from chainrule.training.optimizers import Lbfgs, Optimizer
from chainrule.training.schedules import Schedule
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]


def _has_steps(estimator: Any) -> bool:
    """Return whether single epochs make sense: not where all examples make a step of a searched length."""
    return not is_whole_batch({"solver": estimator.solver})


class NetworkClassifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A classifier that is used as scikit-learn's MLPClassifier is, and can do more.

    Two classes or more, or several labels for an example (y a table of 0 and 1).

    Parameters
    ----------
    hidden_layer_sizes
        The number of units in each hidden layer.
    activation
        Of the hidden layers, one name or one for each: relu, logistic, tanh, identity, and all others of
        `Network`.
    solver
        "adam", "sgd" (with momentum), "lbfgs", the name of another optimizer, or what the functions of
        `chainrule.training.optimizers` return.
    alpha
        Strength of the L2 penalty on weights; divided by the number of examples in a mini-batch.
    batch_size
        Examples in a mini-batch; "auto": 200, or all if there are fewer.
    learning_rate
        "constant", "invscaling", "adaptive" (the latter two not for Adam), or a schedule: a name, what the
        functions of `chainrule.training.schedules` return, or a function of the mini-batch's number.
    learning_rate_init
        η at the beginning.
    power_t
        The exponent of "invscaling": η / (examples seen)^power_t.
    max_iter
        Epochs at most; iterations of L-BFGS.
    shuffle
        Whether every epoch takes the examples in a new order.
    random_state
        Of the first weights, the orders, and the validation part.
    tol
        What counts as an improvement of the loss, or of the validation score.
    verbose
        Whether to print a line an epoch.
    warm_start
        Whether `fit` goes on where the last ended: parameters, the optimizer's state, losses, orders.
    momentum, nesterovs_momentum
        Of the solver "sgd".
    early_stopping
        Whether to watch the validation score instead of the loss, and bring the best parameters back.
    validation_fraction
        The part that is held out for it, unless `fit` is handed X_val and y_val.
    beta_1, beta_2, epsilon
        Of the solver "adam".
    n_iter_no_change
        After how many epochs without improvement training ends.
    max_fun
        How often L-BFGS computes the cost at most.
    cost
        The name of another cost, or a function of (output, target) that returns one number, or one for each
        example.
    class_weight
        By which the examples of each class are weighted: a mapping, or "balanced".
    clip_norm, clip_value
        The most that the norm of all gradients, or any entry of them, may be.
    callbacks
        Functions that are told of progress; where one returns True, training ends.
    compiled
        Whether epochs run as machine code; None: once that pays.

    Attributes
    ----------
    network_
        The `Network`: to explain, save, export and so on.
    coefs_, intercepts_
        Weights and biases of each layer.
    loss_, best_loss_, loss_curve_
        The loss, penalty included: the last, the lowest, and that of every epoch.
    validation_scores_, best_validation_score_, validation_loss_curve_
        Of every epoch, if there was validation data; else None.
    classes_
        The classes, in the order of the columns of `predict_proba`.
    n_iter_, t_
        How many epochs the last fit took, and how many examples were seen in all.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.
    stopped_
        Whether training ended because there was no more improvement.

    Examples
    --------
    >>> from chainrule.estimators import NetworkClassifier
    >>> x, y = [[0, 0], [0, 1], [1, 0], [1, 1]], ["same", "other", "other", "same"]
    >>> model = NetworkClassifier((8,), activation="tanh", solver="lbfgs", random_state=0).fit(x, y)
    >>> print(model.predict(x))
    ['same' 'other' 'other' 'same']
    """

    _named: Any
    _classes: Classes

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str | Optimizer | Lbfgs = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        cost: str | CostFunction | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        callbacks: Sequence[Listener] | None = None,
        compiled: bool | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.cost = cost
        self.class_weight = class_weight
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.callbacks = callbacks
        self.compiled = compiled

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Learn from examples; return the estimator.

        Parameters
        ----------
        X
            Shape (m, features): an array, a sparse table, or a data frame, whose columns' names are kept. It
            is computed in its own dtype: float32 or float64.
        y
            Labels (m,), or a table (m, labels) of 0 and 1.
        sample_weight
            A weight for each example.
        X_val, y_val
            Validation data of your own: every epoch is judged on it.
        """
        self._named = None
        return self._learn(X, y, sample_weight, (X_val, y_val), incremental=False)

    @available_if(_has_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Go once through the examples; return the estimator.

        With ``early_stopping`` each call is judged on X_val and y_val, or on a part of its examples that it
        holds out. Once there is no more improvement, the best parameters come back, ``stopped_`` is True, and
        further calls change nothing.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val
            As for `fit`.
        classes
            All classes; needed in the first call.
        """
        if "network_" not in vars(self):
            if classes is None and not type_of_target(y).startswith("multilabel"):
                raise SettingError("estimator.classes_needed")
            self._named = classes
        return self._learn(X, y, sample_weight, (X_val, y_val), incremental=True)

    def predict(self, X: Any) -> Array:
        """Return the most probable class of each example, shape (m,), or a table of 0 and 1."""
        return self._decode(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, shape (m, classes)."""
        outputs = self._outputs(X)  # first, for it says so if there was no fit yet
        return self._classes.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of `predict_proba`."""
        with np.errstate(divide="ignore"):
            found: Array = np.log(self.predict_proba(X))
        return found

    def _read_targets(self, y: Any, *, first: bool) -> Array:
        labels, several = read_labels(y)
        if first:
            self._classes = classes_of(labels, several=several, names=self._named)
            self.classes_ = self._classes.names
        if labels.ndim != (2 if self._classes.several else 1):
            raise DataError("targets.shape", given=labels.shape, outputs=self._classes.outputs)
        return labels

    def _encode(self, y: Array) -> Array:
        return self._classes.encode(y)

    def _decode(self, outputs: Array) -> Array:
        return self._classes.decode(outputs)

    def _plan(self, y: Array) -> tuple[Targets, str | CostFunction, str]:
        del y
        cost = "cross_entropy" if self.cost is None else self.cost
        return self._classes.targets, cost, self._classes.output

    @property
    def _stratified(self) -> bool:
        """Whether a validation part has the classes in the same shares."""
        return not self._classes.several

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        found: Array = compute_sample_weight(self.class_weight, y)
        return found if sample_weight is None else found * sample_weight

    def _score(self, y: Array, predicted: Array, weights: Array | None) -> float:
        return float(accuracy_score(y, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
