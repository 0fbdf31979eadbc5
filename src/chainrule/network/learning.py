"""What fits leave behind for the next one: the functions that run epochs, and the optimizers' state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.nn.architecture import Architecture
from chainrule.training.compiled import WORTH_SECONDS, CompiledEpoch, interpreted_seconds
from chainrule.training.optimizers import Optimizer
from chainrule.training.step import Epoch

Array = np.ndarray[Any, Any]
MOST_EPOCHS = 8  # functions kept, with their memory: a program may make a new optimizer for every fit


class Learning:
    """The epoch functions and the state of each optimizer, and how much work was asked for."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._epochs: dict[Optimizer, CompiledEpoch] = {}
        self._states: dict[Optimizer, list[Array]] = {}
        self._work = 0.0

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the optimizers' states in copies and pickles; machine code is made anew."""
        return Learning, (self._architecture,), {"_states": self._states}

    def is_worth(self, steps: int, size: int) -> bool:
        """Count steps on ``size`` parameters times examples each; return whether machine code pays by now."""
        self._work += interpreted_seconds(steps, size)
        return self._work >= WORTH_SECONDS

    def epoch(self, update: Optimizer, *, compiled: bool) -> Epoch:
        """Return the function that runs an epoch."""
        if update not in self._epochs:
            if len(self._epochs) >= MOST_EPOCHS:
                del self._epochs[next(iter(self._epochs))]
            self._epochs[update] = CompiledEpoch(self._architecture.cost_graph, update)
        return self._epochs[update] if compiled else self._epochs[update].interpreted

    def state(self, update: Optimizer, values: Sequence[Array]) -> list[Array]:
        """Return the optimizer's state after the last fit with it; before that, its first."""
        return self._states.get(update) or update.init(list(values))

    def keep(self, update: Optimizer, state: list[Array]) -> None:
        """Keep the optimizer's state for the next fit."""
        self._states[update] = state

    def clear(self) -> None:
        """Forget what was made of a cost function: it may compute something else by now."""
        self._epochs.clear()

    @property
    def compiled(self) -> bool:
        """Whether there is machine code of an epoch."""
        return any(epoch.source for epoch in self._epochs.values())

    @property
    def reason(self) -> str | None:
        """Why epochs run by the interpreter though machine code was wanted; None if nothing is in the way."""
        return next((epoch.reason for epoch in self._epochs.values() if epoch.reason), None)
