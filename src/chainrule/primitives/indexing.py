"""Reading entries by index, and its reverse: adding entries into an array of zeros.

An index is kept as a *template*: a tuple of whole numbers, None, Ellipsis, `Slice` and `Array(n)`; the last
stands for the n-th index array, which is an operand of its own. So every index can be printed and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import TraceError
from chainrule.graph import context
from chainrule.graph.node import CONSTANT, Node, apply, lift
from chainrule.graph.primitive import Array, Sample, Shape, Slice
from chainrule.primitives.choice import where
from chainrule.primitives.define import primitive, translate, untraced
from chainrule.primitives.shapes import broadcast_to, normal_axis, ravel, reshape

Template = tuple[Any, ...]


def python_index(template: Template, arrays: Sequence[Any]) -> tuple[Any, ...]:
    """Return the index that NumPy understands."""
    return tuple([_python_part(part, arrays) for part in template])


def _python_part(part: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(part, Slice):
        return slice(*part)
    return arrays[part.position] if isinstance(part, Array) else part


def _index_shape(shape: Shape, *index_shapes: Shape, template: Template) -> Shape:
    """Return the shape of ``x[index]``; the dimensions of index arrays come where the first of them stands.

    Where other parts stand between index arrays (and numbers beside them), they come first of all.
    """
    positions = sorted(part.position for part in template if isinstance(part, Array))
    if positions != list(range(len(index_shapes))):
        raise IndexError(f"{len(index_shapes)} index arrays for the places {positions}")
    parts = _spelled_out(template, len(shape))
    lengths = iter(shape)
    result: list[int] = []
    picking: list[tuple[int, int]] = []  # where index arrays and numbers stand: in the index, in the result
    for place, part in enumerate(parts):
        if part is Ellipsis:
            continue
        if part is None:
            result.append(1)
        elif isinstance(part, Slice):
            result.append(len(range(*slice(*part).indices(next(lengths)))))
        else:
            length = next(lengths)
            picking.append((place, len(result)))
            if isinstance(part, int) and not -length <= part < length:
                raise IndexError(f"index {part} is out of bounds for axis of length {length}")
    if index_shapes:
        together = picking[-1][0] - picking[0][0] < len(picking)
        start = picking[0][1] if together else 0
        result[start:start] = np.broadcast_shapes(*index_shapes)
    return tuple(result)


def _spelled_out(template: Template, rank: int) -> list[Any]:
    """Return the template with full slices behind its ellipsis (which stays: it separates) or at its end."""
    missing = rank - sum(part is not None and part is not Ellipsis for part in template)
    if missing < 0 or sum(part is Ellipsis for part in template) > 1:
        raise IndexError(f"too many indices for {rank} axes")
    full = [Slice(None, None, None)] * missing
    place = template.index(Ellipsis) + 1 if Ellipsis in template else len(template)
    return [*template[:place], *full, *template[place:]]


def _add_at_shape(given: Shape, *index_shapes: Shape, template: Template, shape: Shape) -> Shape:
    """Return the shape to fill, in which the template must name a place for each entry."""
    places = _index_shape(shape, *index_shapes, template=template)
    if np.broadcast_shapes(given, places) != places:
        raise ValueError(f"entries of shape {given} for places of shape {places}")
    return shape


def _index_of(shape: Shape, arrays: Sequence[Any], template: Template) -> None:
    """Raise NumPy's IndexError if an index is out of range; tried on an array that takes no memory."""
    np.broadcast_to(np.int8(0), shape)[python_index(template, arrays)]


def _index_forward(xp: Any, x: Any, *arrays: Any, template: Template) -> Any:
    if len(template) == 1 and isinstance(template[0], int) and np.ndim(x) == 1:
        return x[template[0]]
    return xp.asarray(x)[python_index(template, arrays)]


def _add_at(xp: Any, g: Any, *arrays: Any, template: Template, shape: Shape) -> Any:
    zeros = xp.zeros(shape, dtype=getattr(g, "dtype", None))
    index = python_index(template, arrays)
    if arrays:
        np.add.at(zeros, index, g)  # an entry that is read twice receives both
    else:
        zeros[index] = g
    return zeros


ROWS = ((-2.0, 2.0), (0, 2), (0, 2))

index_ = primitive(
    "index",
    forward=_index_forward,
    shape=_index_shape,
    pullback=lambda g, _, x, *arrays, template: (
        apply("add_at", g, *arrays, template=template, shape=x.shape),
        *[None] * len(arrays),
    ),
    dtype=lambda kind, *_, **__: np.dtype(kind),
    text="{0}[…]",
    latex="{0}_{{\\ldots}}",
    source="{0}[…]",
    samples=(
        Sample(((4, 3),), {"template": (1,)}),
        Sample(((4, 3), (2,)), {"template": (Array(0),)}, ((-2.0, 2.0), (-4, 4)), integers=(1,)),
        Sample(((3, 2), (2, 2), ()), {"template": (Array(0), Array(1))}, ROWS, integers=(1, 2)),
        Sample(((3, 2, 2), (2,)), {"template": (Slice(0, 2, None), None, Array(0))}, ROWS[:2], (1,)),
        Sample(((4, 3),), {"template": (-1, Slice(None, None, -2))}),
        Sample(((2, 3, 4),), {"template": (Ellipsis, None, Slice(0, 3, 2))}),
        Sample(((5,),), {"template": (Slice(4, None, -1),)}),
        Sample(((),), {"template": ()}),
        Sample(((0, 3),), {"template": (Slice(None, None, None), 1)}),
    ),
)
add_at = primitive(
    "add_at",
    forward=_add_at,
    shape=_add_at_shape,
    pullback=lambda g, _, __, *arrays, template, shape: (
        apply("index", g, *arrays, template=template),
        *[None] * len(arrays),
    ),
    dtype=lambda kind, *_, **__: np.dtype(kind),
    text="zeros({shape})[…] += {0}",
    latex=r"\operatorname{{scatter}}({0})",
    source="add_at({0}, …)",
    samples=(
        Sample(((3,),), {"template": (1,), "shape": (4, 3)}),
        Sample(((2, 3),), {"template": (Slice(None, None, 2),), "shape": (4, 3)}),
        Sample(((3, 2), (3,)), {"template": (Array(0),), "shape": (2, 2)}, ROWS[:2], (1,)),
        Sample(((2, 3), (2, 3)), {"template": (Array(0),), "shape": (2,)}, ROWS[:2], (1,)),
        Sample(((0, 3), (0,)), {"template": (Array(0),), "shape": (2, 3)}, ROWS[:2], (1,)),
    ),
)


@translate(
    Node.__getitem__,
    samples=(
        Sample(((4, 3),), {"index": 1}),
        Sample(((4, 3),), {"index": (slice(None, None, -1), None, 2)}),
        Sample(((4, 3),), {"index": ([0, 2, 2], slice(1, None))}),
        Sample(((2, 3),), {"index": (Ellipsis, [True, False, True])}),
        Sample(((2, 3),), {"index": np.array([[True, False, True], [False, False, True]])}),
        Sample(((3, 2, 2),), {"index": ([[0], [2]], slice(None), [1, 0])}),
        Sample(((2, 3),), {"index": []}),
    ),
)
def getitem(x: Node, index: Any) -> Node:
    """Return ``x[index]``: basic, integer arrays, boolean masks, and mixtures of them."""
    parts = index if isinstance(index, tuple) else (index,)
    template: list[Any] = []
    arrays: list[Any] = []
    for part in parts:
        _read_part(part, template, arrays)
    if arrays and not any(isinstance(array, Node) for array in arrays):
        _index_of(x.shape, arrays, tuple(template))  # an index out of range is an error here, not in each run
    return apply("index", x, *arrays, template=tuple(template))


def _read_part(part: Any, template: list[Any], arrays: list[Any]) -> None:
    """Append one part of an index to the template, and its arrays to ``arrays``."""
    if part is None or part is Ellipsis:
        template.append(part)
    elif isinstance(part, slice):
        template.append(Slice(*[_whole(end) for end in (part.start, part.stop, part.step)]))
    elif isinstance(part, int | np.integer) and not isinstance(part, bool):
        template.append(int(part))
    elif isinstance(part, Node):
        _read_node(part, template, arrays)
    else:
        _read_array(
            np.asarray(part) if np.size(part) else np.zeros(np.shape(part), np.intp), template, arrays
        )


def _read_array(array: np.ndarray[Any, Any], template: list[Any], arrays: list[Any]) -> None:
    """Append an index array; a boolean mask becomes the positions of its true entries, as in NumPy."""
    if array.dtype == bool:
        if array.ndim == 0:
            raise TraceError("index.truth", where=context.here())
        positions: Sequence[Any] = np.nonzero(array)
    else:
        _check_whole(array.dtype)
        positions = [array]
    for position in positions:
        template.append(Array(len(arrays)))
        arrays.append(position)


def _read_node(part: Node, template: list[Any], arrays: list[Any]) -> None:
    if part.dtype == bool:
        if part.primitive is CONSTANT:
            return _read_array(part.value, template, arrays)
        for position in _positions(part):
            _read_array(position, template, arrays)
        return None
    _check_whole(part.dtype)
    template.append(Array(len(arrays)))
    arrays.append(part)
    return None


def _check_whole(dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iu":
        raise TraceError("index.float", where=context.here(), dtype=dtype)


def _positions(mask: Node) -> Sequence[np.ndarray[Any, Any]]:
    """Return where a traced mask is true: its values are needed, and become a guard."""
    running = context.tracing.get()
    if running is None:
        raise TraceError("trace.leaked", where=context.here())
    return np.nonzero(running.settle(mask))


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


@translate(
    np.take,
    samples=(
        Sample(((4, 3),), {"indices": [0, 2, 2], "axis": 0}),
        Sample(((4, 3),), {"indices": [[1, -1]], "axis": -1}),
        Sample(((4, 3),), {"indices": [5, 5, 0]}),
        Sample(((4, 3),), {"indices": 2, "axis": 0}),
    ),
)
def take(a: Any, indices: Any, axis: int | None = None) -> Node:
    """Return the entries at ``indices`` along an axis."""
    x = lift(a)
    if axis is None:
        x, axis = ravel(x), 0
    where_ = indices if isinstance(indices, Node | int) else np.asarray(indices)
    return x[(slice(None),) * normal_axis(axis, x.ndim) + (where_,)]


@translate(
    np.take_along_axis,
    samples=(
        Sample(((2, 3),), {"indices": np.array([[2, 0], [1, 1]]), "axis": 1}),
        Sample(((2, 3),), {"indices": np.array([5, 0, 5]), "axis": None}),
        Sample(((2, 3),), {"indices": np.array([[-1, 0, 1]]), "axis": 0}),
    ),
)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Node:
    """Return the entries at positions given for each line along an axis."""
    x, positions = lift(arr), lift(indices)
    if axis is None:
        return ravel(x)[positions]
    place = normal_axis(axis, x.ndim)
    parts: list[Any] = []
    for other in range(x.ndim):
        line = [1] * x.ndim
        line[other] = x.shape[other]
        parts.append(positions if other == place else np.arange(x.shape[other]).reshape(line))
    return x[tuple(parts)]


@translate(
    np.flip,
    samples=(Sample(((2, 3),)), Sample(((2, 3),), {"axis": 1}), Sample(((2, 3, 2),), {"axis": (0, -1)})),
)
def flip(m: Any, axis: Any = None) -> Node:
    """Reverse the order along axes."""
    x = lift(m)
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis)
    reversed_ = {normal_axis(int(place), x.ndim) for place in axes}
    return x[tuple(slice(None, None, -1 if place in reversed_ else 1) for place in range(x.ndim))]


@translate(np.fliplr, samples=(Sample(((2, 3),)),))
def fliplr(m: Any) -> Node:
    """Reverse the columns."""
    return flip(m, 1)


@translate(np.flipud, samples=(Sample(((2, 3),)),))
def flipud(m: Any) -> Node:
    """Reverse the rows."""
    return flip(m, 0)


@translate(
    np.roll,
    samples=(
        Sample(((2, 3),), {"shift": 2}),
        Sample(((2, 3),), {"shift": -1, "axis": 1}),
        Sample(((2, 3),), {"shift": (1, 2), "axis": (0, -1)}),
    ),
)
def roll(a: Any, shift: Any, axis: Any = None) -> Node:
    """Shift entries around, the last ones coming in first."""
    x = lift(a)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    for step, place in np.broadcast(shift, axis):
        length = x.shape[normal_axis(int(place), x.ndim)]
        x = take(x, np.roll(np.arange(length), int(step)), int(place))
    return x


@translate(
    np.repeat,
    samples=(
        Sample(((2, 3),), {"repeats": 2}),
        Sample(((2, 3),), {"repeats": 3, "axis": 1}),
        Sample(((3,),), {"repeats": [1, 0, 2], "axis": 0}),
    ),
)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Node:
    """Repeat each entry."""
    x = lift(a)
    if axis is None:
        x, axis = ravel(x), 0
    return take(x, np.repeat(np.arange(x.shape[normal_axis(axis, x.ndim)]), repeats), axis)


@translate(np.tile, samples=(Sample(((3,),), {"reps": 2}), Sample(((2, 3),), {"reps": (2, 1, 2)})))
def tile(A: Any, reps: Any) -> Node:
    """Repeat the whole array along its axes."""
    x = lift(A)
    counts = tuple(int(count) for count in np.atleast_1d(reps))
    rank = max(len(counts), x.ndim)
    counts, lengths = (1,) * (rank - len(counts)) + counts, (1,) * (rank - x.ndim) + x.shape
    split_ = reshape(x, tuple(n for length in lengths for n in (1, length)))
    pairs = tuple(n for pair in zip(counts, lengths, strict=True) for n in pair)
    tiled = tuple(count * length for count, length in zip(counts, lengths, strict=True))
    return reshape(broadcast_to(split_, pairs), tiled)


PADDINGS = ("constant", "edge", "reflect", "symmetric", "wrap")


@translate(
    np.pad,
    samples=(
        Sample(((3,),), {"pad_width": 2}),
        Sample(((2, 3),), {"pad_width": ((1, 0), (0, 2))}),
        Sample(((4,),), {"pad_width": 2, "mode": "reflect"}),
        Sample(((2, 3),), {"pad_width": 1, "mode": "edge"}),
        Sample(((3,),), {"pad_width": (1, 2), "mode": "wrap"}),
        Sample(((2, 3),), {"pad_width": 1, "constant_values": 7.0}),
    ),
)
def pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Node:
    """Put a border around: constant, or by a mode of NumPy that repeats entries (edge, reflect, wrap …)."""
    if mode not in PADDINGS:
        raise untraced("pad", f"mode={mode!r}; known: {', '.join(PADDINGS)}")
    x = lift(array)
    widths = np.broadcast_to(np.asarray(pad_width, np.intp), (x.ndim, 2))
    if mode == "constant":
        inside = tuple(
            Slice(int(before), int(before) + n, None) for (before, _), n in zip(widths, x.shape, strict=True)
        )
        full = tuple(int(sum(pair)) + n for pair, n in zip(widths, x.shape, strict=True))
        if np.ndim(constant_values) == 0 and not isinstance(constant_values, Node) and constant_values == 0:
            return apply("add_at", x, template=inside, shape=full)
        border = np.pad(np.zeros(x.shape, bool), widths, constant_values=True)
        fill = np.pad(np.zeros(x.shape, x.dtype), widths, constant_values=constant_values)
        return where(border, fill, apply("add_at", x, template=inside, shape=full))
    for axis, width in enumerate(widths):
        positions = np.pad(np.arange(x.shape[axis]), tuple(width), mode=mode)  # type: ignore[call-overload]
        x = take(x, positions, axis)
    return x
