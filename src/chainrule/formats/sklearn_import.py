"""A fitted multi-layer perceptron of scikit-learn as a `Network` that predicts the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.network import Network
from chainrule.training.targets import Targets

ACTIVATIONS = {
    "identity": "identity",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
}


def from_sklearn(model: Any) -> Network:
    """Return a network that predicts what a fitted MLPClassifier or MLPRegressor does.

    Parameters
    ----------
    model
        The fitted estimator. Labels, the names of columns and the dtype are kept.

    Returns
    -------
    Network
        Its outputs are the probabilities (a single one for two labels: that of the second; one for each label
        if an example may have several) or the values.

    Raises
    ------
    SettingError
        If it is no such estimator, is not fitted, or has an output activation that networks here lack.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neural_network import MLPClassifier
    >>> x, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), ["a", "b", "c", "c"]
    >>> model = MLPClassifier([5], solver="lbfgs", random_state=0).fit(x, y)
    >>> net = from_sklearn(model)
    >>> net
    <Network [2, 5, 3]: relu → softmax, cost cross_entropy, 33 parameters>
    >>> bool(np.allclose(net(x), model.predict_proba(x), rtol=0, atol=1e-12))
    True
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = type(model).__name__
    if not isinstance(model, MLPClassifier | MLPRegressor):
        raise SettingError("formats.not_mlp", kind=kind)
    if not hasattr(model, "coefs_"):
        raise SettingError("formats.not_fitted", kind=kind)
    if model.out_activation_ not in ACTIVATIONS:
        loss = getattr(model, "loss", "?")
        raise SettingError("formats.sklearn_output", kind=kind, output=model.out_activation_, loss=loss)
    weights = [np.asarray(weight) for weight in model.coefs_]
    classifies = isinstance(model, MLPClassifier)
    net = Network(
        [len(weights[0]), *[weight.shape[1] for weight in weights]],
        activation=[ACTIVATIONS[model.activation]] * (len(weights) - 1),
        output=ACTIVATIONS[model.out_activation_],
        cost="cross_entropy" if classifies else "mse",
        initialiser="zeros",
        dtype=np.result_type(*weights, np.float32).name,
    )
    pairs = enumerate(zip(weights, model.intercepts_, strict=True), start=1)
    net.set_parameters(**{name: v for at, (W, b) in pairs for name, v in ((f"W{at}", W), (f"b{at}", b))})
    outputs = net.architecture.sizes[-1]
    net.targets = Targets(outputs, _labels(model) if classifies else None)
    net.information["feature_names"] = [str(name) for name in getattr(model, "feature_names_in_", ())] or None
    return net


def _labels(model: Any) -> Any:
    """Return the labels of a classifier; None if an example may have several."""
    if model._label_binarizer.y_type_.startswith("multilabel"):  # noqa: SLF001 - it says so nowhere else
        return None
    labels = np.array(np.asarray(model.classes_).tolist())
    if labels.dtype.kind not in "biufU":
        raise SettingError("formats.labels_kind", kind=labels.dtype)
    return labels.astype(int) if labels.dtype.kind == "b" else labels
