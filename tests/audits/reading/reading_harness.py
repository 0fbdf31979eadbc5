"""Plain Python beside the reading of the same script: what both come to must be the same."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.audits.derivation import Derivation
from chainrule.gradients import pull_back
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node

PROGRAMS = Path(__file__).parent / "programs"
LONG_LOOPS = (
    "range(10000)",
    "range(1000)",
    "range(200)",
    "range(50)",
    "range(0, num_passes)",
    "while t < 1000:",
)
ONCE = dict.fromkeys(LONG_LOOPS, "range(1)") | {
    "while True:": "for _ in range(1):",
    "while t < 1000:": "for _ in range(1):",
    "num_iterations=3000": "num_iterations=1",
}


def executed(source: str) -> dict[str, Any]:
    """Return the variables that plain Python leaves, each training loop cut down to one round."""
    for loop, once in ONCE.items():
        source = source.replace(loop, once)
    silent = types.ModuleType("matplotlib.pyplot")
    silent.plot = silent.show = lambda *_: None  # type: ignore[attr-defined]
    sys.modules.setdefault("matplotlib", types.ModuleType("matplotlib"))
    sys.modules.setdefault("matplotlib.pyplot", silent)
    variables: dict[str, Any] = {"__name__": "__main__", "print": lambda *_: None}
    with np.errstate(all="ignore"):
        exec(compile(source, "<script>", "exec"), variables)
    return variables


def values(found: Derivation, nodes: list[Node]) -> list[Any]:
    """Return the values of nodes at the script's own point."""
    program = Program([leaf.node for leaf in found.leaves], nodes)
    return program.run(*[leaf.value for leaf in found.leaves])


def true_derivatives(found: Derivation) -> list[Any]:
    """Return the derivative of the cost by the variable of each claim."""
    return [values(found, pull_back(found.cost, [claim.of]))[0] for claim in found.claims]
