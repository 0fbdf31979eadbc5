"""``chainrule export``: a saved model for other programs."""

from __future__ import annotations

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT
from chainrule.errors import SettingError
from chainrule.text import say


def command() -> Command:
    """Return the command."""
    options = [Option("--onnx", TEXT), Option("--numpy", TEXT), Option("--c", TEXT)]
    return Command("export", run, [Argument("model"), *options])


def run(model: str, onnx: str | None, numpy: str | None, c: str | None, json: bool) -> None:
    """Write a model in each of the formats asked for; nothing is written before all of them are made."""
    wanted = {"ONNX": onnx, "NumPy": numpy, "C": c}
    paths = {kind: path for kind, path in wanted.items() if path is not None}
    if not paths:
        raise SettingError("cli.export.nothing")
    from chainrule.cli.inputs import load_model
    from chainrule.files import ensure_writable, write_atomically
    from chainrule.formats.exporting import CONTENTS

    for path in paths.values():
        ensure_writable(path)
    net = load_model(model)
    contents = {kind: CONTENTS[kind](net) for kind in paths}
    for kind, path in paths.items():
        write_atomically(path, contents[kind])
    files = [{"path": path, "format": kind, "bytes": len(contents[kind])} for kind, path in paths.items()]
    if json:
        printing.json_object({"model": model, "files": files})
        return
    for file in files:
        printing.line(say("cli.export.written", **file))
