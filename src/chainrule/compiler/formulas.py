"""How each elementwise primitive is written as a scalar Python expression.

The expression has the value of NumPy's loop, in that loop's dtype: whole numbers wrap around, NaN, infinities
and −0 go their way, a whole number divided by zero is 0. The source's own typing differs from NumPy's (two
int8 make an int64 there), so a result is converted back where it must be.

A primitive without a formula is either a composition, which is expanded into primitives that have one, or is
left to the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.graph.node import CONSTANT, Node, kind_of

DType = np.dtype[Any]

_INTEGERS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
DTYPE_NAMES = _INTEGERS | {"bool", "float32", "float64"}
_INT64: DType = np.dtype(np.int64)


@dataclass(frozen=True, slots=True)
class Expression:
    """A scalar expression and the names that it takes from elsewhere.

    Attributes
    ----------
    text
        Python; not in brackets, since it is meant for the right side of an assignment.
    imports
        What must be imported, each from where `module_of` says.
    """

    text: str
    imports: frozenset[str]


# Formulas by the kind of the loop. {a}, {b}, {c} are the operands, {T} the loop's dtype, {zero} and {one} its
# numbers.

_ANY = {
    "less": "{a} < {b}",
    "less_equal": "{a} <= {b}",
    "greater": "{a} > {b}",
    "greater_equal": "{a} >= {b}",
    "equal": "{a} == {b}",
    "not_equal": "{a} != {b}",
    "positive": "{a}",
    "where": "{b} if {a} else {c}",
}

_NUMBER = _ANY | {
    "logical_and": "({a} != {zero}) & ({b} != {zero})",
    "logical_or": "({a} != {zero}) | ({b} != {zero})",
    "logical_xor": "({a} != {zero}) ^ ({b} != {zero})",
    "logical_not": "{a} == {zero}",
}

_CALLS = (
    "absolute cbrt ceil cos cosh erf exp exp2 expm1 floor log log10 log1p log2 rint sigmoid sin sinh sqrt"
)
_CALLS += " tan tanh trunc"

_FLOAT = _NUMBER | {
    **{name: f"{name}({{a}})" for name in _CALLS.split()},
    **{f"arc{name}": f"a{name}({{a}})" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "add": "{a} + {b}",
    "subtract": "{a} - {b}",
    "multiply": "{a} * {b}",
    "divide": "{a} / {b}",
    "floor_divide": "{a} // {b}",
    "remainder": "{a} % {b}",
    "negative": "-{a}",
    "square": "{a} * {a}",
    "reciprocal": "{one} / {a}",
    "sign": "{one} if {a} > {zero} else -{one} if {a} < {zero} else {a} + {zero}",  # −0 + 0 is 0; NaN stays
    "maximum": "largest({a}, {b})",
    "minimum": "smallest({a}, {b})",
    "clip": "smallest(largest({a}, {b}), {c})",
    "relu": "largest({a}, {zero})",
    "heaviside": "{zero} if {a} < {zero} else {one} if {a} > {zero} else {b} if {a} == {zero} else {a}",
    "isnan": "is_nan({a})",
    "isinf": "is_inf({a})",
    "isfinite": "is_finite({a})",
    "softplus": "largest({a}, {zero}) + log1p(exp(-absolute({a})))",
    # Two equal infinities have no difference; all that are equal are apart by 0.
    "logaddexp": "largest({a}, {b}) + log1p(exp(-absolute({a} - {b} if {a} != {b} else {zero})))",
    "arctan2": "atan2({a}, {b})",
    "hypot": "hypot({a}, {b})",
    # In float32 the rounding of the argument would show in the tail.
    "ndtr": "{T}(0.5 * erfc(float64({a}) * -0.7071067811865476))",
    # The logarithm of 1 where x is 0, unless y is NaN; −0 + 0 is 0.
    "xlogy": "({a} + {zero}) * log({b} if ({a} != {zero}) | is_nan({b}) else {one})",
}

_INTEGER = _NUMBER | {
    "add": "{T}({a} + {b})",
    "subtract": "{T}({a} - {b})",
    "multiply": "{T}({a} * {b})",
    # The lowest number over −1 wraps around; by zero it is 0, as `//` is in the source.
    "floor_divide": "{T}(-{a} if {b} == -{one} else {a} // {b})",
    "remainder": "{T}({a} % {b})",
    "negative": "{T}(-{a})",
    "square": "{T}({a} * {a})",
    "reciprocal": "{a} if ({a} == {one}) | ({a} == -{one}) else {lowest} if {a} == {zero} else {zero}",
    "absolute": "{T}(-{a} if {a} < {zero} else {a})",
    "sign": "{one} if {a} > {zero} else -{one} if {a} < {zero} else {zero}",
    "floor": "{a}",
    "ceil": "{a}",
    "trunc": "{a}",
    "maximum": "{a} if {a} > {b} else {b}",
    "minimum": "{a} if {a} < {b} else {b}",
    "clip": "{c} if ({a} > {c}) | ({b} > {c}) else {b} if {a} < {b} else {a}",
    "relu": "{a} if {a} > {zero} else {zero}",
    "bitwise_and": "{T}({a} & {b})",
    "bitwise_or": "{T}({a} | {b})",
    "bitwise_xor": "{T}({a} ^ {b})",
    "invert": "{T}(~{a})",
    "isnan": "False",
    "isinf": "False",
    "isfinite": "True",
}

_UNSIGNED = _INTEGER | {
    "floor_divide": "{T}({a} // {b})",
    "reciprocal": "{one} if {a} == {one} else {zero}",
    "absolute": "{a}",
    "sign": "{one} if {a} > {zero} else {zero}",
}

_TRUTH = _ANY | {
    "add": "{a} | {b}",
    "multiply": "{a} & {b}",
    "absolute": "{a}",
    "floor": "{a}",
    "ceil": "{a}",
    "trunc": "{a}",
    "maximum": "{a} | {b}",
    "minimum": "{a} & {b}",
    "clip": "({a} | {b}) & {c}",
    "logical_and": "{a} & {b}",
    "logical_or": "{a} | {b}",
    "logical_xor": "{a} ^ {b}",
    "logical_not": "not {a}",
    "bitwise_and": "{a} & {b}",
    "bitwise_or": "{a} | {b}",
    "bitwise_xor": "{a} ^ {b}",
    "invert": "not {a}",
    "isnan": "False",
    "isinf": "False",
    "isfinite": "True",
}

_BY_KIND = {"f": _FLOAT, "i": _INTEGER, "u": _UNSIGNED, "b": _TRUTH}

_FLOAT_POWERS = {
    0: "{one}",
    1: "{a}",
    2: "{a} * {a}",
    3: "{a} * {a} * {a}",
    4: "({a} * {a}) * ({a} * {a})",
    -1: "{one} / {a}",
    -2: "({one} / {a}) * ({one} / {a})",  # 1 / a² would overflow too early
    0.5: "sqrt({a})",  # NumPy does so too, although a power of −0 and of −∞ would have no sign
    -0.5: "{one} / sqrt({a} + {zero}) if {a} != -{infinity} else {zero}",
}
_INTEGER_POWERS = {0: "{one}", 1: "{a}", 2: "{T}({a} * {a})", 3: "{T}({a} * {a} * {a})"}

_COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})
_ONE_DTYPE = frozenset({"clip", "erf", "ndtr", "xlogy"})  # all operands take the dtype of the result
_NAMES = frozenset().union(*_BY_KIND.values()) | {"power", "convert"}

_RUNTIME = (
    "absolute ceil exp exp2 expm1 floor integer_power is_finite is_inf is_nan largest log log1p rint sigmoid"
)
_RUNTIME += " smallest sqrt tanh trunc"
_MATH = "acos acosh asin asinh atan atan2 atanh cos cosh erf erfc hypot log10 log2 sin sinh tan"
_NUMPY = f"{' '.join(sorted(DTYPE_NAMES - {'bool'}))} bool_ cbrt inf nan"
_MODULES = {
    name: module
    for module, names in (("chainrule.compiler.runtime", _RUNTIME), ("math", _MATH), ("numpy", _NUMPY))
    for name in names.split()
}

RESERVED = frozenset(_MODULES)
"""Names that expressions may use; no variable of the emitted source may have one of them."""


def module_of(name: str) -> str:
    """Return the module from which a name in an expression is imported."""
    return _MODULES[name]


def names_in(text: str) -> frozenset[str]:
    """Return the names that must be imported for an expression or a literal."""
    return RESERVED.intersection(re.findall(r"\b[A-Za-z_]\w*", text))


def literal(value: Any, dtype: Any) -> str:
    """Return Python text for a number in a dtype; read back, it is the very same number.

    Examples
    --------
    >>> literal(0.1, "float32"), literal(-0.0, "float64"), literal(3, "uint8")
    ('float32(0.1)', '-0.0', 'uint8(3)')
    """
    kind: DType = np.dtype(dtype)
    with np.errstate(all="ignore"):
        number = np.asarray(value).astype(kind)[()]
    if kind.kind == "f":
        text = repr(float(number))
        if kind.itemsize == 4:
            short = str(number)
            exact = np.isnan(number) or np.float32(float(short)) == number
            return f"float32({short if exact else text})"
        return text
    text = repr(number.item())
    return text if kind.name in ("bool", "int64") else f"{kind.name}({text})"


def loop_dtypes(node: Node) -> tuple[DType, ...] | None:
    """Return the dtypes to which the operands are converted before the operation.

    None if there is no formula for the operation in these dtypes.
    """
    name = node.primitive.name
    if name not in _NAMES:
        return None
    dtypes = _rule(node)
    if dtypes is None or not all(_supported(dtype) for dtype in (*dtypes, node.dtype)):
        return None
    dtypes = _settled(node, dtypes)
    return None if dtypes is None or _template(node, dtypes) is None else dtypes


def _rule(node: Node) -> tuple[DType, ...] | None:
    name, count = node.primitive.name, len(node.inputs)
    if name == "convert":
        return (node.inputs[0].dtype,)
    if name == "where":
        return (np.dtype(bool), node.dtype, node.dtype)
    if name in _ONE_DTYPE:
        return (node.dtype,) * count
    if name == "sigmoid":  # of a whole number the sign may wrap around: that is left to its composition
        return (node.dtype,) if node.inputs[0].dtype == node.dtype else None
    if name in ("relu", "softplus"):
        like: Any = np.maximum if name == "relu" else np.logaddexp
        return _resolve(like, (kind_of(node.inputs[0]), int))[:1]
    ufunc = node.primitive.ufunc
    return None if ufunc is None else _resolve(ufunc, tuple(map(kind_of, node.inputs)))


def _resolve(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> tuple[DType, ...]:
    known: Any = tuple(np.dtype(bool) if kind is bool else kind for kind in kinds)
    return ufunc.resolve_dtypes((*known, *(None,) * ufunc.nout))[: len(kinds)]


def _supported(dtype: DType) -> bool:
    return dtype.name in DTYPE_NAMES and dtype.isnative


def _settled(node: Node, dtypes: tuple[DType, ...]) -> tuple[DType, ...] | None:
    """Return the dtypes, wider in a comparison with a plain whole number that its dtype does not hold.

    None where NumPy refuses such a number.
    """
    settled: list[DType] = []
    for source, dtype in zip(node.inputs, dtypes, strict=True):
        if not source.weak or type(source.value) is not int or _in_range(source.value, dtype):
            settled.append(dtype)
        elif not _in_range(source.value, _INT64):
            return None
        elif node.primitive.name in _COMPARISONS:
            settled.append(_INT64)
        elif node.primitive.name == "where":  # the one that wraps it around
            settled.append(dtype)
        else:
            return None
    return tuple(settled)


def _in_range(value: int, dtype: DType) -> bool:
    if dtype.kind not in "iu":
        dtype = _INT64
    return bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)


def expression(node: Node, operands: Sequence[str]) -> Expression | None:
    """Return the value of an elementwise node as an expression of its operands; None if there is no formula.

    Parameters
    ----------
    node
        The node; its value comes out in its dtype.
    operands
        Names or literals of the operands, converted to the dtypes that `loop_dtypes` gives.
    """
    dtypes = loop_dtypes(node)
    template = None if dtypes is None else _template(node, dtypes)
    if dtypes is None or template is None:
        return None
    loop = dtypes[-1]
    numbers = {"zero": 0, "one": 1}
    if loop.kind == "f":
        numbers["infinity"] = np.inf  # type: ignore[assignment]
    fields = {name: literal(value, loop) for name, value in numbers.items()}
    if loop.kind in "iu":
        # What NumPy has for 1/0: the conversion of infinity, which C truncates for the small dtypes.
        fields["lowest"] = literal(np.iinfo(loop).min if loop.itemsize >= 4 else 0, loop)
    named = dict(zip("abc", operands, strict=False))
    text = template.format(T=loop.name, **fields, **named)
    return Expression(text, names_in(text))


def _template(node: Node, dtypes: tuple[DType, ...]) -> str | None:
    name, loop = node.primitive.name, dtypes[-1]
    if name == "convert":
        return _conversion(loop, node.dtype)
    if name == "power":
        return _power(node, loop)
    if name == "where":
        return _ANY[name]
    template = _BY_KIND[loop.kind].get(name)
    if template is not None and loop.name in ("int64", "uint64"):
        template = re.sub(r"^\{T\}\((.*)\)$", r"\1", template)  # what the source's typing gives
    return template


def _conversion(source: DType, target: DType) -> str:
    if source == target:
        return "{a}"
    if target.kind == "b":
        return "{a} != {zero}"
    if source.kind == "f" and target.kind in "iu" and target.itemsize < 8 and target.name != "int32":
        # C leaves open what lies outside the dtype; in NumPy it wraps around, as far as a machine word goes.
        return f"{target.name}({'int64' if target.name == 'uint32' else 'int32'}({{a}}))"
    return f"{target.name}({{a}})"


def _power(node: Node, loop: DType) -> str | None:
    base, exponent = node.inputs
    known = exponent.value if exponent.primitive is CONSTANT and not exponent.shape else None
    number = None if known is None else np.asarray(known).item()
    if loop.kind == "f":
        general = "({a}) ** {b}" if base.primitive is CONSTANT else "{a} ** {b}"  # it may begin with a minus
        return general if number is None else _FLOAT_POWERS.get(number, general)
    if number is not None:
        if number < 0:  # NumPy refuses it
            return None
        short = _INTEGER_POWERS.get(number)
        if short is not None:
            return short
    elif exponent.dtype.kind not in "bu":
        return None
    return "{T}(integer_power({a}, {b}))"


_COSTS = {
    4: "divide reciprocal sqrt",
    12: "exp expm1 log log1p sigmoid tanh xlogy",
    24: "exp2 softplus logaddexp",
}
_COST_OF = {
    **dict.fromkeys(_NAMES, 1),
    **{name: 40 for name, template in _FLOAT.items() if names_in(template).difference(_RUNTIME.split())},
    **{name: price for price, names in _COSTS.items() for name in names.split()},
}


def cost(node: Node) -> int:
    """Return roughly how many additions one evaluation is worth; a call of the C library counts as 40."""
    name = node.primitive.name
    if name == "power":
        text = expression(node, ("x", "n"))
        if text is None or "**" in text.text or "integer_power" in text.text:
            return 40
        return 4 if "/" in text.text or "sqrt" in text.text else 1
    if name in ("floor_divide", "remainder"):
        return 40 if node.dtype.kind == "f" else 12
    return _COST_OF.get(name, 40)
