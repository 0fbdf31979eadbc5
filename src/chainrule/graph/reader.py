"""From the text form back to a `Graph`, without executing anything: only calls of known primitives are read.

Line by line, so that the memory needed is that of the graph, and not that of a syntax tree of all of it.
"""

from __future__ import annotations

import ast
import base64
import binascii
import copyreg
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, GraphError, nearest_hint
from chainrule.graph import context
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import Node, apply, constant, input_node
from chainrule.graph.primitive import PRIMITIVES, Array, Slice
from chainrule.graph.writer import DTYPES, HEADER
from chainrule.text import say

MOST_CHARACTERS = 64_000_000
MOST_IN_A_LINE = 1_000_000  # but for the bytes of a constant
MOST_ENTRIES = 1 << 28
MOST_RANK = 32
TUPLES: dict[str, Callable[..., Any]] = {"Slice": Slice, "Array": Array}
NUMBERS = {"inf": math.inf, "nan": math.nan}
BYTES = re.compile(r"\s*(\w+) = constant\('(\w+)', \(((?:\d+, ?)*\d*)\), '([A-Za-z0-9+/=]*)'\)\s*(?:#.*)?")


def read_graph(text: str) -> Graph:
    """Return the graph of a text form.

    Parameters
    ----------
    text
        What `Graph.to_text` returned.

    Raises
    ------
    GraphError
        If the text is not a graph's text form; names the line.

    Examples
    --------
    >>> import chainrule as cr
    >>> graph = cr.trace(lambda x: x * x, 3.0)
    >>> cr.read_graph(graph.to_text()) == graph
    True
    """
    if len(text) > MOST_CHARACTERS:
        raise GraphError("graph.text_size", most=MOST_CHARACTERS)
    return _read(text)


def _read(text: str) -> Graph:
    reader = _Reader()
    with context.on_behalf() as on_behalf_of:
        on_behalf_of(constant(0))  # nodes that are read come from no line of the user's code
        for line in text.splitlines():
            reader.read(line)
    return reader.graph()


class _Reader:
    """Reads the lines of one function; `values` are the nodes named so far."""

    def __init__(self) -> None:
        self.line = 0
        self.name = ""
        self.inputs: list[Node] | None = None
        self.values: dict[str, Node] = {}
        self.guards: list[Guard] = []
        self.outputs: list[Node] | None = None
        self.single = True

    def graph(self) -> Graph:
        """Return the graph that was read."""
        if self.inputs is None or self.outputs is None:
            raise self._fault("read.ending")
        return Graph(
            self.inputs,
            self.outputs,
            guards=self.guards,
            name=self.name,
            single=self.single,
            names={node: name for name, node in self.values.items()},
        )

    def read(self, line: str) -> None:
        """Read one more line."""
        self.line += 1
        if not line.strip() or line.lstrip().startswith("#") or (self.inputs is None and line == HEADER):
            return
        if self.outputs is not None:
            raise self._fault("read.ending")
        try:
            if self.inputs is None:
                self._header(line)
            else:
                self._body(line)
        except (RecursionError, MemoryError):
            raise self._fault("read.depth") from None

    def _fault(self, key: str, **values: Any) -> GraphError:
        return GraphError("graph.text", line=self.line, reason=say(key, **values))

    def _parsed(self, line: str) -> ast.stmt:
        if len(line) > MOST_IN_A_LINE:
            raise self._fault("read.length", most=MOST_IN_A_LINE)
        try:
            (statement,) = ast.parse(line).body
        except SyntaxError as error:
            raise self._fault("read.syntax", reason=error.msg) from None
        except ValueError as error:  # a null character, a number of 5,000 digits, two statements
            raise self._fault("read.syntax", reason=error) from None
        return statement

    def _header(self, line: str) -> None:
        match self._parsed(f"{line} pass" if line.startswith("def ") else "pass"):
            case ast.FunctionDef(name=name, args=ast.arguments(args=arguments)):
                self.name = name
                self.inputs = [self._input(argument) for argument in arguments]
            case _:
                raise self._fault("read.header")

    def _input(self, argument: ast.arg) -> Node:
        match argument.annotation:
            case ast.Subscript(value=ast.Name(id=dtype), slice=lengths) if dtype in DTYPES:
                shape = self._plain(lengths)
                shape = self._shape(shape if isinstance(shape, tuple) else (shape,))
                self.values[argument.arg] = input_node(shape, dtype, argument.arg)
                return self.values[argument.arg]
        raise self._fault("read.argument")

    def _body(self, line: str) -> None:
        content = BYTES.fullmatch(line)
        if content is not None and content[2] in DTYPES:
            shape = tuple([int(n) for n in content[3].split(",") if n.strip()])
            self.values[content[1]] = self._array(content[2], shape, content[4])
            return
        match self._parsed(line.strip()):
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=function)) as call):
                self.values[name] = self._call(function, call)
            case ast.Expr(
                value=ast.Call(func=ast.Name(id="guard"), args=[value, ast.Constant(value=bool(truth))])
            ):
                self.guards.append(Guard(self._operand(value), truth))
            case ast.Return(value=ast.Tuple(elts=parts)):
                self.single, self.outputs = False, [self._operand(part) for part in parts]
            case ast.Return(value=ast.expr() as part):
                self.outputs = [self._operand(part)]
            case _:
                raise self._fault("read.line")

    def _call(self, name: str, call: ast.Call) -> Node:
        if name == "constant":
            return self._constant(call)
        if name not in PRIMITIVES:
            raise self._fault("read.primitive", name=name, hint=nearest_hint(name, PRIMITIVES))
        operands = [self._operand(argument) for argument in call.args]
        settings = {keyword.arg or "": self._plain(keyword.value) for keyword in call.keywords}
        try:
            return apply(name, *operands, **settings)
        except ChainruleError as error:
            reason = error.values.get("reason", error)
        except Exception as error:  # settings may be anything, and so may what rules make of them
            reason = error
        raise self._fault("read.call", name=name, reason=reason)

    def _operand(self, part: ast.expr) -> Node:
        if isinstance(part, ast.Name) and part.id in self.values:
            return self.values[part.id]
        value = self._plain(part)
        if isinstance(value, bool | int | float):
            return constant(value)
        raise self._fault("read.operand")

    def _constant(self, call: ast.Call) -> Node:
        match [self._plain(argument) for argument in call.args]:
            case [str(dtype), tuple(shape), entries] if dtype in DTYPES:
                return self._array(dtype, shape, entries)
        raise self._fault("read.constant")

    def _plain(self, part: ast.expr) -> Any:
        """Return a literal: numbers, words, tuples, lists, None, and named tuples of index templates."""
        match part:
            case ast.Constant(value=value) if not isinstance(value, bytes | complex):
                return value
            case ast.Name(id=name) if name in NUMBERS:
                return NUMBERS[name]
            case ast.Name(id="Ellipsis"):
                return Ellipsis
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self._plain(operand)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return -value
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return tuple([self._plain(entry) for entry in parts])
            case ast.Call(func=ast.Name(id=name), args=[], keywords=fields) if name in TUPLES:
                return self._template_part(name, fields)
        raise self._fault("read.literal")

    def _template_part(self, name: str, fields: list[ast.keyword]) -> Any:
        try:
            return TUPLES[name](**{field.arg or "": self._plain(field.value) for field in fields})
        except TypeError as error:
            raise self._fault("read.call", name=name, reason=error) from None

    def _shape(self, shape: tuple[Any, ...]) -> tuple[int, ...]:
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
        if not whole or len(shape) > MOST_RANK or math.prod(shape) > MOST_ENTRIES:
            raise self._fault("read.shape", shape=shape)
        return shape

    def _array(self, dtype: str, shape: tuple[Any, ...], entries: Any) -> Node:
        if entries is Ellipsis:
            raise GraphError("graph.elided")
        whole = self._shape(shape)
        try:
            if isinstance(entries, str):
                content = base64.b64decode(entries, validate=True)
                return constant(np.frombuffer(content, dtype=dtype).reshape(whole))
            return constant(np.array(entries, dtype=dtype).reshape(whole))
        except (ValueError, TypeError, OverflowError, binascii.Error) as error:
            raise self._fault("read.call", name="constant", reason=error) from None


def _unpickled(text: str, flatten: Any, restore: Any) -> Graph:
    graph = _read(text)
    graph.flatten, graph.restore = flatten, restore
    return graph


def _pickled(graph: Graph) -> tuple[Any, ...]:
    return _unpickled, (graph.to_text(), graph.flatten, graph.restore)


copyreg.pickle(Graph, _pickled)
