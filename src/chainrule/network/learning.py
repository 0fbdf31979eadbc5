"""What a fit runs with, and leaves behind for the next one: functions of epochs, optimizers' states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import SettingError
from chainrule.network.checkpointing import CheckpointFolder, settings_of
from chainrule.network.judging import Judging
from chainrule.nn.architecture import Architecture
from chainrule.training.after import Plan
from chainrule.training.checkpoints import NO_SAVER, Checkpoint, Saver, Standing, checkpoint_of
from chainrule.training.compiled import WORTH_SECONDS, CompiledEpoch, interpreted_seconds
from chainrule.training.evaluation import Evaluation
from chainrule.training.examples import CHUNK_ROWS, Examples
from chainrule.training.history import History, Listener, listener_of
from chainrule.training.log import Log
from chainrule.training.loop import run_epochs
from chainrule.training.optimizers import Lbfgs, Optimizer, method
from chainrule.training.schedules import Schedule, schedule
from chainrule.training.settings import check_flag, check_not_negative, check_positive, check_rate
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
    checkpoint: Checkpoint | None = None
    resume: bool = False
    log: Log | None = None


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
    checkpoint: Any = None,
    resume: bool = False,
    log: Any = None,
) -> Wanted:
    """Return the settings of a fit; raise `SettingError` if one is impossible."""
    if callable(learning_rate) or isinstance(learning_rate, str | Schedule):
        raise SettingError("setting.rate_schedule", value=learning_rate)
    found = method(optimizer)
    if isinstance(found, Lbfgs) and schedule_ is not None:
        raise SettingError("setting.lbfgs_schedule")
    if check_flag("resume", resume) and checkpoint is None:
        raise SettingError("checkpoint.resume")
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
        checkpoint=checkpoint_of(checkpoint),
        resume=bool(resume),
        log=None if log is None else Log(log),
    )


@dataclass(frozen=True)
class Material:
    """What is learned from, and what every epoch is judged on."""

    examples: Examples
    held_out: Examples | None
    targets: Targets
    judge_training: bool = True

    @property
    def judged(self) -> Examples | None:
        """The training examples in the form in which they are judged; None if they are not."""
        return self.examples.judged if self.judge_training else None

    def steps(self, batch_size: int) -> int:
        """Return how many mini-batches an epoch has."""
        return -(-len(self.examples) // batch_size)


def _saver(wanted: Wanted, folder: CheckpointFolder | None, compiled: dict[str, bool]) -> Saver:
    """Return what writes checkpoints. Those of L-BFGS, whose memory is SciPy's, are its beginning and end."""
    if folder is None:
        return NO_SAVER
    between = not isinstance(wanted.method, Lbfgs)
    return Saver(wanted.checkpoint, lambda standing: folder.write(standing, compiled), between=between)


class Learning:
    """The epoch functions and the state of each optimizer, and how much work was asked for."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._epochs: dict[tuple[Optimizer, bool], CompiledEpoch] = {}
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
        start = [*values, *([] if isinstance(found, Lbfgs) else self.state(found, values))]

        def keep_all(new: list[Array]) -> None:
            keep(new[:count])
            if isinstance(found, Optimizer):
                self._states[found] = new[count:]

        folder = self._folder(wanted, material, seed)
        resumed = folder.read(start) if folder is not None and wanted.resume else None
        compiled = self._compiled(wanted, material, judging, values) if resumed is None else resumed.compiled
        standing = Standing(start, history) if resumed is None else resumed.standing
        saver = _saver(wanted, folder, compiled)
        if resumed is None:
            if folder is not None:
                folder.begin()
            saver.begin(standing)
        else:
            history.restore(standing.history)
            keep_all(standing.values)
            saver.restart(standing.epochs * material.steps(wanted.batch_size) + standing.step)
        if wanted.log is not None:
            wanted.log.begin(history, standing.epochs, judged=material.held_out is not None)
        if standing.finished:
            return
        plan = self._plan(wanted, material, judging, compiled, saver, None if resumed is None else standing)
        weighted = material.examples.weighted
        if isinstance(found, Lbfgs):
            from chainrule.training.minimise import SUMMING, minimise  # SciPy's optimizers take a while

            epoch = self.epoch(SUMMING, compiled=compiled["epochs"], weighted=weighted)
            minimise(standing.values, epoch, found, plan, history, keep_all)
            return
        epoch = self.epoch(found, compiled=compiled["epochs"], weighted=weighted)
        run_epochs(standing.values, epoch, plan, seed, history, keep_all)

    def _folder(
        self, wanted: Wanted, material: Material, seed: np.random.SeedSequence
    ) -> CheckpointFolder | None:
        """Return the folder of a fit's checkpoint, if it has one."""
        if wanted.checkpoint is None:
            return None
        labels = material.targets.labels
        settings = settings_of(
            self._architecture,
            epochs=wanted.epochs,
            batch_size=wanted.batch_size,
            learning_rate=wanted.learning_rate,
            optimizer=wanted.method,
            schedule=wanted.schedule,
            early_stopping=None if wanted.stopping is None else wanted.stopping.plain(),
            shuffle=wanted.shuffle,
            compiled=wanted.compiled,
            judge_training=material.judge_training,
            seed=seed,
            labels=None if labels is None else labels.tolist(),
            data=material.examples,
            validation_data=material.held_out,
        )
        return CheckpointFolder(wanted.checkpoint.folder, settings)

    def _compiled(
        self, wanted: Wanted, material: Material, judging: Judging, values: Sequence[Array]
    ) -> dict[str, bool]:
        """Count the work of a fit; return which of its parts are to run as machine code."""
        judged = len(material.judged or ()) + len(material.held_out or ())
        worth = judging.is_worth(wanted.epochs * judged)
        return {
            "epochs": self._is_worth(wanted, material.examples, sum(value.size for value in values)),
            "judging": worth if wanted.compiled is None else bool(wanted.compiled),
        }

    def _plan(
        self,
        wanted: Wanted,
        material: Material,
        judging: Judging,
        compiled: Mapping[str, bool],
        saver: Saver,
        resumed: Standing | None,
    ) -> Plan:
        examples, held_out, targets = material.examples, material.held_out, material.targets
        training, count = material.judged, len(self._architecture.parameter_shapes)

        def judge(data: Examples | None, values: list[Array]) -> Evaluation | None:
            if data is None:
                return None
            return judging(data, targets, values[:count], compiled=compiled["judging"], often=True)

        return Plan(
            epochs=wanted.epochs,
            batch_size=self._portion(wanted, examples, compiled=compiled["epochs"]),
            learning_rate=wanted.learning_rate,
            shuffle=wanted.shuffle,
            examples=examples,
            judge_training=lambda values: judge(training, values),
            judge_validation=lambda values: judge(held_out, values),
            listener=wanted.listener,
            schedule=wanted.schedule,
            stopping=wanted.stopping,
            saver=saver,
            log=wanted.log,
            resumed=resumed,
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

    def epoch(self, update: Optimizer, *, compiled: bool, weighted: bool = False) -> Epoch:
        """Return the function that runs an epoch; of examples with weights if ``weighted``."""
        kind = update, weighted
        if kind not in self._epochs:
            if len(self._epochs) >= MOST_EPOCHS:
                del self._epochs[next(iter(self._epochs))]
            cost = partial(self._architecture.cost_graph, weighted=weighted)
            self._epochs[kind] = CompiledEpoch(cost, update)
        return self._epochs[kind] if compiled else self._epochs[kind].interpreted

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
