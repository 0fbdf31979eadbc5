"""`Explanation`: what `chainrule.explain` returns."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from chainrule.explanations.plain import to_text
from chainrule.explanations.steps import BackwardStep, ForwardStep


@dataclass(frozen=True)
class Explanation:
    """A computation, forward and back, with this run's numbers.

    Attributes
    ----------
    expression
        What was explained: the text of a formula, or the call of a function.
    inputs
        The given values by name.
    output
        The name of the value that is explained.
    value
        Its value.
    gradient
        The derivative of the output by each input, by name.
    forward
        The values, in the order in which they are computed.
    backward
        The derivatives of the output by each value, from the output back to the inputs.
    stabilised
        Whether the steps are those of an equivalent form that stays finite where the formula as it is
        written does not.

    Examples
    --------
    >>> import chainrule as cr
    >>> e = cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    >>> e.value, e.gradient["b"]
    (45.0, 6.0)
    """

    expression: str
    inputs: dict[str, Any]
    output: str
    value: Any
    gradient: dict[str, Any]
    forward: tuple[ForwardStep, ...]
    backward: tuple[BackwardStep, ...]
    stabilised: bool = False

    @property
    def steps(self) -> tuple[ForwardStep | BackwardStep, ...]:
        """All steps: forward, then backward."""
        return (*self.forward, *self.backward)

    @property
    def undefined(self) -> str | None:
        """The name of the first step, or else slope, that is NaN or infinite; None where all are finite."""
        for step in self.forward:
            if not np.all(np.isfinite(step.value)):
                return step.name
        for name, slope in self.gradient.items():
            if not np.all(np.isfinite(slope)):
                return f"d{self.output}/d{name}"
        return None

    def to_text(self) -> str:
        """Return the explanation as lines of text, in the current language."""
        return to_text(self)

    def to_json(self, indent: int | None = None) -> str:
        """Return the explanation as a JSON object; arrays are lists, NaN and infinities strings."""
        return json.dumps(_plain(self), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        return self.to_text()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
