"""``chainrule primitives``: every operation, with its local derivative and its kinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.cli.commands import Command
from chainrule.text import say

if TYPE_CHECKING:
    from chainrule.graph.primitive import Primitive


def command() -> Command:
    """Return the command."""
    return Command("primitives", run, [])


def run(json: bool) -> None:
    """List the primitives."""
    from chainrule.primitives import PRIMITIVES

    rows = [described(PRIMITIVES[name]) for name in sorted(PRIMITIVES)]
    if json:
        printing.json_object({"primitives": rows})
        return
    width = max(len(row["name"]) for row in rows)
    wide = max(len(row["formula"]) for row in rows)
    for row in rows:
        kink = f"   {say('cli.primitives.kink')}" if row["kinks"] else ""
        slopes = ", ".join(row["derivatives"]) if row["derivatives"] else say("cli.primitives.pullback")
        slopes = slopes if row["differentiable"] else say("cli.primitives.none")
        printing.line(f"{row['name']:<{width}}  {row['formula']:<{wide}}  {slopes}{kink}")


def described(primitive: Primitive) -> dict[str, Any]:
    """Return what there is to say about a primitive: its name, formula and local derivatives.

    Examples
    --------
    >>> from chainrule.primitives import PRIMITIVES
    >>> described(PRIMITIVES["multiply"])["derivatives"]
    ['∂/∂a = b', '∂/∂b = a']
    """
    from chainrule.explanations.formulas import formula, in_names
    from chainrule.graph.graph import Graph
    from chainrule.graph.node import apply, input_node, lift
    from chainrule.rewrites import simplify

    count = sum(f"{{{place}}}" in primitive.text for place in range(9))
    names = ["x"] if count == 1 else ["a", "b", "c", "d"][:count]
    row: dict[str, Any] = {
        "name": primitive.name,
        "formula": primitive.text.format(*names, dtype="dtype", shape="shape", subscripts="subscripts"),
        "elementwise": primitive.elementwise,
        "differentiable": primitive.differentiable,
        "derivatives": [],
        "kinks": primitive.kinks is not None,
    }
    if primitive.partials is None or not primitive.differentiable:
        return row
    inputs = [input_node((), "float64", name) for name in names]
    settings = {"dtype": "float64"} if "{dtype}" in primitive.text else {}
    value = apply(primitive, *inputs, **settings)
    partials = primitive.partials(value, *inputs, **settings)
    known = {**dict(zip(inputs, names, strict=True)), value: "y"}
    row["formula"] = f"y = {formula(value, known)}"
    for name, partial in zip(names, partials, strict=True):
        if partial is not None:
            simple = simplify(Graph([*inputs, value], [lift(partial)])).outputs[0]
            row["derivatives"].append(f"∂/∂{name} = {in_names(simple, known)}")
    return row
