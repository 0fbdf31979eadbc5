"""`Nudge`: a variable moves by ε; what the gradient says of the output, and what the output really does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.explanations.differences import difference
from chainrule.explanations.entries import Entry, find_entry
from chainrule.explanations.equated import Equated, Section
from chainrule.explanations.formulas import factors, number
from chainrule.explanations.run import Run
from chainrule.explanations.symbols import derivative, in_symbols, text_in_latex
from chainrule.text import say

LOST = 0.01  # of a step: more of it than this is not to be lost in rounding
COMPLEX_STEP = 1e-100  # its square is 0 beside any number, so nothing is lost


@dataclass(frozen=True, repr=False)
class Nudge(Equated):
    """A variable is changed by ε: the change that the gradient predicts, beside the true one.

    Attributes
    ----------
    name, output
        The variable or entry that is moved, and the value that follows.
    epsilon
        ε.
    value, moved
        The variable before and after.
    output_value, output_moved
        The output before and after.
    gradient
        g, by reverse mode.
    predicted
        g · ε.
    change
        ``output_moved`` − ``output_value``.
    central_difference
        The derivative by central differences, extrapolated to step 0; None where no steps are fine enough,
        where there is a kink, where the function takes another branch nearby, or is not finite.
    complex_step
        The derivative by a complex step; None where an operation on the way does not continue to complex
        numbers.
    """

    shown = ("name", "output", "epsilon", "predicted", "change")

    name: str
    output: str
    epsilon: float
    value: float
    moved: float
    output_value: float
    output_moved: float
    gradient: float
    predicted: float
    change: float
    central_difference: float | None
    complex_step: float | None

    @property
    def difference(self) -> float:
        """The true change less the predicted one: what bends, of the order of ε²."""
        return self.change - self.predicted

    def to_text(self) -> str:
        """Return the nudge as lines of text, in the current language."""
        slope = f"d{self.output}/d{self.name}"
        product = factors([_exact(self.gradient), _exact(self.epsilon)], "·")
        predicted = f"{slope} · ε = {product} = {_exact(self.predicted)}"
        lines = [
            say("explain.nudge", name=self.name, **_apart(self.value, self.moved)),
            "  "
            + say(
                "explain.nudge.true",
                output=self.output,
                **_apart(self.output_value, self.output_moved),
                change=_exact(self.change),
            ),
            *[f"  {sentence}" for sentence in self._lost()],
            "  " + say("explain.nudge.predicted", product=predicted),
            "  " + say("explain.nudge.reverse", slope=slope, value=_exact(self.gradient)),
        ]
        for key in ("central_difference", "complex_step"):
            value = getattr(self, key)
            text = say(f"explain.nudge.none.{key}") if value is None else f"{value + 0.0:.8g}"
            lines.append("  " + say(f"explain.nudge.{key}", slope=slope, value=text))
        return "\n".join(lines)

    def sections(self) -> list[Section]:
        """Return the predicted change beside the true one, and the derivative in three ways."""
        output, name, step = in_symbols(self.output), in_symbols(self.name), r"\varepsilon"
        slope = derivative(self.output, self.name)
        product = rf"{_latex(self.gradient)} \cdot {_factor(_exact(self.epsilon))}"
        moved = _apart(self.output_value, self.output_moved)
        change = rf"{text_in_latex(moved['moved'])} - {_factor(moved['value'])}"
        equations = [
            [
                rf"{output}\left({name} + {step}\right) - {output}\left({name}\right)",
                change,
                _latex(self.change),
            ],
            [rf"{slope} \cdot {step}", product, _latex(self.predicted)],
        ]
        title = say("explain.nudge", name=self.name, **_apart(self.value, self.moved))
        texts = self.to_text().splitlines()[1:]
        return [Section(title, equations, [text.strip() for text in texts if "=" not in text])]

    def _lost(self) -> list[str]:
        """Return what rounding has taken from the step, or from the change that it makes."""
        moves = ((self.name, self.value, self.epsilon), (self.output, self.output_value, self.predicted))
        return [
            say("explain.nudge.lost", name=name, value=_exact(value), spacing=number(np.spacing(abs(value))))
            for name, value, step in moves
            if math.isfinite(value) and step and np.spacing(abs(value)) > LOST * abs(step)
        ][:1]


def _exact(value: float) -> str:
    """Return a number with ten digits, so that a small change of it can be seen."""
    return f"{value + 0.0:.10g}" if math.isfinite(value) else number(value)


def _latex(value: float) -> str:
    return text_in_latex(_exact(value))


def _factor(text: str) -> str:
    latex = text_in_latex(text)
    return rf"\left({latex}\right)" if text.startswith("-") else latex


def _apart(value: float, moved: float) -> dict[str, str]:
    """Return a number before and after, with so many digits that the two differ if they do."""
    before, after = _exact(value), _exact(moved)
    if before == after and value != moved:
        before, after = repr(float(value)), repr(float(moved))
    return {"value": before, "moved": after}


def nudge(run: Run, name: str, epsilon: float) -> Nudge:
    """Return what happens when an entry of an input is moved by ``epsilon``.

    Raises
    ------
    SettingError
        If ``epsilon`` is no finite number other than 0.
    GuardError
        If the function takes another branch there.
    """
    size = float(epsilon) if isinstance(epsilon, int | float | np.number) else math.nan
    if isinstance(epsilon, bool) or not math.isfinite(size) or size == 0:
        raise SettingError("explain.nudge.size", value=epsilon)
    real = {label: given for label, given in run.inputs.items() if run.nodes[label].dtype.kind == "f"}
    entry = find_entry(name, real)
    if entry.name not in run.gradient:  # then the explanation is that of the derivatives by others
        run = Run(run.graph, run.given, entry.name, run.names)
    value = float(np.asarray(run.inputs[entry.name])[entry.index])
    gradient = float(np.asarray(run.gradient[entry.name])[entry.index])
    before, after = run.output_at({}), _output(run, entry, size)
    return Nudge(
        name=str(entry),
        output=run.output_name,
        epsilon=size,
        value=value,
        moved=value + size,
        output_value=before,
        output_moved=after,
        gradient=gradient,
        predicted=gradient * size,
        change=after - before,
        central_difference=difference(lambda step: float(_output(run, entry, step)), value),
        complex_step=_complex(run, entry),
    )


def _output(run: Run, entry: Entry, step: complex) -> Any:
    node = run.nodes[entry.name]
    array = np.array(run.values[node], complex if isinstance(step, complex) else float)
    array[entry.index] += step
    return run.output_at({node: array if array.ndim else array[()]})


def _complex(run: Run, entry: Entry) -> float | None:
    if not run.is_holomorphic_in(run.nodes[entry.name]):
        return None
    derivative = complex(_output(run, entry, complex(0.0, COMPLEX_STEP))).imag / COMPLEX_STEP
    return derivative if math.isfinite(derivative) else None
