"""`Points`: values of nodes at the script's own values, and at a few points drawn around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.audits.derivation import Leaf
from chainrule.graph.node import CONSTANT, INPUT, Node
from chainrule.graph.order import ancestors

DRAWN = 4
AMPLITUDES = (0.4, 0.25, 0.25, 0.1, 0.03, 0.01)
NEAR = (2e-3, 1e-3)  # where the script takes the same branches as at its own values
TOLERANCE = 1e-6  # relative to the largest entry of an array
NOISE = 1e-12  # relative to the largest entry of all gradients: what rounding leaves of a true zero

Values = list[Any]
"""Of one node: a value at each point."""


class Points:
    """The values of nodes at several points, each computed once.

    Parameters
    ----------
    leaves
        What the computation starts from.
    wanted
        Nodes that must be finite at a drawn point.
    of
        Only leaves on which this node depends are varied: the cost.
    amplitudes
        How far around, tried in this order until all is finite.
    count
        How many points to draw; the first point is always the script's own values.
    guards
        Nodes that must be true at a drawn point, as far as such points are found: the branches taken.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda a: a * a, 3.0)
    >>> points = Points([Leaf(graph.inputs[0], "a", 3.0, free=True)], graph.outputs, graph.outputs[0])
    >>> float(points.of(graph.outputs[0])[0]), len(points)
    (9.0, 5)
    """

    def __init__(
        self,
        leaves: Sequence[Leaf],
        wanted: Sequence[Node],
        of: Node,
        amplitudes: Sequence[float] = AMPLITUDES,
        count: int = DRAWN,
        guards: Sequence[Node] = (),
    ) -> None:
        self._amplitudes = amplitudes
        used = set(ancestors([of]))
        self.varied = frozenset(leaf.node for leaf in leaves if leaf.node in used and _may_vary(leaf))
        self._known = [{leaf.node: _plain(leaf.value) for leaf in leaves}]
        self._wanted = list(wanted)
        known = {leaf.node for leaf in leaves}
        made = [node for node in guards if _inputs([node]) <= known]
        rng = np.random.default_rng(20180312)
        for kept in dict.fromkeys((tuple(made), ())):
            for _ in range(count if self.varied and len(self) == 1 else 0):
                drawn = self._drawn(leaves, rng, kept)
                if drawn is not None:
                    self._known.append(drawn)
        own = self._known[0]
        _compute(own, self._wanted)
        if len(self) > 1 and not _finite(own, self._wanted):
            del self._known[0]  # 0 · log 0 at the script's own values says nothing

    def __len__(self) -> int:
        return len(self._known)

    def of(self, node: Node) -> Values:
        """Return the values of a node, the script's own first."""
        for known in self._known:
            if node not in known:
                _compute(known, [node])
        return [known[node] for known in self._known]

    def _drawn(
        self, leaves: Sequence[Leaf], rng: np.random.Generator, guards: Sequence[Node]
    ) -> dict[Node, Any] | None:
        """Return values around the script's own, nearer ones if something is not finite or not true there."""
        for keep_whole in (False, True):
            for amplitude in self._amplitudes:
                known = {leaf.node: _plain(leaf.value) for leaf in leaves}
                for leaf in leaves:
                    if leaf.node in self.varied and not (keep_whole and _is_whole(leaf.value)):
                        known[leaf.node] = varied(leaf.value, amplitude, rng)
                _compute(known, [*self._wanted, *guards])
                if _finite(known, self._wanted) and all(bool(np.all(known[node])) for node in guards):
                    return known
        return None


def varied(value: Any, amplitude: float, rng: np.random.Generator) -> Any:
    """Return a value near another: of the same signs, and inside (0, 1), where all its entries are so.

    Examples
    --------
    >>> float(varied(2.0, 0.1, np.random.default_rng(0))) > 0
    True
    """
    array = np.asarray(value, float)
    noise = amplitude * rng.standard_normal(array.shape)
    if (array > 0).all() and (array < 1).all():
        moved = 1 / (1 + (1 / array - 1) * np.exp(noise))
    elif (array > 0).all() or (array < 0).all():
        moved = array * np.exp(noise)
    else:
        size = float(np.sqrt(np.mean(array * array))) or 0.5
        moved = array + noise * size
        if (array >= 0).all():
            moved = np.abs(moved)
    return _plain(moved)


def _may_vary(leaf: Leaf) -> bool:
    return leaf.free and not _is_share(np.asarray(leaf.value, float))


def _is_share(array: Any) -> bool:
    """Return whether an array holds zeros and ones, or shares of one: masks, labels, soft labels."""
    if array.size < 2:
        return False
    if bool(np.isin(array, (0.0, 1.0)).all()):
        return bool(array.any())  # zeros only: parameters before training
    if array.ndim != 2 or (array < 0).any():
        return False
    return any(np.allclose(array.sum(axis), 1) for axis in (0, 1) if array.shape[axis] > 1)


def _is_whole(value: Any) -> bool:
    return np.ndim(value) == 0 and float(value).is_integer()


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array[()] if array.ndim == 0 else array


def _compute(known: dict[Node, Any], nodes: Iterable[Node]) -> None:
    with np.errstate(all="ignore"):
        for node in ancestors(nodes, stop=known):
            if node.primitive is CONSTANT:
                known[node] = node.value
            else:
                operands = [known[source] for source in node.inputs]
                known[node] = node.primitive.forward(np, *operands, **node.settings)


def _inputs(nodes: Iterable[Node]) -> set[Node]:
    return {node for node in ancestors(nodes) if node.primitive is INPUT}


def _finite(known: dict[Node, Any], nodes: Iterable[Node]) -> bool:
    return all(bool(np.all(np.isfinite(known[node]))) for node in nodes)


def agree(claimed: Values, true: Values, floor: float = 0.0, tolerance: float = TOLERANCE) -> bool:
    """Return whether two values are of one shape and equal at all points, up to rounding.

    Single numbers may have any number of axes, if one of the two has none.

    Examples
    --------
    >>> agree([np.ones(2)], [np.ones(2) + 1e-9]), agree([np.ones(2)], [np.ones((2, 1))])
    (True, False)
    """
    return all(_equal(a, b, floor, tolerance) for a, b in zip(claimed, true, strict=True))


def _equal(claimed: Any, true: Any, floor: float, tolerance: float) -> bool:
    if not same_shape(np.shape(claimed), np.shape(true)):
        return False
    difference = np.abs(np.subtract(np.ravel(claimed), np.ravel(true), dtype=float))
    largest = np.max(np.abs(true), initial=0.0)
    return bool(np.all(difference <= tolerance * largest + floor))


def same_shape(claimed: tuple[int, ...], true: tuple[int, ...]) -> bool:
    """Return whether a claim has the shape of its variable; a number stands for an array of one entry."""
    return claimed == true or (not (claimed and true) and set(claimed + true) <= {1})


def largest(values: Values) -> float:
    """Return the largest entry at any point, by amount."""
    return max(float(np.max(np.abs(value), initial=0.0)) for value in values)


def ratio(values: Values, true: Values) -> float | None:
    """Return the number by which true values must be multiplied; None if there is none for all entries.

    Examples
    --------
    >>> ratio([np.array([2.0, 4.0])], [np.array([1.0, 2.0])])
    2.0
    """
    found: float | None = None
    for claimed, target in zip(values, true, strict=True):
        if np.shape(claimed) != np.shape(target):
            return None
        ours, theirs = np.ravel(claimed), np.ravel(target)
        if not np.all(np.isfinite(ours)):
            return None
        scale = float(theirs @ theirs)
        if not np.isfinite(scale) or scale == 0.0:
            continue
        factor = float(ours @ theirs) / scale
        bound = 1e-7 * abs(factor) * np.max(np.abs(theirs))
        if not factor or not np.all(np.abs(ours - factor * theirs) <= bound):
            return None
        if found is not None and abs(found - factor) > 1e-7 * abs(found):
            return None
        found = found or factor
    return found
