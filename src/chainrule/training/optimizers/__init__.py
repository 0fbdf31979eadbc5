"""Optimizers: how parameters move, given their gradients.

An optimizer is a pair of pure functions. ``init(parameters)`` returns its state at the start, a list of
arrays; ``update(gradients, state, parameters, learning_rate)`` returns the new parameters and the new state.
Both are plain functions on NumPy arrays, so that the update is traced and becomes part of the step's graph.

What changes gradients or weights before the step goes in front of an optimizer, by `chain`. `lbfgs` is no
such pair: it looks for the length of each step on all examples.

Examples
--------
>>> import chainrule as cr
>>> from chainrule.training.optimizers import adam, chain, clip_norm, l2
>>> net = cr.Network([2, 4, 2], seed=0)
>>> chosen = chain(clip_norm(1.0), l2(1e-4), adam(b1=0.8))
>>> history = net.fit([[0, 1], [1, 0]], [0, 1], epochs=100, learning_rate=0.05, optimizer=chosen)
>>> net.predict([[0, 1], [1, 0]])
array([0, 1])
"""

from chainrule.training.optimizers.adaptive import adagrad, adam, adamw, lion, nadam, rmsprop
from chainrule.training.optimizers.descent import momentum, nesterov, sgd
from chainrule.training.optimizers.named import (
    MAKERS,
    METHODS,
    OPTIMIZERS,
    TRANSFORMS,
    chain,
    method,
    optimizer,
)
from chainrule.training.optimizers.pair import Optimizer
from chainrule.training.optimizers.transforms import (
    Transform,
    clip_norm,
    clip_value,
    l1,
    l2,
    weight_decay,
)
from chainrule.training.optimizers.whole_batch import Lbfgs, lbfgs

__all__ = [
    "MAKERS",
    "METHODS",
    "OPTIMIZERS",
    "TRANSFORMS",
    "Lbfgs",
    "Optimizer",
    "Transform",
    "adagrad",
    "adam",
    "adamw",
    "chain",
    "clip_norm",
    "clip_value",
    "l1",
    "l2",
    "lbfgs",
    "lion",
    "method",
    "momentum",
    "nadam",
    "nesterov",
    "optimizer",
    "rmsprop",
    "sgd",
    "weight_decay",
]
