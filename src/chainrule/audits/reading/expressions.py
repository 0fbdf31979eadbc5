"""Expressions of a script: each kind of Python's syntax tree, and what it comes to."""

# ruff: noqa: ARG002 - all entries of a table are called alike

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from chainrule.audits.reading import arrays
from chainrule.audits.reading.history import History, source_of
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.library import FUNCTIONS
from chainrule.audits.reading.randoms import Randomness
from chainrule.audits.reading.values import Array, Foreign, Library, Scalar, Scope, shadow

BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
SEQUENCES = (str, bytes, list, tuple, set, frozenset, dict, range)
DUNDERS = {"add", "sub", "mul", "truediv", "matmul", "pow", "mod", "floordiv"}


class Expressions:
    """Evaluates expressions; functions and statements are the business of the classes that build on it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.history = History()
        self.randomness = Randomness()
        self.root = Scope({}, name="")

    # What the classes above supply.

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
        """Return what a function returns."""
        raise NotImplementedError

    def attribute(self, owner: Any, name: str) -> Any:
        """Return an attribute."""
        raise NotImplementedError

    def function(self, node: ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Any:
        """Return the function that a definition makes."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Any, scope: Scope, *, hidden: bool = False) -> None:
        """Give a value to a target."""
        raise NotImplementedError

    def items(self, value: Any) -> Iterator[Any]:
        """Go through a value as a loop does."""
        raise NotImplementedError

    def lookup(self, name: str, scope: Scope) -> Any:
        """Return the value of a variable."""
        raise NotImplementedError

    def special(self, owner: Any, name: str) -> Any:
        """Return the method of a script's own object that stands for an operator; None if it has none."""
        raise NotImplementedError

    # Expressions.

    def evaluate(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of an expression."""
        self.ledger.limits.step()
        method = self.EXPRESSIONS.get(type(node))
        if method is None:
            raise self.ledger.refusal("reading.syntax", line=node.lineno, what=type(node).__name__)
        return method(self, node, scope)

    def _constant(self, node: ast.Constant, scope: Scope) -> Any:
        if isinstance(node.value, complex):
            raise self.ledger.refusal("reading.kind", kind="complex")
        return node.value

    def _name(self, node: ast.Name, scope: Scope) -> Any:
        value = self.lookup(node.id, scope)
        self.ledger.reads.append(source_of(value))
        return value

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        value = self.attribute(self.evaluate(node.value, scope), node.attr)
        self.ledger.reads.append(source_of(value))
        return value

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        value = self.entry(self.evaluate(node.value, scope), self.index(node.slice, scope))
        self.ledger.reads.append(source_of(value))
        return value

    def index(self, node: ast.expr, scope: Scope) -> Any:
        """Return the value of what stands in brackets."""
        return self.evaluate(node, scope)

    def _slice(self, node: ast.Slice, scope: Scope) -> slice:
        ends = [part and self.evaluate(part, scope) for part in (node.lower, node.upper, node.step)]
        return slice(*ends)

    def entry(self, owner: Any, index: Any) -> Any:
        """Return ``owner[index]``."""
        if isinstance(owner, Array):
            return arrays.entry(self.ledger, owner, index)
        if isinstance(owner, Foreign):
            return Foreign(owner.name, owner.line)
        if isinstance(owner, Library):
            if owner.path in ("numpy.s_", "numpy.index_exp"):
                return index
            if owner.path in ("numpy.c_", "numpy.r_"):
                name = "column_stack" if owner.path.endswith("c_") else "hstack"
                parts = list(index) if isinstance(index, tuple) else [index]
                return FUNCTIONS[f"numpy.{name}"](self.ledger, [parts], {})
            return self.unknown(f"{owner.path}[…]")
        if isinstance(owner, Scalar):
            return self.ledger.wrapped(owner.value[index], owner.node)
        method = self.special(owner, "__getitem__")
        if method is not None:
            return self.call(method, [index], {}, self.root)
        if not isinstance(owner, SEQUENCES):
            raise TypeError(f"'{type(owner).__name__}' object is not subscriptable")
        return owner[self.key(index)]  # type: ignore[index]

    def key(self, index: Any) -> Any:
        """Return an index of a list, or a key of a dict, as a plain value."""
        if isinstance(index, slice):
            return slice(*[self.ledger.plain(end) for end in (index.start, index.stop, index.step)])
        if isinstance(index, tuple):
            return tuple(map(self.key, index))
        plain = self.ledger.plain(index)
        return plain.item() if isinstance(plain, np.ndarray) and plain.size == 1 else plain

    def _binary(self, node: ast.BinOp, scope: Scope) -> Any:
        left = self.evaluate(node.left, scope)
        return self.combine(BINARY[type(node.op)], left, self.evaluate(node.right, scope))

    def combine(self, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
        """Return an operator applied to two values."""
        ledger = self.ledger
        if isinstance(left, Foreign) or isinstance(right, Foreign):
            return self.swallowed(left, right)
        if isinstance(left, SEQUENCES) or isinstance(right, SEQUENCES):
            return self._sequences(function, left, right)
        for owner, other, prefix in ((left, right, ""), (right, left, "r")):
            method = self.special(owner, f"__{prefix}{function.__name__.strip('_')}__")
            if method is not None:
                return self.call(method, [other], {}, self.root)
        return ledger.apply(function, left, right)

    def _sequences(self, function: Any, left: Any, right: Any) -> Any:
        if isinstance(left, Array) or isinstance(right, Array) or isinstance(shadow(left), np.generic):
            return self.ledger.apply(function, left, right)
        if isinstance(left, str) and function is operator.mod:
            self.ledger.limits.whole(function, left, right)
            return left % shadow(right)
        both = [
            value if isinstance(value, SEQUENCES) else self.ledger.plain(value) for value in (left, right)
        ]
        self.ledger.limits.whole(function, *both)
        if function is operator.add and all(isinstance(value, str | list | tuple) for value in both):
            self.ledger.limits.length(len(both[0]) + len(both[1]))
        return function(*both)

    def swallowed(self, *values: Any) -> Foreign:
        """Return what an operation with something foreign comes to; refuse it where numbers take part."""
        foreign = next(value for value in values if isinstance(value, Foreign))
        if any(self.ledger.traced(value) for value in values):
            raise self.ledger.refusal("reading.foreign", name=foreign.name, origin=foreign.line)
        return Foreign(foreign.name, foreign.line)

    def unknown(self, name: str) -> Foreign:
        """Return something that is not read further."""
        return Foreign(name, self.ledger.line)

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Any:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            return not self.ledger.truth(value)
        if isinstance(value, Foreign):
            return value
        method = self.special(value, f"__{UNARY[type(node.op)].__name__}__")
        if method is not None:
            return self.call(method, [], {}, self.root)
        return self.ledger.apply(UNARY[type(node.op)], value)

    def _logical(self, node: ast.BoolOp, scope: Scope) -> Any:
        stop = isinstance(node.op, ast.Or)
        value: Any = None
        for part in node.values:
            value = self.evaluate(part, scope)
            if part is not node.values[-1] and self.ledger.truth(value) is stop:
                return value
        return value

    def _compare(self, node: ast.Compare, scope: Scope) -> Any:
        left = self.evaluate(node.left, scope)
        result: Any = True
        for operation, part in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(part, scope)
            result = self._comparison(operation, left, right)
            if part is not node.comparators[-1] and not self.ledger.truth(result):
                return result
            left = right
        return result

    def _comparison(self, operation: ast.cmpop, left: Any, right: Any) -> Any:
        if isinstance(operation, ast.Is | ast.IsNot):
            same = left is right or (isinstance(shadow(left), bool) and shadow(left) is shadow(right))
            return same is isinstance(operation, ast.Is)
        if isinstance(left, Foreign) or isinstance(right, Foreign):
            return self.swallowed(left, right)
        if isinstance(operation, ast.In | ast.NotIn):
            plain = right if isinstance(right, str | dict | set) else self.ledger.plain(right)
            return (self.key(left) in plain) is isinstance(operation, ast.In)
        function = COMPARISONS[type(operation)]
        if left is None or right is None:
            return (left is right) is isinstance(operation, ast.Eq)
        words = isinstance(left, SEQUENCES) or isinstance(right, SEQUENCES)
        if words and not isinstance(left, Array) and not isinstance(right, Array):
            return function(shadow(left), shadow(right))
        return self.ledger.apply(function, left, right)

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Any:
        chosen = node.body if self.ledger.truth(self.evaluate(node.test, scope)) else node.orelse
        return self.evaluate(chosen, scope)

    def _list(self, node: ast.List, scope: Scope) -> list[Any]:
        return self._several(node.elts, scope)

    def _tuple(self, node: ast.Tuple, scope: Scope) -> tuple[Any, ...]:
        return tuple(self._several(node.elts, scope))

    def _set(self, node: ast.Set, scope: Scope) -> set[Any]:
        return {self.key(value) for value in self._several(node.elts, scope)}

    def _several(self, nodes: list[ast.expr], scope: Scope) -> list[Any]:
        values: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values.extend(self.items(self.evaluate(node.value, scope)))
            else:
                values.append(self.evaluate(node, scope))
        return values

    def _dict(self, node: ast.Dict, scope: Scope) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key, part in zip(node.keys, node.values, strict=True):
            value = self.evaluate(part, scope)
            if key is None:
                result.update(value)
            else:
                result[self.key(self.evaluate(key, scope))] = value
        return result

    # Comprehensions.

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope
    ) -> list[Any] | set[Any]:
        inner = Scope({}, outer=scope, name=scope.name, owner=scope.owner, caller=scope)
        values = [self.evaluate(node.elt, inner) for _ in self._rounds(node.generators, inner)]
        return {self.key(value) for value in values} if isinstance(node, ast.SetComp) else values

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> dict[Any, Any]:
        inner = Scope({}, outer=scope, name=scope.name, owner=scope.owner, caller=scope)
        return {
            self.key(self.evaluate(node.key, inner)): self.evaluate(node.value, inner)
            for _ in self._rounds(node.generators, inner)
        }

    def _rounds(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[None]:
        if not generators:
            yield
            return
        first, *others = generators
        for item in self.items(self.evaluate(first.iter, scope)):
            self.ledger.limits.step()
            self.assign(first.target, item, scope, hidden=True)
            if all(self.ledger.truth(self.evaluate(test, scope)) for test in first.ifs):
                yield from self._rounds(others, scope)

    # Calls, functions, words.

    def _call(self, node: ast.Call, scope: Scope) -> Any:
        function = self.evaluate(node.func, scope)
        args = self.arguments(node, function, scope)
        kwargs: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.argument(keyword.value, function, scope, keyword.arg or "")
            if keyword.arg is None:
                kwargs.update(value if isinstance(value, dict) else {})
            else:
                kwargs[keyword.arg] = value
        if isinstance(function, Library) and function.path == "builtins.super" and not args:
            args = [scope]
        return self.call(function, args, kwargs, scope)

    def arguments(self, node: ast.Call, function: Any, scope: Scope) -> list[Any]:
        """Return the positional arguments of a call."""
        values: list[Any] = []
        for part in node.args:
            if isinstance(part, ast.Starred):
                values.extend(self.items(self.evaluate(part.value, scope)))
            else:
                values.append(self.argument(part, function, scope))
        return values

    def argument(self, node: ast.expr, function: Any, scope: Scope, name: str = "") -> Any:
        """Return one argument of a call."""
        return self.evaluate(node, scope)

    def _lambda(self, node: ast.Lambda, scope: Scope) -> Any:
        return self.function(node, scope)

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Any:
        value = self.evaluate(node.value, scope)
        self.assign(node.target, value, scope)
        return value

    def _words(self, node: ast.JoinedStr, scope: Scope) -> str:
        return "".join([str(self.evaluate(part, scope)) for part in node.values])

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> str:
        value = self.evaluate(node.value, scope)
        if isinstance(value, Foreign):
            return ""
        form = self.evaluate(node.format_spec, scope) if node.format_spec else ""
        self.ledger.limits.form(form)
        plain = shadow(value)
        if isinstance(plain, np.ndarray) or not isinstance(plain, int | float | str | np.generic):
            return "" if form else f"{plain}"[:200]
        return format(plain, form)

    def _yield(self, node: ast.Yield, scope: Scope) -> None:
        value = self.evaluate(node.value, scope) if node.value else None
        self.handed_out(value, scope)

    def handed_out(self, value: Any, scope: Scope) -> None:
        """Take what a generator yields."""
        raise NotImplementedError

    EXPRESSIONS: ClassVar[dict[type[ast.AST], Callable[..., Any]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Subscript: _subscript,
        ast.Slice: _slice,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _logical,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.List: _list,
        ast.Tuple: _tuple,
        ast.Set: _set,
        ast.Dict: _dict,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _comprehension,
        ast.DictComp: _dict_comprehension,
        ast.Call: _call,
        ast.Lambda: _lambda,
        ast.NamedExpr: _walrus,
        ast.JoinedStr: _words,
        ast.FormattedValue: _formatted,
        ast.Yield: _yield,
    }
