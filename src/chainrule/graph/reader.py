"""From the text form back to a `Graph`, without executing anything: only calls of known primitives are read."""

from __future__ import annotations

import ast
import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, GraphError, nearest_hint
from chainrule.graph.graph import Graph, Guard
from chainrule.graph.node import Node, apply, constant, input_node
from chainrule.graph.primitive import PRIMITIVES, Array, Slice
from chainrule.graph.writer import DTYPES

MOST_CHARACTERS = 64_000_000
MOST_ENTRIES = 1 << 28
MOST_RANK = 32
TUPLES: dict[str, Callable[..., Any]] = {"Slice": Slice, "Array": Array}
NUMBERS = {"inf": math.inf, "nan": math.nan}


def read(text: str) -> Graph:
    """Return the graph of a text form.

    Parameters
    ----------
    text
        What `Graph.to_text` returned.

    Raises
    ------
    GraphError
        If the text is not a graph's text form; names the line.
    """
    if len(text) > MOST_CHARACTERS:
        raise GraphError("graph.text_size", most=MOST_CHARACTERS)
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise GraphError("graph.text", line=line, reason=getattr(error, "msg", None) or error) from None
    functions = [part for part in module.body if isinstance(part, ast.FunctionDef)]
    if len(functions) != 1 or len(module.body) > 2:
        raise GraphError("graph.text", line=1, reason="one function is expected")
    return _Reader().function(functions[0])


class _Reader:
    """Walks the statements of one function; `values` are the nodes named so far."""

    def __init__(self) -> None:
        self.values: dict[str, Node] = {}
        self.guards: list[Guard] = []

    def function(self, function: ast.FunctionDef) -> Graph:
        inputs = []
        for argument in function.args.args:
            inputs.append(self._input(argument))
            self.values[argument.arg] = inputs[-1]
        *statements, last = function.body
        for statement in statements:
            self._statement(statement)
        if not isinstance(last, ast.Return) or last.value is None:
            raise _fault(last, "the last line must return something")
        single = not isinstance(last.value, ast.Tuple)
        parts = [last.value] if not isinstance(last.value, ast.Tuple) else last.value.elts
        outputs = [self._operand(part) for part in parts]
        return Graph(inputs, outputs, guards=self.guards, name=function.name, single=single)

    def _input(self, argument: ast.arg) -> Node:
        match argument.annotation:
            case ast.Subscript(value=ast.Name(id=dtype), slice=lengths) if dtype in DTYPES:
                shape = self._plain(lengths)
                return input_node(
                    _shape(argument, shape if isinstance(shape, tuple) else (shape,)), dtype, argument.arg
                )
        raise _fault(argument, "an argument is written name: dtype[shape]")

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                self.values[name] = self._call(call)
            case ast.Expr(
                value=ast.Call(func=ast.Name(id="guard"), args=[value, ast.Constant(value=bool(truth))])
            ):
                self.guards.append(Guard(self._operand(value), truth))
            case _:
                raise _fault(statement, "a line is name = primitive(…) or guard(…)")

    def _call(self, call: ast.Call) -> Node:
        if not isinstance(call.func, ast.Name):
            raise _fault(call, "only primitives can be called")
        name = call.func.id
        if name == "constant":
            return self._constant(call)
        if name not in PRIMITIVES:
            raise _fault(call, f"{name}: {nearest_hint(name, PRIMITIVES)}")
        operands = [self._operand(argument) for argument in call.args]
        settings = {keyword.arg or "": self._plain(keyword.value) for keyword in call.keywords}
        try:
            return apply(name, *operands, **settings)
        except ChainruleError as error:
            raise _fault(call, str(error)) from None
        except Exception as error:
            raise _fault(call, f"{name}: {type(error).__name__}: {error}") from None

    def _operand(self, part: ast.expr) -> Node:
        if isinstance(part, ast.Name) and part.id in self.values:
            return self.values[part.id]
        value = self._plain(part)
        if isinstance(value, bool | int | float):
            return constant(value)
        raise _fault(part, "an operand is a name from a line above, or a number")

    def _constant(self, call: ast.Call) -> Node:
        arguments = [self._plain(argument) for argument in call.args]
        match arguments:
            case [str(dtype), tuple(shape), entries] if dtype in DTYPES:
                return constant(_entries(call, dtype, _shape(call, shape), entries))
        raise _fault(call, "a constant is constant(dtype, shape, entries)")

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
            case ast.Tuple(elts=parts):
                return tuple(self._plain(entry) for entry in parts)
            case ast.List(elts=parts):
                return [self._plain(entry) for entry in parts]
            case ast.Call(func=ast.Name(id=name), args=[], keywords=fields) if name in TUPLES:
                values = {field.arg or "": self._plain(field.value) for field in fields}
                try:
                    return TUPLES[name](**values)
                except TypeError as error:
                    raise _fault(part, str(error)) from None
        raise _fault(part, "only literals are allowed here")


def _fault(place: ast.AST, reason: str) -> GraphError:
    return GraphError("graph.text", line=getattr(place, "lineno", 1), reason=reason)


def _shape(place: ast.AST, shape: tuple[Any, ...]) -> tuple[int, ...]:
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
    if not whole or len(shape) > MOST_RANK or math.prod(shape) > MOST_ENTRIES:
        raise _fault(place, f"{shape} is no possible shape")
    return shape


def _entries(place: ast.AST, dtype: str, shape: tuple[int, ...], entries: Any) -> np.ndarray[Any, Any]:
    if entries is Ellipsis:
        raise GraphError("graph.elided")
    try:
        if isinstance(entries, str):
            content = base64.b64decode(entries, validate=True)
            return np.frombuffer(content, dtype=dtype).reshape(shape)
        return np.array(entries, dtype=dtype).reshape(shape)
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise _fault(place, str(error)) from None
