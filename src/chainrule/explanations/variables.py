"""The user's variables, seen while their function runs: which name holds which value."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import FrameType
from typing import Any

from chainrule.graph import context
from chainrule.graph.node import CONSTANT, INPUT, Node

MOST = 64  # values in a list or a dict that are looked at


class Variables:
    """The names of a traced function's values: those of the variables that hold them.

    A value is looked for whenever another is made, and when a function of the user's returns. So it is known
    before its name can get another value, in loops too, and for what a helper function has returned. The
    variables of the function itself come before those of its helpers.
    """

    def __init__(self) -> None:
        self._found: dict[Node, tuple[int, str]] = {}

    @property
    def names(self) -> dict[Node, str]:
        """The names that were seen."""
        return {node: name for node, (_, name) in self._found.items()}

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, watched while it runs."""

        @wraps(function)
        def watched(*arguments: Any, **settings: Any) -> Any:
            token, profiler = context.watcher.set(self._see), sys.getprofile()
            if profiler is None:
                sys.setprofile(self._returned)
            try:
                return function(*arguments, **settings)
            finally:
                sys.setprofile(profiler)
                context.watcher.reset(token)

        return watched

    def _returned(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and not context.is_library(frame):
            self._see(frame)

    def _see(self, frame: FrameType) -> None:
        """Look at the variables of a function of the user's, and of those that have called it."""
        frames = list(_frames(frame))
        for depth, seen in enumerate(reversed(frames)):
            code = seen.f_code
            arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if depth else ()
            for name, value in list(seen.f_locals.items()):
                for held, node in _held(name, value):
                    if node in self._found and self._found[node][0] <= depth:
                        continue
                    if held not in arguments or _is_made_in(node, frame=seen):
                        self._found[node] = depth, held


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of the user's from this one out to the function that is traced."""
    while frame is not None and frame.f_code is not context.trace_code:
        if not context.is_library(frame):
            yield frame
        frame = frame.f_back


def _held(name: str, value: Any) -> Iterator[tuple[str, Node]]:
    """Yield the computed values that a variable holds: itself, or in a list, tuple or dict."""
    if isinstance(value, Node):
        if value.primitive not in (CONSTANT, INPUT):
            yield name, value
    elif isinstance(value, list | tuple) and len(value) <= MOST:
        for place, part in enumerate(value):
            if isinstance(part, Node):
                yield from _held(f"{name}_{place}", part)
    elif isinstance(value, dict) and len(value) <= MOST:
        for key, part in value.items():
            if isinstance(part, Node) and isinstance(key, str) and key.isidentifier():
                yield from _held(key, part)


def _is_made_in(node: Node, frame: FrameType) -> bool:
    """Return whether a value was made by a line of the function that a frame runs."""
    place, code = node.location, frame.f_code
    if place is None or place.file != code.co_filename:
        return False
    return any(place.line == line for *_, line in code.co_lines())
