"""``chainrule inspect``: what a model file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.network import Network

SHOWN = 12


def command() -> Command:
    """Return the command."""
    return Command("inspect", run, [Argument("model")])


def run(model: str, json: bool) -> None:
    """Show a model's architecture, labels, scaling and origin."""
    from chainrule.cli.inputs import load_model
    from chainrule.files import read_bytes, sha256
    from chainrule.models import read_model

    net = load_model(model)
    content = read_bytes(model)
    facts = _facts(net)
    facts |= {
        "library_version": read_model(model).library_version,
        "bytes": len(content),
        "sha256": sha256(content),
    }
    if json:
        printing.json_object({"model": model, **facts})
        return
    rows = [(say(f"cli.inspect.{name}"), _shown(value)) for name, value in facts.items() if value is not None]
    printing.line(printing.pairs([(say("cli.inspect.file"), model), *rows]))
    printing.line()
    printing.line(_layers(net))


def _facts(net: Network) -> dict[str, Any]:
    architecture, information = net.architecture, net.information
    names = information.get("class_names")
    labels = None if net.labels is None else [str(label) for label in net.labels]
    return {
        "data": information.get("data"),
        "sizes": list(architecture.sizes),
        "parameters": net.size,
        "activation": list(architecture.activations),
        "output": architecture.output,
        "cost": architecture.cost if isinstance(architecture.cost, str) else say("cli.inspect.own_cost"),
        "initialiser": architecture.initialiser,
        "dtype": architecture.dtype,
        "labels": None if net.labels is None else net.labels.tolist(),
        "class_names": names if names != labels else None,
        "feature_names": information.get("feature_names"),
        "target_names": information.get("target_names"),
        "image_shape": " × ".join(map(str, information.get("image_shape") or ())) or None,
        "scaling": _scaling(net),
    }


def _scaling(net: Network) -> dict[str, Any] | None:
    if net.scaling is None:
        return None
    import numpy as np

    return {
        "offset": np.asarray(net.scaling.offset).tolist(),
        "scale": np.asarray(net.scaling.scale).tolist(),
    }


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        if not isinstance(value["offset"], list):
            return f"(x - {value['offset']:g}) / {value['scale']:g}"
        return say("cli.inspect.columns", count=len(value["offset"]))
    if isinstance(value, list):
        few = ", ".join(str(entry) for entry in value[:SHOWN])
        return say("cli.inspect.more", few=few, count=len(value)) if len(value) > SHOWN else few
    return f"{value:,}" if isinstance(value, int) else str(value)


def _layers(net: Network) -> str:
    architecture = net.architecture
    activations = [*architecture.activations, architecture.output]
    heads = [
        say(f"cli.inspect.column.{name}")
        for name in ("layer", "inputs", "outputs", "activation", "parameters")
    ]
    rows = []
    for place, activation in enumerate(activations, start=1):
        inputs, outputs = architecture.sizes[place - 1 : place + 1]
        rows.append(
            [str(place), f"{inputs:,}", f"{outputs:,}", activation, f"{inputs * outputs + outputs:,}"]
        )
    return printing.table(heads, rows, left=(3,))
