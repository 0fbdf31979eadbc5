"""Programs derived from traced graphs, remembered: a second graph of equal structure finds its program ready.

Constant arrays, such as data in a closure, may differ from call to call. So they count as inputs here, unless
all their entries are equal: then rewrites may look at them, and they belong to the structure.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from chainrule.graph.graph import Graph, substitute
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, input_node
from chainrule.graph.order import structure
from chainrule.rewrites import simplify, stabilise

MOST_PROGRAMS = 128
MOST_STEPS = 10_000  # of a program that is remembered

Derive = Callable[..., list[Node]]

_programs: OrderedDict[Any, Program] = OrderedDict()
_lock = Lock()


class Derived:
    """The program of what ``derive(graph, inputs, *seeds)`` returns, for one traced graph.

    Parameters
    ----------
    what
        A name for ``derive``: two functions of one name must derive the same.
    graph
        The traced graph; its guards hold, since it was traced with the values that will be run.
    derive
        Returns the nodes to compute from a stable graph and its inputs.
    like
        Nodes of the shapes and dtypes of the seeds, which are inputs too.
    """

    def __init__(self, what: str, graph: Graph, derive: Derive, like: Sequence[Node] = ()) -> None:
        arrays: list[Node] = []
        key = what, structure(graph.inputs, graph.outputs, arrays)
        program = _recall(key)
        if program is None:
            program = _program(graph, arrays, derive, like)
            _remember(key, program)
        self._program = program
        self._arrays = [node.value for node in arrays]

    def run(self, values: Sequence[Any], seeds: Sequence[Any] = ()) -> list[Any]:
        """Return the values of the derived nodes."""
        return self._program.run(*values, *self._arrays, *seeds)


def _program(graph: Graph, arrays: Sequence[Node], derive: Derive, like: Sequence[Node]) -> Program:
    holes = [input_node(node.shape, node.dtype, f"array{place}") for place, node in enumerate(arrays)]
    seeds = [input_node(node.shape, node.dtype, f"seed{place}") for place, node in enumerate(like)]
    outputs = substitute(graph.outputs, dict(zip(arrays, holes, strict=True)))
    stable = stabilise(Graph([*graph.inputs, *holes], outputs, single=False, names={}))
    derived = derive(stable, graph.inputs, *seeds)
    simple = simplify(Graph([*stable.inputs, *seeds], derived, single=False, names={}))
    return Program(simple.inputs, simple.outputs)


def _recall(key: Any) -> Program | None:
    with _lock:
        program = _programs.get(key)
        if program is not None:
            _programs.move_to_end(key)
        return program


def _remember(key: Any, program: Program) -> None:
    if len(program.nodes) > MOST_STEPS:
        return
    with _lock:
        _programs[key] = program
        if len(_programs) > MOST_PROGRAMS:
            _programs.popitem(last=False)
