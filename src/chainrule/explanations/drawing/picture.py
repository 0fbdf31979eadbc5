"""What a drawing shows: boxes for values, links for uses; read from an explanation or a graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import unknown_name
from chainrule.explanations.entries import find_entry
from chainrule.explanations.formulas import formula, number, spelt
from chainrule.explanations.names import step_names
from chainrule.explanations.steps import Use
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT

if TYPE_CHECKING:
    from chainrule.explanations.record import Explanation

FEW, SHORT = 4, 24  # entries of an array that stand in a box, and characters
RETURNED = "←\N{NO-BREAK SPACE}"  # before what comes back as a whole
Shape = tuple[int, ...]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Box:
    """One value, or several folded into one box.

    Parameters
    ----------
    name
        What it is called; of a folded box, the scope or the first and last name in it.
    value
        Its value, or its shape.
    slope
        The derivative of the output by it; empty where none comes back.
    formula
        How it is computed; empty for inputs.
    shape
        The shape of the value.
    scope
        The scope in which it was computed.
    members
        The names of the values folded into it; empty for a single value.
    notes
        What else a folded box says, line by line.
    is_output
        Whether it is the value that is explained.
    entry
        The entry of it that is looked at, whose value and slope are shown; empty: all of it.
    """

    name: str
    value: str = ""
    slope: str = ""
    formula: str = ""
    shape: Shape = ()
    scope: str = ""
    members: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_output: bool = False
    entry: str = ""

    @property
    def is_input(self) -> bool:
        """Whether it is given, not computed."""
        return not self.formula and not self.members


@dataclass(frozen=True)
class Link:
    """One use of a value: from the box of this number to that of the value computed from it.

    ``label`` says what the local derivative is, line by line; ``chosen`` that it is on a highlighted path.
    """

    source: int
    target: int
    label: tuple[str, ...] = ()
    chosen: bool = False


@dataclass(frozen=True)
class Picture:
    """Boxes in an order in which they can be computed, and links from lower to higher numbers."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]


def brief(value: Any) -> str:
    """Return a number in four digits, a small array entry by entry; the shape of others.

    Examples
    --------
    >>> brief(45.0), brief(2 / 3), brief(np.array([1.5, 2.0])), brief(np.zeros((3, 4)))
    ('= 45', '= 0.6667', '= [1.5, 2]', '(3, 4)')
    """
    array = np.asarray(value)
    text = _entries(array) if array.size <= FEW else ""
    return f"= {text}" if 0 < len(text) <= SHORT else str(array.shape)


def _entries(array: Any) -> str:
    if array.ndim:
        return f"[{', '.join(_entries(entry) for entry in array)}]"
    if (
        array.dtype.kind == "f"
        and np.isfinite(array)
        and not (float(array).is_integer() and abs(array) < 1e7)
    ):
        return f"{float(array):.4g}"
    return number(array)


def picture_of(explanation: Explanation, paths: Any = None) -> Picture:
    """Return the picture of an explanation.

    Parameters
    ----------
    explanation
        What to draw.
    paths
        What to highlight: the name of a variable (all its paths to the output), a path, or several of them.

    Raises
    ------
    UnknownNameError
        If ``paths`` names nothing in the explanation.
    """
    output = explanation.output
    slopes = {step.name: step.value for step in explanation.backward}
    slopes.update({output: 1.0})

    def slope(name: str) -> str:
        if name not in slopes:
            return ""
        text = brief(slopes[name])
        return f"d{output}/d{name} {text}"

    computed = {step.name for step in explanation.forward}
    boxes = [
        _with_focus(
            Box(name, brief(value), slope(name), shape=np.shape(value), is_output=name == output), explanation
        )
        for name, value in explanation.inputs.items()
        if name not in computed
    ]
    boxes += [
        Box(
            step.name,
            brief(step.value),
            slope(step.name),
            step.formula,
            np.shape(step.value),
            step.scope,
            is_output=step.name == output,
        )
        for step in explanation.forward
    ]
    if output not in {box.name for box in boxes}:
        boxes.append(Box(output, brief(explanation.value), slope(output), is_output=True))
    pairs = [(source, step.name) for step in explanation.forward for source in step.operands]
    uses: dict[Pair, list[Use]] = {}
    for back in explanation.backward:
        for use in back.uses:
            uses.setdefault((back.name, use.through), []).append(use)
    labels = [_label(pair, uses[pair].pop(0)) if uses.get(pair) else () for pair in pairs]
    chosen = _chosen(paths, pairs, output, [box.name for box in boxes])
    return _picture(boxes, pairs, labels, chosen)


def _with_focus(box: Box, explanation: Explanation) -> Box:
    """Return the box of an input; if an entry of it is looked at, with this entry's value and slope."""
    focus = explanation.focus
    if focus is None or focus == box.name or _array(focus) != box.name:
        return box
    value = np.asarray(explanation.inputs[box.name])[find_entry(focus, explanation.inputs).index]
    return replace(
        box,
        value=brief(value),
        slope=f"d{explanation.output}/d{focus} {brief(explanation.gradient[focus])}",
        notes=(f"{box.name}: {box.shape}",),
        entry=focus,
    )


def picture_of_graph(graph: Graph, values: Mapping[str, Any] | None = None) -> Picture:
    """Return the picture of a graph without derivatives; with values by name where they are given."""
    names = step_names(graph)
    known, outputs = values or {}, set(graph.outputs)

    def box(node: Any, text: str) -> Box:
        name = names[node]
        value = brief(known[name]) if name in known else (str(node.shape) if node.shape else "")
        return Box(name, value, "", text, node.shape, node.scope, is_output=node in outputs)

    steps = [node for node in graph.nodes if node in names and node.primitive is not CONSTANT]
    boxes = [box(node, "") for node in graph.inputs] + [box(node, formula(node, names)) for node in steps]
    pairs = [(names[source], names[node]) for node in steps for source in node.inputs if source in names]
    return _picture(boxes, pairs, [()] * len(pairs), set())


def _picture(
    boxes: list[Box], pairs: list[Pair], labels: Sequence[tuple[str, ...]], chosen: set[Pair]
) -> Picture:
    numbers = {box.name: number for number, box in enumerate(boxes)}
    links = [
        Link(numbers[pair[0]], numbers[pair[1]], label, pair in chosen)
        for pair, label in zip(pairs, labels, strict=True)
    ]
    return Picture(tuple(boxes), tuple(links))


def _label(pair: Pair, use: Use) -> tuple[str, ...]:
    """Return the local derivative in symbols and its value; of other operations, what comes back."""
    if not use.elementwise:
        return (RETURNED + spelt(use.local, brief=True),)
    partial = f"∂{pair[1]}/∂{pair[0]}"
    value = brief(use.local_value)
    if value == f"= {use.local}" or (np.ndim(use.local_value) == 0 and _is_number(use.local)):
        return (f"{partial} {value}",)
    shown = value if value.startswith("=") else ""
    return tuple(line for line in (f"{partial} = {use.local}", shown) if line)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _chosen(paths: Any, pairs: Iterable[Pair], output: str, names: Sequence[str]) -> set[Pair]:
    """Return the links on the paths: those given, and all from the named variables to the output."""
    if paths is None:
        return set()
    asked = [paths] if isinstance(paths, str) or hasattr(paths, "edges") else list(paths)
    found: set[Pair] = set()
    for path in asked:
        if hasattr(path, "edges"):
            found.update((_array(edge.source), _array(edge.through)) for edge in path.edges)
        elif _array(str(path)) in names:
            found |= _between(_array(path), output, list(pairs))
        else:
            raise unknown_name("paths", str(path), names)
    return found


def _array(name: str) -> str:
    """Return the name of the array that an entry such as ``W1[3, 12]`` belongs to."""
    return name.partition("[")[0]


def _between(start: str, end: str, pairs: list[Pair]) -> set[Pair]:
    """Return the links on any path; the pairs are in the order of their targets."""
    reached, leading = {start}, {end}
    for source, target in pairs:
        if source in reached:
            reached.add(target)
    for source, target in reversed(pairs):
        if target in leading:
            leading.add(source)
    return {pair for pair in pairs if pair[0] in reached and pair[1] in leading}
