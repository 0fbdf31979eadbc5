"""Small edits of a statement's text, in its own style: what a person would change on the line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

TIGHT = (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.Constant)
LOOSE = (ast.Add, ast.Sub)
PLAIN = ("len", "range", "sum", "float", "int")
SUMS = {"sum": "mean", "mean": "sum"}


class Statement:
    """An assignment, as text and as a tree.

    Parameters
    ----------
    text
        Its source, without indentation.

    Examples
    --------
    >>> list(Statement("dz = y - a").negated())[:2]
    ['dz = a - y', 'dz = -(y - a)']
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0]
        for row in text.encode().split(b"\n"):
            self._starts.append(self._starts[-1] + len(row) + 1)
        body = ast.parse(text).body
        if len(body) != 1 or not isinstance(body[0], ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Return):
            raise SyntaxError(text)
        self.node = body[0]
        if self.node.value is None:
            raise SyntaxError(text)
        self.value: ast.expr = self.node.value

    @property
    def target(self) -> str:
        """What the statement gives a value to; what it returns, for a return."""
        if isinstance(self.node, ast.Assign):
            return self.source(self.node.targets[0])
        if isinstance(self.node, ast.AugAssign | ast.AnnAssign):
            return self.source(self.node.target)
        return self.source(self.value)

    def source(self, node: ast.expr) -> str:
        """Return the text of a part."""
        start, end = self._span(node)
        return self.text.encode()[start:end].decode()

    def _span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: PT018
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def with_part(self, node: ast.expr, text: str) -> str:
        """Return the statement with other text for a part."""
        return _spliced(self.text, self._span(node), text)

    def parts(self) -> list[ast.expr]:
        """Return the parts of the right side, the whole first."""
        return [node for node in ast.walk(self.value) if isinstance(node, ast.expr)]

    def in_slope(self, node: ast.expr) -> bool:
        """Return whether a part stands in a derivative of an activation: 1 - a², a(1 - a), z > 0, f'(z)."""
        for part in self.parts():
            if part is node or node not in set(ast.walk(part)):
                continue
            if isinstance(part, ast.Compare) or (isinstance(part, ast.BinOp) and _is_slope(part)):
                return True
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and len(part.args) == 1:
                return part.func.id not in PLAIN
        return False

    def in_brackets(self, node: ast.expr) -> bool:
        """Return whether a part has brackets of its own around it."""
        start, end = self._span(node)
        content = self.text.encode()
        return content[start - 1 : start] == b"(" and content[end : end + 1] == b")"

    def kept(self, node: ast.expr, part: ast.expr) -> str:
        """Return the text of an operand in the place of its operation, in brackets where it must be."""
        return self.source(part) if node is self.value else self._closed(part)

    def _closed(self, node: ast.expr) -> str:
        """Return a part so that it can be a factor."""
        text = self.source(node)
        return f"({text})" if isinstance(node, ast.BinOp) and isinstance(node.op, LOOSE) else text

    def negated(self) -> Iterator[str]:
        """Yield the statement with a sign changed: of the whole, then of a part."""
        yield from self._negations(self.value)
        yield from self.terms_negated()

    def _negations(self, node: ast.expr) -> Iterator[str]:
        text = self.source(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield self.with_part(node, self.source(node.operand))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            yield self.with_part(node, f"{self.source(node.right)} - {self.source(node.left)}")
            yield self.with_part(node, f"-({text})")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.MatMult):
            if isinstance(node.left, ast.UnaryOp):
                yield self.with_part(node.left, self.source(node.left.operand))
            yield self.with_part(node, f"-{text}")
        else:
            yield self.with_part(node, f"-{text}" if isinstance(node, TIGHT) else f"-({text})")

    def terms_negated(self) -> Iterator[str]:
        """Yield the statement with + for −, or − for +, in one place."""
        if isinstance(self.node, ast.AugAssign) and isinstance(self.node.op, LOOSE):
            old, new = ("+=", "-=") if isinstance(self.node.op, ast.Add) else ("-=", "+=")
            yield self.text.replace(old, new, 1)
        for node in self.parts():
            if isinstance(node, ast.BinOp) and isinstance(node.op, LOOSE):
                sign = "-" if isinstance(node.op, ast.Add) else "+"
                yield self.with_part(node, f"{self.source(node.left)} {sign} {self.source(node.right)}")
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                yield self.with_part(node, self.source(node.operand))
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                yield self.with_part(node, f"({self.source(node.right)} - {self.source(node.left)})")

    def dropped(self, *operators: type[ast.operator]) -> Iterator[str]:
        """Yield the statement with one operand of one of these operators left out."""
        for node in self.parts():
            if isinstance(node, ast.BinOp) and isinstance(node.op, operators):
                yield self.with_part(node, self.kept(node, node.left))
                if not isinstance(node.op, ast.Div | ast.Sub):
                    yield self.with_part(node, self.kept(node, node.right))

    def multiplied(self, factor: str) -> Iterator[str]:
        """Yield the statement with a factor for the whole."""
        whole = self._closed(self.value)
        yield self.with_part(self.value, f"{factor} * {whole}")
        yield self.with_part(self.value, f"{whole} * {factor}")

    def divided(self, divisor: str) -> Iterator[str]:
        """Yield the statement with a divisor for the whole."""
        yield self.with_part(self.value, f"{self._closed(self.value)} / {divisor}")

    def parts_scaled(self, factor: str, sign: str) -> Iterator[str]:
        """Yield the statement with a factor (or a divisor) for one part."""
        for node in self.parts():
            if isinstance(node, (ast.BinOp, *TIGHT)) and not isinstance(node, ast.Constant):
                text = f"{self._closed(node)} {sign} {factor}"
                yield self.with_part(node, f"({text})")
                if sign == "*":
                    yield self.with_part(node, f"{factor} * {self._closed(node)}")

    def replaced(self, old: str, new: str) -> Iterator[str]:
        """Yield the statement with another name or number: everywhere, then in one place each."""
        found = [node for node in self.parts() if _bare(self.source(node)) == _bare(old)]
        if len(found) > 1:
            everywhere = self.text
            for node in sorted(found, key=lambda node: -self._span(node)[0]):
                everywhere = _spliced(everywhere, self._span(node), new)
            yield everywhere
        for node in found:
            yield self.with_part(node, new)

    def names_replaced(self, new: str) -> Iterator[str]:
        """Yield the statement with a name in the place of another one."""
        for node in self.parts():
            if isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
                yield self.with_part(node, new)

    def transposed(self) -> Iterator[str]:
        """Yield the statement with a part transposed, or no longer."""
        for node in self.parts():
            text = self.source(node)
            if isinstance(node, ast.Attribute) and node.attr == "T":
                yield self.with_part(node, self.source(node.value))
            elif isinstance(node, TIGHT) and not isinstance(node, ast.Constant):
                yield self.with_part(node, f"{text}.T")
            elif isinstance(node, ast.BinOp):
                yield self.with_part(node, f"({text}).T")

    def swapped(self) -> Iterator[str]:
        """Yield the statement with the operands of a product in the other order."""
        for node in self.parts():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
                yield self.with_part(node, f"{self.source(node.right)} @ {self.source(node.left)}")
            if isinstance(node, ast.Call) and len(node.args) == 2 and _called(node) == "dot":
                name, (first, second) = self.source(node.func), map(self.source, node.args)
                yield self.with_part(node, f"{name}({second}, {first})")

    def with_keyword(self, keyword: str, value: str | None) -> Iterator[str]:
        """Yield the statement with a keyword of a reduction set, or without it."""
        for node in self.parts():
            if isinstance(node, ast.Call) and _called(node) in SUMS:
                kept = [f"{k.arg}={self.source(k.value)}" for k in node.keywords if k.arg != keyword]
                added = [] if value is None else [f"{keyword}={value}"]
                given = ", ".join([*map(self.source, node.args), *kept, *added])
                yield self.with_part(node, f"{self.source(node.func)}({given})")

    def other_reduction(self) -> Iterator[str]:
        """Yield the statement with a mean for a sum, or a sum for a mean."""
        for node in self.parts():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SUMS:
                function = f"{self.source(node.func.value)}.{SUMS[node.func.attr]}"
                yield self.with_part(node.func, function)

    def factors_replaced(self, new: str) -> Iterator[str]:
        """Yield the statement with another factor in a product."""
        for node in self.parts():
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
                for factor in (node.right, node.left):
                    yield self.with_part(factor, new if self.in_brackets(factor) else f"({new})")

    def whole(self, text: str) -> str:
        """Return the statement with another right side."""
        return self.with_part(self.value, text)

    def extended(self, term: str) -> str:
        """Return the statement with a term more."""
        return self.with_part(self.value, f"{self.source(self.value)} + {term}")


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_slope(node: ast.BinOp) -> bool:
    if isinstance(node.op, ast.Sub):
        return isinstance(node.left, ast.Constant) and node.left.value == 1
    sides = (node.left, node.right)
    return isinstance(node.op, ast.Mult) and any(
        isinstance(one, ast.BinOp) and _is_slope(one) and ast.dump(one.right) == ast.dump(other)
        for one, other in (sides, sides[::-1])
    )


def _bare(text: str) -> str:
    return text.replace("'", '"').replace(" ", "")


def _spliced(text: str, span: tuple[int, int], new: str) -> str:
    content = text.encode()
    return (content[: span[0]] + new.encode() + content[span[1] :]).decode()


Edits = Callable[[Statement], Iterator[str]]
