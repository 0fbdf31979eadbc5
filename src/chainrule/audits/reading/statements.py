"""Statements of a script, one after the other: assignments, branches, loops, definitions."""

# ruff: noqa: ARG002 - all entries of a table are called alike

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from chainrule.audits.reading import arrays
from chainrule.audits.reading.callables import Break, Class, Continue, Exhausted, Function, Return, Super
from chainrule.audits.reading.expressions import BINARY
from chainrule.audits.reading.history import source_of
from chainrule.audits.reading.ledger import Ledger
from chainrule.audits.reading.limits import Exceeded
from chainrule.audits.reading.naming import named
from chainrule.audits.reading.python import BUILTINS, FORBIDDEN, hidden
from chainrule.audits.reading.stores import Repeated, Stores
from chainrule.audits.reading.values import Array, Foreign, Library, Scalar, Scope
from chainrule.errors import AuditError, ChainruleError

MODULES = {"numpy", "math", "random", "scipy", "copy", "collections", "functools", "__future__"}
COMPUTED = ast.Name("_")  # what stands for an expression that is no number written out
CONTROL = (Return, Break, Continue, Repeated, Exhausted, AuditError, RecursionError, MemoryError)


class Statements(Stores):
    """Runs statements."""

    def __init__(self, ledger: Ledger, given: Mapping[str, Any]) -> None:
        super().__init__(ledger)
        self.given = dict(given)

    def run(self, statements: list[ast.stmt], scope: Scope) -> None:
        """Run statements in order."""
        for statement in statements:
            self.run_one(statement, scope)

    def run_one(self, statement: ast.stmt, scope: Scope) -> None:
        """Run one statement; whatever goes wrong in it is refused with its line."""
        ledger = self.ledger
        ledger.limits.step()
        ledger.at(statement.lineno)
        ledger.reads = []
        method = self.STATEMENTS.get(type(statement))
        if method is None:
            raise ledger.refusal("reading.syntax", what=type(statement).__name__)
        try:
            method(self, statement, scope)
        except CONTROL:
            raise
        except Exceeded as reached:
            raise ledger.refusal(reached.key, limit=reached.limit) from None
        except ChainruleError as error:
            raise ledger.refusal("reading.unsupported", reason=error) from error
        except Exception as error:
            kind = type(error).__name__
            raise ledger.refusal("reading.failed", kind=kind, reason=str(error)[:200]) from error

    def run_body(self, function: Function, scope: Scope) -> Any:
        """Return what a function's statements return."""
        body: Any = function.node.body
        result: Any = None
        try:
            self.run(body, scope)
        except Return as returned:
            result = returned.value
        except Exhausted:
            if scope.yielded is None:
                raise
        self.finished(scope)
        return result if scope.yielded is None else scope.yielded

    # Assignments.

    def _assign(self, statement: ast.Assign, scope: Scope) -> None:
        if scope is self.root and self._given(statement.targets):
            return
        value = self.evaluate(statement.value, scope)
        for target in statement.targets:
            self.assign_expression(target, value, statement.value, scope)
        self.read_by(statement, scope)

    def _given(self, targets: list[ast.expr]) -> bool:
        """Return whether all names that are assigned have been given from outside, the first time."""
        names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        if not names or not all(name in self.given for name in names):
            return False
        for name in names:
            del self.given[name]
        return True

    def _annotated(self, statement: ast.AnnAssign, scope: Scope) -> None:
        if statement.value is not None and not (scope is self.root and self._given([statement.target])):
            value = self.evaluate(statement.value, scope)
            self.assign_expression(statement.target, value, statement.value, scope)

    def _augmented(self, statement: ast.AugAssign, scope: Scope) -> None:
        function = BINARY[type(statement.op)]
        target = statement.target
        if isinstance(target, ast.Subscript):
            self._augmented_entry(target, function, self.evaluate(target.value, scope), statement, scope)
            return
        if isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value, scope)
            old = self.attribute(owner, target.attr)
        else:
            old = self.lookup(target.id, scope)
        other = self.evaluate(statement.value, scope)
        self.ledger.reads.append(source_of(old))
        new = self.in_place(function, old, other, scope)
        if isinstance(target, ast.Attribute):
            self.set_attribute(owner, target.attr, new, scope, text=ast.unparse(target))
        else:
            self.assign(target, new, scope)
        self.read_by(statement, scope, old)

    def in_place(self, function: Callable[[Any, Any], Any], old: Any, other: Any, scope: Scope) -> Any:
        """Return what ``old += other`` makes of ``old``."""
        if isinstance(old, Array) and not isinstance(other, Foreign):
            self.check_update(old, other, scope)
            return arrays.combine_in_place(self.ledger, old, function, other)
        if isinstance(old, list) and isinstance(other, list | tuple):
            self.ledger.limits.length(len(old) + len(other))
            old.extend(other)
            return old
        empty = isinstance(old, Scalar) and not old.read and old.value == 0 and self.is_start(old)
        if empty and function is BINARY[ast.Add] and isinstance(other, Scalar):
            return other  # 0 + x, where the zero is but a place to add up in
        return self.combine(function, old, other)

    def _augmented_entry(
        self, target: ast.Subscript, function: Any, owner: Any, statement: ast.AugAssign, scope: Scope
    ) -> None:
        index = self.index(target.slice, scope)
        if isinstance(owner, Array):
            other = self.evaluate(statement.value, scope)
            self.check_update(owner, other, scope, str(self.ledger.plain(index)))
            arrays.combine_entry(self.ledger, owner, index, function, other)
            self.read_by(statement, scope, owner)
            return
        old = self.entry(owner, index)
        other = self.evaluate(statement.value, scope)
        self.ledger.reads.append(source_of(old))
        self.set_entry(
            owner, index, self.in_place(function, old, other, scope), scope, text=ast.unparse(target.value)
        )
        self.read_by(statement, scope, old)

    def assign_expression(self, target: ast.expr, value: Any, expression: ast.expr, scope: Scope) -> None:
        """Give the value of an expression to a target; numbers written out become starts of the graph."""
        several = isinstance(target, ast.Tuple | ast.List)
        parts = isinstance(expression, ast.Tuple | ast.List)
        if several and parts and len(target.elts) == len(expression.elts):  # type: ignore[attr-defined]
            for own, part, item in zip(target.elts, expression.elts, value, strict=True):  # type: ignore[attr-defined]
                self.assign_expression(own, item, part, scope)
        elif several:
            targets: list[ast.expr] = target.elts  # type: ignore[attr-defined]
            self._unpack(targets, value, lambda own, item: self.assign_expression(own, item, COMPUTED, scope))
        elif isinstance(target, ast.Starred):
            self.assign_expression(target.value, value, COMPUTED, scope)
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, scope)
            index = self.index(target.slice, scope)
            text = ast.unparse(target.value)
            self.set_entry(owner, index, value, scope, text=text, expression=expression)
        else:
            self.assign(target, self.numbered(value, target, expression), scope)

    def numbered(self, value: Any, target: ast.expr, expression: ast.expr) -> Any:
        """Return a value that is given to a target."""
        return named(self.ledger, value, ast.unparse(target).replace("'", '"'), expression)

    def assign(self, target: ast.expr, value: Any, scope: Scope, *, hidden: bool = False) -> None:
        """Give a value to a target."""
        if isinstance(target, ast.Name):
            self.set_variable(target.id, value, scope, hidden=hidden)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target.elts, value, lambda part, item: self.assign(part, item, scope, hidden=hidden))
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value, scope)
            self.set_attribute(owner, target.attr, value, scope, text=ast.unparse(target))
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, scope)
            self.set_entry(
                owner, self.index(target.slice, scope), value, scope, text=ast.unparse(target.value)
            )
        else:
            raise self.ledger.refusal("reading.syntax", what=type(target).__name__)

    def _unpack(self, targets: list[ast.expr], value: Any, give: Callable[[ast.expr, Any], None]) -> None:
        if isinstance(value, Foreign):
            items: list[Any] = [Foreign(value.name, value.line) for _ in targets]
        else:
            items = []
            for item in self.items(value):
                items.append(item)
                self.ledger.limits.length(len(items))
        star = next((place for place, part in enumerate(targets) if isinstance(part, ast.Starred)), None)
        if star is not None:
            after = len(targets) - star - 1
            end = len(items) - after
            items = [*items[:star], items[star:end], *items[end:]]
        if len(items) != len(targets):
            raise ValueError(f"{len(items)} values for {len(targets)} names")
        for part, item in zip(targets, items, strict=True):
            give(part.value if isinstance(part, ast.Starred) else part, item)

    # Other simple statements.

    def _expression(self, statement: ast.Expr, scope: Scope) -> None:
        node = statement.value
        if isinstance(node, ast.Constant):
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            self._printed(node, scope)
            return
        self.evaluate(node, scope)

    def _printed(self, node: ast.Call, scope: Scope) -> None:
        """Look at what is printed; what cannot be read there changes nothing."""
        saved = self.ledger.reads
        self.ledger.reads = []
        for part in node.args:
            try:
                self.evaluate(part, scope)
            except (AuditError, Exceeded) as error:
                if getattr(error, "key", "") in ("reading.steps", "reading.memory"):
                    raise
            except Exception:  # noqa: S110 - whatever it is, it is only printed
                pass
        self.show("print", list(self.ledger.reads), ast.unparse(node)[:200], scope)
        self.ledger.reads = saved

    def _return(self, statement: ast.Return, scope: Scope) -> None:
        value = None if statement.value is None else self.evaluate(statement.value, scope)
        if statement.value is not None and not isinstance(statement.value, ast.Name | ast.Tuple):
            self.read_by(statement, scope)
        self.returned(statement, value, scope)
        raise Return(value)

    def _delete(self, statement: ast.Delete, scope: Scope) -> None:
        for target in statement.targets:
            if isinstance(target, ast.Name):
                scope.variables.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                owner = self.evaluate(target.value, scope)
                if isinstance(owner, list | dict):
                    del owner[self.key(self.index(target.slice, scope))]

    def _global(self, statement: ast.Global, scope: Scope) -> None:
        for name in statement.names:
            scope.shared[name] = self.root

    def _nonlocal(self, statement: ast.Nonlocal, scope: Scope) -> None:
        for name in statement.names:
            home = scope.outer.home(name) if scope.outer else None
            if home is not None:
                scope.shared[name] = home

    def _raise(self, statement: ast.Raise, scope: Scope) -> None:
        raise self.ledger.refusal("reading.raises")

    def _nothing(self, statement: ast.stmt, scope: Scope) -> None:
        return None

    def _import(self, statement: ast.Import, scope: Scope) -> None:
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            bound = alias.asname or top
            scope.variables[bound] = self._module(alias.name if alias.asname else top)

    def _import_from(self, statement: ast.ImportFrom, scope: Scope) -> None:
        module = statement.module or ""
        for alias in statement.names:
            if alias.name == "*":
                self._import_all(module, scope)
                continue
            path = f"{module}.{alias.name}"
            known = module.partition(".")[0] in MODULES and not statement.level
            scope.variables[alias.asname or alias.name] = (
                self.member(path) if known else Foreign(path, statement.lineno)
            )

    def _import_all(self, module: str, scope: Scope) -> None:
        if module in ("numpy", "math"):
            for path in self.members(module):
                scope.variables.setdefault(path.rpartition(".")[2], self.member(path))

    def _module(self, name: str) -> Any:
        return Library(name) if name.partition(".")[0] in MODULES else Foreign(name, self.ledger.line)

    # Branches and loops.

    def _if(self, statement: ast.If, scope: Scope) -> None:
        body = statement.body if self.ledger.truth(self.evaluate(statement.test, scope)) else statement.orelse
        self.run(body, scope)

    def _for(self, statement: ast.For, scope: Scope) -> None:
        self._loop(statement, self._targets(statement, scope), scope)

    def _targets(self, statement: ast.For, scope: Scope) -> Iterator[None]:
        for item in self.items(self.evaluate(statement.iter, scope)):
            self.ledger.at(statement.lineno)
            self.assign(statement.target, item, scope)
            yield

    def _while(self, statement: ast.While, scope: Scope) -> None:
        self._loop(statement, self._while_true(statement, scope), scope)

    def _while_true(self, statement: ast.While, scope: Scope) -> Iterator[None]:
        while True:
            self.ledger.at(statement.lineno)
            if not self.ledger.truth(self.evaluate(statement.test, scope)):
                return
            yield

    def _loop(self, statement: ast.For | ast.While, rounds: Iterator[None], scope: Scope) -> None:
        for _ in rounds:
            self.ledger.limits.step()
            try:
                self.run(statement.body, scope)
            except Break:
                return
            except Continue:
                continue
        self.run(statement.orelse, scope)

    def _break(self, statement: ast.Break, scope: Scope) -> None:
        raise Break

    def _continue(self, statement: ast.Continue, scope: Scope) -> None:
        raise Continue

    def _with(self, statement: ast.With, scope: Scope) -> None:
        for item in statement.items:
            value = self.evaluate(item.context_expr, scope)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value, scope)
        self.run(statement.body, scope)

    def _try(self, statement: ast.Try, scope: Scope) -> None:
        self.run([*statement.body, *statement.orelse, *statement.finalbody], scope)

    # Definitions.

    def _definition(self, statement: ast.FunctionDef, scope: Scope) -> None:
        function = self.function(statement, scope)
        value: Any = function
        for decorator in reversed(statement.decorator_list):
            name = ast.unparse(decorator)
            if name in ("property", "staticmethod", "classmethod"):
                function.kind = name
            elif not name.endswith(".setter"):
                wrapper = self.evaluate(decorator, scope)
                value = self.call(wrapper, [value], {}, scope) if isinstance(wrapper, Function) else value
        scope.variables[statement.name] = value

    def _class(self, statement: ast.ClassDef, scope: Scope) -> None:
        bases = [self.evaluate(base, scope) for base in statement.bases]
        body = Scope({}, outer=scope, name=statement.name, caller=scope)
        cls = Class(statement.name, [base for base in bases if isinstance(base, Class)], body.variables)
        self.run(statement.body, body)
        for value in body.variables.values():
            if isinstance(value, Function):
                value.owner, value.scope = cls, scope
        scope.variables[statement.name] = cls

    def parent_of(self, args: list[Any]) -> Super:
        """Return what ``super()`` stands for."""
        if len(args) == 2 and isinstance(args[0], Class):
            return Super(args[1], args[0])
        scope: Scope | None = args[0]
        while scope is not None and scope.owner is None:
            scope = scope.outer
        if scope is None:
            raise RuntimeError("super(): no arguments")
        return Super(next(iter(scope.variables.values())), scope.owner)

    def lookup(self, name: str, scope: Scope) -> Any:
        """Return the value of a variable."""
        home = scope.home(name)
        if home is not None:
            return home.variables[name]
        if name in FORBIDDEN:
            raise self.ledger.refusal("reading.file", name=name)
        if name == "__name__":
            return "__main__"
        if name in BUILTINS:
            return Library(f"builtins.{name}")
        if hidden(name):
            return Foreign(name, self.ledger.line)
        raise NameError(f"name {name!r} is not defined")

    STATEMENTS: ClassVar[dict[type[ast.AST], Callable[..., None]]] = {
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.Expr: _expression,
        ast.Return: _return,
        ast.Delete: _delete,
        ast.Global: _global,
        ast.Nonlocal: _nonlocal,
        ast.Raise: _raise,
        ast.Assert: _nothing,
        ast.Pass: _nothing,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.If: _if,
        ast.For: _for,
        ast.While: _while,
        ast.Break: _break,
        ast.Continue: _continue,
        ast.With: _with,
        ast.Try: _try,
        ast.FunctionDef: _definition,
        ast.ClassDef: _class,
    }
