"""`compile`: a function of NumPy arrays that runs as machine code, made from its graph."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import update_wrapper
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

import chainrule.primitives  # noqa: F401 - a function that is traced finds its operations in the registry
from chainrule.compiler.block import Block
from chainrule.compiler.cache import machine_code
from chainrule.compiler.captured import Captured
from chainrule.compiler.expand import Refusal
from chainrule.compiler.loops import Buffer
from chainrule.compiler.memory import OWN_SLOT
from chainrule.compiler.pipeline import Stages, is_checked, stages
from chainrule.errors import ChainruleError, SettingError
from chainrule.graph import context
from chainrule.graph.dispatch import check_plain
from chainrule.graph.graph import Graph
from chainrule.graph.node import CONSTANT, NUMBERS, Node
from chainrule.graph.trace import ArraySpec, function_name, is_array, trace_call
from chainrule.graph.tree import rebuild
from chainrule.rewrites import simplify
from chainrule.text import say

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]
SMALL = 4096  # operations of a call below which it is not worth letting other threads run


class InterpretedWarning(UserWarning):
    """A function could not be compiled, and runs by the interpreter: the same values, more slowly.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> import chainrule as cr
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", cr.InterpretedWarning)
    ...     cr.compile(np.sort)(np.array([2.0, 1.0]))
    array([1., 2.])
    """


class _Space:
    """The memory of one running call, and where small inputs and outputs lie in it, by their place."""

    def __init__(self, made: Stages, outputs: Sequence[tuple[int, Buffer]]) -> None:
        block = Block(made.bytes, made.lowered.buffers)
        self.table, self.address = block.table, block.address
        self.inputs = [(place, block.view(b)) for place, b in enumerate(made.lowered.inputs) if not b.slot]
        self.outputs = [(place, block.view(buffer)) for place, buffer in outputs]
        self._block = block


class Machine:
    """A graph as machine code; called with arrays of its inputs' shapes and dtypes, it returns its outputs.

    Several threads may call it at once: each call has memory of its own.
    """

    def __init__(self, graph: Graph) -> None:
        self.stages = stages(graph, own_slots=(OWN_SLOT,), checked=is_checked())
        self.source = self.stages.source
        name = self.stages.lowered.name
        self.filename = f"<chainrule {name} {id(self):x}>"
        code = machine_code(self.source, name, self.filename)
        work = sum(_work(node) for node in self.stages.fused.graph.nodes)
        self._run = code.load(hold_gil=work < SMALL)
        self._free: list[_Space] = []
        self._large = [(p, b) for p, b in enumerate(self.stages.lowered.inputs) if b.slot]
        self._arrange(graph)

    def _arrange(self, graph: Graph) -> None:
        """Sort the outputs by where their values come from."""
        buffers = self.stages.lowered.outputs
        inputs = {node: place for place, node in enumerate(graph.inputs)}
        first: dict[Buffer, int] = {}
        self._count = len(buffers)
        self._small: list[tuple[int, Buffer]] = []
        self._slots: list[tuple[int, Buffer]] = []
        self._passed: list[tuple[int, int]] = []
        self._again: list[tuple[int, int]] = []
        self._fixed: list[tuple[int, Any]] = []
        for place, (node, buffer) in enumerate(zip(graph.outputs, buffers, strict=True)):
            if node.primitive is CONSTANT:
                self._fixed.append((place, node.value))
            elif node in inputs:
                self._passed.append((place, inputs[node]))
            elif buffer in first:
                self._again.append((place, first[buffer]))
            else:
                first[buffer] = place
                (self._slots if buffer.slot else self._small).append((place, buffer))
        self._lent = bool(self._large or self._slots)
        self._more = bool(self._passed or self._again or self._fixed)

    def run(self, values: Sequence[Any]) -> list[Any] | None:
        """Return the outputs in memory of their own; None if the function gave up: an index is outside."""
        try:
            space = self._free.pop()
        except IndexError:
            space = _Space(self.stages, self._small)
        for place, view in space.inputs:
            view[...] = values[place]
        results: list[Any] = [None] * self._count
        held = self._lend(space.table, values, results) if self._lent else None
        status = self._run(space.address, 0, 0)
        del held
        for place, view in space.outputs:
            results[place] = view.copy() if view.ndim else view[()]
        self._free.append(space)
        if self._more:
            self._add(values, results)
        return None if status < 0 else results

    def _lend(self, table: Array, values: Sequence[Any], results: list[Any]) -> list[Array]:
        """Enter the addresses of large inputs and outputs; return the inputs, which must live meanwhile."""
        held = [np.ascontiguousarray(values[place], buffer.dtype) for place, buffer in self._large]
        for array, (_, buffer) in zip(held, self._large, strict=True):
            table[buffer.slot] = array.ctypes.data
        for place, buffer in self._slots:
            results[place] = array = np.empty(buffer.shape, buffer.dtype)
            table[buffer.slot] = array.ctypes.data
        return held

    def _add(self, values: Sequence[Any], results: list[Any]) -> None:
        """Enter the results that need not be computed, or not again."""
        for place, source in self._passed:
            results[place] = _copy(values[source])
        for place, source in self._again:
            results[place] = _copy(results[source])
        for place, value in self._fixed:
            results[place] = value if type(value) in NUMBERS else _copy(value)


def _copy(value: Any) -> Any:
    return np.array(value)[()] if np.ndim(value) == 0 else np.array(value)


def _work(node: Node) -> int:
    """Return about how many operations a node is."""
    if node.primitive.name in ("matmul", "einsum"):
        return math.prod([max(source.size, 1) for source in node.inputs])  # an upper bound will do
    return max([node.size, *[source.size for source in node.inputs]])


class Entry(NamedTuple):
    """What a function has become for arguments of certain shapes and dtypes.

    ``kept`` are objects by whose identity the entry is found: they must not make room for others.
    """

    graph: Graph
    machine: Machine | None
    reason: str | None
    bare: bool
    kept: Any


class Compiled:
    """What `compile` returns: call it like the function.

    Attributes
    ----------
    source
        The emitted source of the last call's shapes; an empty text before the first call.
    stages
        All stages of the last call's shapes.
    reason
        Why the last call's shapes run by the interpreter; None if they are compiled.

    Examples
    --------
    >>> import chainrule as cr
    >>> square = cr.compile(lambda x: x * x)
    >>> isinstance(square, cr.Compiled), square(3.0), square.reason
    (True, np.float64(9.0), None)
    """

    def __init__(self, function: Function) -> None:
        update_wrapper(self, function)
        self._function = function
        self._name = function_name(function)
        self._captured: Captured | None = None  # it is looked at when the function is first called
        self._made: dict[Any, Entry] = {}
        self._lock = Lock()
        self._last: Entry | None = None

    def __repr__(self) -> str:
        state = (
            "" if self._last is None else " (interpreted)" if self._last.machine is None else " (compiled)"
        )
        return f"<Compiled {self._name}{state}>"

    @property
    def source(self) -> str:
        """The emitted source of the last call's shapes."""
        machine = None if self._last is None else self._last.machine
        return "" if machine is None else machine.source

    @property
    def stages(self) -> Stages | None:
        """All stages of the last call's shapes; None if there are none."""
        machine = None if self._last is None else self._last.machine
        return None if machine is None else machine.stages

    @property
    def reason(self) -> str | None:
        """Why the last call's shapes run by the interpreter."""
        return None if self._last is None else self._last.reason

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Compute the function's value."""
        if context.tracing.get() is not None:
            return self._function(*arguments, **settings)  # it becomes part of the graph that is traced
        values: list[Any] = []
        key: Any = tuple([_form(argument, values) for argument in arguments])
        if settings:
            key = key, tuple([(name, _content(value)) for name, value in settings.items()])
        if self._captured is None:
            self._captured = Captured(self._function)
        captured = None
        if self._captured:
            around, captured = self._captured.present()
            key = key, around
        entry = self._made.get(key)
        if entry is None:
            entry = self._compile(key, arguments, settings, captured)
        self._last = entry
        if entry.machine is not None:
            results = entry.machine.run(values)
            if results is not None:
                return results[0] if entry.bare else entry.graph.pack(results)
        return entry.graph(*arguments)

    def _compile(self, key: Any, arguments: Any, settings: Any, captured: Any) -> Entry:
        with self._lock:
            if key in self._made:
                return self._made[key]
            specs = rebuild(arguments, _spec)
            graph = trace_call(self._function, specs, settings).graph
            machine, reason = compiled_or_reason(simplify(graph))
            if reason is not None:
                warnings.warn(
                    say("compile.interpreted", name=self._name, reason=reason), InterpretedWarning, 3
                )
            entry = self._made[key] = Entry(graph, machine, reason, graph.single, (specs, settings, captured))
            return entry


def compiled_or_reason(graph: Graph) -> tuple[Machine | None, str | None]:
    """Return the machine code of a graph, or why there is none."""
    try:
        return Machine(graph), None
    except Refusal as refusal:
        return None, say(refusal.reason, **refusal.values)
    except ChainruleError as error:
        return None, str(error)


def _spec(value: Any) -> Any:
    if not is_array(value) or isinstance(value, ArraySpec):
        return value
    array = np.asarray(value)
    return ArraySpec(array.shape, array.dtype)


def _form(value: Any, values: list[Any]) -> Any:
    """Return what a graph depends on in an argument; append the arrays in it to ``values``."""
    if type(value) is np.ndarray and value.dtype.kind in "biuf":
        values.append(value)
        return value.shape, value.dtype
    if isinstance(value, dict):
        return type(value), tuple([(key, _form(entry, values)) for key, entry in value.items()])
    if isinstance(value, list | tuple):
        return type(value), tuple([_form(entry, values) for entry in value])
    if is_array(value):
        check_plain(value)
        array = np.asarray(value)
        values.append(array)
        return array.shape, array.dtype
    return _content(value)


def _content(value: Any) -> Any:
    """Return what stands for a value that a graph is traced with: its content, or the object that it is."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return type(value), tuple([(key, _content(entry)) for key, entry in value.items()])
    if isinstance(value, list | tuple):
        return type(value), tuple([_content(entry) for entry in value])
    if isinstance(value, float):
        return type(value), repr(value)  # 0.0 == −0.0, and NaN is not itself
    try:
        hash(value)
    except TypeError:
        return type(value), id(value)
    return type(value), value


def compile(function: Function) -> Compiled:  # noqa: A001 - as `trace`, it is called `cr.compile`
    """Return a function as machine code, compiled when it is first called with new shapes.

    The function is traced into a graph, the graph is fused into few passes over memory, and emitted as one
    function that a person can read: ``.source``. The values are those of the interpreter up to rounding.

    Parameters
    ----------
    function
        Any function that `chainrule.trace` can trace on shapes alone: it may not branch on values. What
        ``cr.grad`` and its kin return is one, too.
        As in `chainrule.trace`, plain numbers given as arguments count as arrays of float64 or int64. What
        the function takes from around it becomes part of the code; where such a name is bound anew, or an
        entry of such a list, it is compiled anew. What changes inside an array or an object's attributes,
        and random numbers drawn in the function, are those of the first call: give them as arguments.

    Returns
    -------
    Compiled
        Called with the function's arguments. What cannot be compiled runs by the interpreter, with an
        `InterpretedWarning`; nothing differs but speed.

    Raises
    ------
    SettingError
        If it is no function.
    TraceError
        When called: if the function cannot be traced, or branches on values.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> fast = cr.compile(lambda x: np.sum(x**2))
    >>> fast(np.array([1.0, 2.0]))
    np.float64(5.0)
    >>> "multiply" in fast.source or "* " in fast.source
    True
    """
    if not callable(function):
        raise SettingError("compile.no_function", given=repr(function))
    return Compiled(function)
