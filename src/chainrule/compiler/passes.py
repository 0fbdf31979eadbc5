"""How each kind of kernel becomes loops: scalars, maps, reductions, contractions, and what moves entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.entries import Body
from chainrule.compiler.formulas import literal
from chainrule.compiler.fuse import Kernel
from chainrule.compiler.layout import flattened, nest, rounded, wrapped
from chainrule.compiler.loops import (
    Access,
    Buffer,
    If,
    Let,
    Loop,
    Statement,
    Store,
    Text,
    iterations,
    joined,
    read,
)
from chainrule.compiler.lower import WORTH_SHARING, Lowerer
from chainrule.compiler.naming import type_name
from chainrule.compiler.places import ZERO, Affine, Index, broadcast_index, through_template, variable
from chainrule.graph.node import Node
from chainrule.graph.primitive import Shape, named

SHORT = 16  # a reduction of so few entries is written out
BLOCK = 1024  # entries added up before they are added to the total, so that rounding errors stay small

FIRST: dict[str, Callable[[np.dtype[Any]], Any]] = {
    "sum": lambda dtype: dtype.type(0),
    "prod": lambda dtype: dtype.type(1),
    "max": lambda dtype: dtype.type(-np.inf) if dtype.kind == "f" else _limits(dtype)[0],
    "min": lambda dtype: dtype.type(np.inf) if dtype.kind == "f" else _limits(dtype)[1],
    "any": lambda _: np.bool_(False),
    "all": lambda _: np.bool_(True),
}


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    if dtype.kind == "b":
        return np.bool_(False), np.bool_(True)
    return dtype.type(np.iinfo(dtype).min), dtype.type(np.iinfo(dtype).max)


def combined(name: str, dtype: np.dtype[Any], total: Text, entry: Text) -> Text:
    """Return the text that takes one more entry into a reduction."""
    if dtype.kind == "f":
        forms = {
            "sum": "add(⟨0⟩, ⟨1⟩)",
            "prod": "⟨0⟩ * ⟨1⟩",
            "max": "largest(⟨0⟩, ⟨1⟩)",
            "min": "smallest(⟨0⟩, ⟨1⟩)",
        }
    else:
        kind = type_name(dtype)
        forms = {
            "sum": f"{kind}(⟨0⟩ + ⟨1⟩)",
            "prod": f"{kind}(⟨0⟩ * ⟨1⟩)",
            "max": "⟨0⟩ if ⟨0⟩ > ⟨1⟩ else ⟨1⟩",
            "min": "⟨0⟩ if ⟨0⟩ < ⟨1⟩ else ⟨1⟩",
        }
    forms |= {"any": "⟨0⟩ | ⟨1⟩", "all": "⟨0⟩ & ⟨1⟩"}
    return joined(forms[name], total, entry)


def scalars(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower operations on single numbers: one variable each."""
    body = Body(lowerer)
    for node in sorted(kernel.nodes, key=lambda node: node.serial):
        body.computed(node, ())
        lowerer.locals[node] = body.known[node, ()]
    lowerer.add(lowerer.title(kernel.nodes), kernel.nodes, body.statements, "each")


def maps(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower operations entry by entry: all of a kernel's values in one pass."""
    nodes = sorted(kernel.nodes, key=lambda node: node.serial)
    body = Body(lowerer)
    index, loops = nest(kernel.shape)
    for node in nodes:
        body.computed(node, index)
    padded = _reads_padded(body.statements, kernel.shape)
    for node in nodes:
        if node in lowerer.fused.kept:
            buffer = lowerer.output_buffer(node, kernel, padded=padded and node.dtype.kind == "f")
            body.statements.append(Store(Access(buffer, index), read(body.known[node, index])))
    made = flattened(lowerer.layout, body.statements, index, kernel.shape, loops)
    lowerer.add(lowerer.title(nodes), nodes, made, "rows")


def _reads_padded(body: Sequence[Statement], shape: Shape) -> bool:
    texts = [statement.text for statement in body if isinstance(statement, Let)]
    found = [operand for text in texts for operand in text.operands if isinstance(operand, Access)]
    return any(access.buffer.padded and access.buffer.shape == shape for access in found)


def _axes(node: Node) -> tuple[int, ...]:
    axis = node.settings["axis"]
    if axis is None:
        return tuple(range(len(node.inputs[0].shape)))
    axes = (axis,) if isinstance(axis, int) else axis
    return tuple([a % len(node.inputs[0].shape) for a in axes])


def _result_index(node: Node, index: Index) -> Index:
    """Return the entry of a reduction's result for an entry of its operand."""
    axes = _axes(node)
    if len(node.shape) == len(index):
        return tuple([ZERO if axis in axes else place for axis, place in enumerate(index)])
    return tuple([place for axis, place in enumerate(index) if axis not in axes])


def reduction(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower a reduction along axes, with what is done to the entries before."""
    (node,) = kernel.nodes
    source = node.inputs[0]
    index, _ = nest(source.shape)
    axes = _axes(node)
    variables = {axis: part.terms[0][0] for axis, part in enumerate(index) if part.terms}
    outer = [(variables[axis], source.shape[axis]) for axis in variables if axis not in axes]
    inner = [(variables[axis], source.shape[axis]) for axis in variables if axis in axes]
    name = node.primitive.name
    sharing = "rows" if outer else "each"
    if name in ("argmax", "argmin"):
        body = _position(lowerer, kernel, node, index, outer, inner)
    elif outer and inner and outer[-1][0] > inner[-1][0] and source.size:
        body = _by_columns(lowerer, kernel, node, index, variables)
        sharing = "columns" if len(node.shape) == 1 and iterations(body) >= WORTH_SHARING else "one"
    else:
        body = _by_rows(lowerer, kernel, node, index, outer, inner)
    lowerer.add(lowerer.title([node]), [node], body, sharing)


def _finish(lowerer: Lowerer, kernel: Kernel, node: Node, index: Index, total: str) -> list[Statement]:
    """Return the statements that leave a total behind: in a variable, or in memory."""
    if not node.shape:
        lowerer.locals[node] = lowerer.names[node]
        return [Let(lowerer.names[node], Text(f"{type_name(node.dtype)}({total})"), node)]
    if node not in lowerer.buffers:
        lowerer.output_buffer(node, kernel, padded=False)
    place = Access(lowerer.buffers[node], _result_index(node, index))
    return [Store(place, Text(f"{type_name(node.dtype)}({total})"))]


def _by_rows(
    lowerer: Lowerer,
    kernel: Kernel,
    node: Node,
    index: Index,
    outer: list[tuple[str, int]],
    inner: list[tuple[str, int]],
) -> list[Statement]:
    """Return loops in which a variable takes the total of a row, or of everything."""
    name, dtype = node.primitive.name, node.dtype
    body = Body(lowerer)
    total, part = body.free_name("total"), body.free_name("part")
    start = literal(FIRST[name](dtype), dtype)
    entry = body.converted(node.inputs[0], index, _entry_dtype(node))
    if not inner:
        done = [*body.statements, Let(total, entry)]
        return wrapped(outer, [*done, *_finish(lowerer, kernel, node, index, total)])
    (variable_, length), further = inner[-1], inner[:-1]
    accumulate = Let(part, combined(name, dtype, read(part), entry))
    blocks = name == "sum" and dtype.kind == "f" and (further or length > 2 * BLOCK)
    innermost = Loop(variable_, length, [*body.statements, accumulate], short=length <= SHORT)
    if not blocks:
        loops = wrapped_plain(further, [innermost])
        ended = _finish(lowerer, kernel, node, index, part)
        return wrapped_plain(outer, [Let(part, Text(start)), *loops, *ended])
    gather: list[Statement] = [Let(part, Text(start)), innermost]
    if length > 2 * BLOCK:
        innermost.start, innermost.stop = "block", f"min(block + {BLOCK}, {length})"
        gather = [Let(part, Text(start)), innermost, Let(total, Text(f"{total} + float64({part})"))]
        gather = [Loop("block", length, gather, step=BLOCK)]
    else:
        gather.append(Let(total, Text(f"{total} + float64({part})")))
    loops = wrapped_plain(further, gather)
    ended = _finish(lowerer, kernel, node, index, total)
    return wrapped_plain(outer, [Let(total, Text("0.0")), *loops, *ended])


def wrapped_plain(loops: Sequence[tuple[str, int]], body: list[Statement]) -> list[Statement]:
    """Return the body inside loops, none of them written out."""
    for name, length in reversed(loops):
        body = [Loop(name, length, body)]
    return body


def _entry_dtype(node: Node) -> np.dtype[Any]:
    """Return the dtype in which entries are gathered."""
    return np.dtype(bool) if node.primitive.name in ("any", "all") else node.dtype


def _by_columns(
    lowerer: Lowerer, kernel: Kernel, node: Node, index: Index, variables: dict[int, str]
) -> list[Statement]:
    """Return loops that run along rows while every column gathers its own total in memory."""
    name, dtype = node.primitive.name, node.dtype
    body = Body(lowerer)
    entry = body.converted(node.inputs[0], index, _entry_dtype(node))
    buffer = lowerer.output_buffer(node, kernel, padded=False)
    target = Access(buffer, _result_index(node, index))
    shape = node.inputs[0].shape
    loops = [(variables[axis], shape[axis]) for axis in variables]
    first = [(v, n) for v, n in loops if any(v == term for part in target.index for term, _ in part.terms)]
    store = Store(target, combined(name, dtype, read(target), entry))
    inside = [*body.statements, store]
    loops = rounded(lowerer.layout, loops, inside)
    if first[-1][0] == loops[-1][0]:
        first = [*first[:-1], loops[-1]]
    begin = wrapped(first, [Store(target, Text(literal(FIRST[name](dtype), dtype)))])
    return [*begin, *wrapped(loops, inside)]


def _position(
    lowerer: Lowerer,
    kernel: Kernel,
    node: Node,
    index: Index,
    outer: list[tuple[str, int]],
    inner: list[tuple[str, int]],
) -> list[Statement]:
    """Return loops that find where the largest (smallest) entry is; the first NaN counts as such."""
    source = node.inputs[0]
    body = Body(lowerer)
    best, place, here = body.free_name("best"), body.free_name("place"), body.free_name("here")
    entry = body.free_name("entry")
    value = body.value(source, index)
    statements = [*body.statements, Let(entry, value)]
    sign = ">" if node.primitive.name == "argmax" else "<"
    better = f"{here} == 0 or {entry} {sign} {best}"
    if source.dtype.kind == "f":
        better += f" or ({entry} != {entry} and {best} == {best})"
    statements.append(If(Text(better), [Let(best, Text(entry)), Let(place, Text(here))]))
    statements.append(Let(here, Text(f"{here} + 1")))
    start: list[Statement] = [
        Let(best, Text(literal(source.dtype.type(0), source.dtype))),
        Let(place, Text("0")),
        Let(here, Text("0")),
    ]
    ended = _finish(lowerer, kernel, node, index, place)
    return wrapped_plain(outer, [*start, *wrapped_plain(inner, statements), *ended])


def contraction(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower a sum of products over shared axes: dot, products of stacks of matrices, einsum."""
    (node,) = kernel.nodes
    terms, output = _labels(node)
    lengths = {
        label: n
        for term, source in zip(terms, node.inputs, strict=True)
        for label, n in zip(term, source.shape, strict=True)
        if n != 1 or label not in output
    }
    index_of = {label: variable(label) if n != 1 else ZERO for label, n in lengths.items()}

    def index(term: Sequence[str], shape: Shape) -> Index:
        return tuple([ZERO if n == 1 else index_of[label] for label, n in zip(term, shape, strict=True)])

    body = Body(lowerer)
    factors = [
        body.converted(source, index(term, source.shape), node.dtype)
        for term, source in zip(terms, node.inputs, strict=True)
    ]
    product = factors[0]
    times = "⟨0⟩ & ⟨1⟩" if node.dtype.kind == "b" else "⟨0⟩ * ⟨1⟩"
    for factor in factors[1:]:
        product = joined(times, product, factor)
    kind = "any" if node.dtype.kind == "b" else "sum"
    outer = [(label, lengths[label]) for label in output if lengths.get(label, 1) != 1]
    inner = [(label, lengths[label]) for label in lengths if label not in output]
    start = Text(literal(FIRST[kind](node.dtype), node.dtype))
    out_index = tuple(
        [index_of.get(label, ZERO) if n != 1 else ZERO for label, n in zip(output, node.shape, strict=True)]
    )
    by_columns = bool(outer and inner) and any(
        term and term[-1] == output[-1] and set(term) - set(output) for term in terms
    )
    if not node.shape or not by_columns:
        part = body.free_name("part")
        loops = [*body.statements, Let(part, combined(kind, node.dtype, read(part), product))]
        gathered: list[Statement] = wrapped(inner, loops) if inner else loops
        if not node.shape:
            lowerer.locals[node] = lowerer.names[node]
            ended: list[Statement] = [Let(lowerer.names[node], Text(part), node)]
        else:
            ended = [Store(Access(lowerer.output_buffer(node, kernel, padded=False), out_index), Text(part))]
        made = wrapped_plain(outer, [Let(part, start), *gathered, *ended])
    else:
        target = Access(lowerer.output_buffer(node, kernel, padded=False), out_index)
        begin = wrapped(outer, [Store(target, start)])
        store = Store(target, combined(kind, node.dtype, read(target), product))
        made = [*begin, *wrapped([*outer[:-1], *inner, outer[-1]], [*body.statements, store])]
    lowerer.add(lowerer.title([node]), [node], made, "one" if node.shape else "each")


def _labels(node: Node) -> tuple[list[Sequence[str]], Sequence[str]]:
    """Return the labels of the operands' axes, and of the result's."""
    if node.primitive.name == "einsum":
        inputs, output = node.settings["subscripts"].replace(" ", "").split("->")
        table = {letter: f"i{place}" for place, letter in enumerate(dict.fromkeys(inputs.replace(",", "")))}
        return [[table[c] for c in term] for term in inputs.split(",")], [table[c] for c in output]
    left, right = node.inputs
    rank = max(len(left.shape), len(right.shape), 2) - 2
    stack = [f"s{place}" for place in range(rank)]
    rows = ["i"] if len(left.shape) > 1 else []
    columns = ["j"] if len(right.shape) > 1 else []
    left_stack = stack[rank - max(len(left.shape) - 2, 0) :] if len(left.shape) > 2 else []
    right_stack = stack[rank - max(len(right.shape) - 2, 0) :] if len(right.shape) > 2 else []
    right_term = [*right_stack, "k", *columns]
    return [[*left_stack, *rows, "k"], right_term], [*stack, *rows, *columns]


def joining(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower concatenate: every operand is computed where it belongs."""
    (node,) = kernel.nodes
    axis = node.settings["axis"] % len(node.shape)
    buffer = lowerer.output_buffer(node, kernel, padded=False)
    start, made = 0, []
    for source in node.inputs:
        index, loops = nest(source.shape)
        body = Body(lowerer)
        entry = body.converted(source, index, node.dtype)
        place = tuple([part + start if a == axis else part for a, part in enumerate(index)])
        made += wrapped(loops, [*body.statements, Store(Access(buffer, place), entry)])
        start += source.shape[axis]
    lowerer.add(lowerer.title([node]), [node], made)


def scatter(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower add_at: an array of zeros, to which entries are added at their places."""
    (node,) = kernel.nodes
    entries, *arrays = node.inputs
    template, shape = node.settings["template"], node.settings["shape"]
    if node.shape:
        buffer = lowerer.output_buffer(node, kernel, padded=False)
    else:
        buffer = lowerer.temporary(f"{lowerer.names[node]}_total", (), node.dtype, 1)
    index, loops = nest(shape)
    zero = Text(literal(node.dtype.type(0), node.dtype))
    begin = wrapped(loops, [Store(Access(buffer, index), zero)])
    index, loops = nest(_places_shape(node))
    body = Body(lowerer)
    place = body.picked(template, shape, index, arrays) if arrays else _basic(node, index)
    entry = body.converted(entries, broadcast_index(index, entries.shape), node.dtype)
    target = Access(buffer, place)
    kind = "any" if node.dtype.kind == "b" else "sum"
    plain = "⟨0⟩ + ⟨1⟩" if node.dtype.kind == "f" else None
    text = joined(plain, read(target), entry) if plain else combined(kind, node.dtype, read(target), entry)
    body.statements.append(Store(target, text))
    made = wrapped_plain(loops, body.statements) if arrays else wrapped(loops, body.statements)
    lowerer.add(lowerer.title([node]), [node], [*begin, *made])
    if not node.shape:
        lowerer.locals[node] = lowerer.names[node]
        number: list[Statement] = [Let(lowerer.names[node], read(Access(buffer, ())), node)]
        lowerer.add(lowerer.title([node]), [node], number, "each")


def _places_shape(node: Node) -> Shape:
    """Return the shape of the places that add_at adds to."""
    shapes = [source.shape for source in node.inputs[1:]]
    return tuple(named("index").shape(node.settings["shape"], *shapes, template=node.settings["template"]))


def _basic(node: Node, index: Index) -> tuple[Affine, ...]:
    return through_template(node.settings["template"], node.settings["shape"], index)


def running(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower cumsum: a total that runs along an axis."""
    (node,) = kernel.nodes
    axis = node.settings["axis"] % len(node.shape)
    index, loops = nest(node.shape)
    buffer = lowerer.output_buffer(node, kernel, padded=False)
    body = Body(lowerer)
    entry = body.converted(node.inputs[0], index, node.dtype)
    total = body.free_name("total")
    kind = type_name(node.dtype)
    body.statements.append(Let(total, joined(f"{kind}({total} + ⟨0⟩)", entry)))
    body.statements.append(Store(Access(buffer, index), Text(total)))
    along = index[axis].terms[0][0] if index[axis].terms else None
    others = [loop for loop in loops if loop[0] != along]
    mine = [loop for loop in loops if loop[0] == along]
    start = Let(total, Text(literal(node.dtype.type(0), node.dtype)))
    made = wrapped_plain(others, [start, *wrapped_plain(mine, body.statements)])
    lowerer.add(lowerer.title([node]), [node], made)


def reshape(lowerer: Lowerer, kernel: Kernel) -> None:
    """Lower reshape: the same entries in memory, under another shape."""
    (node,) = kernel.nodes
    source = node.inputs[0]
    shape = source.shape
    whole = Buffer(lowerer.names[node], shape, node.dtype, shape[-1] if shape else 1)
    buffer = lowerer.whole_buffer(node)
    index, loops = nest(shape)
    body = Body(lowerer)
    entry = body.value(source, index)
    place = (whole.place(index),)
    store: list[Statement] = [*body.statements, Store(Access(buffer, place, flat=True), entry)]
    lowerer.add(lowerer.title([node]), [node], wrapped(loops, store))


LOWERINGS: dict[str, Callable[[Lowerer, Kernel], None]] = {
    "scalars": scalars,
    "map": maps,
    "reduction": reduction,
    "contraction": contraction,
    "joining": joining,
    "scatter": scatter,
    "running": running,
    "reshape": reshape,
}
