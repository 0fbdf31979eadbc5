"""The record of a computation and of its way back: plain data, from which every form of it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.text import say

PLACES = ("i", "j", "k", "l")  # running places along the axes of an array


@dataclass(frozen=True)
class Rule:
    """The rule of differentiation that gives a local derivative.

    Parameters
    ----------
    key
        Its name in the language tables and in JSON: "product", "quotient", "function" ….
    operation
        The primitive that it is applied to: "multiply", "exp" ….

    Examples
    --------
    >>> print(Rule("product", "multiply"))
    product rule
    """

    key: str
    operation: str

    def __str__(self) -> str:
        return say(f"explain.rule.{self.key}", operation=self.operation)


@dataclass(frozen=True)
class ForwardStep:
    """A value and how it came about.

    Parameters
    ----------
    name
        What the value is called.
    formula
        The operation with its operands by name: ``b * c``.
    numbers
        The same with this run's numbers: ``4 * 2``; empty where they are arrays.
    value
        The value: a number or an array.
    operands
        The names of the operands, in order; numbers are left out.
    line
        The user's line that computed it; None for formulas.
    operation
        The name of the primitive.
    scope
        The layer, or other named part, in which it was computed; parts inside parts are joined by a slash.
    """

    name: str
    formula: str
    numbers: str
    value: Any
    operands: tuple[str, ...]
    line: str | None
    operation: str = ""
    scope: str = ""
    also = ("shape",)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value; () for a number."""
        return np.shape(self.value)


@dataclass(frozen=True)
class Use:
    """One use of a value, and what comes back through it.

    Parameters
    ----------
    through
        The name of the value that was computed from it.
    local
        The local derivative in symbols: ``c`` for ∂u/∂b where u = b · c. For an operation that is not
        elementwise, the whole of what comes back, in symbols.
    elementwise
        Whether ``local`` is a local derivative, multiplied entry by entry by what comes in.
    local_value
        This run's value of the local derivative; None where ``elementwise`` is false.
    incoming
        The derivative of the output by ``through``.
    value
        Their product: what comes back, in the shape of the value used.
    summed
        Whether entries of the product were added up because the value had been broadcast.
    rule
        The rule that gives the local derivative.
    """

    through: str
    local: str
    elementwise: bool
    local_value: Any
    incoming: Any
    value: Any
    summed: bool
    rule: Rule | None = None

    @property
    def running(self) -> tuple[str, ...]:
        """The running places of the axes along which entries were added up: i for rows, j for columns."""
        if not self.summed:
            return ()
        whole, kept = np.broadcast_shapes(np.shape(self.incoming), np.shape(self.local_value)), self.shape
        new = len(whole) - len(kept)
        axes = [axis for axis, length in enumerate(whole) if axis < new or length != kept[axis - new]]
        return tuple([PLACES[axis] for axis in axes]) if len(whole) <= len(PLACES) else ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what comes back; () for a number."""
        return np.shape(self.value)

    @property
    def masked(self) -> bool:
        """Whether 0 · inf, or 0 · NaN, counts 0 here: in it is the derivative by a branch not taken."""
        if not self.elementwise or not np.all(np.isfinite(self.value)):
            return False
        with np.errstate(all="ignore"):
            return not np.all(np.isfinite(np.multiply(self.incoming, self.local_value)))


@dataclass(frozen=True)
class BackwardStep:
    """The derivative of the output by a value: the sum over its uses.

    ``scope`` is the layer, or other named part, to which the value belongs; that of an input is the one in
    which it is first used.
    """

    name: str
    uses: tuple[Use, ...]
    value: Any
    scope: str = ""
    also = ("shape",)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the derivative; () for a number."""
        return np.shape(self.value)


@dataclass(frozen=True)
class Edge:
    """One edge of the computation graph on the way back: ``source`` was used to compute ``through``.

    The other fields are those of `Use`.
    """

    source: str
    through: str
    local: str
    local_value: Any
    incoming: Any
    value: Any
    elementwise: bool
    summed: bool
    rule: Rule | None
