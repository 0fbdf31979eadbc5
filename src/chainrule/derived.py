"""Programs derived from traced graphs, remembered: a second graph of equal structure finds its program ready.

Constant arrays, such as data in a closure, may differ from call to call. So they count as inputs here, unless
all their entries are equal: then rewrites may look at them, and their one entry belongs to the structure. A
large one is handed over with each run all the same, so that no program keeps it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from chainrule.graph.graph import Graph, substitute
from chainrule.graph.interpreter import Program, own
from chainrule.graph.node import Node, input_node
from chainrule.graph.order import is_uniform, structure
from chainrule.rewrites import simplify, stabilise

MOST_PROGRAMS = 128
MOST_STEPS = 10_000  # of a program that is remembered
MOST_BYTES = 64 * 2**20  # of all that are remembered, as far as they grow with steps and constants
BYTES_OF_A_STEP = 1_000

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
        """Return the values of the derived nodes, in memory of their own."""
        given = *values, *self._arrays, *seeds
        return own(self._program.run(*given), *given)


def _program(graph: Graph, arrays: Sequence[Node], derive: Derive, like: Sequence[Node]) -> Program:
    holes = [input_node(node.shape, node.dtype, f"array{place}") for place, node in enumerate(arrays)]
    seeds = [input_node(node.shape, node.dtype, f"seed{place}") for place, node in enumerate(like)]
    uniform = {node: hole for node, hole in zip(arrays, holes, strict=True) if is_uniform(node)}
    hidden = {node: hole for node, hole in zip(arrays, holes, strict=True) if node not in uniform}
    outputs = substitute(graph.outputs, hidden) if hidden else graph.outputs
    stable = stabilise(Graph([*graph.inputs, *holes], outputs, single=False, names={}))
    derived = derive(stable, graph.inputs, *seeds)
    simple = simplify(Graph([*stable.inputs, *seeds], derived, single=False, names={}))
    return Program(simple.inputs, substitute(simple.outputs, uniform) if uniform else simple.outputs)


def _recall(key: Any) -> Program | None:
    with _lock:
        program = _programs.get(key)
        if program is not None:
            _programs.move_to_end(key)
        return program


def _remember(key: Any, program: Program) -> None:
    if len(program.nodes) > MOST_STEPS or size(program) > MOST_BYTES:
        return
    with _lock:
        _programs[key] = program
        while len(_programs) > MOST_PROGRAMS or sum(map(size, _programs.values())) > MOST_BYTES:
            _programs.popitem(last=False)


def size(program: Program) -> int:
    """Return about how many bytes a program keeps."""
    return program.constant_bytes + BYTES_OF_A_STEP * len(program.nodes)
