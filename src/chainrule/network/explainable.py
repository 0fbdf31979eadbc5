"""The part of a `Network` that explains it; what that takes is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.datasets import Scaling
from chainrule.network.learning import Learning
from chainrule.nn.architecture import Architecture
from chainrule.training.optimizers import Optimizer
from chainrule.training.optimizers import optimizer as named_optimizer
from chainrule.training.settings import check_rate
from chainrule.training.targets import Targets

if TYPE_CHECKING:
    from chainrule.explanations import Explanation
    from chainrule.explanations.updates import UpdateExplanation
    from chainrule.network.explaining import Explained

Array = np.ndarray[Any, Any]


class Explaining:
    """The part of a `Network` that explains it."""

    architecture: Architecture
    scaling: Scaling | None
    targets: Targets | None
    _values: list[Array]
    _learning: Learning

    def _infer(self, y: Any, *, learning: bool = False) -> Targets:
        raise NotImplementedError

    def explain(self, x: Any, y: Any, parameter: str | None = None) -> Explanation:
        """Explain the mean cost C over examples and its gradient, step by step, by layer, in float64.

        z_l = a_{l−1} W_l + b_l and a_l = g_l(z_l) are called z1, a1 and so on, the product a_{l−1} W_l p1.

        Parameters
        ----------
        x, y
            Examples in rows and their labels or targets; or one example of shape (n,) and its label.
        parameter
            ``"W1"`` differentiates by that array alone; ``"W1[3, 12]"`` also expands that entry to the sum
            behind it, with the paths from it to C. None: all parameters.

        Raises
        ------
        DataError
            If data and network do not fit.
        UnknownNameError, SettingError
            If there is no such parameter, or no such entry.

        Examples
        --------
        >>> import chainrule as cr
        >>> net = cr.Network([2, 3, 1], seed=1, dtype="float64")
        >>> e = net.explain([0.5, -1.0], 1, parameter="W1[0, 2]")
        >>> slope = net.gradients([[0.5, -1.0]], [1])["W1"][0, 2]
        >>> print(abs(e.gradient["W1[0, 2]"] - slope) < 1e-12)
        True
        >>> e.paths("W1[0, 2]")[0].names[:4]
        ('W1[0, 2]', 'p1[0, 2]', 'z1[0, 2]', 'a1[0, 2]')
        """
        return self._explained(x, y).explanation(parameter)

    def explain_update(
        self,
        x: Any,
        y: Any,
        parameter: str | None = None,
        *,
        optimizer: str | Optimizer = "sgd",
        learning_rate: float = 0.1,
    ) -> UpdateExplanation:
        """Take one step of learning on these examples apart, for an entry of a parameter; change nothing.

        Parameters
        ----------
        x, y
            The mini-batch, as for `explain`.
        parameter
            The entry to follow, such as ``"W1[3, 12]"``; None: the one of largest gradient.
        optimizer, learning_rate
            As for `fit`; the optimizer's state is that which the last fit with it left behind.

        Examples
        --------
        >>> import chainrule as cr
        >>> net = cr.Network([2, 1], initialiser="zeros", dtype="float64")
        >>> step = net.explain_update([2.0, -1.0], 1, "W1[0, 0]", learning_rate=0.5)
        >>> step.gradient, step.after, step.predicted
        (-1.0, 0.5, -0.75)
        """
        update = named_optimizer(optimizer)
        rate = check_rate("learning_rate", learning_rate)
        explained = self._explained(x, y)
        return explained.update(parameter, update, self._learning.state(update, self._values), rate)

    def _explained(self, x: Any, y: Any) -> Explained:
        from chainrule.network.explaining import Explained, as_rows

        rows, given = as_rows(x, y)
        targets = self.targets or self._infer(given)
        return Explained(self.architecture, self._values, self.scaling, targets, rows, given)
