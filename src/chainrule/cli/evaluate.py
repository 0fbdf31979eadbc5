"""``chainrule evaluate``: how good a saved model is on data."""

from __future__ import annotations

import time

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT
from chainrule.text import say


def command() -> Command:
    """Return the command."""
    return Command("evaluate", run, [Argument("model"), Argument("data"), Option("--target", TEXT)])


def run(model: str, data: str, target: str | None, json: bool) -> None:
    """Judge a model: on the data's own test set if it has one, else on all of it."""
    from chainrule.cli.about import about
    from chainrule.cli.inputs import load_for, load_model
    from chainrule.errors import DataError

    net = load_model(model)
    dataset = load_for(net, data, target=target, need_target=True)
    has_test = dataset.x_test is not None and dataset.y_test is not None
    x, y = (dataset.x_test, dataset.y_test) if has_test else (dataset.x, dataset.y)
    if x is None or y is None:
        raise DataError("cli.train.no_target", source=data)
    began = time.perf_counter()
    with about(data):
        score = net.evaluate(x, y)
    seconds = time.perf_counter() - began
    if json:
        printing.json_object(
            {"model": model, "data": data, "test_set": has_test, **score._asdict(), "seconds": seconds}
        )
        return
    printing.line(say("cli.evaluate.test" if has_test else "cli.evaluate.all", data=data, total=score.total))
    printing.line(say("cli.cost", value=score.cost))
    if score.accuracy is not None:
        printing.line(say("cli.accuracy", value=score.accuracy, correct=score.correct, total=score.total))
    elif score.r2 is not None:
        printing.line(say("cli.r2", value=score.r2))
