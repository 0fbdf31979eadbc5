"""Nodes as people write them: operands by name, parentheses where they are needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.writer import index_text
from chainrule.text import say

FEW = 12  # entries of an array that are written out
SOME = 4  # of a larger one
SHORT = 4  # entries of arrays that a formula is written with
LEVELS = {
    **dict.fromkeys(("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"), 0),
    **dict.fromkeys(("add", "subtract", "bitwise_and"), 1),
    **dict.fromkeys(("multiply", "divide", "reciprocal", "remainder", "floor_divide", "matmul"), 2),
    "negative": 3,
    **dict.fromkeys(("power", "square", "exp2"), 4),
}
ATOM = 5


class Written(NamedTuple):
    """A piece of a formula, and how strongly its outermost operator binds."""

    text: str
    level: int = ATOM


KNOWN = {
    float(np.log(2)): Written("log(2)"),
    float(np.log(10)): Written("log(10)"),
    float(np.sqrt(2 * np.pi)): Written("sqrt(2 * pi)"),
    float(2 / np.sqrt(np.pi)): Written("2 / sqrt(pi)", LEVELS["divide"]),
    float(np.pi): Written("pi"),
}  # numbers that have a name


def number(value: Any) -> str:
    """Return a number or an array as text on one line.

    Examples
    --------
    >>> number(45.0), number(1 / 3), number(np.arange(3.0) / 3)
    ('45', '0.3333333', '[0, 0.33333, 0.66667]')
    """
    array = np.asarray(value)
    if array.ndim:
        if array.size > FEW:
            return _first_entries(array)
        return f"[{', '.join(_short(entry) for entry in array)}]"
    if array.dtype.kind == "b":
        return str(bool(array))
    real = float(array) + 0.0  # no negative zero
    return f"{real:.0f}" if real.is_integer() and abs(real) < 1e15 else f"{real:.7g}"


def _first_entries(array: Any) -> str:
    """Return the beginning of an array, in as many brackets as it has axes."""
    if array.ndim > 1:
        return f"[{_first_entries(array[0])}{', …' if len(array) > 1 else ''}]"
    shown = ", ".join(_short(entry) for entry in array[:SOME])
    return f"[{shown}, …]" if len(array) > SOME else f"[{shown}]"


def _short(entry: Any) -> str:
    """Return an entry of an array, in fewer digits than a number that stands alone."""
    if np.ndim(entry) or np.asarray(entry).dtype.kind != "f" or float(entry).is_integer():
        return number(entry)
    return f"{entry:.5g}"


def written_number(value: Any) -> Written:
    """Return a value as a piece of a formula."""
    known = KNOWN.get(float(value)) if np.ndim(value) == 0 else None
    if known is not None:
        return known
    whole = one_over(value)
    if whole is not None:
        return Written(f"{'-' if whole < 0 else ''}1 / {abs(whole)}", LEVELS["divide"])
    return _number(value)


def one_over(value: Any) -> int | None:
    """Return n where a number is 1/n and has no short decimal form, else None.

    Examples
    --------
    >>> one_over(-1 / 3), one_over(0.25), one_over(0.3)
    (-3, None, None)
    """
    if np.ndim(value) or not np.isfinite(value) or not 0 < abs(value) < 1 or float(number(value)) == value:
        return None
    whole = round(1 / float(value))
    return whole if 1 / whole == value else None


def _number(value: Any) -> Written:
    text = number(value)
    return Written(text, LEVELS["negative"] if text.startswith("-") else ATOM)


def formula(node: Node, names: Mapping[Node, str]) -> str:
    """Return a node's operation; its operands by name, or spelt out where they have none."""
    return written(node, lambda source: _operand(source, names)).text


def with_numbers(node: Node, values: Mapping[Node, Any]) -> str:
    """Return a node's operation with the values of its operands."""
    return written(node, lambda source: _number(values[source])).text


def in_names(node: Node, names: Mapping[Node, str]) -> str:
    """Return a node by its name, or its formula if it has none."""
    return _operand(node, names).text


def factors(parts: Sequence[str], sign: str) -> str:
    """Return a product; a negative factor after the first stands in parentheses.

    Examples
    --------
    >>> factors(["-3", "-2"], "·")
    '-3 · (-2)'
    """
    first, *rest = parts
    return f" {sign} ".join([first, *[f"({part})" if part.startswith("-") else part for part in rest]])


def term(value: Any) -> str:
    """Return a number as a term of a sum: in parentheses if it has a minus."""
    text = number(value)
    return f"({text})" if text.startswith("-") else text


def chain(stages: Sequence[Any]) -> str:
    """Return the stages joined by equal signs, without empty ones and repetitions."""
    shown: list[str] = []
    for stage in stages:
        if stage and (not shown or shown[-1] != stage):
            shown.append(stage)
    return " = ".join(shown)


def enclosed(local: str) -> str:
    """Return a formula as a factor: in parentheses unless it is one name or one call."""
    return f"({local})" if " " in local and not _is_call(local) and not _is_entry(local) else local


def _is_entry(text: str) -> bool:
    return re.fullmatch(r"\w+\[[^\[\]]*\]", text) is not None


def _is_call(text: str) -> bool:
    """Return whether a formula is one call, such as ``max(0, x - 1)``, whose parentheses enclose it all."""
    head, bracket, rest = text.partition("(")
    if not (head.isidentifier() and bracket and text.endswith(")")):
        return False
    depth = 1
    for place, sign in enumerate(rest):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(rest) - 1
    return False


def _operand(node: Node, names: Mapping[Node, str]) -> Written:
    if node in names:
        return Written(names[node])
    if node.primitive is CONSTANT:
        return written_number(node.value)
    if node.primitive.name == "multiply" and node.inputs[0] is node.inputs[1]:
        base = _operand(node.inputs[0], names)
        return Written(f"{base.text}²" if base.level == ATOM else f"({base.text})²", LEVELS["square"])
    return written(node, lambda source: _operand(source, names))


def written(node: Node, operand: Callable[[Node], Written]) -> Written:
    """Return a node's operation; ``operand`` writes what it is applied to."""
    if node.primitive is CONSTANT:
        return written_number(node.value)
    level = LEVELS.get(node.primitive.name, ATOM)
    divisor = _divisor(node)
    if divisor is not None:
        source, whole = divisor
        part = operand(source)
        text = f"({part.text})" if part.level < level or part.text.startswith("-") else part.text
        return Written(f"{'-' if whole < 0 else ''}{text} / {abs(whole)}", level)
    operands = [operand(source) for source in node.inputs]
    texts = [part.text for part in operands]
    if level < ATOM:
        texts = [_enclosed(part, place, level, node) for place, part in enumerate(operands)]
    if node.primitive.name in ("index", "add_at"):
        return Written(_indexed(node, texts))
    text = "{0} & {1}" if node.primitive.name == "bitwise_and" else node.primitive.text
    text = text or f"{node.primitive.name}({', '.join(f'{{{n}}}' for n in range(len(texts)))})"
    if "…" in text:  # as many operands as there are
        text = text.replace("…", f"[{', '.join(f'{{{place}}}' for place in range(len(texts)))}]")
    settings = dict(node.settings)
    axis = settings.get("axis")
    if axis is not None and text.endswith(")") and len(np.atleast_1d(axis)) < node.inputs[0].ndim:
        text = f"{text[:-1]}, axis={{axis}})"
        settings["axis"] = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    return Written(text.format(*texts, **settings), level)


def _divisor(node: Node) -> tuple[Node, int] | None:
    """Return what a product divides by a whole number, and that number, as in a mean; else None."""
    if node.primitive.name != "multiply":
        return None
    for source, other in (node.inputs, node.inputs[::-1]):
        whole = (
            one_over(other.value)
            if other.primitive is CONSTANT and source.primitive is not CONSTANT
            else None
        )
        if whole is not None:
            return source, whole
    return None


def _indexed(node: Node, texts: list[str]) -> str:
    """Return the reading of entries, or the adding of entries to zeros, with its index."""
    index = ", ".join(index_text(part, texts[1:]) for part in node.settings["template"])
    if node.primitive.name == "index":
        return f"{texts[0]}[{index}]"
    return f"zeros({node.shape})[{index}] += {texts[0]}"


def _enclosed(part: Written, place: int, level: int, node: Node) -> str:
    """Return an operand of an operator, in parentheses where it binds less strongly or has a minus."""
    name = node.primitive.name
    tight = part.level >= level if place == 0 and name not in ("power", "square", "negative") else False
    fits = tight or part.level > level or (place == 1 and name == "power" and part.level == level)
    leading_minus = part.text.startswith("-") and (place > 0 or name in ("negative", "reciprocal", "exp2"))
    return part.text if fits and not leading_minus else f"({part.text})"


def spelt(text: str, *, brief: bool = False) -> str:
    """Return a formula for people: entries that are added to zeros stand at their places."""
    found = re.fullmatch(r"zeros\(\(.*?\)\)(\[.*\]) \+= (.+)", text)
    if found is None:
        return text
    return f"{found[1]}: {found[2]}" if brief else say("explain.placed", value=found[2], places=found[1])


def scope_title(scope: str) -> str:
    """Return how a scope is called in the current language: layers are counted, others keep their names."""
    first, *inner = scope.split("/")
    layer = re.fullmatch(r"layer ([0-9]+)", first)
    title = (
        say("explain.layer", number=layer[1]) if layer else say("explain.cost") if first == "cost" else first
    )
    return " / ".join([title, *inner])
