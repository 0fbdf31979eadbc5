"""A script's text becomes a syntax tree; what to say of one that calls nothing."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from chainrule.audits.reading.callables import Class, Function
from chainrule.errors import AuditError


def parsed(text: str, filename: str) -> ast.Module:
    """Return a script's syntax tree; refuse what is no Python, with its line."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        lines = text.splitlines()
        code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        key = "reading.python2" if code.startswith(("print ", "print\t", "exec ")) else "reading.no_python"
        raise AuditError(key, file=filename, line=line, code=code, reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise AuditError("reading.no_python", file=filename, line=1, code="", reason=error) from None


def example_of_call(own: Mapping[str, Function | Class]) -> str:
    """Return an example of a call, made of the functions' own names and parameters."""
    name, value = list(own.items())[-1]
    if isinstance(value, Class):
        return f"net = {name}(…); net.backprop(x, y)"
    spec = value.node.args
    return f"grads = {name}({', '.join(argument.arg for argument in spec.args)})"
