"""`NetworkRegressor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from chainrule.errors import DataError
from chainrule.estimators.base import NetworkEstimator
from chainrule.estimators.making import is_whole_batch
from chainrule.estimators.settings import one_of, refused
from chainrule.nn.costs import CostFunction
from chainrule.training.history import Listener
from chainrule.training.optimizers import Lbfgs, Optimizer
from chainrule.training.schedules import Schedule
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
LOSSES = {"squared_error": ("quadratic", "identity"), "poisson": ("poisson", "exp")}


def _has_steps(estimator: Any) -> bool:
    """Return whether single epochs make sense: not where all examples make a step of a searched length."""
    return not is_whole_batch({"solver": estimator.solver})


class NetworkRegressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A regression that is used as scikit-learn's MLPRegressor is, and can do more.

    One value or several for each example.

    Parameters
    ----------
    loss
        "squared_error", or "poisson" for counts: half the squared error, or half the Poisson deviance.
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
    n_iter_, t_
        How many epochs the last fit took, and how many examples were seen in all.
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_
        As in scikit-learn.
    stopped_
        Whether training ended because there was no more improvement.

    Examples
    --------
    >>> from chainrule.estimators import NetworkRegressor
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0]
    >>> model = NetworkRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0, random_state=0).fit(x, y)
    >>> print(model.predict([[10.0]]).round(2))
    [21.]
    """

    _numeric = True

    def __init__(
        self,
        loss: str = "squared_error",
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
        clip_norm: float | None = None,
        clip_value: float | None = None,
        callbacks: Sequence[Listener] | None = None,
        compiled: bool | None = None,
    ) -> None:
        self.loss = loss
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
            Values (m,) or (m, outputs).
        sample_weight
            A weight for each example.
        X_val, y_val
            Validation data of your own: every epoch is judged on it.
        """
        return self._learn(X, y, sample_weight, (X_val, y_val), incremental=False)

    @available_if(_has_steps)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
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
        """
        return self._learn(X, y, sample_weight, (X_val, y_val), incremental=True)

    def predict(self, X: Any) -> Array:
        """Return the values, shape (m,) or (m, outputs)."""
        return self._decode(self._outputs(X))

    def _read_targets(self, y: Any, *, first: bool) -> Array:
        del first
        found = np.asarray(y)
        if self._named_loss == "poisson" and found.size and found.min() < 0:
            raise DataError("estimator.counts", value=found.min())
        return found

    def _encode(self, y: Array) -> Array:
        return y

    def _decode(self, outputs: Array) -> Array:
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    @property
    def _named_loss(self) -> str | CostFunction:
        return self.loss if self.cost is None else self.cost

    def _plan(self, y: Array) -> tuple[Targets, str | CostFunction, str]:
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if self.cost is not None:
            return Targets(outputs), self.cost, "exp" if self.cost == "poisson" else "identity"
        if self.loss not in LOSSES:
            raise refused("loss", one_of(LOSSES), self.loss)
        return Targets(outputs), *LOSSES[self.loss]

    @property
    def _loss_scale(self) -> float:
        """One over the outputs, of which scikit-learn takes the mean."""
        return 1 / self.n_outputs_ if self._named_loss == "squared_error" else 1.0

    def _score(self, y: Array, predicted: Array, weights: Array | None) -> float:
        return float(r2_score(y, predicted, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
