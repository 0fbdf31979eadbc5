"""Products of matrices and tensors: matmul, einsum, and what NumPy builds on them."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample, Shape
from chainrule.primitives.define import primitive, translate, untraced
from chainrule.primitives.diagonals import diagonal
from chainrule.primitives.reduce import NUMPY_REDUCTIONS, root, sum
from chainrule.primitives.shapes import (
    expand_dims,
    normal_axes,
    ravel,
    reshape,
    swapaxes,
    transpose,
)


def _matmul_shape(left: Shape, right: Shape) -> Shape:
    if not left or not right:
        raise ValueError("matmul: an operand has no axis; use * for numbers")
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        raise ValueError(f"{left[-1]} columns meet {inner} rows")
    rows = left[-2:-1] if len(left) > 1 else ()
    columns = right[-1:] if len(right) > 1 else ()
    return (*np.broadcast_shapes(left[:-2], right[:-2]), *rows, *columns)


def _matmul_pullback(g: Node, _: Node, x: Node, y: Node) -> tuple[Node, Node]:
    """Return G Yᵀ and Xᵀ G; a vector is a row on the left and a column on the right."""
    if x.ndim == 1 and y.ndim == 1:
        return g * y, g * x
    rows = expand_dims(x, 0) if x.ndim == 1 else x
    columns = expand_dims(y, 1) if y.ndim == 1 else y
    if x.ndim == 1:
        g = expand_dims(g, -2)
    if y.ndim == 1:
        g = expand_dims(g, -1)
    by_x = apply("matmul", g, swapaxes(columns, -1, -2))
    by_y = apply("matmul", swapaxes(rows, -1, -2), g)
    if x.ndim == 1:
        by_x = reshape(sum(by_x, tuple(range(by_x.ndim - 1))) if by_x.ndim > 2 else by_x, x.shape)
    if y.ndim == 1:
        by_y = reshape(sum(by_y, tuple(range(by_y.ndim - 2))) if by_y.ndim > 2 else by_y, y.shape)
    return by_x, by_y


matmul = primitive(
    "matmul",
    forward=lambda xp, x, y: xp.matmul(x, y),
    shape=_matmul_shape,
    pullback=_matmul_pullback,
    numpy=(np.matmul,),
    text="{0} @ {1}",
    latex="{0} {1}",
    source="({0} @ {1})",
    samples=(
        Sample(((3,), (3,))),
        Sample(((2, 3), (3,))),
        Sample(((3,), (3, 2))),
        Sample(((2, 3), (3, 4))),
        Sample(((2, 2, 3), (3, 2))),
        Sample(((1, 2, 3), (4, 3, 2))),
        Sample(((3,), (2, 3, 2))),
        Sample(((2, 2, 3), (3,))),
        Sample(((0, 3), (3, 2))),
    ),
)


@translate(
    np.dot,
    samples=(Sample(((2, 3), (3, 2))), Sample(((), (3,))), Sample(((2, 3), (2, 3, 4))), Sample(((3,), (3,)))),
    exact=False,
)
def dot(a: Any, b: Any) -> Node:
    """Return the product of matrices, the sum over the last axis of ``a`` and the last but one of ``b``."""
    x, y = lift(a), lift(b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if y.ndim <= 2:
        return x @ y
    return tensordot(x, y, ((x.ndim - 1,), (y.ndim - 2,)))


@translate(np.vdot, samples=(Sample(((2, 3), (2, 3))),))
def vdot(a: Any, b: Any) -> Node:
    """Return the sum of the products of all entries."""
    return ravel(a) @ ravel(b)


@translate(
    np.inner,
    samples=(Sample(((2, 3), (4, 3))), Sample(((3,), (3,))), Sample(((2, 2, 3), (3,)))),
    exact=False,
)
def inner(a: Any, b: Any) -> Node:
    """Return the sums of products over the last axes."""
    x, y = lift(a), lift(b)
    return x * y if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ((x.ndim - 1,), (y.ndim - 1,)))


@translate(np.outer, samples=(Sample(((2,), (3,))), Sample(((2, 2), (3,)))))
def outer(a: Any, b: Any) -> Node:
    """Return all products of an entry of ``a`` with one of ``b``."""
    return reshape(a, (-1, 1)) * reshape(b, (1, -1))


def _outer_by(ufunc: np.ufunc, name: str) -> None:
    """Enter ``ufunc.outer``: all pairs of entries, the axes of ``A`` before those of ``B``."""

    @translate(
        (ufunc, "outer"),
        samples=(Sample(((2,), (3,))), Sample(((2, 2), (3,))), Sample(((), (2, 1)))),
    )
    def outer_of_pairs(A: Any, B: Any) -> Node:
        x, y = lift(A), lift(B)
        return apply(name, reshape(x, x.shape + (1,) * y.ndim), y)


_outer_by(np.add, "add")
_outer_by(np.subtract, "subtract")
_outer_by(np.multiply, "multiply")


@translate(
    np.tensordot,
    samples=(
        Sample(((2, 3, 4), (3, 4, 2))),
        Sample(((2, 3), (3, 4)), {"axes": 1}),
        Sample(((2, 3), (4, 3)), {"axes": ((1,), (1,))}),
        Sample(((2,), (3,)), {"axes": 0}),
    ),
    exact=False,
)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Node:
    """Return the sum of products over pairs of axes, as one product of matrices."""
    x, y = lift(a), lift(b)
    if isinstance(axes, int):
        left, right = tuple(range(x.ndim - axes, x.ndim)), tuple(range(axes))
    else:
        left, right = normal_axes(axes[0], x.ndim), normal_axes(axes[1], y.ndim)
    rows = tuple(axis for axis in range(x.ndim) if axis not in left)
    columns = tuple(axis for axis in range(y.ndim) if axis not in right)
    if [x.shape[axis] for axis in left] != [y.shape[axis] for axis in right]:
        raise ValueError(f"tensordot: axes of different lengths: {x.shape} and {y.shape}")
    common = math.prod(x.shape[axis] for axis in left)
    row_shape, column_shape = [x.shape[axis] for axis in rows], [y.shape[axis] for axis in columns]
    first = reshape(transpose(x, (*rows, *left)), (math.prod(row_shape), common))
    second = reshape(transpose(y, (*right, *columns)), (common, math.prod(column_shape)))
    return reshape(first @ second, (*row_shape, *column_shape))


@translate(np.kron, samples=(Sample(((2, 3), (2, 2))),))
def kron(a: Any, b: Any) -> Node:
    """Return the Kronecker product of two matrices (or arrays of equal rank)."""
    x, y = lift(a), lift(b)
    rank = max(x.ndim, y.ndim)
    x, y = reshape(x, (1,) * (rank - x.ndim) + x.shape), reshape(y, (1,) * (rank - y.ndim) + y.shape)
    wide = reshape(x, tuple(n for length in x.shape for n in (length, 1)))
    full = wide * reshape(y, tuple(n for length in y.shape for n in (1, length)))
    return reshape(full, tuple(p * q for p, q in zip(x.shape, y.shape, strict=True)))


@translate(np.trace, samples=(Sample(((3, 3),)), Sample(((2, 3, 4),), {"offset": 1, "axis1": 1, "axis2": 2})))
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """Return the sum along a diagonal."""
    return sum(diagonal(a, offset, axis1, axis2), -1)


# einsum: subscripts are kept in full, without ellipsis and with explicit output.


def _parse(subscripts: str, ranks: Sequence[int]) -> str:
    """Return the subscripts with blanks gone, the ellipsis spelled out, and the output made explicit."""
    text = subscripts.replace(" ", "")
    terms, arrow, output = text.partition("->")
    operands = terms.split(",")
    if len(operands) != len(ranks):
        raise ValueError(f"einsum: {len(operands)} terms for {len(ranks)} operands")
    extra = [
        rank - len(term.replace("...", "")) if "..." in term else 0
        for term, rank in zip(operands, ranks, strict=True)
    ]
    used = set(text)
    spare = [letter for letter in string.ascii_letters if letter not in used]
    most = max(extra, default=0)
    letters = "".join(spare[:most])
    full = [term.replace("...", letters[most - n :]) for term, n in zip(operands, extra, strict=True)]
    for term, rank in zip(full, ranks, strict=True):
        if len(term) != rank:
            raise ValueError(f"einsum: term {term!r} for an operand with {rank} axes")
    if arrow:
        output = output.replace("...", letters)
    else:
        plain = "".join(term.replace("...", "") for term in operands)
        output = letters + "".join(sorted(letter for letter in set(plain) if plain.count(letter) == 1))
    return f"{','.join(full)}->{output}"


def _einsum_shape(*shapes: Shape, subscripts: str) -> Shape:
    terms, _, output = subscripts.partition("->")
    lengths: dict[str, int] = {}
    for term, shape in zip(terms.split(","), shapes, strict=True):
        for letter, length in zip(term, shape, strict=True):
            known = lengths.get(letter, 1)
            if 1 not in (length, known) and length != known:
                raise ValueError(f"einsum: axis {letter!r} has lengths {known} and {length}")
            lengths[letter] = known if length == 1 else length
    if len(set(output)) < len(output) or not set(output) <= set(lengths):
        raise ValueError(f"einsum: output {output!r} of {terms!r}")
    return tuple(lengths[letter] for letter in output)


def _einsum_pullback(g: Node, _: Node, *x: Node, subscripts: str) -> tuple[Node, ...]:
    terms, output = subscripts.split("->")
    return tuple(_einsum_by(g, x, terms.split(","), output, place) for place in range(len(x)))


def _einsum_by(g: Node, x: Sequence[Node], terms: list[str], output: str, place: int) -> Node:
    """Return the gradient by one operand: the einsum of g with all the other operands.

    Two things need help: a letter that only this operand has (a plain sum: multiply by ones), and a letter
    that it has twice (a diagonal: multiply by the identity).
    """
    operands = [g, *[node for other, node in enumerate(x) if other != place]]
    names = [output, *[term for other, term in enumerate(terms) if other != place]]
    known, wanted = set("".join(names)), ""
    spare = iter(letter for letter in string.ascii_letters if letter not in set("".join(terms) + output))
    for letter, length in zip(terms[place], x[place].shape, strict=True):
        name = letter
        if letter in wanted:
            name = next(spare)
            operands.append(lift(np.eye(length, dtype=g.dtype)))
            names.append(letter + name)
        elif letter not in known:
            operands.append(lift(np.ones(length, dtype=g.dtype)))
            names.append(letter)
        wanted += name
    gradient = apply("einsum", *operands, subscripts=f"{','.join(names)}->{wanted}")
    stretched = tuple(
        axis for axis, (n, true) in enumerate(zip(gradient.shape, x[place].shape, strict=True)) if n != true
    )
    return sum(gradient, stretched, keepdims=True) if stretched else gradient


einsum_ = primitive(
    "einsum",
    forward=lambda xp, *x, subscripts: xp.einsum(subscripts, *x, optimize=len(x) > 2),
    shape=_einsum_shape,
    pullback=_einsum_pullback,
    text="einsum({subscripts!r}, …)",
    latex=r"\operatorname{{einsum}}(\ldots)",
    source="np.einsum({subscripts!r}, …)",
    samples=(
        Sample(((2, 3), (3, 4)), {"subscripts": "ij,jk->ik"}),
        Sample(((3, 3),), {"subscripts": "ii->"}),
        Sample(((3, 3),), {"subscripts": "ii->i"}),
        Sample(((2, 3),), {"subscripts": "ij->j"}),
        Sample(((2, 3), (2, 3), (3,)), {"subscripts": "ij,ij,j->i"}),
        Sample(((2, 3, 4), (2, 4, 2)), {"subscripts": "bij,bjk->bik"}),
        Sample(((2, 1), (3, 4)), {"subscripts": "ij,kj->ik"}),
        Sample(((), (2,)), {"subscripts": ",i->i"}),
        Sample(((0, 3), (3,)), {"subscripts": "ij,j->i"}),
    ),
)


@translate(
    np.einsum,
    samples=(
        Sample(((2, 3), (3, 4)), {"subscripts": "ij,jk"}),
        Sample(((2, 3), (2, 3)), {"subscripts": "...j, ...j -> ..."}),
        Sample(((2, 2, 3), (3, 2)), {"subscripts": "b...k,kn"}),
        Sample(((2, 3),), {"subscripts": "ba"}),
        Sample(((2, 3), (3,), (2,)), {"subscripts": "ij,j,i->"}),
    ),
    exact=False,
)
def einsum(subscripts: Any, *operands: Any, optimize: Any = None) -> Node:
    """Return the sum of products that the subscripts describe; ``optimize`` is NumPy's business."""
    del optimize
    if not isinstance(subscripts, str):
        raise untraced("einsum", "only the form with subscripts as text")
    nodes = [lift(operand) for operand in operands]
    return apply("einsum", *nodes, subscripts=_parse(subscripts, [node.ndim for node in nodes]))


@translate(
    np.linalg.norm,
    samples=(
        *NUMPY_REDUCTIONS[:2],
        Sample(((2, 3),), {"axis": 0, "keepdims": True}),
        Sample(((4,),), {"ord": 1}),
        Sample(((4,),), {"ord": 3}),
        Sample(((2, 3),), {"ord": "fro"}),
    ),
    domain=(0.3, 2.0),
    holomorphic=False,
)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Node:
    """Return the Euclidean length (also Frobenius), or the p-norm of vectors; its derivative at 0 is 0."""
    node = lift(x)
    if node.dtype.kind != "f":
        node = node * 1.0
    axes = normal_axes(axis, node.ndim)
    if ord is None and axis is None:
        row = ravel(node)
        return root(reshape(row @ row, (1,) * node.ndim if keepdims else ()))
    if ord in (None, "fro") or (ord == 2 and len(axes) == 1):
        if ord == "fro" and len(axes) != 2:
            raise ValueError("the Frobenius norm is for matrices")
        return root(sum(apply("square", node), axes, keepdims=keepdims))
    if len(axes) != 1 or isinstance(ord, str):
        raise untraced("linalg.norm", f"ord={ord!r} of a matrix; known: None and 'fro'")
    return _vector_norm(abs(node), ord, axes[0], keepdims)


def _vector_norm(size: Node, ord: Any, axis: int, keepdims: bool) -> Node:
    if ord in (np.inf, -np.inf):
        return apply("max" if ord > 0 else "min", size, axis=(axis,), keepdims=bool(keepdims))
    if ord == 0:
        return sum(apply("convert", size != 0, dtype=size.dtype.name), axis, keepdims=keepdims)
    if ord == 1:
        return sum(size, axis, keepdims=keepdims)
    total = sum(size**ord, axis, keepdims=keepdims)
    empty = total == 0
    return apply("where", empty, 0, apply("where", empty, 1, total) ** (1 / ord))
