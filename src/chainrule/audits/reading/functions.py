"""Functions, classes and attributes of a script, and how they are called."""

# ruff: noqa: ARG002 - all entries of a table are called alike

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.audits.reading import library
from chainrule.audits.reading.arrays import as_scalar, replace
from chainrule.audits.reading.callables import (
    Class,
    Definition,
    Exhausted,
    Function,
    Instance,
    Method,
    Super,
)
from chainrule.audits.reading.expressions import Expressions
from chainrule.audits.reading.history import Shown, source_of
from chainrule.audits.reading.limits import DEPTH
from chainrule.audits.reading.methods import container_method, string_method
from chainrule.audits.reading.naming import literal_at, named
from chainrule.audits.reading.python import BUILTINS, hidden
from chainrule.audits.reading.randoms import draw
from chainrule.audits.reading.values import Array, Bound, Foreign, Library, Scalar, Scope

YIELDS = 1000


class Functions(Expressions):
    """Calls what can be called, and looks up attributes."""

    def run_body(self, function: Function, scope: Scope) -> Any:
        """Return what a function's statements return."""
        raise NotImplementedError

    def entered(self, scope: Scope) -> None:
        """Note that a function's call is over."""

    def function(self, node: Definition, scope: Scope) -> Function:
        """Return the function that a definition makes."""
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        given = positional[len(positional) - len(arguments.defaults) :]
        defaults = [
            self._default(part, parameter.arg, scope)
            for part, parameter in zip(arguments.defaults, given, strict=True)
        ]
        keyword = {
            parameter.arg: self._default(part, parameter.arg, scope)
            for part, parameter in zip(arguments.kw_defaults, arguments.kwonlyargs, strict=True)
            if part is not None
        }
        name = getattr(node, "name", "<lambda>")
        body = node.body if isinstance(node.body, list) else []
        return Function(node, scope, name, defaults, keyword, any(map(_yields, body)))

    def _default(self, node: ast.expr, name: str, scope: Scope) -> Any:
        return named(self.ledger, self.evaluate(node, scope), name, node)

    def argument(self, node: ast.expr, function: Any, scope: Scope, name: str = "") -> Any:
        """Return one argument; a number written into a call of the script's own function is a start."""
        value = self.evaluate(node, scope)
        own = isinstance(function, Function | Method | Class)
        place = literal_at(node) if own else None
        if place is not None and type(value) in (int, float):
            return self.ledger.number(value, name, place)
        return value

    def call(self, function: Any, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
        """Return what a function returns, whoever's function it is."""
        if isinstance(function, Function):
            return self._own(function, args, kwargs, scope)
        if isinstance(function, Method):
            return self._own(function.function, [function.owner, *args], kwargs, scope)
        if isinstance(function, Class):
            return self._instance(function, args, kwargs, scope)
        if isinstance(function, Library):
            return self._library(function.path, args, kwargs, scope)
        if isinstance(function, Bound):
            return self._bound(function, args, kwargs, scope)
        if isinstance(function, Foreign):
            return Foreign(function.name, self.ledger.line, next(iter(args), None))
        method = self.special(function, "__call__")
        if method is not None:
            return self.call(method, args, kwargs, scope)
        if isinstance(function, type):
            return self._converted(function, args)
        raise TypeError(f"'{type(function).__name__}' object is not callable")

    # The script's own functions and classes.

    def _own(self, function: Function, args: list[Any], kwargs: dict[str, Any], caller: Scope) -> Any:
        owner = function.owner
        scope = Scope({}, outer=function.scope, name=function.name, owner=owner, caller=caller)
        self._bind(function, args, kwargs, scope)
        ledger = self.ledger
        if ledger.limits.depth >= DEPTH:
            raise ledger.refusal("reading.depth", limit=DEPTH)
        line, reads = ledger.line, ledger.reads
        ledger.limits.depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                ledger.at(function.node.lineno)
                return self.evaluate(function.node.body, scope)
            if function.generator:
                scope.yielded = []
            return self.run_body(function, scope)
        finally:
            ledger.limits.depth -= 1
            ledger.reads = reads
            ledger.at(line)

    def _bind(self, function: Function, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> None:
        spec = function.node.args
        parameters = [parameter.arg for parameter in (*spec.posonlyargs, *spec.args)]
        values: dict[str, Any] = dict(
            zip(parameters[len(parameters) - len(function.defaults) :], function.defaults, strict=True)
        )
        values |= function.keyword_defaults
        if len(args) > len(parameters) and spec.vararg is None:
            raise TypeError(f"{function.name}() takes {len(parameters)} arguments but {len(args)} were given")
        values |= dict(zip(parameters, args, strict=False))
        if spec.vararg is not None:
            values[spec.vararg.arg] = tuple(args[len(parameters) :])
        known = {*parameters, *[parameter.arg for parameter in spec.kwonlyargs]}
        extra = {name: value for name, value in kwargs.items() if name not in known}
        if extra and spec.kwarg is None:
            raise TypeError(f"{function.name}() got an unexpected keyword argument {next(iter(extra))!r}")
        values |= {name: value for name, value in kwargs.items() if name in known}
        if spec.kwarg is not None:
            values[spec.kwarg.arg] = extra
        missing = [name for name in (*parameters, *[p.arg for p in spec.kwonlyargs]) if name not in values]
        if missing:
            raise TypeError(f"{function.name}() lacks the argument {missing[0]!r}")
        for name, value in values.items():
            self.bind(name, value, scope)

    def bind(self, name: str, value: Any, scope: Scope) -> None:
        """Give a parameter its value."""
        scope.variables[name] = named(self.ledger, value, name, None)

    def _instance(self, cls: Class, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
        instance = Instance(cls)
        start = cls.find("__init__")
        if isinstance(start, Function):
            self._own(start, [instance, *args], kwargs, scope)
        elif args or kwargs:
            fields = [name for name in cls.namespace if not name.startswith("_")]
            instance.attributes |= dict(zip(fields, args, strict=False)) | kwargs
        return instance

    def special(self, owner: Any, name: str) -> Any:
        """Return the method of a script's own object that stands for an operator; None if it has none."""
        if not isinstance(owner, Instance):
            return None
        found = owner.cls.find(name)
        return Method(found, owner) if isinstance(found, Function) else None

    # Libraries and methods.

    def _library(self, path: str, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
        if path.startswith("builtins."):
            return BUILTINS[path[9:]](self, args, kwargs)
        handler = library.FUNCTIONS.get(path) or self.randomness.function(path)
        if handler is not None:
            return handler(self.ledger, args, kwargs)
        if library.refused(path):
            raise self.ledger.refusal("reading.file", name=path)
        if path == "numpy.random.seed":
            return None
        if path == "copy.deepcopy" or path == "copy.copy":
            return self.copied(args[0], deep=path.endswith("deepcopy"))
        if path == "numpy.vectorize":
            return args[0]
        if path in ("collections.OrderedDict", "collections.deque"):
            return BUILTINS["dict" if path.endswith("Dict") else "list"](self, args, kwargs)
        if path == "functools.reduce":
            return self._reduced(args, scope)
        return Foreign(path, self.ledger.line, next(iter(args), None))

    def _reduced(self, args: list[Any], scope: Scope) -> Any:
        function, *rest = args
        items = [*rest[1:], *self.items(rest[0])]
        result = items[0]
        for item in items[1:]:
            result = self.call(function, [result, item], {}, scope)
        return result

    def copied(self, value: Any, *, deep: bool) -> Any:
        """Return a copy."""
        if isinstance(value, Array):
            return library.FUNCTIONS["numpy.array"](self.ledger, [value], {})
        if isinstance(value, list | tuple):
            return type(value)([self.copied(item, deep=True) if deep else item for item in value])
        if isinstance(value, dict):
            return {key: self.copied(item, deep=True) if deep else item for key, item in value.items()}
        if isinstance(value, Instance):
            return Instance(value.cls, self.copied(value.attributes, deep=deep))
        return value

    def _bound(self, function: Bound, args: list[Any], kwargs: dict[str, Any], scope: Scope) -> Any:
        owner, name = function.owner, function.name
        if isinstance(owner, Array | Scalar | np.generic | float | int):
            return self._array_method(owner, name, args, kwargs)
        if isinstance(owner, np.random.RandomState | np.random.Generator):
            return draw(self.ledger, owner, name, args, kwargs)
        if isinstance(owner, str):
            return string_method(self, owner, name, args, kwargs)
        return container_method(self, owner, name, args, kwargs)

    def _array_method(self, owner: Any, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        ledger = self.ledger
        if name in ("reshape", "transpose") and len(args) > 1:
            args = [tuple(args)]
        if name in library.METHODS:
            return library.FUNCTIONS[f"numpy.{name}"](ledger, [owner, *args], kwargs)
        if name in ("copy", "view", "__copy__"):
            return self.copied(owner, deep=False)
        if name == "flatten":
            return self.copied(library.FUNCTIONS["numpy.ravel"](ledger, [owner], {}), deep=False)
        if name == "astype":
            return library.FUNCTIONS["numpy.array"](ledger, [owner, *args[:1]], kwargs)
        if name == "fill":
            replace(ledger, owner, args[0])
            return None
        if name == "item":
            return as_scalar(ledger, self.entry(owner, args[0]) if args else owner)
        if name == "tolist":
            return self.listed(owner)
        if name == "sort":
            replace(ledger, owner, library.FUNCTIONS["numpy.sort"](ledger, [owner], kwargs))
            return None
        return Foreign(name, ledger.line)

    def listed(self, value: Any) -> Any:
        """Return an array as nested lists."""
        if isinstance(value, Array) and value.value.ndim:
            return [self.listed(item) for item in self.items(value)]
        return as_scalar(self.ledger, value)

    def _converted(self, kind: type, args: list[Any]) -> Any:
        """Return a value as one of NumPy's kinds of numbers."""
        value = args[0] if args else 0
        if isinstance(value, Array | list):
            return library.FUNCTIONS["numpy.array"](self.ledger, [value, kind], {})
        if isinstance(value, Foreign) or not issubclass(kind, np.generic | int | float | str):
            return Foreign(kind.__name__, self.ledger.line)
        if isinstance(value, Scalar):
            whole = issubclass(kind, np.integer) and value.value != int(value.value)
            return kind(self.ledger.plain(value)) if whole else Scalar(kind(value.value), value.node)
        return kind(value)

    # Attributes.

    def attribute(self, owner: Any, name: str) -> Any:
        """Return an attribute."""
        if hidden(name) and not isinstance(owner, Super | Instance | Library):
            raise self.ledger.refusal("reading.attribute", name=name)
        if isinstance(owner, Instance):
            return self._of_instance(owner, name)
        if isinstance(owner, Array | Scalar):
            return self._of_array(owner, name)
        if isinstance(owner, Foreign):
            return Foreign(f"{owner.name}.{name}", owner.line, owner.subject)
        if isinstance(owner, Library):
            return self.member(f"{owner.path}.{name}")
        if isinstance(owner, Class):
            return self._of_class(owner, name)
        if isinstance(owner, Super):
            return self._of_super(owner, name)
        if isinstance(owner, Function):
            return owner.name if name == "__name__" else owner.attributes[name]
        return self._of_plain(owner, name)

    def _of_plain(self, owner: Any, name: str) -> Any:
        if isinstance(owner, np.dtype | type) or owner is None:
            return Foreign(name, self.ledger.line)
        if isinstance(owner, np.generic | int | float):
            if name in ("T", "real"):
                return owner
            if name in ("shape", "ndim", "size", "dtype"):
                return getattr(np.asarray(owner), name)
        return Bound(owner, name)

    def _of_class(self, owner: Class, name: str) -> Any:
        found = owner.find(name)
        if found is None:
            raise AttributeError(f"type object {owner.name!r} has no attribute {name!r}")
        bound = isinstance(found, Function) and found.kind == "classmethod"
        return Method(found, owner) if bound else found

    def member(self, path: str) -> Any:
        """Return what a library has under a path."""
        if path in library.CONSTANTS:
            return library.CONSTANTS[path]
        return Library(path)

    def _of_instance(self, owner: Instance, name: str) -> Any:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__class__":
            return owner.cls
        if name == "__dict__":
            return owner.attributes
        found = owner.cls.find(name)
        if isinstance(found, Function) and found.kind != "staticmethod":
            if found.kind == "property":
                return self._own(found, [owner], {}, self.root)
            return Method(found, owner.cls if found.kind == "classmethod" else owner)
        if found is None and name not in owner.cls.namespace:
            if hidden(name):
                raise self.ledger.refusal("reading.attribute", name=name)
            raise AttributeError(f"{owner.cls.name!r} object has no attribute {name!r}")
        return found

    def _of_super(self, owner: Super, name: str) -> Any:
        found = next((f for base in owner.cls.bases if (f := base.find(name)) is not None), None)
        if isinstance(found, Function):
            return Method(found, owner.owner)
        return Foreign(f"super().{name}", self.ledger.line) if found is None else found

    def _of_array(self, owner: Any, name: str) -> Any:
        if name == "T":
            return (
                library.FUNCTIONS["numpy.transpose"](self.ledger, [owner], {})
                if isinstance(owner, Array)
                else owner
            )
        if name in ("shape", "ndim", "size", "dtype", "nbytes"):
            return getattr(np.asarray(owner.value), name)
        if name == "flat":
            return library.FUNCTIONS["numpy.ravel"](self.ledger, [owner], {})
        if name == "real":
            return owner
        return Bound(owner, name)

    def handed_out(self, value: Any, scope: Scope) -> None:
        """Take what a generator yields: all of it at once, up to a bound."""
        home: Scope | None = scope
        while home is not None and home.yielded is None:
            home = home.outer
        if home is None or home.yielded is None:
            raise SyntaxError("'yield' outside function")
        home.yielded.append(value)
        if len(home.yielded) >= YIELDS:
            raise Exhausted

    def show(self, how: str, values: list[Any], text: str, scope: Scope) -> None:
        """Note that values were shown to the reader of the script."""
        flat = [source_of(value) for value in values]
        self.history.shown.append(Shown(self.ledger.clock, self.ledger.line, how, text, flat, scope))

    def items(self, value: Any) -> Iterator[Any]:
        """Go through a value as a loop does."""
        if isinstance(value, Array):
            if not value.value.ndim:
                raise TypeError("iteration over a 0-d array")
            return (self.entry(value, row) for row in range(len(value.value)))
        if isinstance(value, Foreign):
            if value.subject is not None and isinstance(value.subject, Array | list | tuple | range):
                return self.items(value.subject)  # a progress bar hands on what it is given
            raise self.ledger.refusal("reading.foreign", name=value.name, origin=value.line)
        method = self.special(value, "__iter__")
        if method is not None:
            return self.items(self.call(method, [], {}, self.root))
        if isinstance(value, Instance | Scalar | Class | Function | Library | int | float) or value is None:
            raise TypeError("object is not iterable")
        return iter(value)


def _yields(node: ast.AST) -> bool:
    """Return whether a statement yields, other than in a function inside it."""
    if isinstance(node, ast.Yield | ast.YieldFrom):
        return True
    if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
        return False
    return any(map(_yields, ast.iter_child_nodes(node)))
