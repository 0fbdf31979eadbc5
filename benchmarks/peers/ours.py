"""Ours: `Network.fit`, a network called on a row, and `value_and_grad`, all as the public sees them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

import chainrule as cr
from peers import functions
from peers.base import Peer
from peers.settings import CHECKED_PASSES, Problem


class Ours(Peer):
    """The library whose benchmark this is."""

    def versions(self) -> dict[str, str]:
        """Return the version of this library, of NumPy and of the bindings to LLVM."""
        versions = {"NumPy": np.__version__, "llvmlite": metadata.version("llvmlite")}
        return {"chainrule": cr.__version__, **versions}

    def prepare(self, problem: Problem) -> None:
        """Take a problem."""
        self.problem = problem
        self.net = self._network()

    def _network(self) -> cr.Network:
        setting = self.problem.setting
        net = cr.Network(list(setting.sizes), activation=setting.activation, cost=setting.cost)
        net.set_parameters(**dict(zip(net.parameters, self.problem.parameters, strict=True)))
        return net

    def _fit(self, net: cr.Network, rows: int, **settings: Any) -> cr.Network:
        setting, x, labels = self.problem.setting, self.problem.x, self.problem.labels
        net.fit(
            x[:rows],
            labels[:rows],
            batch_size=setting.batch,
            learning_rate=setting.rate,
            optimizer=setting.optimizer,
            compiled=True,  # as long fits are by themselves
            **settings,
        )
        return net

    def costs(self, rows: int, passes: int = CHECKED_PASSES) -> list[float]:
        """Return the mean cost of each pass over the first rows."""
        net = self._fit(self._network(), rows, epochs=passes, shuffle=False)
        return [float(cost) for cost in net.history.cost]

    def epoch(self, rows: int, random: np.random.Generator) -> float:
        """Return the seconds of one epoch of `fit`: shuffling and training, without judging afterwards.

        It is a fit's second epoch: in its first the data is looked through and, where that pays, its zeros
        are left out, once per fit, as the other libraries have their data converted before.
        """
        del random
        return self._fit(self.net, rows, epochs=2).history.seconds[-1]

    def row(self, parameters: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Return the network, which is called on a row."""
        net = cr.Network([64, 30, 10], activation="sigmoid", cost="cross_entropy")
        net.set_parameters(**dict(zip(net.parameters, parameters, strict=True)))
        return net.compile()

    def gradients(self) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
        """Return values and gradients by `value_and_grad`, compiled where the library compiles."""
        compiled = getattr(cr, "compile", lambda function: function)
        return {
            name: (compiled(cr.value_and_grad(one.function, one.wrt)), one.arguments)
            for name, one in functions.functions(np, cr.logsumexp).items()
        }
