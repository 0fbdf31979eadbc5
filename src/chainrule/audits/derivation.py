"""`Derivation`: a cost, and what somebody claims its derivatives to be, in one graph.

Reading a script (or calling a pair of functions) makes one; judging and diagnosing need nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.graph.node import Node


@dataclass(frozen=True)
class Leaf:
    """A number or an array with which the computation starts.

    Parameters
    ----------
    node
        An input of the graph.
    name
        The variable to which it was first given: ``W1``; empty where it has none.
    value
        The script's own value, float64.
    free
        Whether it may be varied. Counts, indices, shapes, labels and whole-number flags may not.
    line
        Where it was made; 0 for arguments of functions.
    """

    node: Node
    name: str
    value: Any
    free: bool
    line: int = 0


@dataclass(frozen=True)
class Claim:
    """A value that claims to be d(cost)/d(variable).

    Parameters
    ----------
    name
        As it is written in the script: ``dW1``, ``grads["dW1"]``, ``nabla_w[-1]``.
    node
        The claimed derivative.
    of_name, of
        The variable of the forward part, and its value; ``of`` is an ancestor of the cost, or the cost does
        not use it.
    line, lines
        The line of its last change before another claim reads it; every line that changes it, in order.
    text
        The source of ``line``.
    final
        Whether the variable is one that the computation starts from (a parameter or data), so that no other
        claim needs to read it; no common factor such as m is then accepted.
    others
        Further variables that the name may mean, where it fits none of them in the script as it is.
    scale
        For a value that no name announces: the factor with which it ought to be the derivative; else None.
    """

    name: str
    node: Node
    of_name: str
    of: Node
    line: int
    lines: tuple[int, ...]
    text: str
    final: bool
    others: tuple[tuple[str, Node], ...] = ()
    scale: float | None = None


@dataclass(frozen=True)
class Derivation:
    """A cost, the claims about its derivatives, and all values between, in one graph.

    Parameters
    ----------
    leaves
        What the computation starts from: the inputs of the graph.
    cost_name, cost
        The value that is differentiated: one real number.
    claims
        In the order in which the script makes them: a claim may be computed from earlier ones.
    names
        What the script calls its values, for messages and corrections.
    lines
        The script's line that made a node.
    rewritten
        ``rewritten(line, statement)``: the derivation of the same script with the statement at ``line``
        replaced, with the same leaves' values; None if it cannot be read then. None for functions.
    tried
        ``tried(line, statement)``: what the script's values are then, as a `Trial`, which is quicker.
    source
        The script's text; empty for functions.
    shown_cost
        A value that the script prints, plots or returns as its cost, where that is not ``cost``.
    guards
        Truth values along which the script's course was followed (``if x > 0``, ``x[x > 0]``): at a point
        where one of these nodes is false the graph is not the script's.
    misnamed
        Values that are named like derivatives of other values than they are, and from which all that is
        computed is right; they are no claims.
    """

    leaves: tuple[Leaf, ...]
    cost_name: str
    cost: Node
    claims: tuple[Claim, ...]
    names: Mapping[Node, str]
    lines: Mapping[Node, int] = field(default_factory=dict)
    rewritten: Callable[[int, str], Derivation | None] | None = None
    tried: Callable[[int, str], Any] | None = None
    source: str = ""
    shown_cost: Node | None = None
    guards: tuple[Node, ...] = ()
    misnamed: tuple[Claim, ...] = ()
