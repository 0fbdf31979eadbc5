"""`UpdateExplanation`: one step of an optimizer taken apart, for one parameter and for the cost.

How an optimizer works is not known here: its update comes as a graph of single numbers, and as arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.explanations.breaking import Equation
from chainrule.explanations.corrections import corrected_for_start
from chainrule.explanations.data import document, to_json
from chainrule.explanations.entries import Entry
from chainrule.explanations.equated import Equated, Section
from chainrule.explanations.formulas import chain, factors, formula, number, term
from chainrule.explanations.run import Run
from chainrule.explanations.steps import ForwardStep
from chainrule.explanations.symbols import derivative, in_symbols, number_in_latex
from chainrule.explanations.typesetting import in_latex
from chainrule.graph.graph import Graph
from chainrule.graph.interpreter import Program
from chainrule.graph.node import CONSTANT, Node
from chainrule.text import say

Arrays = Mapping[str, Any]
SAME = 1e-9
FAR = 0.5  # of the predicted change: the real one differs by more
GREEK = ("θ", "g", "η")


@dataclass(frozen=True)
class StateEntry:
    """What the optimizer remembers about a parameter: before and after the step."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, repr=False)
class UpdateExplanation(Equated):
    """One update step: a parameter, its gradient, the optimizer's state, the formula, and what the cost does.

    Attributes
    ----------
    parameter
        The entry that is followed: ``W1[3, 12]``.
    optimizer, learning_rate
        The optimizer's name, and η.
    output
        The name of the cost.
    before, gradient, after
        θ, g and the new θ.
    state
        What the optimizer remembers about this entry.
    formula
        The update in symbols and with numbers, new state first, the new θ (θ′) last; empty for an optimizer
        that does not work entry by entry.
    cost_before, cost_after
        The cost, before and after *all* parameters have moved.
    predicted
        g · Δθ, the sum over all parameters: the change of the cost by the slope alone.
    squared_length
        ‖g‖², over all parameters.
    plain
        Whether the step is that of plain gradient descent, Δθ = −η g; then ``predicted`` = −η‖g‖².
    """

    shown = ("parameter", "optimizer", "before", "gradient", "after")

    parameter: str
    optimizer: str
    learning_rate: float
    output: str
    before: float
    gradient: float
    after: float
    state: tuple[StateEntry, ...]
    formula: tuple[ForwardStep, ...]
    cost_before: float
    cost_after: float
    predicted: float
    squared_length: float
    plain: bool
    also: tuple[str, ...] = field(default=("change", "cost_change"), repr=False, compare=False)

    @property
    def change(self) -> float:
        """Δθ of the parameter."""
        return self.after - self.before

    @property
    def cost_change(self) -> float:
        """The real change of the cost."""
        return self.cost_after - self.cost_before

    def to_text(self) -> str:
        """Return the step as lines of text, in the current language."""
        output, name = self.output, self.parameter
        rate = number(self.learning_rate)
        lines = [self._title()]
        lines.append(f"  θ = {name} = {number(self.before)}")
        lines.append(f"  g = d{output}/d{name} = {number(self.gradient)}")
        fresh = all(part.before == 0 for part in self.state)
        key = "explain.update.state_start" if fresh else "explain.update.state"
        lines += ["  " + say(key, name=part.name, value=number(part.before)) for part in self.state]
        for step in self.formula:
            lines.append("  " + chain([step.name, step.formula, step.numbers, number(step.value)]))
        if not self.formula:
            lines.append(f"  θ′ = {number(self.after)}")
        lines.append(f"  Δθ = θ′ - θ = {number(self.change)}")
        product = factors([rate, number(self.squared_length)], "·")
        squared = f"-η‖g‖² = -{product}" if self.plain else ""
        lines += [
            "",
            say("explain.update.cost", output=output),
            "  " + say("explain.update.predicted", sum=chain(["Σ g · Δθ", squared, number(self.predicted)])),
            "  "
            + say(
                "explain.update.real",
                output=output,
                before=number(self.cost_before),
                after=number(self.cost_after),
                change=number(self.cost_change),
            ),
        ]
        return "\n".join([*lines, *[f"  {note}" for note in self._notes()]])

    def _notes(self) -> list[str]:
        """Return why the two changes of the cost differ, if they do by much."""
        allowed = FAR * abs(self.predicted) + SAME * abs(self.cost_before)
        near = abs(self.predicted - self.cost_change) <= allowed
        return [] if near else [say("explain.update.far")]

    def sections(self) -> list[Section]:
        """Return the update of the entry, and what the cost does, as equations."""
        name, slope = in_symbols(self.parameter), derivative(self.output, self.parameter)
        theta, moved = r"\theta", r"\theta'"
        step: list[Equation] = [
            [theta, name, number_in_latex(self.before)],
            ["g", slope, number_in_latex(self.gradient)],
        ]
        step += [[in_symbols(part.name), number_in_latex(part.before)] for part in self.state]
        for part in self.formula:
            stages = [in_latex(part.formula), in_latex(part.numbers), number_in_latex(part.value)]
            step.append([in_symbols(part.name), *dict.fromkeys(stages)])
        if not self.formula:
            step.append([moved, number_in_latex(self.after)])
        step.append([r"\Delta\theta", rf"{moved} - {theta}", number_in_latex(self.change)])
        rate, squared = number_in_latex(self.learning_rate), number_in_latex(self.squared_length)
        plain = [r"-\eta \left\|g\right\|^2", rf"-{rate} \cdot {squared}"] if self.plain else []
        real = f"{_latex_term(self.cost_after)} - {_latex_term(self.cost_before)}"
        cost: list[Equation] = [
            [r"\sum g \, \Delta\theta", *plain, number_in_latex(self.predicted)],
            [rf"\Delta {in_symbols(self.output)}", real, number_in_latex(self.cost_change)],
        ]
        return [
            Section(self._title(), step),
            Section(say("explain.update.cost", output=self.output), cost, self._notes()),
        ]

    def _title(self) -> str:
        rate = number(self.learning_rate)
        return say("explain.update", name=self.parameter, optimizer=self.optimizer, rate=rate)

    def to_json(self, indent: int | None = None) -> str:
        """Return the step as a JSON object."""
        return to_json(document("update", self), indent)


@dataclass(frozen=True)
class Update:
    """An optimizer's step, as it is handed in.

    Attributes
    ----------
    optimizer, learning_rate
        Its name, and η.
    graph
        The update of a single number: (θ, g, state …, η) → (new θ, new state …).
    state_names
        What the numbers of the state are called, such as m and v.
    state
        The values of the state that belong to the entry that is followed; None if it does not work entry by
        entry.
    moved
        The new parameters by name.
    """

    optimizer: str
    learning_rate: float
    graph: Graph
    state_names: Sequence[str]
    state: Sequence[float] | None
    moved: Arrays


def _latex_term(value: float) -> str:
    text = number_in_latex(value)
    return rf"\left({text}\right)" if value < 0 else text


def explain_update(run: Run, entry: Entry, update: Update) -> UpdateExplanation:
    """Return an update taken apart: ``run`` is that of the cost, differentiated by all that moves."""
    gradients = {name: np.asarray(slope) for name, slope in run.gradient.items()}
    before = {name: np.asarray(run.inputs[name]) for name in gradients}
    moves = {name: np.asarray(update.moved[name]) - before[name] for name in gradients}
    squared = float(sum(np.sum(slope * slope) for slope in gradients.values()))
    plain = not update.state_names and all(
        np.allclose(update.moved[name], before[name] - update.learning_rate * slope, rtol=SAME, atol=0.0)
        for name, slope in gradients.items()
    )
    start, slope = float(before[entry.name][entry.index]), float(gradients[entry.name][entry.index])
    after = float(np.asarray(update.moved[entry.name])[entry.index])
    steps, state = _formula(update, start, slope)
    if not steps or not np.isclose(steps[-1].value, after, rtol=SAME, atol=0.0, equal_nan=True):
        steps, state = (), ()
    return UpdateExplanation(
        parameter=str(entry),
        optimizer=update.optimizer,
        learning_rate=update.learning_rate,
        output=run.output_name,
        before=start,
        gradient=slope,
        after=after,
        state=state,
        formula=steps,
        cost_before=run.output_at({}),
        cost_after=run.output_at({run.nodes[name]: update.moved[name] for name in gradients}),
        predicted=float(sum(np.sum(gradients[name] * moves[name]) for name in gradients)),
        squared_length=squared,
        plain=plain,
    )


def _formula(
    update: Update, start: float, slope: float
) -> tuple[tuple[ForwardStep, ...], tuple[StateEntry, ...]]:
    """Return the update of the entry as steps, and its state before and after."""
    if update.state is None:
        return (), ()
    graph, values = update.graph, [start, slope, *update.state, update.learning_rate]
    parameter, gradient, rate = GREEK
    inputs = dict(zip(graph.inputs, [parameter, gradient, *update.state_names, rate], strict=True))
    states = list(graph.outputs[1:])
    named = {node: f"{name}′" for node, name in zip(states, update.state_names, strict=True)}
    moved, corrected = corrected_for_start(graph, named)
    named = {**inputs, **named, **corrected, moved: f"{parameter}′"}
    outputs = [*states, *corrected, moved]
    results = Program(graph.inputs, outputs).run(*values)
    known: dict[Node, Any] = dict(
        zip([*graph.inputs, *outputs], [*values, *map(float, results)], strict=True)
    )
    numbers = {node: term(value) for node, value in known.items()}
    steps = [
        ForwardStep(
            name=named[node],
            formula=formula(node, _without(named, node)),
            numbers=formula(node, _without(numbers, node)),
            value=known[node],
            operands=(),
            line=None,
            operation=node.primitive.name,
        )
        for node in outputs
        if node.primitive is not CONSTANT
    ]
    entries = zip(update.state_names, update.state, results[: len(states)], strict=True)
    return tuple(steps), tuple([StateEntry(name, float(old), float(new)) for name, old, new in entries])


def _without(names: Mapping[Node, str], node: Node) -> dict[Node, str]:
    return {other: name for other, name in names.items() if other is not node}
