"""Networks as scikit-learn's estimators: for pipelines, grid searches, cross-validation, and old programs."""

from chainrule.estimators.classifier import NetworkClassifier
from chainrule.estimators.regressor import NetworkRegressor

__all__ = ["NetworkClassifier", "NetworkRegressor"]
