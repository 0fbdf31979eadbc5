"""How operations are written in C: the formula of one entry, and the functions that formulas call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.formats.expansion import Dialect
from chainrule.formats.writing import (
    ATOM,
    CHOICE,
    COMPARISON,
    PRODUCT,
    SIGN,
    SUM,
    Form,
    Text,
    number,
)
from chainrule.graph.node import Node
from chainrule.graph.primitive import Array as IndexArray

TYPES = {"float32": "float", "float64": "double", "bool": "int", "int32": "int", "int64": "long long"}

FORMS = {
    "add": Form("{0} + {1}", SUM),
    "subtract": Form("{0} - {1}", SUM),
    "multiply": Form("{0} * {1}", PRODUCT),
    "divide": Form("{0} / {1}", PRODUCT),
    "reciprocal": Form("1 / {0}", PRODUCT),
    "negative": Form("-{0}", SIGN),
    "positive": Form("{0}", SIGN),
    "convert": Form("({type}){0}", SIGN),
    "less": Form("{0} < {1}", COMPARISON),
    "less_equal": Form("{0} <= {1}", COMPARISON),
    "greater": Form("{0} > {1}", COMPARISON),
    "greater_equal": Form("{0} >= {1}", COMPARISON),
    "equal": Form("{0} == {1}", COMPARISON),
    "not_equal": Form("{0} != {1}", COMPARISON),
    "logical_not": Form("!{0}", SIGN),
    "logical_and": Form("({0} && {1})"),
    "logical_or": Form("({0} || {1})"),
    "where": Form("{0} ? {1} : {2}", CHOICE),
    "clip": Form("fmin{f}(fmax{f}({0}, {1}), {2})"),
    "isnan": Form("isnan({0})"),
    "isinf": Form("isinf({0})"),
    "isfinite": Form("isfinite({0})"),
}

_OWN_NAMES = "exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin cos tan sinh cosh tanh"
_OWN_NAMES += " floor ceil trunc rint hypot erf"
CALLS = {
    **{name: name for name in _OWN_NAMES.split()},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    "absolute": "fabs",
    "power": "pow",
    "maximum": "fmax",
    "minimum": "fmin",
}
"""Functions of the C library; those of float have an f at the end."""

FUNCTIONS = {
    "square": ("z squared", "z * z"),
    "sigmoid": ("1 / (1 + exp(-z))", "1 / (1 + exp{f}(-z))"),
    "relu": ("z where it is positive, else 0", "z > 0 ? z : 0"),
    "leaky_relu": ("z where it is positive, else slope times z", "z > 0 ? z : {slope}z"),
    "elu": ("z where it is positive, else alpha (exp(z) - 1)", "z > 0 ? z : {alpha}expm1{f}(z)"),
    "silu": ("z times the sigmoid of z", "z / (1 + exp{f}(-z))"),
    "softplus": ("log(1 + exp(z)), without overflow", "fmax{f}(z, 0) + log1p{f}(exp{f}(-fabs{f}(z)))"),
    "ndtr": (
        "the probability that a standard normal number is below z",
        "({type})(0.5 * erfc(-z * 0.7071067811865476))",
    ),
    "gelu": (
        "z times the probability that a standard normal number is below z",
        "({type})(0.5 * z * erfc(-z * 0.7071067811865476))",
    ),
    "sign": ("-1, 0 or 1", "({type})((z > 0) - (z < 0))"),
}
"""Functions of one number z that a file brings along: what they are, and their formula."""

REDUCTIONS = {
    "sum": ("0", "{total} += {entry};"),
    "mean": ("0", "{total} += {entry};"),
    "prod": ("1", "{total} *= {entry};"),
    "max": ("-INFINITY", "{total} = fmax({total}, {entry});"),
    "min": ("INFINITY", "{total} = fmin({total}, {entry});"),
}
"""How many numbers become one: what the total begins with, and how each entry joins it."""

MOVES = frozenset({"reshape", "transpose", "broadcast_to", "index", "concatenate"})
DEFAULTS = {"slope": 0.01, "alpha": 1.0}


def knows(node: Node) -> bool:
    """Return whether there are words for a node's operation, in its dtype."""
    name = node.primitive.name
    if node.dtype.name not in TYPES or any(source.dtype.name not in TYPES for source in node.inputs):
        return False
    if name in CALLS or name in FUNCTIONS or name in REDUCTIONS or name == "clip":
        return node.dtype.kind == "f" and all(source.dtype.kind in "fbi" for source in node.inputs)
    if name == "index":
        return not any(isinstance(part, IndexArray) for part in node.settings["template"])
    return name in FORMS or name in MOVES or name in ("matmul", "einsum")


C = Dialect("C", knows)


def is_formula(node: Node) -> bool:
    """Return whether a node is computed entry by entry."""
    return node.primitive.name in FORMS or node.primitive.name in CALLS or node.primitive.name in FUNCTIONS


def formula(node: Node, operands: Sequence[Text], function: str) -> Text:
    """Return the expression of one entry; ``function`` is the name of the function that it calls, if any."""
    name = node.primitive.name
    if name == "convert" and node.inputs[0].dtype == node.dtype:
        return operands[0]
    if name in FORMS:
        return FORMS[name].fill(operands, type=TYPES[node.dtype.name], f=letter(node.dtype))
    return Text(f"{function}({', '.join(operand.text for operand in operands)})")


def called(node: Node) -> str:
    """Return the name of the C library's function for an operation; empty if it is none of these."""
    name = CALLS.get(node.primitive.name, "")
    return name + letter(node.dtype) if name else ""


def own_function(name: str, node: Node) -> str:
    """Return the text of a function that the file brings along."""
    meaning, body = FUNCTIONS[node.primitive.name]
    kind = TYPES[node.dtype.name]
    settings = {**DEFAULTS, **node.settings}
    factors = {key: literal(settings[key], node.dtype).text + " * " for key in DEFAULTS}
    numbers = {key: "" if settings[key] == 1 else factor for key, factor in factors.items()}
    text = body.format(f=letter(node.dtype), type=kind, **numbers)
    return f"/* {meaning} */\nstatic {kind} {name}({kind} z) {{\n    return {text};\n}}"


def letter(dtype: np.dtype[Any]) -> str:
    """Return what ends the names of the C library's functions for a dtype."""
    return "f" if dtype == np.float32 else ""


def literal(value: Any, dtype: np.dtype[Any]) -> Text:
    """Return a number as C reads it: to the same bits.

    Examples
    --------
    >>> literal(0.1, np.dtype("float32")).text, literal(-2, np.dtype("float64")).text
    ('0.1f', '-2.0')
    """
    if dtype.kind == "f" and not np.isfinite(value):
        text = "NAN" if np.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    elif dtype.kind == "b":
        text = str(int(value))
    else:
        text = number(value, dtype) + letter(dtype)
    return Text(text, SIGN if text.startswith("-") else ATOM)
