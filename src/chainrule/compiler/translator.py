"""From emitted source to an LLVM module: Python's words for typed values, statement by statement.

The source is one function of (memory, first, last), all in whole numbers: assignments, loops over ranges,
branches, calls of what it imports. Every value has a kind that is known where it is made, so nothing is left
to be inferred; what has no meaning there is refused.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir

from chainrule.compiler import runtime
from chainrule.compiler.runtime.instructions import Intrinsic, stack_slot
from chainrule.compiler.runtime.kinds import (
    BOOLEAN,
    FLOAT64,
    INT64,
    Kind,
    Literal,
    Pointer,
    TypeName,
    convert,
    llvm_type,
    plain,
)
from chainrule.compiler.runtime.library import BUILT_IN, CONSTANTS, FUNCTIONS, TYPES
from chainrule.compiler.runtime.operators import Typed, binary, common, compare, unary, whole_number

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
UNARY: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not"}
RELATIONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
PARAMETERS: tuple[Kind, ...] = (Pointer(INT64), INT64, INT64)


def symbol_of(name: str) -> str:
    """Return what the function ``name`` is called in the module: as no function of the C library is."""
    return f"chainrule.{name}"


def translate(source: str, name: str) -> ir.Module:
    """Return the LLVM module of the function in ``source``, called ``name``; PARAMETERS is its C signature.

    Raises
    ------
    TypeError
        If something in the source has no meaning for the kinds of its values; the message names the line.
    ImportError, SyntaxError
        If it imports what does not exist, or is not Python.
    """
    tree = ast.parse(source)
    known = _imported(tree)
    (function,) = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
    module = ir.Module(name)
    shape = ir.FunctionType(llvm_type(INT64), [llvm_type(kind) for kind in PARAMETERS])
    entry = ir.Function(module, shape, symbol_of(name))
    entry.attributes.add("nounwind")
    _Translator(entry, known).function(function)
    return module


def _imported(tree: ast.Module) -> dict[str, Any]:
    """Return what the names stand for that the source imports."""
    known: dict[str, Any] = dict(BUILT_IN)
    for part in tree.body:
        if isinstance(part, ast.ImportFrom):
            for alias in part.names:
                known[alias.name] = _known(part.module or "", alias.name)
    return known


def _known(module: str, name: str) -> Any:
    if module == runtime.__name__:
        return getattr(importlib.import_module(module), name)
    for table in (TYPES, FUNCTIONS, CONSTANTS):
        if name in table and module in ("math", "numpy"):
            return table[name]
    raise ImportError(f"{module}.{name} is not compiled")


@dataclass
class _Variable:
    """Room for a value; made inside so many loops, and last read at that tick."""

    kind: Kind
    slot: Any
    loops: int
    read: int = 0


class _Translator:
    """Appends the instructions of one function; ``loops`` are the ticks at which those around began.

    A loop or a branch leaves only those names behind that were known before it, of the same kind still.
    """

    def __init__(self, entry: Any, known: dict[str, Any]) -> None:
        self.known = known
        self.entry_block = entry.append_basic_block("slots")
        self.builder = ir.IRBuilder(entry.append_basic_block("body"))
        self.arguments = entry.args
        self.variables: dict[str, _Variable] = {}
        self.loops: list[int] = []
        self.tick = 0

    def function(self, definition: ast.FunctionDef) -> None:
        """Append the whole function."""
        body = self.builder.block
        for argument, kind, value in zip(definition.args.args, PARAMETERS, self.arguments, strict=True):
            self.assign(argument.arg, (kind, value))
        self.statements(definition.body)
        if not self.builder.block.is_terminated:
            raise TypeError(f"{definition.name} returns nothing")
        ir.IRBuilder(self.entry_block).branch(body)

    def statements(self, body: Sequence[ast.stmt]) -> None:
        """Append statements; what follows a return is never reached and left out."""
        for statement in body:
            if self.builder.block.is_terminated:
                return
            try:
                _STATEMENTS[type(statement)](self, statement)
            except (TypeError, KeyError, ValueError) as error:
                if "line " in str(error):
                    raise
                raise TypeError(f"line {statement.lineno}: {ast.unparse(statement)}: {error}") from error

    def assign(self, name: str, value: Typed) -> None:
        """Keep a value under a name; one of another kind is another variable of that name.

        In a loop this holds only if the earlier one was not read there before: the next turn would read this.
        """
        kind = plain(value[0])
        known = self.variables.get(name)
        if known is None or known.kind != kind:
            if known is not None and known.read > min([*self.loops[known.loops :], self.tick]):
                raise TypeError(f"{name} is {known.kind} and becomes {kind}")
            known = _Variable(kind, stack_slot(self.builder, llvm_type(kind)), len(self.loops))
            self.variables[name] = known
        self.builder.store(value[1], known.slot)

    def assignment(self, statement: ast.Assign) -> None:
        """Append ``name = value`` or ``array[place] = value``."""
        (target,) = statement.targets
        if isinstance(target, ast.Name):
            kind, value = self.value(statement.value)
            if value is None:
                raise TypeError(f"{kind} is no value")
            self.assign(target.id, (kind, value))
            return
        if not isinstance(target, ast.Subscript):
            raise TypeError("only names and entries of arrays are assigned to")
        given, value = self.value(statement.value)
        entry, address = self.entry(target)
        converted = convert(self.builder, value, given, entry)
        in_memory = self.builder.zext(converted, address.type.pointee) if entry == BOOLEAN else converted
        self.builder.store(in_memory, address)

    def entry(self, subscript: ast.Subscript) -> Typed:
        """Return the kind and the address of an entry of an array."""
        (kind, array), place = self.value(subscript.value), self.value(subscript.slice)
        if not isinstance(kind, Pointer):
            raise TypeError(f"{kind} has no entries")
        return kind.entry, self.builder.gep(array, [self.as_kind(place, INT64)])

    def as_kind(self, value: Typed, kind: Kind) -> Any:
        """Return a value converted to a kind."""
        return convert(self.builder, value[1], value[0], kind)

    def call_alone(self, statement: ast.Expr) -> None:
        """Append a call for what it does; a docstring is nothing."""
        if not isinstance(statement.value, ast.Constant):
            self.value(statement.value)

    def leave(self, statement: ast.Return) -> None:
        """Append ``return value``."""
        if statement.value is None:
            raise TypeError("a whole number is returned")
        self.builder.ret(self.as_kind(self.value(statement.value), INT64))

    def loop(self, statement: ast.For) -> None:
        """Append ``for name in range(…)`` with a step that is written out and positive."""
        call, name = statement.iter, statement.target
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"):
            raise TypeError("loops go over a range")
        if not isinstance(name, ast.Name):
            raise TypeError("a loop has one variable")
        bounds = [self.value(bound) for bound in call.args]
        start, stop = bounds[:2] if len(bounds) > 1 else (whole_number(0), bounds[0])
        step = bounds[2][0] if len(bounds) > 2 else Literal(value=1)
        if not isinstance(step, Literal) or step.value < 1:
            raise TypeError("the step of a range is a positive number")
        self.counted(name.id, [self.as_kind(start, INT64), self.as_kind(stop, INT64)], step.value, statement)

    def counted(self, name: str, bounds: Sequence[Any], step: int, statement: ast.For) -> None:
        """Append a loop from the first to before the second bound."""
        start, stop = bounds
        builder = self.builder
        before = builder.block
        test, inside, after = (
            builder.append_basic_block(f"{name}.{part}") for part in ("test", "body", "end")
        )
        builder.branch(test)
        builder.position_at_end(test)
        count = builder.phi(llvm_type(INT64), name=name)
        count.add_incoming(start, before)
        builder.cbranch(builder.icmp_signed("<", count, stop), inside, after)
        builder.position_at_end(inside)
        known = dict(self.variables)
        self.loops.append(self.tick)
        self.assign(name, (INT64, count))
        self.statements(statement.body)
        self.loops.pop()
        self.variables = _unchanged(known, self.variables)
        if not builder.block.is_terminated:
            count.add_incoming(builder.add(count, count.type(step), flags=("nsw",)), builder.block)
            builder.branch(test)
        builder.position_at_end(after)

    def branch(self, statement: ast.If) -> None:
        """Append ``if …: … else: …``."""
        before = after_both = self.variables
        builder = self.builder
        condition = self.truth(statement.test)
        then, other, after = (builder.append_basic_block(part) for part in ("then", "else", "after"))
        builder.cbranch(condition, then, other)
        for block, body in ((then, statement.body), (other, statement.orelse)):
            builder.position_at_end(block)
            self.variables = dict(before)
            self.statements(body)
            after_both = _unchanged(after_both, self.variables)
            if not builder.block.is_terminated:
                builder.branch(after)
        builder.position_at_end(after)
        self.variables = after_both

    def truth(self, expression: ast.expr) -> Any:
        """Return a condition."""
        return self.as_kind(self.value(expression), BOOLEAN)

    def value(self, expression: ast.expr) -> Typed:
        """Append an expression and return its value."""
        return _EXPRESSIONS[type(expression)](self, expression)

    def constant(self, expression: ast.Constant) -> Typed:
        """Return a number that is written out."""
        value = expression.value
        if isinstance(value, bool):
            return BOOLEAN, llvm_type(BOOLEAN)(int(value))
        if isinstance(value, int):
            return whole_number(value)
        if isinstance(value, float):
            return FLOAT64, llvm_type(FLOAT64)(value)
        raise TypeError(f"{value!r} is no number")

    def name(self, expression: ast.Name) -> Typed:
        """Return the value of a variable, or of what was imported."""
        if expression.id in self.variables:
            variable = self.variables[expression.id]
            self.tick += 1
            variable.read = self.tick
            return variable.kind, self.builder.load(variable.slot)
        known = self.known[expression.id]
        if isinstance(known, float):
            return FLOAT64, llvm_type(FLOAT64)(known)
        if isinstance(known, TypeName):
            return known, None
        raise TypeError(f"{expression.id} is a function")

    def read(self, expression: ast.Subscript) -> Typed:
        """Return an entry of an array."""
        kind, address = self.entry(expression)
        value = self.builder.load(address)
        return kind, self.builder.icmp_unsigned("!=", value, value.type(0)) if kind == BOOLEAN else value

    def operation(self, expression: ast.BinOp) -> Typed:
        """Return the value of an operator between two values."""
        left, right = self.value(expression.left), self.value(expression.right)
        return binary(self.builder, BINARY[type(expression.op)], left, right)

    def sign(self, expression: ast.UnaryOp) -> Typed:
        """Return the value of an operator before a value."""
        return unary(self.builder, UNARY[type(expression.op)], self.value(expression.operand))

    def comparison(self, expression: ast.Compare) -> Typed:
        """Return the truth of one comparison."""
        (relation,), (right,) = expression.ops, expression.comparators
        pair = self.value(expression.left), self.value(right)
        return compare(self.builder, RELATIONS[type(relation)], *pair)

    def called(self, expression: ast.Call) -> Typed:
        """Return the value of a call: a conversion, or a function of the runtime or the C library."""
        if not isinstance(expression.func, ast.Name) or expression.keywords:
            raise TypeError("only functions that are imported by name are called")
        function = self.known[expression.func.id]
        arguments = [self.value(argument) for argument in expression.args]
        if isinstance(function, TypeName):
            (argument,) = arguments
            return function.kind, self.as_kind(argument, function.kind)
        if not isinstance(function, Intrinsic):
            raise TypeError(f"{expression.func.id} is no function")
        kinds = [kind for kind, _ in arguments]
        call = function.rule(*kinds)
        return call.result, call.compile(self.builder, kinds, [value for _, value in arguments])

    def choice(self, expression: ast.IfExp) -> Typed:
        """Return one value or the other; only the one that is taken is computed."""
        return self._either(
            self.truth(expression.test),
            lambda: self.value(expression.body),
            lambda: self.value(expression.orelse),
        )

    def _either(self, condition: Any, then: Callable[[], Typed], other: Callable[[], Typed]) -> Typed:
        builder = self.builder
        blocks = [builder.append_basic_block(part) for part in ("take", "or", "taken")]
        builder.cbranch(condition, *blocks[:2])
        results, ends = [], []
        for block, make in zip(blocks, (then, other), strict=False):
            builder.position_at_end(block)
            results.append(make())
            ends.append(builder.block)
        kind = common(*[kind for kind, _ in results])
        converted = []
        for result, end in zip(results, ends, strict=True):
            builder.position_at_end(end)
            converted.append(self.as_kind(result, kind))
            builder.branch(blocks[2])
        builder.position_at_end(blocks[2])
        value = builder.phi(llvm_type(kind))
        for part, end in zip(converted, ends, strict=True):
            value.add_incoming(part, end)
        return kind, value

    def condition(self, expression: ast.BoolOp) -> Typed:
        """Return the truth of ``a and b`` or ``a or b``; b is computed only where it decides."""
        first, *others = expression.values
        held = self.truth(first)
        for other in others:
            is_or = isinstance(expression.op, ast.Or)
            decided = partial(_same, (BOOLEAN, llvm_type(BOOLEAN)(int(is_or))))
            later = partial(self._decided, other)
            _, held = self._either(held, *((decided, later) if is_or else (later, decided)))
        return BOOLEAN, held

    def _decided(self, expression: ast.expr) -> Typed:
        return BOOLEAN, self.truth(expression)


def _unchanged(known: dict[str, _Variable], now: dict[str, _Variable]) -> dict[str, _Variable]:
    """Return the names that are still what they were."""
    return {name: variable for name, variable in known.items() if now.get(name) is variable}


def _same(value: Typed) -> Typed:
    return value


_STATEMENTS: dict[type[ast.stmt], Callable[..., None]] = {
    ast.Assign: _Translator.assignment,
    ast.Expr: _Translator.call_alone,
    ast.For: _Translator.loop,
    ast.If: _Translator.branch,
    ast.Pass: lambda _translator, _statement: None,
    ast.Return: _Translator.leave,
}
_EXPRESSIONS: dict[type[ast.expr], Callable[..., Typed]] = {
    ast.BinOp: _Translator.operation,
    ast.BoolOp: _Translator.condition,
    ast.Call: _Translator.called,
    ast.Compare: _Translator.comparison,
    ast.Constant: _Translator.constant,
    ast.IfExp: _Translator.choice,
    ast.Name: _Translator.name,
    ast.Subscript: _Translator.read,
    ast.UnaryOp: _Translator.sign,
}
