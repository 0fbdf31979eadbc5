"""What a `Network` explains: its cost and gradients with the numbers of some examples, and an update step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.datasets import Scaling
from chainrule.errors import unknown_name
from chainrule.explanations import Explanation
from chainrule.explanations.entries import Entry, find_entry, split_name
from chainrule.explanations.explaining import explain_graph
from chainrule.explanations.updates import Update, UpdateExplanation, explain_update
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.graph.trace import ArraySpec, trace_call
from chainrule.network.inputs import InputScale, examples_of
from chainrule.nn.architecture import Architecture
from chainrule.text import say
from chainrule.training.examples import Examples
from chainrule.training.optimizers import Optimizer
from chainrule.training.sparse import is_sparse
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
PRECISE = "float64"


def as_rows(x: Any, y: Any) -> tuple[Any, Any]:
    """Return one example, given as a row and its label or targets, as a table; tables as they are."""
    if is_sparse(x) or np.ndim(x) != 1:
        return x, y
    return np.asarray(x)[None], y if np.ndim(y) == 1 and len(y) == 1 else np.asarray(y)[None]


@dataclass(frozen=True)
class Explained:
    """A network at its present parameters, some examples, and what they are, for explaining in float64.

    Parameters
    ----------
    architecture, values, scaling
        The network: its settings, its parameters, how it scales inputs.
    targets
        How ``y`` is to be understood.
    x, y
        Examples in rows, and their labels or targets.
    """

    architecture: Architecture
    values: Sequence[Array]
    scaling: Scaling | None
    targets: Targets
    x: Any
    y: Any

    def explanation(self, parameter: str | None) -> Explanation:
        """Return the explanation of the mean cost; of an array of parameters, or an entry of one, alone."""
        architecture = replace(self.architecture, dtype=PRECISE)
        x, target = self._data()
        graph = architecture.cost_graph(len(x))
        values = [*[np.asarray(value, PRECISE) for value in self.values], x, target]
        wrt, focus = self._wanted(parameter, [*architecture.parameter_shapes, "x"], values)
        sizes = list(architecture.sizes)
        return explain_graph(
            graph,
            values,
            say("explain.network", sizes=sizes, examples=len(x)),
            wrt=wrt,
            naming=layer_names,
            weights=list(architecture.parameter_shapes),
            focus=focus,
        )

    def update(
        self, parameter: str | None, optimizer: Optimizer, state: Sequence[Array], learning_rate: float
    ) -> UpdateExplanation:
        """Return one step of all parameters, followed for one entry; None: that of largest gradient."""
        run = self.explanation(None).run
        names = list(run.gradient)
        gradients = [np.asarray(run.gradient[name]) for name in names]
        parameters = [np.asarray(run.inputs[name]) for name in names]
        old = [np.asarray(part, PRECISE) for part in state]
        if parameter is None:
            entry = _largest(dict(zip(names, gradients, strict=True)))
        else:
            entry = find_entry(parameter, run.gradient, "parameter")
        with np.errstate(all="ignore"):
            moved, _ = optimizer.update(gradients, old, parameters, learning_rate)
        own = _state_of_entry(optimizer, old, names.index(entry.name), entry, len(names))
        count = len(optimizer.init([np.zeros(3)]))
        state_names = optimizer.state_names
        if len(state_names) != count:
            state_names = tuple(f"s{place}" for place in range(1, count + 1))
        update = Update(
            optimizer=optimizer.name,
            learning_rate=learning_rate,
            graph=_scalar_update(optimizer, count),
            state_names=state_names,
            state=own,
            moved=dict(zip(names, moved, strict=True)),
        )
        return explain_update(run, entry, update)

    def _data(self) -> tuple[Array, Array]:
        table, given = examples_of(self.x, self.y, self.architecture.sizes[0])
        scale, targets = InputScale(self.scaling, PRECISE), self.targets
        precise = np.dtype(PRECISE)
        examples = Examples(
            table, given, scale, lambda y, first: targets.encode(y, precise, first), precise.itemsize
        )
        return examples.gather(slice(None))

    def _wanted(
        self, parameter: str | None, names: Sequence[str], values: Sequence[Any]
    ) -> tuple[list[str], str | None]:
        """Return what to differentiate by, and the entry to look at."""
        if parameter is None:
            return list(self.architecture.parameter_shapes), None
        name, index = split_name(parameter)
        known = dict(zip(names, values, strict=False))
        if name not in known:
            raise unknown_name("parameter", name, known)
        if index is None:
            return [name], None
        return [name], str(find_entry(parameter, known, "parameter"))


def layer_names(graph: Graph) -> dict[Node, str]:
    """Return the names of a network's nodes: p1 = x W1, z1 = p1 + b1, a1 = g(z1), …; C, the cost, and y."""
    names: dict[Node, str] = {}
    last: dict[str, Node] = {}
    for node in graph.nodes:
        layer = re.fullmatch(r"layer ([0-9]+)", node.scope)
        if layer is None:
            continue
        number = layer[1]
        if node.primitive.name == "matmul" and f"p{number}" not in names.values():
            names[node] = f"p{number}"
        elif node.primitive.name == "add" and f"z{number}" not in names.values():
            names[node] = f"z{number}"
        else:
            last[number] = node
    names.update({node: f"a{number}" for number, node in last.items()})
    return {**names, graph.outputs[0]: "C", graph.inputs[-1]: "y"}


def _largest(gradients: Mapping[str, Array]) -> Entry:
    name = max(gradients, key=lambda name: float(np.max(np.abs(gradients[name]))))
    place = int(np.argmax(np.abs(gradients[name])))
    return Entry(name, tuple(map(int, np.unravel_index(place, gradients[name].shape))))


def _scalar_update(optimizer: Optimizer, count: int) -> Graph:
    """Return the graph of the update of a single number: (θ, g, state …, η) → (new θ, new state …)."""

    def update(parameter: Node, gradient: Node, *rest: Node) -> list[Node]:
        *state, rate = rest
        moved, new = optimizer.update([gradient], state, [parameter], rate)
        return [*moved, *new]

    specs = [ArraySpec((), PRECISE)] * (count + 3)
    return trace_call(update, specs, {}, [f"x{place}" for place in range(len(specs))]).graph


def _state_of_entry(
    optimizer: Optimizer, state: Sequence[Array], place: int, entry: Entry, parameters: int
) -> list[float] | None:
    """Return what an optimizer's state holds for an entry of the parameter at ``place``.

    The state is what all parameters share (numbers), then blocks of one array for each parameter; None if it
    is something else.
    """
    alone = optimizer.init([np.zeros(3)])
    shared = sum(np.ndim(part) == 0 for part in alone)
    if len(state) != shared + parameters * (len(alone) - shared):
        return None
    found = [float(part) for part in state[:shared]]
    for block in range(len(alone) - shared):
        array = state[shared + block * parameters + place]
        if array.ndim != len(entry.index):
            return None
        found.append(float(array[entry.index]))
    return found
