"""Local derivatives of softmax and its logarithm, from entry to entry, in symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.explanations.entries import entry_name
from chainrule.explanations.run import Run
from chainrule.gradients import Edge

NORMALISED = frozenset({"softmax", "log_softmax"})


def of_normalised(run: Run, edge: Edge, index: Sequence[int], at: Sequence[Any]) -> str:
    """Return ∂a[j]/∂z[k], where ``at`` is j and ``index`` is k: a[j] · ((j == k) - a[k]) for softmax.

    Where j is a letter, (j == k) stays, which is 1 if the two are equal and else 0.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> e = cr.explain(lambda z: cr.softmax(z)[0], np.array([1.0, 2.0]))
    >>> [term.local for term in e.expand("z[1]").terms]
    ['-u[0] * u[1]', 'u[1] * (1 - u[1])']
    """
    name = run.names[edge.consumer]
    moved = [axis for axis, (here, there) in enumerate(zip(at, index, strict=True)) if here != there]
    letters = [axis for axis in moved if isinstance(at[axis], str)]
    same = f"({at[letters[0]]} == {index[letters[0]]})" if letters else "0" if moved else "1"
    result, source = entry_name(name, at), entry_name(name, index)
    if edge.consumer.primitive.name == "log_softmax":
        return f"-exp({source})" if same == "0" else f"{same} - exp({source})"
    return f"-{result} * {source}" if same == "0" else f"{result} * ({same} - {source})"
