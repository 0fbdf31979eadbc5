"""Every elementwise primitive in every dtype, compiled from its formula, against the interpreter."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

import chainrule.primitives  # noqa: F401 - enters all primitives
from chainrule.compiler.build import build
from chainrule.compiler.formulas import (
    DTYPE_NAMES,
    cost,
    expression,
    literal,
    loop_dtypes,
    module_of,
    names_in,
)
from chainrule.errors import ChainruleError
from chainrule.graph.node import apply, input_node
from chainrule.graph.primitive import PRIMITIVES

RUNTIME = "chainrule.compiler.runtime"
DTYPES = sorted(DTYPE_NAMES)
ELEMENTWISE = [primitive for primitive in PRIMITIVES.values() if primitive.elementwise]
MIXED = [("uint64", "int64"), ("uint8", "int8"), ("bool", "float32")]
EXPONENTS = (0, 1, 2, 3, 4, 7, -1, -2, 0.5, -0.5, 1.7, True)
COMPOSED = {"leaky_relu", "elu", "gelu", "silu"}

# What IEEE 754 rounds once, or what is not rounded at all; the others may be wrong in the last digits.
ROUNDED = {
    "sin",
    "cos",
    "tan",
    "cbrt",
    "hypot",
    "power",
    "softplus",
    "logaddexp",
    "erf",
    "ndtr",
    "xlogy",
    "sigmoid",
}
ROUNDED |= {name for name in PRIMITIVES if name.startswith(("exp", "log")) and not name.startswith("logical")}
ROUNDED |= {name for name in PRIMITIVES if name.startswith("arc") or name.endswith(("sinh", "cosh", "tanh"))}
ZEROS_OF_ANY_SIGN = {"maximum", "minimum", "clip"}  # NumPy's choice between 0 and −0 is the machine's


def samples(dtype):
    """Return the numbers on which formulas are tried: edges, and a few in between."""
    if dtype == "bool":
        return np.array([False, True])
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        near = [number for number in (0, 1, -1, 2, -2, 3, 7, -7, 100) if limits.min <= number]
        return np.array([*near, limits.min, limits.max, limits.max - 1, limits.min + 1], dtype)
    limits = np.finfo(dtype)
    positive = [0.0, 1.0, 0.3, 0.7, 1.5, 2.0, 2.5, 3.0, 7.0, 1e-3, 20.3, 80.0, 0.99999, np.inf]
    positive += [limits.tiny, limits.smallest_subnormal, limits.max, 1e-5, 300.5, 70000.0]
    return np.array([*positive, *(-np.array(positive)), np.nan], dtype)


def cases(primitive):
    """Yield the operands, dtypes or plain numbers, and the settings to try."""
    arity = primitive.forward.__code__.co_argcount - 1
    if primitive.name == "convert":
        yield from (((dtype,), {"dtype": target}) for dtype, target in itertools.product(DTYPES, DTYPES))
        return
    for dtype in DTYPES:
        yield (dtype,) * arity if primitive.name != "where" else ("bool", dtype, dtype), {}
    if arity == 2:
        yield from ((pair, {}) for pair in MIXED)
        yield from ((pair, {}) for pair in (("float32", 2), ("int16", 0.5), ("uint8", 3), ("uint8", -1)))
        yield (0.5, "float32"), {}
    if primitive.name == "power":
        yield from (((dtype, n), {}) for dtype in ("float32", "float64", "int64", "uint8") for n in EXPONENTS)
        yield (-2.0, "float64"), {}
        yield from (((dtype, "uint8"), {}) for dtype in ("int8", "int64", "uint64"))
    if arity == 3:
        yield from (((dtype, 1, 2), {}) for dtype in DTYPES)
        yield ("int32", "float32", 0.1), {}


def made(primitive, operands, settings):
    """Return the node, or None where NumPy has no such operation."""
    nodes = [input_node((2,), kind, "x") if isinstance(kind, str) else kind for kind in operands]
    try:
        return apply(primitive, *nodes, **settings)
    except (ChainruleError, TypeError):
        return None


def arrays(operands):
    """Return all combinations of the operands' samples, as arrays; plain numbers stay."""
    kinds = [kind for kind in operands if isinstance(kind, str)]
    grids = iter([grid.ravel() for grid in np.meshgrid(*map(samples, kinds), indexing="ij")])
    return [next(grids) if isinstance(kind, str) else kind for kind in operands]


def statement(node, names):
    """Return the expression of a node, with the conversions of its operands, and its imports."""
    converted, imports = [], set()
    for source, dtype, name in zip(node.inputs, loop_dtypes(node), names, strict=True):
        if source.weak:
            converted.append(literal(source.value, dtype))
            continue
        conversion = expression(apply("convert", source, dtype=dtype.name), [name])
        imports |= conversion.imports
        converted.append(name if conversion.text == name else f"({conversion.text})")
    formula = expression(node, converted)
    return formula.text, imports | formula.imports


def compiled(group):
    """Return for each node its values, all computed by one compiled loop over the same samples."""
    values = arrays(group[0][1])
    given = {f"x{place}": value for place, value in enumerate(values) if isinstance(value, np.ndarray)}
    count = len(next(iter(given.values())))
    lines, imports, rows = [], {"array"}, defaultdict(list)
    for name, value in given.items():
        truth = " != 0" if value.dtype == bool else ""
        lines.append(f"{name}_i = {name}[i]{truth}")
    for node, _ in group:
        text, used = statement(node, [f"x{place}_i" for place in range(len(values))])
        imports |= used
        rows[node.dtype.name].append(node)
        lines.append(f"of_{node.dtype}[{(len(rows[node.dtype.name]) - 1) * count} + i] = {text}")
    results = {f"of_{dtype}": np.empty((len(nodes), count), dtype) for dtype, nodes in rows.items()}
    memory = {name: np.ascontiguousarray(value) for name, value in (given | results).items()}
    run(source(memory, imports, lines), memory, count)
    places = {node: row for nodes in rows.values() for row, node in enumerate(nodes)}
    return [results[f"of_{node.dtype}"][places[node]] for node, _ in group]


def source(memory, imports, lines):
    """Return a function that does the lines for each i before ``last``."""
    kinds = {name: "bool_" if value.dtype == bool else value.dtype.name for name, value in memory.items()}
    wanted = sorted(imports | set(kinds.values()))
    text = "".join(
        f"from {RUNTIME if name == 'array' else module_of(name)} import {name}\n" for name in wanted
    )
    text += "def step(memory, first, last):\n"
    for place, (name, kind) in enumerate(kinds.items()):
        text += f"    {name} = array(memory, {place}, 0, {kind})\n"
    return text + "".join(
        ["    for i in range(last):\n", *[f"        {line}\n" for line in lines], "    return 0\n"]
    )


def run(text, memory, count):
    table = np.array([value.ctypes.data for value in memory.values()])
    build(text, "step", "<formulas>").load()(table.ctypes.data, 0, count)


def precise(name, values, dtype):
    """Return the value with more digits than ``dtype`` has."""
    wider = np.float64 if dtype == np.float32 else np.longdouble
    wide = [np.asarray(value).astype(dtype).astype(wider) for value in values]
    if name == "xlogy":
        x, y = np.broadcast_arrays(*wide)
        return np.where((x == 0) & ~np.isnan(y), wider(0), x * np.log(y))
    if name in ("erf", "ndtr"):
        return getattr(special, name)(wide[0].astype(np.float64))
    return PRIMITIVES[name].forward(np, *wide)


def tolerance(name, values, expected):
    """Return the error allowed, 2 units in the last place beyond what the operands' own rounding makes."""
    size = np.abs(expected)
    if name == "ndtr" and size.dtype == np.float64:  # the argument is rounded, its change counts x² times
        return (2 + np.minimum(np.square(values[0].astype(float)), 3000)) * np.spacing(size)
    if name == "logaddexp":  # the sum may cancel
        size = np.maximum(size, np.maximum(np.abs(values[0]), np.abs(values[1])).astype(size.dtype))
    return 2 * np.spacing(np.where(np.isfinite(size), size, size.dtype.type(0)))


def check(node, values, got):
    name = node.primitive.name
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(node.primitive.forward(np, *values, **node.settings), got.shape)
        assert got.dtype == expected.dtype == node.dtype
        same = got == expected
        if node.dtype.kind == "f":
            nan, signs = np.isnan(expected), np.signbit(got) == np.signbit(expected)
            if name in ROUNDED:
                accurate = precise(name, values, node.dtype).astype(node.dtype)
                same |= (got == accurate) | (np.abs(got - accurate) <= tolerance(name, values, accurate))
            if name not in ZEROS_OF_ANY_SIGN:
                same &= signs | (got != 0)
            same = np.where(nan, np.isnan(got), same)
    if name == "convert" and values[0].dtype.kind == "f" and node.dtype.kind in "iu":
        same |= ~(np.abs(values[0]) < 2.0**31)  # C leaves it open, and NumPy's own loops do not agree
    wrong = np.flatnonzero(~same)[:8]
    tried = [value[wrong] if isinstance(value, np.ndarray) else value for value in values]
    assert not wrong.size, f"{node!r} of {tried} is {got[wrong]}, not {expected[wrong]}"


def in_groups():
    groups = defaultdict(list)
    for primitive in ELEMENTWISE:
        for operands, settings in cases(primitive):
            node = made(primitive, operands, settings)
            if node is not None and loop_dtypes(node) is not None:
                groups[tuple(kind if isinstance(kind, str) else None for kind in operands)].append(
                    (node, operands)
                )
    return groups


GROUPS = in_groups()


@pytest.mark.parametrize("kinds", GROUPS, ids=lambda kinds: "-".join(kind or "number" for kind in kinds))
def test_a_formula_has_the_value_of_the_interpreter(kinds):
    for (node, operands), result in zip(GROUPS[kinds], compiled(GROUPS[kinds]), strict=True):
        check(node, arrays(operands), result)


def test_all_primitives_but_compositions_have_a_formula():
    without = set()
    for primitive in ELEMENTWISE:
        nodes = [made(primitive, operands, settings) for operands, settings in cases(primitive)]
        if not any(node is not None and expression(node, "abc") for node in nodes):
            without.add(primitive.name)
    assert without == COMPOSED


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool", "int8", "uint64", "int64"])
def test_a_literal_reads_back_as_the_same_number(dtype):
    space = {name: getattr(np, name) for name in (*DTYPE_NAMES - {"bool"}, "inf", "nan")}
    for number in samples(dtype):
        read = np.asarray(eval(literal(number, dtype), space)).astype(dtype)
        assert read.tobytes() == number.tobytes() or (np.isnan(read) and np.isnan(number))


@given(st.floats(width=32))
def test_a_float32_literal_reads_back_as_the_same_number(number):
    read = eval(literal(number, "float32"), {name: getattr(np, name) for name in ("float32", "inf", "nan")})
    assert read == np.float32(number) or np.isnan(read)
    assert np.signbit(read) == np.signbit(np.float32(number)) or np.isnan(read)


def test_literals_are_as_short_as_their_dtype_allows():
    assert [literal(0.1, dtype) for dtype in ("float64", "float32")] == ["0.1", "float32(0.1)"]
    assert [literal(-3, dtype) for dtype in ("int64", "int8", "bool")] == ["-3", "int8(-3)", "True"]
    assert names_in(literal(np.inf, "float32")) == {"float32", "inf"}


def of(name, *operands, **settings):
    return made(PRIMITIVES[name], operands, settings)


@pytest.mark.parametrize(
    "node",
    [
        of("add", "float16", "float16"),
        of("add", "longdouble", "float32"),
        of("add", "uint8", 300),  # NumPy refuses the number
        of("power", "int64", -1),  # and this one
        of("power", "int64", "int64"),  # and some of these
        of("sigmoid", "int32"),
        of("convert", "float32", dtype="float16"),
    ],
    ids=repr,
)
def test_what_cannot_be_computed_in_compiled_code_has_no_formula(node):
    assert loop_dtypes(node) is None
    assert expression(node, ("x", "y")) is None


def test_a_comparison_with_a_number_out_of_range_is_made_in_a_wider_dtype():
    node = of("less", "uint8", 300)
    assert loop_dtypes(node) == (np.uint8, np.int64)
    assert expression(node, ("x", literal(300, "int64"))).text == "x < 300"


def test_costs_put_operations_in_order():
    names = ("add", "divide", "exp", "softplus", "sin")
    operands = {name: ["float32"] * PRIMITIVES[name].forward.__code__.co_argcount for name in names}
    prices = [cost(of(name, *operands[name][1:])) for name in names]
    assert prices == sorted(prices)
    assert len(set(prices)) == len(prices)
    assert (
        cost(of("power", "float32", 2)) < cost(of("power", "float32", -1)) < cost(of("power", "float32", 1.7))
    )
