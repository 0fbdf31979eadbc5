"""The record of a computation and of its way back: plain data, from which every form of it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
    """

    name: str
    formula: str
    numbers: str
    value: Any
    operands: tuple[str, ...]
    line: str | None


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
    """

    through: str
    local: str
    elementwise: bool
    local_value: Any
    incoming: Any
    value: Any
    summed: bool


@dataclass(frozen=True)
class BackwardStep:
    """The derivative of the output by a value: the sum over its uses."""

    name: str
    uses: tuple[Use, ...]
    value: Any
