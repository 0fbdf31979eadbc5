"""``chainrule predict``: a saved model's labels, or values, one a line."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chainrule.network import Network

CHUNK = 4096


def command() -> Command:
    """Return the command."""
    return Command(
        "predict",
        run,
        [
            Argument("model"),
            Argument("file"),
            Option("--probabilities", None),
            Option("--out", TEXT),
            Option("--target", TEXT),
        ],
    )


def run(
    model: str,
    file: str,
    probabilities: bool,
    out: str | None,
    target: str | None,
    json: bool,
) -> None:
    """Write what the model says about each row."""
    from chainrule.cli.about import about
    from chainrule.cli.inputs import load_for, load_model
    from chainrule.files import ensure_writable, write_atomically

    if out is not None:
        ensure_writable(out)
    net = load_model(model)
    data = load_for(net, file, target=target, need_target=False)
    header = _header(net, probabilities=probabilities)
    with about(file):
        rows = _rows(net, data.x, probabilities=probabilities)
        if out is not None:
            table = io.StringIO()
            csv.writer(table, lineterminator="\n").writerows([header, *rows])
            write_atomically(out, table.getvalue().encode())
            if json:
                printing.json_object({"model": model, "data": file, "out": out, "rows": len(data.x)})
            else:
                printing.line(say("cli.predict.written", count=len(data.x), path=out))
        elif json:
            listed = [dict(zip(header, row, strict=True)) for row in rows]
            printing.json_object({"model": model, "data": file, "predictions": listed})
        else:
            for row in rows:
                printing.line(",".join(_cell(entry) for entry in row))


def _header(net: Network, *, probabilities: bool) -> list[str]:
    from chainrule.cli.inputs import class_names

    targets = [str(name) for name in net.information.get("target_names") or []]
    if net.labels is not None:
        return ["label", *([f"p({name})" for name in class_names(net)] if probabilities else [])]
    outputs = net.architecture.sizes[-1]
    return targets if len(targets) == outputs else [f"y{place}" for place in range(outputs)]


def _rows(net: Network, x: Any, *, probabilities: bool) -> Iterator[list[Any]]:
    """Yield label and outputs of each row; of a regression its values."""
    from chainrule.cli.inputs import class_names

    names = class_names(net)
    for first in range(0, len(x), CHUNK):
        outputs = net(x[first : first + CHUNK])
        if not names:
            yield from outputs.tolist()
            continue
        if outputs.shape[1] == 1:
            places = (outputs[:, 0] >= 0.5).astype(int)
            shares = [[1 - value, value] for value in outputs[:, 0].tolist()]
        else:
            places, shares = outputs.argmax(axis=1), outputs.tolist()
        for place, share in zip(places, shares, strict=True):
            yield [names[place], *(share if probabilities else [])]


def _cell(entry: Any) -> str:
    return f"{entry:.6g}" if isinstance(entry, float) else " ".join(str(entry).splitlines())
