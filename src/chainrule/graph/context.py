"""What is going on while a graph is built: the running trace, the scope's name, the user's line.

All of it lives in context variables, so that traces in different threads do not meet.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from chainrule.graph.node import Node


class Location(NamedTuple):
    """A line of the user's code."""

    file: str
    line: int

    @property
    def code(self) -> str:
        """The text of the line, without its indentation; empty where the source is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class Tracing(Protocol):
    """What a node may ask of the trace that is running, and tell it."""

    refused: tuple[Exception, Location | None] | None

    def truth(self, node: Node) -> bool:
        """Return the truth of a node's value and remember it as a guard; raise where no value is known."""

    def settle(self, node: Node) -> Any:
        """Return a truth array's value and remember all of it as a guard; raise where no value is known."""


tracing: ContextVar[Tracing | None] = ContextVar("chainrule_tracing", default=None)
scope_name: ContextVar[str] = ContextVar("chainrule_scope", default="")
behalf: ContextVar[Node | None] = ContextVar("chainrule_behalf", default=None)
watcher: ContextVar[Callable[[FrameType], object] | None] = ContextVar("chainrule_watcher", default=None)

trace_code: CodeType | None = None  # of the function that calls a traced function; `trace` sets it

_LIBRARIES = frozenset({"chainrule", "numpy", "scipy", "contextlib", "functools"})
_is_library: dict[object, bool] = {}
_locations: dict[tuple[str, int], Location] = {}


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Give all nodes made inside a scope's name, such as a layer's; scopes nest with a slash.

    Examples
    --------
    >>> import chainrule as cr
    >>> def squared(x):
    ...     with cr.scope("layer 1"), cr.scope("activation"):
    ...         return x * x
    >>> cr.trace(squared, 3.0).outputs[0].scope
    'layer 1/activation'
    """
    outer = scope_name.get()
    token = scope_name.set(f"{outer}/{name}" if outer else name)
    try:
        yield
    finally:
        scope_name.reset(token)


@contextmanager
def on_behalf() -> Iterator[Callable[[Node], object]]:
    """Let new nodes take over line and scope of another: of the node last handed to what this yields.

    So the nodes of a gradient, or of a rewritten graph, point at the user's line that they come from.
    """
    token = behalf.set(None)
    try:
        yield behalf.set
    finally:
        behalf.reset(token)


def user_frame(within: CodeType | None = None) -> FrameType | None:
    """Return the innermost frame that belongs neither to this library nor to NumPy or SciPy.

    None if there is none, or none that was called by a function with the code ``within``.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to look at the caller
    while frame is not None and frame.f_code is not within:
        library = _is_library.get(frame.f_globals.get("__name__"))
        if not (is_library(frame) if library is None else library):
            return frame
        frame = frame.f_back
    return None


def is_library(frame: FrameType) -> bool:
    """Return whether a frame belongs to this library, NumPy, SciPy, or Python's plumbing between them."""
    module = frame.f_globals.get("__name__")
    return _is_library.setdefault(module, str(module).partition(".")[0] in _LIBRARIES)


def place_of(error: BaseException) -> Location | None:
    """Return the user's line from which an error came."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not is_library(frame):
            place = Location(frame.f_code.co_filename, line)
    return place


def location(within: CodeType | None = None) -> Location | None:
    """Return the user's line that is being executed, or the line on whose behalf a node is built.

    With ``within`` it must be a line that runs inside the function of this code: what the library itself
    computes for a user, such as a network's layers, comes from no line of theirs. A ``watcher`` is told of
    the frame: it sees the user's variables whenever a node is made.
    """
    node = behalf.get()
    if node is not None:
        return node.location
    frame = user_frame(within)
    if frame is None:
        return None
    watch = watcher.get()
    if watch is not None:
        watch(frame)
    place = frame.f_code.co_filename, frame.f_lineno
    known = _locations.get(place)
    if known is None:
        known = _locations[place] = Location(*place)
    return known


def described(place: Location | None) -> str:
    """Return a line as text for a message: file, line number and code."""
    if place is None:
        return "?"
    return f"{place}: `{place.code}`" if place.code else str(place)


def here() -> str:
    """Return the user's line as text for a message."""
    return described(location())


def in_place_operator() -> bool:
    """Return whether the user's code is executing an operator such as ``+=`` (and not a call)."""
    frame: Any = user_frame()
    if frame is None:
        return False
    import dis  # costs start-up time, and only refusals and `+=` on arrays need it

    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset == frame.f_lasti:
            return instruction.opname == "BINARY_OP" and instruction.argrepr.endswith("=")
    return False
