"""The job of ``chainrule train digits``, written with scikit-learn: train, judge on rows held out, report."""

from __future__ import annotations

import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
model = MLPClassifier(
    (30,),
    activation="logistic",
    solver="sgd",
    alpha=0,
    batch_size=10,
    learning_rate_init=0.5,
    momentum=0,
    max_iter=30,
    n_iter_no_change=30,
    random_state=0,
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    model.fit(x_train, y_train)
print(f"cost {model.loss_:.4f}, held out {model.score(x_test, y_test):.2%}")
