"""How operations are written with NumPy: the formulas of a network, and the functions that they call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.formats.expansion import Dialect
from chainrule.formats.recipe import ROWS
from chainrule.formats.writing import ATOM, COMPARISON, POWER, PRODUCT, SIGN, SUM, Form, Text, number
from chainrule.graph.node import Node
from chainrule.graph.writer import index_text

FORMS = {
    "add": Form("{0} + {1}", SUM),
    "subtract": Form("{0} - {1}", SUM),
    "multiply": Form("{0} * {1}", PRODUCT),
    "divide": Form("{0} / {1}", PRODUCT),
    "matmul": Form("{0} @ {1}", PRODUCT),
    "floor_divide": Form("{0} // {1}", PRODUCT),
    "remainder": Form("{0} % {1}", PRODUCT),
    "negative": Form("-{0}", SIGN),
    "power": Form("{0}**{1}", POWER),
    "less": Form("{0} < {1}", COMPARISON),
    "less_equal": Form("{0} <= {1}", COMPARISON),
    "greater": Form("{0} > {1}", COMPARISON),
    "greater_equal": Form("{0} >= {1}", COMPARISON),
    "equal": Form("{0} == {1}", COMPARISON),
    "not_equal": Form("{0} != {1}", COMPARISON),
    "where": Form("np.where({0}, {1}, {2})"),
    "clip": Form("np.clip({0}, {1}, {2})"),
    "convert": Form("{0}.astype(np.{dtype})"),
    "reshape": Form("np.reshape({0}, {shape})"),
    "transpose": Form("np.transpose({0}, {axes})"),
    "broadcast_to": Form("np.broadcast_to({0}, {shape})"),
    "cumsum": Form("np.cumsum({0}, axis={axis})"),
}
REDUCTIONS = frozenset({"sum", "mean", "prod", "max", "min", "all", "any", "argmax", "argmin"})

FUNCTIONS = {
    "sigmoid": '''
def sigmoid(z):
    """Return 1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))
''',
    "relu": '''
def relu(z):
    """Return z where it is positive, else 0."""
    return np.maximum(z, 0)
''',
    "leaky_relu": '''
def leaky_relu(z, slope=0.01):
    """Return z where it is positive, else slope times z."""
    return np.where(z > 0, z, slope * z)
''',
    "elu": '''
def elu(z, alpha=1.0):
    """Return z where it is positive, else alpha times exp(z) - 1."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
''',
    "silu": '''
def silu(z):
    """Return z times the sigmoid of z."""
    return z / (1 + np.exp(-z))
''',
    "softplus": '''
def softplus(z):
    """Return log(1 + exp(z))."""
    return np.logaddexp(z, 0)
''',
    "erf": '''
def erf(z):
    """Return the error function."""
    return np.vectorize(math.erf, otypes=[np.float64])(z).astype(z.dtype)
''',
    "ndtr": '''
def ndtr(z):
    """Return the probability that a standard normal number is below z."""
    tail = np.vectorize(math.erfc, otypes=[np.float64])(-z * math.sqrt(0.5))
    return (0.5 * tail).astype(z.dtype)
''',
    "gelu": '''
def gelu(z):
    """Return z times the probability that a standard normal number is below z."""
    return z * ndtr(z)
''',
    "softmax": '''
def softmax(z, axis=-1):
    """Return shares that add up to 1: exp(z) over its sum; less the largest z, so that nothing overflows."""
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)
''',
    "log_softmax": '''
def log_softmax(z, axis=-1):
    """Return the logarithm of softmax, without its rounding to 0."""
    d = z - np.max(z, axis=axis, keepdims=True)
    return d - np.log(np.sum(np.exp(d), axis=axis, keepdims=True))
''',
}
CALLED = {"gelu": ("ndtr",)}
NEEDS_MATH = frozenset({"erf", "ndtr", "gelu"})


def knows(node: Node) -> bool:
    """Return whether there are words for a node's operation."""
    name = node.primitive.name
    written = name in FORMS or name in FUNCTIONS or name in REDUCTIONS
    return written or name in ("concatenate", "index", "einsum") or node.primitive.ufunc is not None


NUMPY = Dialect("NumPy", knows)


def expression(node: Node, operands: Sequence[Text], settings: Mapping[str, Any]) -> Text:
    """Return the expression for a node; ``settings`` are those of its recipe."""
    name = node.primitive.name
    if name in FORMS:
        return FORMS[name].fill(operands, **{key: _setting(key, value) for key, value in settings.items()})
    texts = [operand.text for operand in operands]
    if name in REDUCTIONS:
        kept = ", keepdims=True" if settings["keepdims"] else ""
        return Text(f"np.{name}({texts[0]}, axis={_axis(settings['axis'])}{kept})")
    if name == "index":
        parts = ", ".join(index_text(part, texts[1:]) for part in settings["template"])
        return Text(f"{operands[0].within(ATOM)}[{parts or '()'}]")
    if name == "concatenate":
        return Text(f"np.concatenate([{', '.join(texts)}], axis={settings['axis']})")
    if name == "einsum":
        return Text(f"np.einsum({settings['subscripts']!r}, {', '.join(texts)})")
    if name in FUNCTIONS:
        given = [f"{key}={_setting(key, value)}" for key, value in _telling(node, settings)]
        return Text(f"{name}({', '.join([*texts, *given])})")
    ufunc = node.primitive.ufunc
    assert ufunc is not None  # or the dialect would not know it
    return Text(f"np.{ufunc.__name__}({', '.join(texts)})")


def _telling(node: Node, settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the settings that must be written: an axis that is the last one goes without saying."""
    last = (len(node.shape) - 1,)
    return [(key, value) for key, value in settings.items() if (key, value) != ("axis", last)]


def _axis(axis: Any) -> str:
    """Return an axis, or several: a single one without brackets."""
    return str(axis[0]) if isinstance(axis, tuple) and len(axis) == 1 else str(axis)


def _setting(key: str, value: Any) -> str:
    if key == "dtype":
        return str(value)
    if isinstance(value, tuple):
        inside = ", ".join(_setting("", part) for part in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    return ROWS if value == ROWS else repr(value)


def literal(node: Node) -> Text:
    """Return a constant without axes as it is written in an expression."""
    value = node.value if node.weak else node.value[()]
    dtype = np.asarray(value).dtype
    text = number(value, dtype)
    if not np.isfinite(value):
        text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    if not node.weak:
        return Text(f"np.{dtype.name}({text})")
    return Text(text, SIGN if text.startswith("-") else ATOM)
