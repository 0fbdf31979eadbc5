"""``chainrule compile``: what a function becomes on its way to machine code, and whether it is right."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from chainrule.cli import printing
from chainrule.cli.commands import Argument, Command, Option
from chainrule.cli.values import TEXT
from chainrule.errors import SettingError, unknown_name
from chainrule.text import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chainrule.compiler.compiled import Machine
    from chainrule.compiler.pipeline import Stages
    from chainrule.graph.graph import Graph

STAGES = ("fuse", "lower", "emit")
REFUSED = 1


def command() -> Command:
    """Return the command."""
    return Command(
        "compile",
        run,
        [
            Argument("function"),
            Option("--at", TEXT, multiple=True),
            Option("--gradient", None),
            Option("--wrt", TEXT, multiple=True),
            Option("--stop-after", TEXT),
        ],
    )


def run(
    function: str,
    at: tuple[str, ...],
    gradient: bool,
    wrt: tuple[str, ...],
    stop_after: str | None,
    json: bool,
) -> int | None:
    """Compile a function, or go some way towards it."""
    if stop_after is not None and stop_after not in STAGES:
        raise unknown_name("--stop-after", stop_after, STAGES)
    from chainrule.cli.user_function import bind, load_function
    from chainrule.compiler.expand import Refusal

    called = load_function(function)
    names, values = bind(called, at, function)
    chosen = [name.strip() for part in wrt for name in part.split(",")]
    if gradient or chosen:
        values = as_differentiable(names, values, chosen)
    graph = _graph(function, called, names, values, chosen if gradient or chosen else None)
    try:
        made = _stages(graph)
    except Refusal as refusal:
        return _refused(graph, say(refusal.reason, **refusal.values), json)
    if stop_after is None:
        return _compiled(function, graph, made, values, json)
    text = {"fuse": str(made.fused), "lower": str(made.lowered), "emit": made.source}[stop_after]
    if json:
        printing.json_object({"name": graph.name, "stage": stop_after, "text": text})
    else:
        printing.source(text)
    return None


def as_differentiable(names: Sequence[str], values: Sequence[Any], chosen: Sequence[str]) -> list[Any]:
    """Return the values, whole ones made real that are to be differentiated by.

    Examples
    --------
    >>> as_differentiable(["a", "b"], [2, 3], ["a"])
    [np.float64(2.0), 3]
    """
    import numpy as np

    from chainrule.functions import as_real
    from chainrule.graph.trace import ArraySpec

    def is_spec(value: Any) -> bool:
        return isinstance(value, ArraySpec)

    real = any(
        np.dtype(v.dtype).kind == "f" if is_spec(v) else np.asarray(v).dtype.kind == "f" for v in values
    )
    wanted = list(chosen) or ([] if real else list(names))
    pairs = zip(names, values, strict=True)
    return [as_real(value) if name in wanted and not is_spec(value) else value for name, value in pairs]


def _graph(
    place: str, function: Any, names: Sequence[str], values: Sequence[Any], wrt: Sequence[str] | None
) -> Graph:
    """Return the graph of a function for these shapes; with ``wrt`` that of its value and gradient."""
    import chainrule.primitives  # noqa: F401 - a graph finds its operations in the registry
    from chainrule.cli.user_function import failures_of_the_user, of_named
    from chainrule.graph.trace import trace_call
    from chainrule.rewrites import simplify

    with failures_of_the_user(place):
        specs = [shape_of(value) for value in values]
        graph = trace_call(of_named(function, names), specs, {}, list(names)).graph
    return simplify(graph if wrt is None else _with_gradient(graph, wrt))


def shape_of(value: Any) -> Any:
    """Return the `ArraySpec` of an array or number; a truth value stays what it is.

    Examples
    --------
    >>> shape_of(1.5)
    ArraySpec(shape=(), dtype=dtype('float64'))
    """
    import numpy as np

    from chainrule.graph.trace import ArraySpec

    if isinstance(value, bool | ArraySpec):
        return value
    array = np.asarray(value)
    return ArraySpec(array.shape, array.dtype)


def _with_gradient(graph: Graph, wrt: Sequence[str]) -> Graph:
    """Return the graph of a function's value, and behind it the gradient by the inputs of these names."""
    from chainrule.errors import GradientError, nearest_hint
    from chainrule.gradients import check_scalar, pull_back
    from chainrule.graph.graph import Graph
    from chainrule.rewrites import stabilise

    check_scalar(graph)
    by_name = {node.label: node for node in graph.inputs}
    unknown = next((name for name in wrt if name not in by_name), None)
    if unknown is not None:
        raise GradientError(
            "gradient.input", name=graph.name, input=unknown, hint=nearest_hint(unknown, by_name)
        )
    sources = [by_name[name] for name in wrt] or [node for node in graph.inputs if node.dtype.kind == "f"]
    if not sources or any(node.dtype.kind != "f" for node in sources):
        raise GradientError("gradient.not_real", name=graph.name, argument=", ".join(wrt or by_name))
    stable = stabilise(graph)
    slopes = pull_back(stable.outputs[0], sources)
    named = {stable.outputs[0]: "value"}
    named |= {slope: f"d_{source.label}" for source, slope in zip(sources, slopes, strict=True)}
    return Graph(
        graph.inputs,
        [stable.outputs[0], *slopes],
        name=f"{graph.name}_and_gradient",
        single=False,
        flatten=graph.flatten,
        names={**named, **(stable.names or {})},
    )


def _stages(graph: Graph) -> Stages:
    from chainrule.compiler.memory import OWN_SLOT
    from chainrule.compiler.pipeline import is_checked, stages

    return stages(graph, own_slots=(OWN_SLOT,), checked=is_checked())


def _refused(graph: Graph, reason: str, json: bool) -> int:
    if json:
        printing.json_object({"name": graph.name, "compiled": False, "reason": reason})
    else:
        printing.complain(say("cli.compile.refused", name=graph.name, reason=reason))
    return REFUSED


def _compiled(place: str, graph: Graph, made: Stages, values: Sequence[Any], json: bool) -> int | None:
    """Make machine code of a graph, compare it with the interpreter, and tell of it."""
    from chainrule.compiler.cache import cache_folder, is_kept
    from chainrule.compiler.compiled import compiled_or_reason

    kept, began = is_kept(made.source, made.lowered.name), time.perf_counter()
    machine, reason = compiled_or_reason(graph)
    seconds = time.perf_counter() - began
    if machine is None:
        return _refused(graph, str(reason), json)
    facts = {
        "name": graph.name,
        "compiled": True,
        "arguments": {node.label: f"{node.dtype}{list(node.shape)}" for node in graph.inputs},
        "operations": sum(1 for node in made.fused.graph.nodes if node.inputs),
        "kernels": len(made.fused.kernels),
        "arrays": len(made.lowered.buffers),
        "bytes": made.bytes,
        "lines": made.source.count("\n"),
        "seconds": seconds,
        "from_cache": kept,
    }
    differences = difference(place, graph, machine, values)
    if differences is not None:
        facts["largest_difference"], facts["largest_value"] = differences
    if json:
        printing.json_object({**facts, "source": made.source})
        return None
    key = "cli.compile.read" if kept else "cli.compile.built" if cache_folder() else "cli.compile.not_kept"
    remarks = [say("cli.compile.sizes", **facts), say(key, seconds=seconds)]
    if differences is not None:
        remarks.append(say("cli.compile.difference", difference=differences[0], value=differences[1]))
    printing.source("\n".join([made.source, *[f"# {remark}" for remark in remarks]]))
    return None


def difference(
    place: str, graph: Graph, machine: Machine, values: Sequence[Any]
) -> tuple[float, float] | None:
    """Return by how much machine code differs from the interpreter at most, and the largest value on the way.

    None if only shapes are known. NaN means that one has NaN where the other has a number.
    """
    import numpy as np

    from chainrule.cli.user_function import failures_of_the_user
    from chainrule.graph.interpreter import Program
    from chainrule.graph.trace import ArraySpec

    if any(isinstance(value, ArraySpec) for value in values):
        return None
    flat = graph.convert(graph.flatten(tuple(values)) if graph.flatten else list(values))
    steps = [node for node in graph.nodes if node.inputs]
    with failures_of_the_user(place):
        expected = Program(graph.inputs, graph.outputs).run(*flat)
        between = Program(graph.inputs, steps).run(*flat)
    found = machine.run(flat)
    if found is None:
        raise SettingError("cli.compile.gave_up", place=place)
    pairs = [
        (np.asarray(a, "float64"), np.asarray(b, "float64")) for a, b in zip(found, expected, strict=True)
    ]
    with np.errstate(all="ignore"):
        gaps = [np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b)) for a, b in pairs]
    sizes = [np.abs(np.asarray(value, "float64")) for value in (*flat, *between)]
    largest = max([float(np.max(size[np.isfinite(size)], initial=0.0)) for size in sizes], default=0.0)
    return float(np.max([np.max(gap, initial=0.0) for gap in gaps], initial=0.0)), largest
