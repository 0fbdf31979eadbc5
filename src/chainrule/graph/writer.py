"""The text form of a graph: a Python function of one call a line, with the user's line as a comment.

It can be executed as it stands (it begins with the import it needs) and read back by
`chainrule.graph.reader` without executing anything.
"""

from __future__ import annotations

import base64
import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors
from chainrule.graph.primitive import PRIMITIVES

DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
DTYPES = (*DTYPES, "float16", "float32", "float64", "longdouble", "complex64", "complex128")
HEADER = "from chainrule.primitives.names import *"
RESERVED = ("constant", "guard", "inf", "nan", "Slice", "Array", "Ellipsis", *DTYPES)
INLINE_ENTRIES = 64
SHOWN_ENTRIES = 4096

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\s*(?:=|[-+*/@%]=|\*\*=|//=)(?!=)")


def type_text(node: Node) -> str:
    """Return a node's dtype and shape as written in the text form: ``float64[3, 2]``, ``float64[()]``."""
    return f"{node.dtype.name}[{', '.join(map(str, node.shape)) or '()'}]"


def write(
    name: str,
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    *,
    single: bool,
    guards: Sequence[tuple[Node, bool]] = (),
    names: Mapping[Node, str] | None = None,
    whole: bool = True,
) -> str:
    """Return the text of a graph; ``whole=False`` leaves out the entries of very large constants."""
    tested = [node for node, _ in guards]
    nodes = ancestors([*outputs, *tested], stop=inputs)
    given = name_nodes(inputs, nodes, names or {})
    parameters = ", ".join(f"{given[node]}: {type_text(node)}" for node in inputs)
    lines: list[tuple[str, str]] = []
    for node in nodes:
        if node.primitive is CONSTANT:
            if not node.weak:
                lines.append((f"{given[node]} = {_array(node.value, whole)}", ""))
            continue
        lines.append((f"{given[node]} = {_call(node, given)}", _comment(node)))
    lines += [(f"guard({_operand(node, given)}, {truth})", _comment(node)) for node, truth in guards]
    results = [_operand(node, given) for node in outputs]
    lines.append((f"return {results[0] if single else '(' + ', '.join([*results, '']).rstrip() + ')'}", ""))
    head = f"{HEADER}\n\n\ndef {identifier(name)}({parameters}):\n"
    return head + "\n".join(_with_comment(*line) for line in lines) + "\n"


def _with_comment(line: str, comment: str) -> str:
    return f"    {line:<48}  # {comment}" if comment else f"    {line}"


def _comment(node: Node) -> str:
    parts = [type_text(node), node.scope, str(node.location) if node.location else ""]
    return "  ".join(part for part in parts if part)


def _call(node: Node, given: Mapping[Node, str]) -> str:
    operands = [_operand(source, given) for source in node.inputs]
    settings = [f"{key}={value!r}" for key, value in node.settings.items()]
    return f"{node.primitive.name}({', '.join(operands + settings)})"


def _operand(node: Node, given: Mapping[Node, str]) -> str:
    return number_text(node.value) if node.weak else given[node]


def number_text(value: Any) -> str:
    """Return a Python number so that reading it gives the same bits; ``inf`` and ``nan`` are names."""
    return repr(value)


def _array(value: np.ndarray[Any, Any], whole: bool) -> str:
    """Return a constant array: its entries if they are few, else their bytes in base 64."""
    dtype, shape = value.dtype.name, tuple(map(int, value.shape))
    if value.size <= INLINE_ENTRIES:
        entries = np.ravel(value).tolist()
        return f"constant({dtype!r}, {shape}, {entries!r})"
    if not whole and value.size > SHOWN_ENTRIES:
        return f"constant({dtype!r}, {shape}, ...)"
    code = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return f"constant({dtype!r}, {shape}, {code!r})"


def identifier(name: str) -> str:
    """Return ``name`` made fit for Python: ``<lambda>`` becomes ``function``."""
    fit = re.sub(r"\W", "_", name.replace("<lambda>", "function"), flags=re.ASCII).strip("_") or "function"
    return f"_{fit}" if fit[0].isdigit() or keyword.iskeyword(fit) or hasattr(builtins, fit) else fit


def name_nodes(inputs: Sequence[Node], nodes: Sequence[Node], hints: Mapping[Node, str]) -> dict[Node, str]:
    """Return a name for every node: the input's, the hint, the user's variable, or ``t1``, ``t2`` ….

    A line ``v = a + u`` of the user names the last of the nodes that it made ``v``; from the second node of
    that name on (a loop) it is ``v_2``, ``v_3`` ….
    """
    given: dict[Node, str] = {}
    taken = dict.fromkeys((*PRIMITIVES, *RESERVED), 1)
    for place, node in enumerate(inputs):
        given[node] = _free(identifier(node.label or f"x{place}"), taken)
    inner = {(source, node.location) for node in nodes for source in node.inputs}
    counter = 0
    for node in nodes:
        if node.weak:
            continue
        hint = hints.get(node) or ("" if (node, node.location) in inner else _variable(node))
        if hint:
            given[node] = _free(identifier(hint), taken)
            continue
        counter += 1
        letter = "k" if node.primitive is CONSTANT else "t"
        given[node] = _free(f"{letter}{counter}", taken)
    return given


def _variable(node: Node) -> str:
    """Return the variable to which the user's line assigns the node, if it is a plain assignment."""
    if node.location is None or node.primitive is CONSTANT:
        return ""
    match = _ASSIGNMENT.match(node.location.code)
    return match[1] if match else ""


def _free(name: str, taken: dict[str, int]) -> str:
    """Return the name, numbered if it is taken; ``taken`` counts how often each was asked for."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}_{taken[name]}"
    taken[free] = 1
    return free
