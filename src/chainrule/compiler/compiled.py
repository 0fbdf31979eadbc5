"""`compile`: a function of NumPy arrays that runs as machine code, made from its graph."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any

import numpy as np

from chainrule.compiler.cache import machine_code
from chainrule.compiler.expand import Refusal
from chainrule.compiler.loops import Buffer
from chainrule.compiler.memory import LINE, OWN_SLOT
from chainrule.compiler.pipeline import Stages, stages
from chainrule.errors import ChainruleError
from chainrule.graph.graph import Graph
from chainrule.graph.trace import ArraySpec, function_name, is_array, trace_call
from chainrule.graph.tree import leaves, rebuild
from chainrule.rewrites import simplify
from chainrule.text import say

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]
SMALL = 4096  # operations of a call below which it is not worth letting other threads run


class InterpretedWarning(UserWarning):
    """A function could not be compiled, and runs by the interpreter: the same values, more slowly."""


class Workspace:
    """The memory of one running call: the block of all arrays, and the table of their addresses."""

    def __init__(self, made: Stages) -> None:
        self.block = np.zeros(made.bytes + LINE, np.uint8)
        start = -self.block.ctypes.data % LINE
        slots = max([buffer.slot for buffer in made.lowered.buffers], default=0) + 1
        self.table = np.zeros(slots, np.int64)
        self.table[0] = self.block.ctypes.data + start
        self.start = start
        self.address = self.table.ctypes.data
        for buffer in made.lowered.buffers:
            if buffer.role == "constant":
                self.view(buffer)[...] = buffer.value
        self.inputs = [None if b.slot else self.view(b) for b in made.lowered.inputs]
        self.outputs = [None if b.slot else self.view(b) for b in made.lowered.outputs]

    def view(self, buffer: Buffer) -> Array:
        """Return an array in the block, without the padding of its rows."""
        strides = [step * buffer.dtype.itemsize for step in buffer.strides]
        return np.ndarray(buffer.shape, buffer.dtype, self.block.data, self.start + buffer.offset, strides)


class Machine:
    """A graph as machine code; called with arrays of its inputs' shapes and dtypes, it returns its outputs.

    Several threads may call it at once: each call has memory of its own.
    """

    def __init__(self, graph: Graph) -> None:
        checked = os.environ.get("NUMBA_BOUNDSCHECK", "") not in ("", "0")
        self.stages = stages(graph, own_slots=(OWN_SLOT,), checked=checked)
        self.source = self.stages.source
        name = self.stages.lowered.name
        work = sum(node.size for node in self.stages.fused.graph.nodes)
        self.filename = f"<chainrule {name} {id(self):x}>"
        code = machine_code(self.source, name, self.filename)
        self._run = code.load(hold_gil=work < SMALL)
        self._free: list[Workspace] = []
        buffers = self.stages.lowered
        self._inputs = list(enumerate(zip(buffers.inputs, graph.inputs, strict=True)))
        self._outputs = list(enumerate(buffers.outputs))

    def run(self, values: Any) -> list[Any] | None:
        """Return the outputs in memory of their own; None if the function gave up: an index is outside."""
        try:
            space = self._free.pop()
        except IndexError:
            space = Workspace(self.stages)
        held = []
        for place, (buffer, _) in self._inputs:
            view = space.inputs[place]
            if view is not None:
                view[...] = values[place]
            else:
                array = np.ascontiguousarray(values[place], buffer.dtype)
                space.table[buffer.slot] = array.__array_interface__["data"][0]
                held.append(array)
        results: list[Any] = [None] * len(self._outputs)
        for place, buffer in self._outputs:
            if buffer.slot:
                results[place] = array = np.empty(buffer.shape, buffer.dtype)
                space.table[buffer.slot] = array.__array_interface__["data"][0]
        status = self._run(space.address, 0, 0)
        for place, view in enumerate(space.outputs):
            if view is not None:
                results[place] = view.copy() if view.ndim else view[()]
        self._free.append(space)
        return None if status < 0 else results


class Compiled:
    """What `compile` returns: call it like the function.

    Attributes
    ----------
    source
        The emitted source of the last call's shapes; an empty text before the first call.
    reason
        Why the last call's shapes run by the interpreter; None if they are compiled.
    """

    def __init__(self, function: Function) -> None:
        update_wrapper(self, function)
        self._function = function
        self._name = function_name(function)
        self._made: dict[Any, tuple[Graph, Machine | None, str | None]] = {}
        self._lock = Lock()
        self._last: tuple[Graph, Machine | None, str | None] | None = None

    def __repr__(self) -> str:
        state = "" if self._last is None else " (interpreted)" if self._last[1] is None else " (compiled)"
        return f"<Compiled {self._name}{state}>"

    @property
    def source(self) -> str:
        """The emitted source of the last call's shapes."""
        machine = None if self._last is None else self._last[1]
        return "" if machine is None else machine.source

    @property
    def stages(self) -> Stages | None:
        """All stages of the last call's shapes; None if there are none."""
        machine = None if self._last is None else self._last[1]
        return None if machine is None else machine.stages

    @property
    def reason(self) -> str | None:
        """Why the last call's shapes run by the interpreter."""
        return None if self._last is None else self._last[2]

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Compute the function's value."""
        key, values = _key_of(arguments, settings)
        entry = self._made.get(key)
        if entry is None:
            entry = self._compile(key, arguments, settings)
        self._last = entry
        graph, machine, _ = entry
        if machine is not None:
            results = machine.run(values)
            if results is not None:
                return graph.pack(results)
        return graph(*arguments)

    def _compile(self, key: Any, arguments: Any, settings: Any) -> tuple[Graph, Machine | None, str | None]:
        with self._lock:
            if key in self._made:
                return self._made[key]
            specs = rebuild(arguments, _spec)
            graph = trace_call(self._function, specs, settings).graph
            machine, reason = compiled_or_reason(simplify(graph))
            if reason is not None:
                warnings.warn(
                    say("compile.interpreted", name=self._name, reason=reason), InterpretedWarning, 4
                )
            entry = self._made[key] = (graph, machine, reason)
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


def _key_of(arguments: Any, settings: Any) -> tuple[Any, list[Any]]:
    """Return what a specialisation depends on, and the arrays."""
    key: list[Any] = []
    values: list[Any] = []
    for argument in arguments:
        if type(argument) is np.ndarray:
            key.append((argument.shape, argument.dtype))
            values.append(argument)
            continue
        for leaf in leaves((argument,)):
            if is_array(leaf.value):
                array = np.asarray(leaf.value)
                key.append((leaf.path, array.shape, array.dtype))
                values.append(array)
            else:
                key.append((leaf.path, _hashable(leaf.value)))
    key += [(name, _hashable(value)) for name, value in settings.items()]
    return tuple(key), values


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return type(value).__name__, id(value)
    return type(value).__name__, value


def compile(function: Function) -> Compiled:
    """Return a function as machine code, compiled when it is first called with new shapes.

    The function is traced into a graph, the graph is fused into few passes over memory, and emitted as one
    function that a person can read: ``.source``. The values are those of the interpreter up to rounding.

    Parameters
    ----------
    function
        Any function that `chainrule.trace` can trace on shapes alone: it may not branch on values. What
        ``cr.grad`` and its kin return is one, too.

    Returns
    -------
    Compiled
        Called with the function's arguments. What cannot be compiled runs by the interpreter, with an
        `InterpretedWarning`; nothing differs but speed.

    Raises
    ------
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
    return Compiled(function)
