"""`Explanation`: a computation forward and back with this run's numbers, and what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.explanations.entries import find_entry
from chainrule.explanations.nudges import Nudge, nudge
from chainrule.explanations.routes import Paths, find_paths
from chainrule.explanations.run import Run
from chainrule.explanations.steps import BackwardStep, Edge, ForwardStep
from chainrule.explanations.terms import Expansion, expand_entry
from chainrule.explanations.zeros import WhyZero, why_zero

MOST_PATHS = 12
MOST_TERMS = 12


@dataclass(frozen=True, repr=False)
class Explanation:
    """What an explanation holds and can be asked; the public class, which also shows itself, adds to it."""

    expression: str
    inputs: dict[str, Any]
    output: str
    value: Any
    gradient: dict[str, Any]
    forward: tuple[ForwardStep, ...]
    backward: tuple[BackwardStep, ...]
    stabilised: bool = False
    focus: str | None = None
    run: Run = field(kw_only=True, repr=False, compare=False)

    @property
    def steps(self) -> tuple[ForwardStep | BackwardStep, ...]:
        """All steps: forward, then backward."""
        return (*self.forward, *self.backward)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges on which a derivative comes back, from the output back to the inputs."""
        return tuple(Edge(step.name, **vars(use)) for step in self.backward for use in step.uses)

    @property
    def undefined(self) -> str | None:
        """The name of the first step, or else slope, that is NaN or infinite.

        None where the value and the gradient are finite: then nothing of it came into them.
        """
        if all(np.all(np.isfinite(part)) for part in (self.value, *self.gradient.values())):
            return None
        for step in self.forward:
            if not np.all(np.isfinite(step.value)):
                return step.name
        for name, slope in self.gradient.items():
            if not np.all(np.isfinite(slope)):
                return f"d{self.output}/d{name}"
        return None

    def paths(self, name: str, most: int = MOST_PATHS) -> Paths:
        """Return the paths from a variable, or an entry of an array, to the output.

        Parameters
        ----------
        name
            ``b``, or ``W1[3, 12]``; also a computed value, such as ``z1[0, 12]``. A whole array, ``W1``, has
            the paths between arrays.
        most
            How many to list, those of the largest absolute product; the others are one remainder.

        Returns
        -------
        Paths
            A sequence of `Path`, with ``total``, ``remainder`` and ``count``.

        Examples
        --------
        >>> import chainrule as cr
        >>> paths = cr.explain("2*(a*b + b)", a=1, b=2).paths("b")
        >>> [path.product for path in paths], paths.total
        ([2.0, 2.0], 4.0)
        """
        return find_paths(self.run, name, most)

    def nudge(self, name: str = "", epsilon: float = 0.001, **moved: float) -> Nudge:
        """Return what happens when a variable, or an entry of an array, is moved by ``epsilon``.

        ``nudge(a=0.001)`` is the same as ``nudge("a", 0.001)``.

        Examples
        --------
        >>> import chainrule as cr
        >>> moved = cr.explain("4*a", a=2).nudge("a", 0.001)
        >>> round(moved.predicted, 12), round(moved.change, 12)
        (0.004, 0.004)
        """
        if len(moved) + bool(name) != 1:
            raise SettingError("explain.nudge.one")
        ((name, epsilon),) = [*moved.items()] or [(name, epsilon)]
        return nudge(self.run, name, epsilon)

    def expand(self, name: str, most: int = MOST_TERMS) -> Expansion:
        """Return the scalar sum behind the derivative by an entry, the ``most`` largest terms listed.

        Examples
        --------
        >>> import numpy as np
        >>> import chainrule as cr
        >>> e = cr.explain(lambda W, x: np.sum((x @ W) ** 2), np.eye(2), np.array([[1.0, 2.0]]))
        >>> [(term.local, term.value) for term in e.expand("W[0, 1]").terms]
        [('x[0, 0]', 4.0)]
        """
        return expand_entry(self.run, find_entry(name, self.gradient), most)

    def why_zero(self, name: str) -> WhyZero:
        """Return why the derivative by a variable, or an entry, is zero or nearly so: what killed it.

        Examples
        --------
        >>> import chainrule as cr
        >>> print(cr.explain("relu(w*x - 5)", w=2, x=1).why_zero("w").reasons[0].kind)
        dead_relu
        """
        return why_zero(self.run, name)
