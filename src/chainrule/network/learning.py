"""What a fit runs with, and leaves behind for the next one: functions of epochs, optimizers' states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.network.judging import Judging
from chainrule.nn.architecture import Architecture
from chainrule.training.after import Plan
from chainrule.training.compiled import WORTH_SECONDS, CompiledEpoch, interpreted_seconds
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import CHUNK_ROWS, Examples
from chainrule.training.history import History, Listener, listener_of
from chainrule.training.loop import run_epochs
from chainrule.training.optimizers import Lbfgs, Optimizer, method
from chainrule.training.schedules import Schedule, schedule
from chainrule.training.settings import check_not_negative, check_positive, check_rate
from chainrule.training.step import Epoch
from chainrule.training.stopping import EarlyStopping, early_stopping_of
from chainrule.training.targets import Targets

Array = np.ndarray[Any, Any]
COMPILED_ROWS = 128  # that machine code takes at a time where all examples make a step
MOST_EPOCHS = 8  # functions kept, with their memory: a program may make a new optimizer for every fit


@dataclass(frozen=True)
class Wanted:
    """The settings of a fit, checked."""

    epochs: int
    batch_size: int
    learning_rate: float
    method: Optimizer | Lbfgs
    schedule: Schedule | None
    stopping: EarlyStopping | None
    shuffle: bool
    listener: Listener
    compiled: bool | None


def wanted(
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    optimizer: Any,
    schedule_: Any,
    early_stopping: Any,
    shuffle: bool,
    progress: bool | Listener,
    callbacks: Sequence[Listener],
    compiled: bool | None,
) -> Wanted:
    """Return the settings of a fit; raise `SettingError` if one is impossible."""
    if callable(learning_rate) or isinstance(learning_rate, str | Schedule):
        raise SettingError("setting.rate_schedule", value=learning_rate)
    found = method(optimizer)
    if isinstance(found, Lbfgs) and schedule_ is not None:
        raise SettingError("setting.lbfgs_schedule")
    return Wanted(
        epochs=check_not_negative("epochs", epochs),
        batch_size=check_positive("batch_size", batch_size),
        learning_rate=check_rate("learning_rate", learning_rate),
        method=found,
        schedule=None if schedule_ is None else schedule(schedule_),
        stopping=early_stopping_of(early_stopping),
        shuffle=bool(shuffle),
        listener=listener_of(progress, callbacks),
        compiled=compiled,
    )


@dataclass(frozen=True)
class Material:
    """What is learned from, and what every epoch is judged on."""

    examples: Examples
    held_out: Examples | None
    targets: Targets


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

    def run(
        self,
        wanted: Wanted,
        values: Sequence[Array],
        material: Material,
        judging: Judging,
        seed: np.random.SeedSequence,
        history: History,
        keep: Callable[[list[Array]], None],
    ) -> None:
        """Run a fit from parameters ``values`` on; ``keep`` is handed them whenever they are to be kept."""
        count, found = len(values), wanted.method
        worth = self._is_worth(wanted, material.examples, sum(value.size for value in values))
        plan = self._plan(wanted, material, judging, compiled=worth)
        if isinstance(found, Lbfgs):
            from chainrule.training.minimise import SUMMING, minimise  # SciPy's optimizers take a while

            epoch = self.epoch(SUMMING, compiled=worth)
            minimise(list(values), epoch, found, plan, history, lambda new: keep(new[:count]))
            return

        def keep_all(new: list[Array]) -> None:
            keep(new[:count])
            self._states[found] = new[count:]

        start = [*values, *self.state(found, values)]
        run_epochs(start, self.epoch(found, compiled=worth), plan, seed, history, keep_all)

    def _plan(self, wanted: Wanted, material: Material, judging: Judging, *, compiled: bool) -> Plan:
        examples, held_out, targets = material.examples, material.held_out, material.targets
        training = None if examples.streamed else examples
        count = len(self._architecture.parameter_shapes)
        worth = judging.is_worth(wanted.epochs * (len(training or ()) + len(held_out or ())))
        judged_compiled = worth if wanted.compiled is None else wanted.compiled

        def judge(data: Examples | None, values: list[Array]) -> Evaluation | None:
            if data is None:
                return None
            return judging(data, targets, values[:count], compiled=judged_compiled, often=True)

        return Plan(
            epochs=wanted.epochs,
            batch_size=self._portion(wanted, examples, compiled=compiled),
            learning_rate=wanted.learning_rate,
            shuffle=wanted.shuffle,
            examples=examples,
            judge_training=lambda values: judge(training, values),
            judge_validation=lambda values: judge(held_out, values),
            listener=wanted.listener,
            schedule=wanted.schedule,
            stopping=wanted.stopping,
        )

    def _portion(self, wanted: Wanted, examples: Examples, *, compiled: bool) -> int:
        """Return how many examples make a step, or a part of one where all of them make it.

        A cost of the user's own need not be a mean over examples: it is computed of all at once, if they are
        in memory. Machine code leaves what does not fill a portion to the interpreter.
        """
        if not isinstance(wanted.method, Lbfgs):
            return wanted.batch_size
        if callable(self._architecture.cost) and not examples.streamed:
            return len(examples)
        return min(len(examples), COMPILED_ROWS if compiled else CHUNK_ROWS)

    def _is_worth(self, wanted: Wanted, examples: Examples, size: int) -> bool:
        """Count the steps of a fit; return whether machine code pays by now, or is wanted."""
        portion = self._portion(wanted, examples, compiled=False)
        self._work += interpreted_seconds(wanted.epochs * -(-len(examples) // portion), portion * size)
        return self._work >= WORTH_SECONDS if wanted.compiled is None else wanted.compiled

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
