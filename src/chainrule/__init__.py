"""chainrule: neural networks by gradient descent, with every derivative in plain sight.

One computation graph serves all uses; nothing else knows a derivative::

    a plain Python/NumPy function, an expression, or a Network
        │ trace
        ▼
      Graph ── gradient (graph → graph) ──► Graph
        │
        ├─ interpret   reference values
        ├─ compile     machine code, by way of source that a person can read
        ├─ explain     the chain rule line by line, with this run's numbers
        └─ audit       somebody's hand-written derivatives against ours: the wrong line, and why

All public names are here and are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from chainrule.audits import AuditReport as AuditReport
    from chainrule.audits import Finding as Finding
    from chainrule.audits import audit as audit
    from chainrule.checks import check_gradient as check_gradient
    from chainrule.compiler.compiled import Compiled as Compiled
    from chainrule.compiler.compiled import InterpretedWarning as InterpretedWarning
    from chainrule.compiler.compiled import compile as compile  # noqa: A004 - NumPy-like, cr.compile
    from chainrule.errors import ChainruleError as ChainruleError
    from chainrule.estimators import NetworkClassifier as NetworkClassifier
    from chainrule.estimators import NetworkRegressor as NetworkRegressor
    from chainrule.explanations import Explanation as Explanation
    from chainrule.explanations import explain as explain
    from chainrule.functions import grad as grad
    from chainrule.functions import hessian as hessian
    from chainrule.functions import jacobian as jacobian
    from chainrule.functions import value_and_grad as value_and_grad
    from chainrule.gradients import gradient as gradient
    from chainrule.graph.context import scope as scope
    from chainrule.graph.graph import Graph as Graph
    from chainrule.graph.node import Node as Node
    from chainrule.graph.reader import read_graph as read_graph
    from chainrule.graph.trace import ArraySpec as ArraySpec
    from chainrule.graph.trace import trace as trace
    from chainrule.network import Network as Network
    from chainrule.network import load as load
    from chainrule.primitives.special import elu as elu
    from chainrule.primitives.special import erf as erf
    from chainrule.primitives.special import gelu as gelu
    from chainrule.primitives.special import leaky_relu as leaky_relu
    from chainrule.primitives.special import log_softmax as log_softmax
    from chainrule.primitives.special import logsumexp as logsumexp
    from chainrule.primitives.special import relu as relu
    from chainrule.primitives.special import sigmoid as sigmoid
    from chainrule.primitives.special import silu as silu
    from chainrule.primitives.special import softmax as softmax
    from chainrule.primitives.special import softplus as softplus
    from chainrule.training import optimizers as optimizers
    from chainrule.training import schedules as schedules
    from chainrule.training.checkpoints import Checkpoint as Checkpoint
    from chainrule.training.checkpoints import CheckpointWarning as CheckpointWarning
    from chainrule.training.stopping import EarlyStopping as EarlyStopping

_MODULES = {"optimizers": "training.optimizers", "schedules": "training.schedules"}
_PLACES = {
    "Checkpoint": "training.checkpoints",
    "CheckpointWarning": "training.checkpoints",
    "EarlyStopping": "training.stopping",
    "Network": "network",
    "NetworkClassifier": "estimators",
    "NetworkRegressor": "estimators",
    "load": "network",
    "ArraySpec": "graph.trace",
    "AuditReport": "audits",
    "Finding": "audits",
    "audit": "audits",
    "ChainruleError": "errors",
    "Compiled": "compiler.compiled",
    "Explanation": "explanations",
    "Graph": "graph.graph",
    "InterpretedWarning": "compiler.compiled",
    "Node": "graph.node",
    "check_gradient": "checks",
    "compile": "compiler.compiled",
    "explain": "explanations",
    "grad": "functions",
    "gradient": "gradients",
    "hessian": "functions",
    "jacobian": "functions",
    "read_graph": "graph.reader",
    "scope": "graph.context",
    "trace": "graph.trace",
    "value_and_grad": "functions",
    "elu": "primitives.special",
    "erf": "primitives.special",
    "gelu": "primitives.special",
    "leaky_relu": "primitives.special",
    "log_softmax": "primitives.special",
    "logsumexp": "primitives.special",
    "relu": "primitives.special",
    "sigmoid": "primitives.special",
    "silu": "primitives.special",
    "softmax": "primitives.special",
    "softplus": "primitives.special",
}

__all__ = [*sorted({*_PLACES, *_MODULES}), "__version__"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"chainrule.{_MODULES[name]}")
    if name not in _PLACES:
        raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
    place = _PLACES[name]
    if place.startswith("graph."):
        importlib.import_module("chainrule.primitives")  # a graph finds its operations in the registry
    value = getattr(importlib.import_module(f"chainrule.{place}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
