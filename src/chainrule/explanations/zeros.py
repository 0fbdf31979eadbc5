"""Why is a gradient (nearly) zero? The way back to an entry, and the factor that killed what came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanations.entries import Entry, entry_name, find_entry
from chainrule.explanations.formulas import number
from chainrule.explanations.readable import Readable
from chainrule.explanations.run import Run
from chainrule.explanations.terms import EntrySum, Expansion, Term, expand_entry
from chainrule.explanations.way import Step, follow_largest
from chainrule.graph.node import CONSTANT, INPUT, Node
from chainrule.graph.order import dependents
from chainrule.paths import is_used
from chainrule.text import say

SMALL = 1e-3  # a factor, or a gradient beside the largest of its array, that is called nearly zero
CANCELLED = 1e-3  # of the sum of absolute values
MOST_WAYS = 32  # terms of the first sum whose ways are looked at
FIXED = frozenset({"sum", "constant_factor", "rearrangement"})  # rules whose factors, as 1/m, are no fault
DEAD = frozenset({"relu", "leaky_relu", "elu", "silu", "gelu", "softplus"})
PRODUCTS = frozenset({"multiply", "matmul"})
COMPARISONS = frozenset({"greater", "greater_equal", "less", "less_equal"})
CHOICES = frozenset({"where", "maximum", "minimum", "max", "min", "clip"})


@dataclass(frozen=True)
class Factor:
    """A local derivative on the way from an entry to the output: ∂through/∂source."""

    source: str
    through: str
    local: str
    value: float


@dataclass(frozen=True)
class Reason:
    """What makes a gradient (nearly) zero.

    Parameters
    ----------
    kind
        "saturated" (a flat piece of sigmoid, tanh …), "dead_relu" (its input is not positive), "zero_weight",
        "zero_input" (the other factor of a product is zero), "not_chosen" (another branch was taken),
        "kink" (absolute at 0), "flat" (any other small local derivative), "broken_path" (an operation whose
        results are steps, such as argmax or a comparison), "unused" (the output is not computed from it) or
        "cancellation".
    at
        The entry at fault: the argument of the activation, the other factor, the step.
    value
        Its value.
    factor
        The local derivative there; of a cancellation, the sum of the terms' absolute values.
    operation
        The primitive.
    ways, of
        For how many of the terms of a sum over several examples this is the reason.
    """

    kind: str
    at: str
    value: float
    factor: float
    operation: str
    ways: int = 1
    of: int = 1

    def __str__(self) -> str:
        kind = "zero_constant" if self.at == number(self.value) else self.kind
        if kind == "saturated" and self.factor == 0:
            kind = "saturated_fully"
        elif kind == "zero_input" and self.operation == "power":
            kind = "zero_power"
        text = say(
            f"explain.zero.{kind}",
            at=self.at,
            value=number(self.value),
            factor=number(self.factor),
            operation=self.operation,
        )
        return text + (say("explain.zero.ways", count=self.ways, total=self.of) if self.of > 1 else "")


@dataclass(frozen=True, repr=False)
class WhyZero(Readable):
    """The answer to "why is this gradient (nearly) zero?".

    Parameters
    ----------
    name, output
        Of dJ/dW1[3, 12], W1[3, 12] and J.
    gradient
        The derivative.
    largest
        The largest absolute derivative in the same array, of those that are finite.
    path
        The factors on the way that contributes most, from the entry to the output.
    reasons
        What killed the gradient, the smallest factor first; empty if nothing did.
    """

    shown = ("name", "output", "gradient")

    name: str
    output: str
    gradient: float
    largest: float
    path: tuple[Factor, ...]
    reasons: tuple[Reason, ...]

    @property
    def is_small(self) -> bool:
        """Whether the derivative is zero, or nearly so beside others or by a factor on the way."""
        if not np.isfinite(self.gradient):
            return False
        relative = self.gradient == 0 or abs(self.gradient) <= SMALL * self.largest
        return relative or any(reason.kind != "unused" for reason in self.reasons)

    def to_text(self, others: Sequence[WhyZero] = ()) -> str:
        """Return the answer as lines of text, in the current language; it is also that for ``others``."""
        slopes = ", ".join(f"d{why.output}/d{why.name} = {number(why.gradient)}" for why in (self, *others))
        finite = bool(np.isfinite(self.gradient))
        key = "zero" if self.gradient == 0 else "small" if self.is_small else "not" if finite else "infinite"
        lines = [say(f"explain.zero.{key}", slopes=slopes)]
        lines += [f"  {reason}" for reason in self.reasons]
        if self.path:
            factors = " · ".join(f"({number(part.value)})" for part in reversed(self.path))
            names = " → ".join([self.path[0].source, *[part.through for part in self.path]])
            lines.append("  " + say("explain.zero.path", path=names, factors=factors))
        return "\n".join(lines)


def why_text(answers: Sequence[WhyZero]) -> list[str]:
    """Return answers as texts, one for those that have the same reasons."""
    groups: dict[object, list[WhyZero]] = {}
    for why in answers:
        groups.setdefault((why.gradient == 0, why.reasons), []).append(why)
    return [first.to_text(others) for first, *others in groups.values()]


def why_zero(run: Run, name: str) -> WhyZero:
    """Return why the derivative by an entry is zero, or nearly so."""
    entry = find_entry(name, run.gradient)
    slope = np.asarray(run.gradient[entry.name])
    source = run.nodes[entry.name]
    first = expand_entry(run, entry, MOST_WAYS)
    largest = float(np.max(np.abs(slope), initial=0.0, where=np.isfinite(slope)))
    if not np.isfinite(first.gradient):
        return WhyZero(str(entry), run.output_name, first.gradient, largest, (), ())
    if not first.sums:
        reasons = [] if source is run.output else [_not_arrived(run, entry)]
        return WhyZero(str(entry), run.output_name, first.gradient, largest, (), tuple(reasons))
    ways = [(part, term) for part in first.sums[:1] for term in part.terms]
    steps = follow_largest(run, entry)
    path = [
        Factor(str(step.entry), step.term.through, step.term.local, step.term.local_value) for step in steps
    ]
    reasons = _reasons(run, steps)
    cancelled = [reason for reason in reasons if reason.kind == "cancellation"]
    if first.sums[0].by_example and not cancelled:
        reasons = _counted(run, entry, ways, reasons)
    if _made_good(steps):
        reasons = cancelled
    if not reasons and first.gradient == 0:
        end = find_entry(steps[-1].term.through, run.by_name)
        stopped = run.nodes[end.name] is not run.output
        ended = [_not_arrived(run, end)] if stopped else [_no_path(run, source)]
        reasons = [reason for reason in ended if reason.kind != "unused"]
    reasons.sort(key=lambda reason: abs(reason.factor))
    return WhyZero(str(entry), run.output_name, first.gradient, largest, tuple(path), tuple(reasons))


def _made_good(steps: Sequence[Step]) -> bool:
    """Return whether other factors on the way make good for a small one, as in 1/(1 + exp(-z))."""
    factors = [
        abs(step.term.local_value)
        for step in steps
        if step.term.local_value == 0 or step.part.rule is None or step.part.rule.key not in FIXED
    ]
    return float(np.prod(factors)) >= SMALL


def _counted(
    run: Run, entry: Entry, ways: list[tuple[EntrySum, Term]], reasons: list[Reason]
) -> list[Reason]:
    """Return the reasons on the main way, each with the number of ways on which it is found."""
    seen: Counter[tuple[str, str]] = Counter()
    for way in ways:
        found = _reasons(run, follow_largest(run, entry, way))
        seen.update({(reason.kind, _array(reason.at)) for reason in found})
    return [
        Reason(**{**vars(reason), "ways": max(1, seen[reason.kind, _array(reason.at)]), "of": len(ways)})
        for reason in reasons
    ]


def _array(name: str) -> str:
    return name.partition("[")[0]


def _reasons(run: Run, steps: Sequence[Step]) -> list[Reason]:
    """Return what is small on the way from an entry to the output."""
    found: list[Reason] = []
    for step in steps:
        found += _cancelled(step.expansion)
        reason = _reason(run, step.entry, step.part, step.term)
        if reason is not None:
            found.append(reason)
    return found


def _cancelled(here: Expansion) -> list[Reason]:
    parts = [term.value for term in here.terms]
    total = sum(abs(value) for value in parts)
    whole = sum(part.count for part in here.sums) == len(parts)
    if not whole or len(parts) < 2 or not np.isfinite(total) or abs(here.gradient) > CANCELLED * total:
        return []
    if total == 0:
        return []
    return [Reason("cancellation", here.name, here.gradient, total, "add")]


def _reason(run: Run, entry: Entry, part: EntrySum, term: Term) -> Reason | None:
    """Return why a factor is small; None if it is not."""
    size = abs(term.local_value)
    if not size < SMALL or (size > 0 and part.rule is not None and part.rule.key in FIXED):
        return None
    consumer = run.nodes[part.through]
    operation = consumer.primitive.name
    value = float(np.asarray(run.values[run.nodes[entry.name]])[entry.index])
    if operation in PRODUCTS:
        return _small_factor(run, consumer, term)
    if operation == "power" and size == 0:
        return _zero_in_power(run, part, entry, term)
    kind, at = "flat", str(entry)
    if operation == "absolute" and value == 0:
        kind = "kink"
    elif (operation in DEAD and value <= 0) or (size == 0 and _is_relu(run, consumer, entry, value)):
        kind = "dead_relu"
    elif operation in CHOICES:
        kind, at = ("not_chosen", str(entry)) if size == 0 else ("flat", at)
    elif len(consumer.inputs) == 1 and operation in (
        "sigmoid",
        "tanh",
        "softmax",
        "log_softmax",
        "erf",
        "ndtr",
    ):
        kind = "saturated"
    return Reason(kind, at, value, term.local_value, operation)


def _is_relu(run: Run, consumer: Node, entry: Entry, value: float) -> bool:
    """Return whether a choice is a relu written by hand: between 0 and a value that is not above 0."""
    operation, branches = consumer.primitive.name, list(consumer.inputs)
    if operation == "where":
        condition = branches.pop(0)
        compared = any(node is run.nodes[entry.name] for node in condition.inputs)
        if condition.primitive.name not in COMPARISONS or not compared:
            return False
    zero = any(node.primitive is CONSTANT and not np.any(node.value) for node in branches)
    return zero and value <= 0 and operation in ("maximum", "where", "clip")


def _zero_in_power(run: Run, part: EntrySum, entry: Entry, term: Term) -> Reason:
    """Return which operand makes the slope of a power zero: the other one, whatever this one is, or this."""
    consumer = run.nodes[part.through]
    by_base = part.rule is None or part.rule.key != "exponential"
    other = consumer.inputs[1 if by_base else 0]
    at = find_entry(term.through, run.by_name).index
    value = float(np.broadcast_to(np.asarray(run.values[other], float), consumer.shape)[at])
    if value == 0:
        places = zip(at[len(at) - other.ndim :], other.shape, strict=True)
        index = [0 if length == 1 else place for place, length in places]
        name = entry_name(run.names[other], index) if other in run.names else number(value)
        return Reason("zero_input", name, value, term.local_value, "power")
    own = float(np.asarray(run.values[run.nodes[entry.name]])[entry.index])
    return Reason("flat", str(entry), own, term.local_value, "power")


def _small_factor(run: Run, consumer: Node, term: Term) -> Reason | None:
    """Return the reason that the other factor of a product is (nearly) zero."""
    array = _array(term.local)
    other = run.nodes.get(array)
    constant = other is None
    if constant and term.local_value != 0:
        return None  # such as 1/m, written as a number
    is_weight = other is not None and other.primitive is INPUT and other in run.weights
    kind = "zero_weight" if is_weight else "zero_input"
    return Reason(kind, term.local or "0", term.local_value, term.local_value, consumer.primitive.name)


def _not_arrived(run: Run, entry: Entry) -> Reason:
    """Return why no derivative comes back to an entry through any use of its array."""
    source = run.nodes[entry.name]
    if source not in run.edges_from:
        return _no_path(run, source)
    value = float(np.asarray(run.values[source])[entry.index])
    chosen_among = any(
        run.edges[number].consumer.primitive.name in CHOICES for number in run.edges_from[source]
    )
    if chosen_among or is_used(run.graph, run.given, source, entry.index):
        edges = run.edges_from[source]
        number = next((number for number in edges if run.rules[number].key not in FIXED), edges[0])
        operation = run.edges[number].consumer.primitive.name
        kind = "not_chosen" if operation in CHOICES else "flat"
        return Reason(kind, str(entry), value, 0.0, operation)
    return Reason("unused", str(entry), value, 0.0, "")


def _no_path(run: Run, source: Node) -> Reason:
    """Return where the way from an input to the output ends."""
    nodes = run.graph.nodes
    reached = dependents(nodes, [source])
    if run.output not in reached:
        return Reason("unused", run.names[source], _number(run.values[source]), 0.0, "")
    arrived = {edge.source for edge in run.edges} | {run.output}
    passed = {(edge.source, edge.consumer) for edge in run.edges}
    for node in nodes:
        for operand in node.inputs if node in arrived else ():
            if operand in reached and (operand, node) not in passed:
                end = node if operand.dtype.kind == "f" or operand is source else operand
                return Reason(
                    "broken_path", run.names[end], _number(run.values[end]), 0.0, end.primitive.name
                )
    return Reason("unused", run.names[source], _number(run.values[source]), 0.0, "")


def _number(value: Any) -> float:
    array = np.asarray(value, float)
    return float(array.reshape(-1)[0]) if array.size else 0.0
