"""`Lbfgs`: the settings of L-BFGS, which works on all examples at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chainrule.training.settings import check_amount, check_positive


@dataclass(frozen=True)
class Lbfgs:
    """The settings of L-BFGS; `lbfgs` says what they mean."""

    memory: int = 10
    gradient_tolerance: float = 1e-5
    cost_tolerance: float = 2.2e-9
    line_search: int = 20
    l2: float = 0.0
    evaluations: int = 1_000_000

    @property
    def name(self) -> str:
        """What it is called."""
        return "lbfgs"

    def plain(self) -> list[dict[str, Any]]:
        """Return the settings as plain data, of which `method` makes it again."""
        return [{"name": self.name, **asdict(self)}]


def lbfgs(
    memory: int = 10,
    gradient_tolerance: float = 1e-5,
    cost_tolerance: float = 2.2e-9,
    line_search: int = 20,
    l2: float = 0.0,
    evaluations: int = 1_000_000,
) -> Lbfgs:
    """Return L-BFGS: all examples for every step, of a length that is searched for.

    Liu and Nocedal, 1989, as SciPy has it. For `Network.fit` only: ``epochs`` are then iterations at most,
    and learning rate and mini-batches mean nothing.

    Parameters
    ----------
    memory
        How many past steps tell about the curvature.
    gradient_tolerance, cost_tolerance
        It has converged when no entry of the gradient is larger than the first, or when an iteration lowers
        the cost by less than the second, relative to the cost (or to 1, if that is larger).
    line_search
        How many lengths of a step are tried at most.
    l2
        λ of the penalty ½ λ Σ θ² of weights, not of biases. Costs are told without it.
    evaluations
        How often the cost is computed at most; an iteration needs at least one.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([1, 1], cost="mse", dtype="float64")
    >>> history = net.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], epochs=50, optimizer=lbfgs())
    >>> print(round(float(net.parameters["W1"][0, 0]), 3), history.end)
    2.0 converged
    """
    return Lbfgs(
        check_positive("memory", memory),
        check_amount("gradient_tolerance", gradient_tolerance),
        check_amount("cost_tolerance", cost_tolerance),
        check_positive("line_search", line_search),
        check_amount("l2", l2),
        check_positive("evaluations", evaluations),
    )
