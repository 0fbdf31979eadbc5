"""Functions, classes and objects of a script, and the ways in which its statements are left."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any

from chainrule.audits.reading.values import Scope

Definition = ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef


class Return(Exception):  # noqa: N818 - it is no error: how a value leaves a function
    """The value that a function returns."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Exhausted(Exception):  # noqa: N818 - it is no error: enough has been taken from a generator
    """A generator has yielded as many values as are looked at."""


@dataclass(eq=False)
class Function:
    """A function of the script, with the variables around it and its defaults."""

    node: Definition
    scope: Scope
    name: str
    defaults: list[Any]
    keyword_defaults: dict[str, Any]
    generator: bool = False
    owner: Class | None = None
    kind: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Class:
    """A class of the script."""

    name: str
    bases: list[Class]
    namespace: dict[str, Any]

    def find(self, name: str) -> Any:
        """Return what a name means in the class or its bases; None if nothing."""
        if name in self.namespace:
            return self.namespace[name]
        return next((found for base in self.bases if (found := base.find(name)) is not None), None)


@dataclass(eq=False)
class Instance:
    """An object of a class of the script."""

    cls: Class
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Method:
    """A function bound to an object."""

    function: Function
    owner: Any


@dataclass(eq=False)
class Super:
    """``super()`` inside a method."""

    owner: Any
    cls: Class


class Break(Exception):  # noqa: N818 - it is no error
    """``break``."""


class Continue(Exception):  # noqa: N818 - it is no error
    """``continue``."""
