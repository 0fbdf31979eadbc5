"""``chainrule train``: a network learns from data, is judged on rows held out, and is saved."""

from __future__ import annotations

import contextlib
import time
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.methods import TRANSFORMS, method_of, usual_rate
from chainrule.cli.values import AMOUNT, NAMES, NOT_NEGATIVE, POSITIVE, RATE, SIZES, TEXT
from chainrule.errors import SettingError
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chainrule.cli.material import Material
    from chainrule.datasets import Dataset
    from chainrule.network import Network
    from chainrule.training.checkpoints import Checkpoint
    from chainrule.training.evaluation import Evaluation
    from chainrule.training.optimizers import Lbfgs, Optimizer

STOPPED = 130
NEED_A_CHECKPOINT = ("resume", "checkpoint_steps", "checkpoint_minutes")


@dataclass(frozen=True)
class Settings:
    """What the user asked for; None where the data decides."""

    data: str
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float | None
    activation: tuple[str, ...] | None
    cost: str | None
    output: str | None
    initialiser: str | None
    optimizer: str
    schedule: str | None
    l1: float | None
    l2: float | None
    weight_decay: float | None
    clip_norm: float | None
    clip_value: float | None
    early_stopping: int | None
    checkpoint: str | None
    checkpoint_steps: int | None
    checkpoint_minutes: float | None
    resume: bool
    log: str | None
    seed: int
    dtype: str
    target: str | None
    categorical: tuple[str, ...]
    out: str | None
    quiet: bool
    json: bool


def command() -> Command:
    """Return the command."""
    return Command(
        "train",
        lambda **given: run(Settings(**given)),
        [
            Argument("data", default="digits", required=False),
            Option("--hidden", SIZES, default=(30,), shown="30"),
            Option("--epochs", NOT_NEGATIVE, default=30, shown="30"),
            Option("--batch-size", POSITIVE, default=10, shown="10"),
            Option("--learning-rate", RATE, shown=say("cli.train.rates")),
            Option("--activation", NAMES),
            Option("--cost", TEXT),
            Option("--output", TEXT),
            Option("--initialiser", TEXT),
            Option("--optimizer", TEXT, default="sgd", shown="sgd"),
            Option("--schedule", TEXT),
            Option("--l1", AMOUNT),
            Option("--l2", AMOUNT),
            Option("--weight-decay", AMOUNT),
            Option("--clip-norm", RATE),
            Option("--clip-value", RATE),
            Option("--early-stopping", POSITIVE),
            Option("--checkpoint", TEXT),
            Option("--checkpoint-steps", POSITIVE),
            Option("--checkpoint-minutes", RATE),
            Option("--resume", None),
            Option("--log", TEXT),
            Option("--seed", NOT_NEGATIVE, default=0, shown="0"),
            Option("--dtype", TEXT, default="float32", shown="float32"),
            Option("--target", TEXT),
            Option("--categorical", NAMES, default=()),
            Option("--out", TEXT),
            Option("--quiet", None),
        ],
    )


def run(settings: Settings) -> int:
    """Train, report and save; a stop by Ctrl-C saves what was learned."""
    from chainrule.files import ensure_writable

    for path in (settings.out, settings.log):
        if path is not None:
            ensure_writable(path)
    check_names(settings)
    session = Session.start(settings)
    interrupted = session.learn()
    if settings.out is not None:
        session.net.save(settings.out)
    if interrupted:
        saved = say("cli.train.saved", path=settings.out) if settings.out else say("cli.train.not_saved")
        text = say("cli.train.stopped", epoch=session.epoch, saved=saved)
        if settings.checkpoint is not None:
            text = say("cli.sentences", first=text, second=say("cli.train.go_on"))
        printing.complain(text)
    if settings.json:
        printing.json_object(session.summary(interrupted=interrupted))
    elif not interrupted:
        printing.line(session.report())
    return STOPPED if interrupted else 0


def check_names(settings: Settings) -> None:
    """Raise for names and sizes that no network has, before any data is read."""
    from chainrule.cli.about import option_named
    from chainrule.nn.architecture import read_settings
    from chainrule.training.log import Log
    from chainrule.training.schedules import schedule

    if settings.checkpoint is None:
        for name in NEED_A_CHECKPOINT:
            if getattr(settings, name):
                option = f"--{name.replace('_', '-')}"
                raise SettingError("cli.train.needs_checkpoint", option=option)
    if settings.log is not None:
        Log(settings.log)
    activation = _activation(settings, "sigmoid")
    with (
        option_named("activation", "--activation"),
        option_named("cost", "--cost"),
        option_named("output", "--output"),
        option_named("initialiser", "--initialiser"),
        option_named("optimizer", "--optimizer"),
        option_named("schedule", "--schedule"),
    ):
        read_settings(
            [2, *settings.hidden, 2],
            activation,
            settings.cost or "quadratic",
            settings.output,
            settings.initialiser,
            settings.dtype,
        )
        _method(settings)
        if settings.schedule is not None:
            schedule(settings.schedule)


def _method(settings: Settings) -> Optimizer | Lbfgs:
    return method_of(settings.optimizer, **{part: getattr(settings, part) for part in TRANSFORMS})


def _activation(settings: Settings, default: str) -> str | tuple[str, ...]:
    names = settings.activation or (default,)
    return names[0] if len(names) == 1 else names


@dataclass
class Session:
    """One training: the data, the network, and how it went."""

    settings: Settings
    data: Dataset
    material: Material
    net: Network
    rate: float
    epoch: int = 0
    seconds: float = 0.0

    @classmethod
    def start(cls, settings: Settings) -> Session:
        """Read the data and make the network."""
        from chainrule.cli.about import about
        from chainrule.cli.material import prepare
        from chainrule.datasets import load
        from chainrule.network import Network

        data = load(settings.data, target=settings.target, categorical=settings.categorical)
        with about(data.name):
            material = prepare(data, cost=settings.cost, output=settings.output, seed=settings.seed)
        cost = settings.cost or ("quadratic" if material.labels else "mse")
        output = settings.output
        if output is None and not material.labels:
            output = "identity"
        net = Network(
            [data.x.shape[1], *settings.hidden, material.outputs],
            activation=_activation(settings, "sigmoid" if material.labels else "tanh"),
            cost=cost,
            output=output,
            initialiser=settings.initialiser,
            seed=settings.seed,
            dtype=settings.dtype,
        )
        net.scaling = material.scaling
        net.information = _information(data)
        rate = settings.learning_rate or usual_rate(cost, settings.optimizer)
        return cls(settings, data, material, net, rate)

    def learn(self) -> bool:
        """Fit the network; return whether Ctrl-C ended it."""
        from chainrule.cli.about import about
        from chainrule.cli.live import Live
        from chainrule.errors import NonFiniteCostError

        settings, material = self.settings, self.material
        shown = not (settings.quiet or settings.json)
        x, y = material.learned(material.training)
        began = time.perf_counter()
        interrupted = False
        with about(self.data.name), _told(), Live(lines=shown, bar=not settings.quiet) as live:
            try:
                self.net.fit(
                    x,
                    y,
                    epochs=settings.epochs,
                    batch_size=settings.batch_size,
                    learning_rate=self.rate,
                    optimizer=_method(settings),
                    schedule=settings.schedule,
                    early_stopping=settings.early_stopping or False,
                    checkpoint=_checkpoint(settings),
                    resume=settings.resume,
                    log=settings.log,
                    validation_data=material.learned(material.held_out),
                    progress=live,
                )
            except KeyboardInterrupt:
                interrupted = True
            except NonFiniteCostError as error:
                values = {**error.values, "rate": self.rate}
                raise NonFiniteCostError("cli.train.not_finite", **values) from error
        self.epoch, self.seconds = live.epoch, time.perf_counter() - began
        material.restore_units(self.net)
        return interrupted

    def scores(self) -> tuple[Evaluation, Evaluation]:
        """Return how good the network is on the training rows and on those held out."""
        return self.net.evaluate(*self.material.training), self.net.evaluate(*self.material.held_out)

    def summary(self, *, interrupted: bool) -> dict[str, Any]:
        """Return everything as plain data."""
        training, held_out = self.scores()
        settings = asdict(self.settings)
        for name in ("data", "out", "quiet", "json", "hidden"):
            del settings[name]
        material = self.material
        return {
            "data": self.data.name,
            "training_examples": len(material.training[0]),
            "held_out_examples": len(material.held_out[0]),
            "settings": {**settings, **self.net.architecture.plain(), "learning_rate": self.rate},
            "target_scaling": None if material.target_scaling is None else vars(material.target_scaling),
            "history": vars(self.net.history),
            "training": training._asdict(),
            "held_out": held_out._asdict(),
            "parameters": self.net.size,
            "seconds": self.seconds,
            "model": self.settings.out,
            "interrupted": interrupted,
        }

    def report(self) -> str:
        """Return the final table."""
        training, held_out = self.scores()
        judged = "cli.train.column.accuracy" if self.material.labels else "cli.train.column.r2"
        heads = ["", say("cli.train.column.examples"), say("cli.train.column.cost"), say(judged)]
        rows = [
            [say(f"cli.train.row.{name}"), f"{score.total:,}", f"{score.cost:.4g}", _judged(score)]
            for name, score in (("training", training), ("held_out", held_out))
        ]
        sizes = "-".join(str(size) for size in self.net.architecture.sizes)
        facts = say(
            "cli.train.facts",
            sizes=sizes,
            parameters=self.net.size,
            epochs=len(self.net.history),
            seconds=self.seconds,
        )
        out = self.settings.out
        saved = say("cli.train.saved", path=out) if out else say("cli.train.not_saved_hint")
        lines = [
            "",
            printing.table(heads, rows),
            "",
            self.net.history.reason,
            facts,
            *_labels_line(self.net),
            saved,
        ]
        return "\n".join(lines)


def _checkpoint(settings: Settings) -> Checkpoint | None:
    from chainrule.training.checkpoints import Checkpoint

    if settings.checkpoint is None:
        return None
    steps, minutes = settings.checkpoint_steps, settings.checkpoint_minutes
    return Checkpoint(settings.checkpoint, steps=steps, minutes=minutes)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say on standard error, in a line each, which checkpoints could not be written."""
    from chainrule.training.checkpoints import CheckpointWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, CheckpointWarning):
                printing.complain(" ".join(str(message).split()))
            else:
                others(message, category, *place, **more)

        warnings.showwarning = show
        yield


def _labels_line(net: Network) -> list[str]:
    """Return the line that lists the labels, so that a misspelt one is seen."""
    from chainrule.cli.inputs import class_names
    from chainrule.training.targets import listing

    names = class_names(net)
    if not names:
        return []
    return [say("cli.train.labels", count=len(names), names=listing(names))]


def _judged(score: Evaluation) -> str:
    if score.accuracy is not None:
        return say("cli.train.judged", value=score.accuracy, correct=score.correct)
    return "-" if score.r2 is None else f"{score.r2:.4f}"


def _information(data: Dataset) -> dict[str, Any]:
    """Return what the model file should know about its data."""
    found = {
        "data": data.name,
        "feature_names": data.feature_names,
        "target_names": data.target_names,
        "class_names": data.class_names,
        "image_shape": data.image_shape,
        "categorical": data.categorical,
    }
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in found.items() if value
    }
