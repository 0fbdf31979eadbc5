"""What comes back to one entry of an array: the scalar sum behind it, a term for each entry computed from it.

ȳ stands for the derivative of the output by y. The entry x[3] of an array receives Σ_j ȳ[j] · ∂y[j]/∂x[3]
from each array y that is computed from x.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanations.entries import Entry, entry_name
from chainrule.explanations.formulas import enclosed, in_names, number
from chainrule.explanations.normalised import NORMALISED, of_normalised
from chainrule.explanations.plain_sums import to_text
from chainrule.explanations.readable import Readable
from chainrule.explanations.run import Run
from chainrule.explanations.steps import PLACES, Rule
from chainrule.gradients import Edge, pull_back
from chainrule.graph.interpreter import Program
from chainrule.graph.node import Node, constant

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Term:
    """One product in the sum behind an entry.

    Parameters
    ----------
    through
        The entry that was computed from it: ``z1[0, 12]``.
    local
        The local derivative of ``through`` in symbols; empty where the operation has no short form for it.
    local_value
        Its value.
    incoming
        The derivative of the output by ``through``.
    value
        Their product.
    """

    through: str
    local: str
    local_value: float
    incoming: float
    value: float


@dataclass(frozen=True)
class EntrySum:
    """What comes back to an entry through one array that was computed from it.

    Parameters
    ----------
    through
        The name of that array.
    formula
        The sum in symbols: ``Σ_i x[i, 3] · dC/dp1[i, 12]``.
    ranges
        The running places of the sum and how many values each takes: ``{"i": 60}``.
    count
        The number of terms.
    terms
        The terms, the largest first if not all are kept.
    rest
        The sum of the terms that are not listed.
    value
        The sum of all.
    rule
        The rule that gives the local derivative.
    by_example
        Whether the sum runs over all rows of an array: the same is done for every example.
    """

    through: str
    formula: str
    ranges: dict[str, int]
    count: int
    terms: tuple[Term, ...]
    rest: float
    value: float
    rule: Rule | None
    by_example: bool = False


@dataclass(frozen=True, repr=False)
class Expansion(Readable):
    """The derivative by one entry, as the scalar sum behind it; one `EntrySum` for each use of its array."""

    shown = ("name", "output", "gradient")

    name: str
    output: str
    gradient: float
    sums: tuple[EntrySum, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """All listed terms."""
        return tuple(term for part in self.sums for term in part.terms)

    def to_text(self) -> str:
        """Return the sum as lines of text, in the current language."""
        return to_text(self)


def expand_entry(run: Run, entry: Entry, most: int) -> Expansion:
    """Return the sum behind the derivative by an entry, ``most`` terms of each use listed."""
    source = run.nodes[entry.name]
    sums = [
        _sum(run, run.edges[place], place, entry.index, run.rules[place], most)
        for place in run.edges_from.get(source, ())
    ]
    slope = run.slope(source)
    gradient = 0.0 if slope is None else float(np.asarray(slope)[entry.index])
    return Expansion(str(entry), run.output_name, gradient, tuple(part for part in sums if part.count))


def _sum(run: Run, edge: Edge, place: int, index: Sequence[int], rule: Rule, most: int) -> EntrySum:
    local, touched = _column(run, edge, place, tuple(index))
    incoming = np.broadcast_to(np.asarray(run.values[edge.incoming], float), local.shape)
    with np.errstate(all="ignore"):
        products = np.where(touched, local * incoming, 0.0)
    places = np.argwhere(touched)
    if len(places) > most:
        sizes = np.abs(products[touched])
        places = places[np.sort(np.argsort(-sizes, kind="stable")[:most])]
    name = run.names[edge.consumer]
    terms = []
    for found in places:
        at = tuple(found.tolist())
        symbol = _symbol(run, edge, place, tuple(index), at) or _constant(rule, local[at])
        numbers = (float(part[at]) for part in (local, incoming, products))
        terms.append(Term(entry_name(name, at), symbol, *numbers))
    total = float(products.sum())
    count = int(np.count_nonzero(touched))
    rest = total - sum(term.value for term in terms) if count > len(terms) else 0.0
    formula, ranges = _formula(run, edge, place, tuple(index), local, touched)
    by_example = (
        touched.ndim == 2 and list(ranges.values()) == [len(touched)] and bool(touched.any(axis=1).all())
    )
    return EntrySum(name, formula, ranges, count, tuple(terms), rest, total, rule, by_example)


def _column(run: Run, edge: Edge, place: int, index: tuple[int, ...]) -> tuple[Array, Array]:
    """Return ∂y[j]/∂x[index] for all j, and for which j the value y[j] is computed from x[index]."""
    consumer, source = edge.consumer, edge.source
    if edge.local is not None:
        local = np.asarray(run.local_value(place), float)
        numbers = np.arange(source.size).reshape(source.shape)
        touched = np.broadcast_to(numbers, consumer.shape) == numbers[index]
        return np.where(touched, np.broadcast_to(local, consumer.shape), 0.0), touched
    other = _other_factor(run, edge, place)
    if other is not None:
        factor, on_right = other
        values = np.asarray(run.values[factor], float)
        return _of_product(values, index, consumer.shape, on_right), _of_product(
            np.ones_like(values), index, consumer.shape, on_right
        ) != 0
    one_hot = np.zeros(source.shape)
    one_hot[index] = 1.0
    (column,) = pull_back(edge.gradient, [edge.incoming], seed=constant(one_hot))
    known = list(run.names)
    (value,) = Program(known, [column]).run(*[run.values[node] for node in known])
    value = np.broadcast_to(np.asarray(value, float), consumer.shape)
    return value, value != 0


def _other_factor(run: Run, edge: Edge, place: int) -> tuple[Node, bool] | None:
    """Return the other operand of a product of matrices or vectors, and whether it is the right one."""
    inputs = edge.consumer.inputs
    if edge.consumer.primitive.name != "matmul" or any(node.ndim > 2 for node in inputs):
        return None
    first = run.place_in_consumer(place) == 0
    return inputs[1 if first else 0], first


def _of_product(other: Array, index: tuple[int, ...], shape: tuple[int, ...], on_right: bool) -> Array:
    """Return ∂(A B)/∂A[i, n] (``on_right``: B is the other factor) or ∂(A B)/∂B[n, k]."""
    result = np.zeros(shape)
    if on_right:  # row i of the product holds row n of B
        result[index[:-1]] = other[index[-1]]
    elif len(index) == 2:  # column k of the product holds column n of A
        result[..., index[1]] = other[..., index[0]]
    else:
        result[...] = other[..., index[0]]
    return result


def _symbol(run: Run, edge: Edge, place: int, index: tuple[int, ...], at: tuple[Any, ...]) -> str:
    """Return the local derivative of the entry ``at`` of the consumer, in symbols."""
    if edge.local is not None:
        return in_names(run.simple_local(place), _NamesAt(run.names, at))
    if edge.consumer.primitive.name in NORMALISED:
        return of_normalised(run, edge, index, at)
    other = _other_factor(run, edge, place)
    if other is None or other[0] not in run.names:
        return ""
    factor, on_right = other
    if on_right:
        return entry_name(run.names[factor], (index[-1], *at[len(index) - 1 :]))
    rows = at[:-1] if len(index) == 2 else at
    return entry_name(run.names[factor], (*rows, index[0]))


def _constant(rule: Rule, value: Any) -> str:
    """Return a local derivative that is the same number wherever it is taken; "" if it is not such a one."""
    fixed = rule.key in ("sum", "rearrangement") and value is not None and np.ndim(value) == 0
    return number(value) if fixed else ""


def local_symbol(
    run: Run, place: int, ends: tuple[tuple[int, ...], tuple[int, ...]] | None, value: Any
) -> str:
    """Return the local derivative of the edge at ``place`` in symbols, between two entries or whole arrays.

    It is empty where the operation has no short form for it. ``value`` is its value.
    """
    edge = run.edges[place]
    if ends is not None:
        return _symbol(run, edge, place, *ends) or _constant(run.rules[place], value)
    return in_names(run.simple_local(place), run.names) if edge.local is not None else ""


class _NamesAt(Mapping[Node, str]):
    """The names of the entries that broadcasting brings to the place ``at``."""

    def __init__(self, names: Mapping[Node, str], at: tuple[Any, ...]) -> None:
        self._names, self._at = names, at

    def __getitem__(self, node: Node) -> str:
        name, shape = self._names[node], node.shape
        if len(shape) > len(self._at):
            return name
        pairs = zip(self._at[len(self._at) - len(shape) :], shape, strict=True)
        return entry_name(name, [0 if length == 1 else place for place, length in pairs])

    def __contains__(self, node: object) -> bool:
        return node in self._names

    def __iter__(self) -> Iterator[Node]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _formula(
    run: Run, edge: Edge, place: int, index: tuple[int, ...], values: Array, touched: Array
) -> tuple[str, dict[str, int]]:
    """Return the sum in symbols, running places as letters, and how far they run."""
    found = np.argwhere(touched)
    if not len(found):
        return "", {}
    varying = [axis for axis in range(touched.ndim) if len(np.unique(found[:, axis])) > 1]
    lengths = [touched.shape[axis] for axis in varying]
    if len(varying) > len(PLACES) or int(np.prod(lengths, dtype=int)) != len(found):
        return "", {}
    letters = dict(zip(varying, PLACES, strict=False))
    at = tuple(letters.get(axis, int(found[0, axis])) for axis in range(touched.ndim))
    through = entry_name(run.names[edge.consumer], at)
    symbol = _symbol(run, edge, place, index, at)
    if not symbol and np.ptp(values[touched]) == 0:
        symbol = _constant(run.rules[place], values[touched][0])
    if not symbol:
        return "", {}
    incoming = "" if edge.consumer is run.output else f"d{run.output_name}/d{through}"
    local = enclosed(symbol) if incoming else symbol
    product = " · ".join(part for part in (local, incoming) if part and part != "1") or "1"
    sigma = "".join(f"Σ_{letter} " for letter in letters.values())
    return sigma + product, dict(zip(letters.values(), lengths, strict=True))
