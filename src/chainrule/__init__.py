"""chainrule: neural networks by gradient descent, with every derivative in plain sight.

One computation graph serves three uses; nothing else knows a derivative::

    a plain Python/NumPy function, an expression, or a Network
        │ trace
        ▼
      Graph ── gradient (graph → graph) ──► Graph
        │
        ├─ interpret   reference values
        └─ explain     the chain rule line by line, with this run's numbers

All public names are here and are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from chainrule.functions import grad as grad
    from chainrule.functions import hessian as hessian
    from chainrule.functions import jacobian as jacobian
    from chainrule.functions import value_and_grad as value_and_grad
    from chainrule.gradients import gradient as gradient
    from chainrule.graph.graph import Graph as Graph
    from chainrule.graph.trace import ArraySpec as ArraySpec

_PLACES = {
    "ArraySpec": "graph.trace",
    "Graph": "graph.graph",
    "grad": "functions",
    "gradient": "gradients",
    "hessian": "functions",
    "jacobian": "functions",
    "value_and_grad": "functions",
}

__all__ = [*sorted(_PLACES), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"chainrule.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
