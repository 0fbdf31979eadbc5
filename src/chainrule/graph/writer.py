"""The text forms of a graph: a Python function of one operation a line, with the user's line as a comment.

The whole form can be executed as it stands (it begins with the import it needs) and read back by
`chainrule.graph.reader` without executing anything. The brief form is for people: ``a + u`` instead of
``add(a, u)``, and large constants without their entries.
"""

from __future__ import annotations

import ast
import base64
import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.graph.dispatch import METHODS
from chainrule.graph.node import CONSTANT, Node
from chainrule.graph.order import ancestors
from chainrule.graph.primitive import PRIMITIVES, Array, Slice

DTYPES = ("bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)))
DTYPES = (*DTYPES, "float16", "float32", "float64", "longdouble")
HEADER = "from chainrule.primitives.names import *"
RESERVED = ("constant", "guard", "inf", "nan", "Slice", "Array", "Ellipsis", *DTYPES)
INLINE_ENTRIES = 64
BRIEF_ENTRIES = 6
WIDEST_COLUMN = 60  # longer lines do not push the comments of all others to the right
OPERATORS = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "remainder": "%",
    "power": "**",
    "matmul": "@",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}

_LIBRARIES = frozenset({"np", "numpy", "cr", "chainrule", "special", "scipy"})  # as people call them
_ASSIGNMENT = re.compile(r"([^\W\d]\w*)\s*(?:=|[-+*/@%]=|\*\*=|//=)(?!=)")


def write(
    name: str,
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    *,
    single: bool,
    guards: Sequence[tuple[Node, bool]] = (),
    names: Mapping[Node, str] | None = None,
    brief: bool = False,
) -> str:
    """Return the text of a graph, whole or brief; ``names`` as in `name_nodes`."""
    nodes = ancestors([*outputs, *[node for node, _ in guards]], stop=inputs)
    writer = _Writer(name_nodes(inputs, nodes, names), brief)
    lines = [writer.line(node) for node in nodes if not writer.is_inline(node)]
    lines += [(f"guard({writer.operand(node)}, {truth})", _comment(node)) for node, truth in guards]
    results = [writer.operand(node) for node in outputs]
    if not single:
        results = [f"({results[0]},)" if len(results) == 1 else ", ".join(results) or "()"]
    lines.append((f"return {results[0]}", ""))
    parameters = ", ".join([f"{writer.names[node]}: {writer.type_text(node)}" for node in inputs])
    column = max([len(line) for line, comment in lines if comment and len(line) <= WIDEST_COLUMN], default=0)
    body = [f"    {line:<{column}}  # {comment}" if comment else f"    {line}" for line, comment in lines]
    head = "" if brief else f"{HEADER}\n\n\n"
    return "\n".join([f"{head}def {identifier(name)}({parameters}):", *body, ""])


def operation_text(node: Node, names: Mapping[Node, str]) -> str:
    """Return the line that computes a node, in brief: ``t1 = a + u``."""
    return _Writer(names, brief=True).line(node)[0]


class _Writer:
    """Writes the parts of one graph, whose nodes have these names."""

    def __init__(self, names: Mapping[Node, str], brief: bool) -> None:
        self.names = names
        self.brief = brief

    def is_inline(self, node: Node) -> bool:
        """Return whether a node is written where it is used instead of on a line of its own."""
        return node.weak or (self.brief and node.primitive is CONSTANT and not node.shape)

    def type_text(self, node: Node) -> str:
        """Return dtype and shape: ``float64[3, 2]``; without axes ``float64[()]``, in brief ``float64``."""
        if node.shape or self.brief:
            return _short_type(node)
        return f"{dtype_name(node.dtype)}[()]"

    def line(self, node: Node) -> tuple[str, str]:
        """Return the line that computes a node, and its comment."""
        name = self.names[node]
        if node.primitive is CONSTANT:
            if self.brief:
                return f"{name} = constant({_few_entries(node.value)})", _short_type(node)
            return f"{name} = {_array(node.value)}", ""
        return f"{name} = {self._call(node)}", _comment(node)

    def operand(self, node: Node) -> str:
        """Return a node as it is written where it is used."""
        if not self.is_inline(node):
            return self.names[node]
        return repr(node.value if node.weak else node.value.item())

    def _call(self, node: Node) -> str:
        operands = [self.operand(source) for source in node.inputs]
        settings = node.settings
        if self.brief:
            short = _as_operator(node.primitive.name, operands, settings)
            if short:
                return short
            settings = {key: value for key, value in settings.items() if (key, value) != ("keepdims", False)}
        parts = [*operands, *[f"{key}={value!r}" for key, value in settings.items()]]
        return f"{node.primitive.name}({', '.join(parts)})"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return a dtype's name; "longdouble" for that which is float80 here and float128 there."""
    return dtype.name if dtype.name in DTYPES else "longdouble"


def _short_type(node: Node) -> str:
    name = dtype_name(node.dtype)
    return f"{name}[{', '.join(map(str, node.shape))}]" if node.shape else name


def _comment(node: Node) -> str:
    parts = [_short_type(node), node.scope, str(node.location) if node.location else ""]
    return "  ".join([part for part in parts if part])


def _as_operator(name: str, operands: list[str], settings: Mapping[str, Any]) -> str:
    """Return ``a + b``, ``-a``, ``a[0]``; empty where Python has no operator for it."""
    if name in OPERATORS:
        left, right = [f"({operand})" if operand.startswith("-") else operand for operand in operands]
        return f"{left} {OPERATORS[name]} {right}"
    if name == "negative":
        return f"-{operands[0]}"
    if name == "index":
        parts = [index_text(part, operands[1:]) for part in settings["template"]]
        return f"{operands[0]}[{', '.join(parts) or '()'}]"
    return ""


def index_text(part: Any, arrays: list[str]) -> str:
    """Return a part of an index template as it is written between brackets."""
    if isinstance(part, Array):
        return arrays[part.position]
    if isinstance(part, Slice):
        start, stop, step = ["" if end is None else str(end) for end in part]
        return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
    return "..." if part is Ellipsis else str(part)


def _few_entries(value: np.ndarray[Any, Any]) -> str:
    return str(value.tolist()) if value.size <= BRIEF_ENTRIES else "..."


def _array(value: np.ndarray[Any, Any]) -> str:
    """Return a constant array: its entries if they are few, else their bytes in base 64."""
    dtype, shape = dtype_name(value.dtype), tuple(map(int, value.shape))
    if value.size <= INLINE_ENTRIES and dtype != "longdouble" and not np.isnan(value).any():
        entries = np.ravel(value).tolist() if shape else value.item()
        return f"constant({dtype!r}, {shape}, {entries!r})"
    code = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()  # keeps the bits of every NaN
    return f"constant({dtype!r}, {shape}, {code!r})"


def identifier(name: str) -> str:
    """Return ``name`` made fit for Python: ``<lambda>`` becomes ``function``."""
    fit = re.sub(r"\W", "_", name.replace("<lambda>", "function")).strip("_") or "function"
    return (
        fit if fit.isidentifier() and not keyword.iskeyword(fit) and not hasattr(builtins, fit) else f"_{fit}"
    )


def name_nodes(
    inputs: Sequence[Node], nodes: Sequence[Node], names: Mapping[Node, str] | None = None
) -> dict[Node, str]:
    """Return a name for every node: the input's, that in ``names``, or ``t1`` (a constant: ``k1``) and so on.

    Without ``names`` these are the user's variables. A name that occurs again becomes ``v_2``, ``v_3`` ….
    """
    wanted = variables(nodes) if names is None else names
    given: dict[Node, str] = {}
    taken = dict.fromkeys((*PRIMITIVES, *RESERVED), 1)
    for place, node in enumerate(inputs):
        given[node] = _free(identifier(node.label or f"x{place}"), taken)
    counter = 0
    for node in nodes:
        if node.weak:
            continue
        if node in wanted:
            given[node] = _free(identifier(wanted[node]), taken)
            continue
        counter += 1
        letter = "k" if node.primitive is CONSTANT else "t"
        given[node] = _free(f"{letter}{counter}", taken)
    return given


def variables(nodes: Sequence[Node]) -> dict[Node, str]:
    """Return the user's variables: a line ``v = a + b * c`` gives the last of its nodes the name v.

    Where the line calls a function of the user's own, what that returns was made on other lines, and has
    no name.
    """
    inner = {(source, node.location) for node in nodes for source in node.inputs}
    found: dict[Node, str] = {}
    for node in nodes:
        if node.location is not None and (node, node.location) not in inner:
            variable, called = _assigned_variable(node.location.code)
            if variable and called in ("", node.primitive.name):
                found[node] = variable
    return found


@lru_cache(maxsize=4096)
def _assigned_variable(code: str) -> tuple[str, str]:
    """Return the variable to which a line assigns, if that is all it does, and the function that it calls.

    The function is left out where its result is surely made on this line: an operator, a call of NumPy or of
    an array's method.
    """
    match = _ASSIGNMENT.match(code)
    if match is None:
        return "", ""
    statement = _parsed(code)
    if statement is None:
        return match[1], ""
    if isinstance(statement, ast.AugAssign):
        return match[1], ""
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return "", ""
    value = statement.value
    if isinstance(value, ast.Call):
        return match[1], _called(value.func)
    made_here = isinstance(value, ast.BinOp | ast.UnaryOp | ast.Compare | ast.Subscript | ast.Attribute)
    return (match[1] if made_here else ""), ""


def _parsed(code: str) -> ast.stmt | None:
    """Return a line's one statement, open brackets closed; ``pass`` for several, None for a part of one."""
    closers = "".join({"(": ")", "[": "]", "{": "}"}[sign] for sign in reversed(_open_brackets(code)))
    try:
        statements = ast.parse(code + closers).body
    except (SyntaxError, ValueError):
        return None
    return statements[0] if len(statements) == 1 else ast.Pass()


def _open_brackets(code: str) -> list[str]:
    waiting: list[str] = []
    for sign in code:
        if sign in "([{":
            waiting.append(sign)
        elif sign in ")]}" and waiting:
            waiting.pop()
    return waiting


def _called(function: ast.expr) -> str:
    """Return the name of a function that may be the user's own; empty for NumPy's and arrays' methods."""
    if isinstance(function, ast.Name):
        return function.id
    if not isinstance(function, ast.Attribute):
        return "?"
    root = function.value
    while isinstance(root, ast.Attribute):
        root = root.value
    known = isinstance(root, ast.Name) and root.id in _LIBRARIES
    return "" if known or function.attr in METHODS else function.attr


def _free(name: str, taken: dict[str, int]) -> str:
    """Return the name, numbered if it is taken; ``taken`` counts how often each was asked for."""
    free = name
    while free in taken:
        taken[name] += 1
        free = f"{name}_{taken[name]}"
    taken[free] = 1
    return free
