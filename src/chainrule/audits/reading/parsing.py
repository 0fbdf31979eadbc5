"""A script's text becomes a syntax tree; what to say of one that calls nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from chainrule.audits.reading.callables import Class, Function
from chainrule.audits.reading.limits import shortened
from chainrule.errors import AuditError

WORDS = frozenset({"grad", "grads", "gradient", "gradients", "nabla", "g"})


def parsed(text: str, filename: str) -> ast.Module:
    """Return a script's syntax tree; refuse what is no Python, with its line."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        lines = text.splitlines()
        code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        key = "reading.python2" if code.startswith(("print ", "print\t", "exec ")) else "reading.no_python"
        raise AuditError(key, file=filename, line=line, code=shortened(code), reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        raise AuditError("reading.no_python", file=filename, line=1, code="", reason=error) from None


def example_of_call(own: Mapping[str, Function | Class]) -> str:
    """Return an example of a call, made of the functions' own names and parameters."""
    name, value = list(own.items())[-1]
    if isinstance(value, Class):
        return f"net = {name}(…); net.backprop(x, y)"
    spec = value.node.args
    return f"grads = {name}({', '.join(argument.arg for argument in spec.args)})"


def named_after_variables(tree: ast.Module) -> dict[str, str]:
    """Rename what is called but "gradient" after the variable that it moves; return the old name of each new.

    ``theta = theta - rate * gradient`` says that ``gradient`` is the derivative by ``theta``.
    """
    pairs = {(word, target) for node in ast.walk(tree) for word, target in _moved(node)}
    targets: dict[str, set[str]] = {}
    for word, target in pairs:
        targets.setdefault(word, set()).add(target)
    new = {word: f"grad_{min(found)}" for word, found in targets.items() if len(found) == 1}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in new:
            node.id = new[node.id]
    return {name: word for word, name in new.items()}


def _moved(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield words for gradients by which a statement moves a variable, each with the variable."""
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        target: ast.expr = node.target
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        target = node.targets[0]
        if ast.unparse(target) not in {ast.unparse(node.value.left), ast.unparse(node.value.right)}:
            return
    else:
        return
    name = getattr(target, "id", getattr(target, "attr", ""))
    for part in ast.walk(node.value) if name and name not in WORDS else ():
        if isinstance(part, ast.Name) and part.id in WORDS:
            yield part.id, name
