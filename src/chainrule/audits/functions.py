"""From a pair of Python functions, called once with nodes, to a `Derivation`."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.audits.derivation import Claim, Derivation, Leaf
from chainrule.audits.reading import read_script
from chainrule.audits.sources import script_of
from chainrule.errors import AuditError, ChainruleError
from chainrule.graph import context
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.graph.trace import function_name, is_array, parameter_names, trace
from chainrule.graph.tree import leaves, rebuild

Function = Callable[..., Any]
PREFIX = re.compile(r"^(d|grad_|nabla_|delta_|g_)(?=\w)|_grad$")
COST = "J"


def derivation_of(forward: Function, backward: Function, args: Sequence[Any]) -> Derivation:
    """Return what ``backward`` claims of the derivatives of ``forward`` by its arguments.

    Raises
    ------
    AuditError
        If the functions do not fit together, or do what NumPy's protocols cannot see; names the line.
    """
    names: list[str] = []
    try:
        graph = _traced(forward, backward, args, names)
    except AuditError as error:
        found = _read(forward, backward, args)
        if found is None:
            raise error from None
        return found
    cost, *claimed = graph.outputs
    if cost.size != 1 or cost.dtype.kind != "f":
        raise AuditError("audit.not_scalar", name=function_name(forward), shape=cost.shape)
    flat = [leaf.value for leaf in leaves(tuple(args)) if is_array(leaf.value)]
    starts = tuple(
        Leaf(node, node.label, np.asarray(value).astype(node.dtype), free=node.dtype.kind == "f")
        for node, value in zip(graph.inputs, flat, strict=True)
    )
    pairs = _matched(names, claimed, graph.inputs, backward)
    claims = tuple([_claim(name, node, of) for name, node, of in pairs])
    called = {node: node.label for node in graph.inputs}
    called |= {node: name for node, name in graph.node_names().items() if not re.fullmatch(r"t\d+", name)}
    lines = {node: node.location.line for node in graph.nodes if node.location is not None}
    return Derivation(starts, COST, cost, claims, called, lines)


def _read(forward: Function, backward: Function, args: Sequence[Any]) -> Derivation | None:
    """Return what the functions' source says, where they write into arrays, which nodes do not allow."""
    labels = parameter_names(forward)
    try:
        script = script_of(
            forward, backward, args, lambda cache: _arguments(forward, backward, labels[: len(args)], cache)
        )
        if script is None:
            return None
        return read_script(
            script.text,
            of=script.cost,
            call=script.call,
            at=script.at,
            filename=Path(script.name).name,
        )
    except Exception:  # whatever stops the functions has been told by the trace
        return None


def _traced(forward: Function, backward: Function, args: Sequence[Any], names: list[str]) -> Graph:
    """Return the graph of the cost and all gradients; whole numbers count as real ones where that works."""
    labels = parameter_names(forward)

    def both(given: Any) -> Any:
        result = forward(*given)
        several = isinstance(result, tuple | list)
        cost = result[0] if several else result
        cache = None if not several else result[1] if len(result) == 2 else result[1:]
        names[:], found = _named(backward, backward(*_arguments(forward, backward, given, cache)))
        return [cost, *found]

    def wrapped(*given: Any) -> Any:
        return both(given)

    wrapped.__name__ = function_name(backward)
    wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in labels]
    )
    try:
        return trace(wrapped, *[rebuild(value, _real) for value in args])
    except (ChainruleError, TypeError, IndexError, ValueError):
        return _as_given(wrapped, args)


def _as_given(function: Function, args: Sequence[Any]) -> Graph:
    try:
        return trace(function, *args)
    except AuditError:
        raise
    except ChainruleError as error:
        raise AuditError("audit.untraced", reason=error, line=_line_of(error)) from error
    except Exception as error:
        place = context.place_of(error)
        where, reason = context.described(place), " ".join(str(error).split())
        line = None if place is None else place.line
        raise AuditError(
            "audit.raised", where=where, kind=type(error).__name__, reason=reason, line=line
        ) from error


def _line_of(error: BaseException) -> int | None:
    place = context.place_of(error)
    return None if place is None else place.line


def _real(value: Any) -> Any:
    array = np.asarray(value) if is_array(value) else None
    return value if array is None or array.dtype.kind not in "iu" else array.astype(float)


def _arguments(forward: Function, backward: Function, given: Sequence[Any], cache: Any) -> list[Any]:
    """Return what ``backward`` is called with: arguments of ``forward`` by their names, else the cache."""
    wanted = parameter_names(backward)
    known = dict(zip(parameter_names(forward), given, strict=False))
    if cache is None:
        if len(wanted) == len(given) and not set(wanted) <= set(known):
            return list(given)
        if set(wanted) <= set(known):
            return [known[name] for name in wanted]
        raise AuditError("audit.arguments", name=function_name(backward), wanted=", ".join(wanted))
    others = [name for name in wanted if name not in known]
    if len(others) == 1:
        return [known.get(name, cache) for name in wanted]
    if not others:
        return [known[name] for name in wanted]
    if len(wanted) == len(given) + 1:
        return [cache, *given] if "cache" not in wanted[-1] else [*given, cache]
    if isinstance(cache, tuple | list) and len(cache) == len(wanted):
        return list(cache)
    raise AuditError("audit.arguments", name=function_name(backward), wanted=", ".join(wanted))


def _named(backward: Function, gradients: Any) -> tuple[list[str], list[Any]]:
    """Return the names and the values of the gradients that were returned."""
    found = list(leaves(gradients))
    if isinstance(gradients, dict):
        return [".".join(map(str, leaf.path)) for leaf in found], [leaf.value for leaf in found]
    written = _returned_names(backward)
    if len(written) != len(found):
        written = [f"[{place}]" for place in range(len(found))]
    return written, [leaf.value for leaf in found]


def _returned_names(function: Function) -> list[str]:
    """Return the names in a function's last ``return``; none where its source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return []
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not returns:
        return []
    value = returns[-1].value
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return [part.id if isinstance(part, ast.Name) else "" for part in parts]


def _matched(
    names: Sequence[str], claimed: Sequence[Node], inputs: Sequence[Node], function: Function
) -> list[tuple[str, Node, Node]]:
    """Return each gradient with the argument that it belongs to: by name, by order, by shape."""
    by_label = {node.label: node for node in inputs}
    real = [node for node in inputs if node.dtype.kind == "f"]
    named = [by_label.get(PREFIX.sub("", name), by_label.get(name)) for name in names]
    if any(node is None for node in named):
        named = list(real) if len(real) == len(claimed) else _by_shape(claimed, real)
    pairs = list(zip(names, claimed, named, strict=False))
    owner = getattr(function, "__self__", None)
    stems = {PREFIX.sub("", name) for name in names} - set(by_label) - {""}
    of_owner = any(hasattr(owner, stem) for stem in stems)  # self.w is no argument
    if len(named) != len(claimed) or any(node is None for node in named) or of_owner:
        raise AuditError(
            "audit.unmatched",
            name=function_name(function),
            count=len(claimed),
            labels=", ".join(node.label for node in real),
        )
    return [
        (name if name and not name.startswith("[") else f"d{of.label}", node, of)
        for name, node, of in pairs
        if of is not None
    ]


def _by_shape(claimed: Sequence[Node], inputs: Sequence[Node]) -> list[Node | None]:
    """Return for each gradient the first argument of its shape after those that are taken."""
    free = list(inputs)
    found: list[Node | None] = []
    for node in claimed:
        fitting = [place for place, other in enumerate(free) if other.shape == node.shape]
        found.append(free[fitting[0]] if fitting else None)
        free = free[fitting[0] + 1 :] if fitting else free
    return found


def _claim(name: str, node: Node, of: Node) -> Claim:
    place = node.location
    line = place.line if place is not None and node.inputs else 0
    text = linecache.getline(place.file, place.line) if place is not None and line else ""
    return Claim(name, node, of.label, of, line, (line,) if line else (), text, final=True)
