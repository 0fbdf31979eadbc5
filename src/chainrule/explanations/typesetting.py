r"""Formulas of an explanation as LaTeX: read as text, written with the templates of the primitives.

A formula such as ``sigmoid(w * x + b)`` is read by Python's own parser (and never run); each operation and
call is then written as the primitive of that name says, so that this becomes ``\sigma(w \cdot x + b)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from string import Formatter
from types import MappingProxyType

from chainrule.explanations.formulas import ATOM, LEVELS, Written
from chainrule.explanations.steps import PLACES
from chainrule.explanations.symbols import (
    MARKS,
    NONE,
    derivative,
    in_symbols,
    matrix,
    number_in_latex,
    verbatim,
)
from chainrule.graph.primitive import PRIMITIVES, Primitive

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Mod: "remainder",
    ast.FloorDiv: "floor_divide",
    ast.Pow: "power",
    ast.BitAnd: "bitwise_and",
    ast.BitOr: "bitwise_or",
    ast.BitXor: "bitwise_xor",
    ast.USub: "negative",
    ast.UAdd: "positive",
    ast.Invert: "invert",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}
NO_ARRAYS: Mapping[str, int] = MappingProxyType({})
EULER = "e"  # Euler's number, unless a value is called so
E_TO_THE = re.compile(r"e\^\{\{\{(\d)\}\}\}")
ENTRYWISE = frozenset(name for name, primitive in PRIMITIVES.items() if primitive.elementwise)
SUM, PRODUCT, SIGN, POWER = LEVELS["add"], LEVELS["multiply"], LEVELS["negative"], LEVELS["power"]
OPENING = (
    "(",
    "{",
    ",",
    "|",
    "&",
    r"\\",
    r"\lfloor",
    r"\lceil",
    "{cases}",
)  # what encloses an operand on its left


def in_latex(
    text: str,
    output: str = "",
    names: Collection[str] = (),
    *,
    arrays: Mapping[str, int] = NO_ARRAYS,
    columns: bool = True,
    apart: Mapping[str, str] = NONE,
) -> str:
    r"""Return a formula as LaTeX; ``dJ/dv`` is a derivative where J is the output and v one of the names.

    ``arrays`` are the names that have axes, with how many: the product of two, entry by entry, is written ⊙.
    Without ``columns``, vectors are not taken for columns, so that an outer product is written ⊗. Where a
    value is called e, the exponential function is written exp. ``apart`` is that of `in_symbols`.

    Examples
    --------
    >>> print(in_latex("3 * (a + b_2) / x"))
    \frac{3 \cdot \left(a + b_{2}\right)}{x}
    >>> print(in_latex("xᵀ @ dJ/dz1", "J", ["z1"]))
    x^T \, \frac{\mathrm{d}J}{\mathrm{d}z_{1}}
    """
    target, sign, rest = text.partition(" += ")
    if sign:
        return _placed(target, in_latex(rest, output, names, arrays=arrays, columns=columns, apart=apart))
    slopes: dict[str, tuple[str, str]] = {}
    try:
        tree = ast.parse(_readable(text, output, names, slopes, apart), mode="eval")
        found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        many = {_marked(name): count for name, count in arrays.items()}
        many |= {key: arrays[name] for key, (_, name) in slopes.items() if name in arrays}
        symbols = {key: symbol for key, (symbol, _) in slopes.items()}
        euler = EULER not in found and EULER not in names
        return _Writer(symbols, many, columns=columns, euler=euler, apart=apart).write(tree.body).text
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return verbatim(text)


def _placed(target: str, value: str) -> str:
    """Return what is added to zeros at an index, as a multiple of the array that is 1 there: 2 · e₃."""
    index = target.partition(")[")[2].removesuffix("]")
    places = (part if re.fullmatch(r"[-:\d]*", part) else in_latex(part) for part in index.split(", "))
    enclosed = rf"\left({value}\right)" if re.search(r" [+-] ", value) else value
    return rf"{enclosed} \, \mathbf{{e}}_{{{', '.join(places)}}}"


def _readable(
    text: str,
    output: str,
    names: Collection[str],
    slopes: dict[str, tuple[str, str]],
    apart: Mapping[str, str],
) -> str:
    """Return a formula as Python reads it; derivatives get names, to be looked up in ``slopes``."""

    def slope(found: re.Match[str]) -> str:
        if found[1] not in names:
            return found[0]
        key = f"slope_{len(slopes)}_"
        slopes[key] = (
            derivative(output, found[0].partition("/d")[2], apart=apart),
            "" if found[2] else found[1],
        )
        return key

    if output:
        text = re.sub(rf"\bd{re.escape(output)}/d(\w+)(\[[^\[\]]*\])?", slope, text)
    for sign, python in (("²", "**2"), ("ᵀ", ".T"), ("…", "...")):
        text = text.replace(sign, python)
    return _bars_as_calls(_marked(text))


def _marked(name: str) -> str:
    for mark, word in MARKS:
        name = name.replace(mark, word)
    return name


def _bars_as_calls(text: str) -> str:
    """Return a formula with |x| as absolute_(x): a bar opens where a value is expected, else it closes."""
    parts = []
    before = "("
    for part in re.split(r"(\|)", text):
        opens = before.rstrip()[-1:] in ("", *"(,+-*/%@<>=[|")
        parts.append(part if part != "|" else "absolute_(" if opens else ")")
        before = ("|" if opens else ")") if part == "|" else (part if part.strip() else before)
    return "".join(parts)


class _Writer:
    """From the syntax tree of a formula to LaTeX."""

    def __init__(
        self,
        slopes: Mapping[str, str],
        arrays: Mapping[str, int],
        *,
        columns: bool,
        euler: bool,
        apart: Mapping[str, str],
    ) -> None:
        self.slopes, self.arrays = slopes, arrays
        self.columns, self.euler, self.apart = columns, euler, apart

    def write(self, tree: ast.AST) -> Written:
        """Return a tree as LaTeX; raise ValueError for what is no formula."""
        writer = getattr(self, f"_write_{type(tree).__name__.lower()}", None)
        if writer is None:
            raise ValueError(type(tree).__name__)
        written: Written = writer(tree)
        return written

    def _write_name(self, tree: ast.Name) -> Written:
        if tree.id in self.slopes:
            return Written(self.slopes[tree.id], POWER)
        return Written(in_symbols(tree.id, self.apart))

    def _write_constant(self, tree: ast.Constant) -> Written:
        if tree.value is ...:
            return Written(r"\ldots")
        if isinstance(tree.value, str):
            return Written(verbatim(tree.value))
        if tree.value is None or isinstance(tree.value, bool):
            return Written(rf"\mathrm{{{tree.value}}}")
        text = number_in_latex(tree.value)
        return Written(text, PRODUCT if r"\times" in text else ATOM)

    def _write_binop(self, tree: ast.BinOp) -> Written:
        name = OPERATORS[type(tree.op)]
        left, right, level = self.write(tree.left), self.write(tree.right), LEVELS.get(name, SUM)
        if name in ("divide", "floor_divide"):
            return Written(PRIMITIVES[name].latex.format(left.text, right.text), POWER)
        if name == "power":
            return Written(
                PRIMITIVES[name].latex.format(_enclosed(left, left.level < ATOM), right.text), POWER
            )
        first = _enclosed(left, left.level < level)
        second = _enclosed(right, right.level <= level or right.text.startswith("-"))
        template = r"{0} \, {1}" if name == "matmul" else PRIMITIVES[name].latex
        if name == "multiply" and self._is_array(tree.left) and self._is_array(tree.right):
            template = r"{0} \odot {1}"
        elif name == "matmul" and self._is_vector(tree.left) and self._is_vector(tree.right):
            template = r"{0} \cdot {1}"
        return Written(template.format(first, second), level)

    def _is_vector(self, tree: ast.AST) -> bool:
        return isinstance(tree, ast.Name) and self.arrays.get(tree.id) == 1

    def _is_array(self, tree: ast.AST) -> bool:
        """Return whether a part of a formula is an array for certain: one of the arrays, entry by entry."""
        if isinstance(tree, ast.Name):
            return tree.id in self.arrays
        if isinstance(tree, ast.BinOp):
            sides = [self._is_array(tree.left), self._is_array(tree.right)]
            return any(sides) and not isinstance(tree.op, ast.MatMult)
        if isinstance(tree, ast.UnaryOp):
            return self._is_array(tree.operand)
        if isinstance(tree, ast.Compare):
            return any(map(self._is_array, (tree.left, *tree.comparators)))
        if isinstance(tree, ast.Attribute):
            return tree.attr == "T" and self._is_array(tree.value)
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
            name = tree.func.id
            return (name in ENTRYWISE and any(map(self._is_array, tree.args))) or name in ("ones", "outer")
        return False

    def _write_unaryop(self, tree: ast.UnaryOp) -> Written:
        operand = self.write(tree.operand)
        bare = operand.level >= PRODUCT and not operand.text.startswith("-")
        return Written(PRIMITIVES[OPERATORS[type(tree.op)]].latex.format(_enclosed(operand, not bare)), SIGN)

    def _write_compare(self, tree: ast.Compare) -> Written:
        text = _enclosed(left := self.write(tree.left), left.level == 0)
        for operator, part in zip(tree.ops, tree.comparators, strict=True):
            operand = self.write(part)
            name = OPERATORS.get(type(operator))
            if name is None:
                raise ValueError(type(operator).__name__)
            text = PRIMITIVES[name].latex.format(text, _enclosed(operand, operand.level == 0))
        return Written(text, 0)

    def _write_subscript(self, tree: ast.Subscript) -> Written:
        parts = tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
        inside = r",\,".join(self.write(part).text for part in parts)
        whole = self.write(tree.value)
        if "_" in whole.text and isinstance(tree.value, ast.Name):
            return Written(f"{whole.text}[{inside}]")  # no index of an index
        return Written(f"{{{_enclosed(whole, whole.level < ATOM)}}}_{{{inside}}}")

    def _write_slice(self, tree: ast.Slice) -> Written:
        ends = [self.write(part).text if part else "" for part in (tree.lower, tree.upper)]
        step = [self.write(tree.step).text] if tree.step else []
        return Written("{:}".join([*ends, *step]))

    def _write_attribute(self, tree: ast.Attribute) -> Written:
        whole = self.write(tree.value)
        if tree.attr == "T":
            return Written(f"{_enclosed(whole, whole.level < ATOM)}^T", POWER)
        return Written(rf"{whole.text}.\mathrm{{{_plain(tree.attr)}}}")

    def _write_tuple(self, tree: ast.Tuple) -> Written:
        return Written(rf"\left({', '.join(self.write(part).text for part in tree.elts)}\right)")

    def _write_list(self, tree: ast.List) -> Written:
        rows = [part.elts if isinstance(part, ast.List) else [part] for part in tree.elts]
        if not any(isinstance(part, ast.List) for part in tree.elts):
            rows = [list(tree.elts)]
        return Written(matrix([[self.write(part).text for part in row] for row in rows]))

    def _write_call(self, tree: ast.Call) -> Written:
        head = tree.func.id if isinstance(tree.func, ast.Name) else ""
        operands = [self.write(part) for part in tree.args]
        if head == "absolute_":
            return Written(rf"\left|{operands[0].text}\right|")
        axes = [self._letters_of(keyword.value) for keyword in tree.keywords if keyword.arg == "axis"]
        if not head:
            raise ValueError("call")
        if head in ("ones", "zeros"):
            shape = tree.args[0].elts if isinstance(tree.args[0], ast.Tuple) else tree.args
            lengths = r" \times ".join(self.write(part).text for part in shape)
            return Written(rf"\mathbf{{{1 if head == 'ones' else 0}}}_{{{lengths}}}")
        if head == "outer" and len(operands) == 2:
            column, row = operands
            raised = _enclosed(row, row.level < ATOM)
            first = _enclosed(column, column.level < PRODUCT)
            if not self.columns:
                return Written(rf"{first} \otimes {_enclosed(row, row.level < PRODUCT)}", PRODUCT)
            return Written(rf"{first} \, {{{raised}}}^T", PRODUCT)
        primitive = _named(head, len(operands))
        if primitive is None:
            inside = ", ".join(part.text for part in operands)
            return Written(rf"{_function(head)}{_axis(axes)}\left({inside}\right)")
        fields = _fields(primitive.text) or [str(place) for place in range(len(operands))]
        template = (
            primitive.latex if self.euler else E_TO_THE.sub(r"\\exp\\left({\1}\\right)", primitive.latex)
        )
        return _filled(template, dict(zip(fields, operands, strict=True)), _axis(axes))

    def _letters_of(self, axes: ast.expr) -> str:
        """Return the axes of a reduction as the running places of its sign: i for rows, j for columns."""
        parts = axes.elts if isinstance(axes, ast.Tuple) else [axes]
        places = [part.value if isinstance(part, ast.Constant) else None for part in parts]
        if all(isinstance(place, int) and 0 <= place < len(PLACES) for place in places):
            return ",".join(PLACES[int(str(place))] for place in places)
        return self.write(axes).text


def _enclosed(part: Written, needed: bool) -> str:
    return rf"\left({part.text}\right)" if needed else part.text


def _plain(name: str) -> str:
    return name.replace("_", r"\_")


def _function(name: str) -> str:
    return rf"\operatorname{{{_plain(name)}}}" if name.isascii() else in_symbols(name)


def _axis(axes: Sequence[str]) -> str:
    return f"_{{{axes[0]}}}" if axes else ""


def _fields(template: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(template) if field is not None]


def _named(head: str, count: int) -> Primitive | None:
    """Return the primitive that is written as a call of this name with so many operands."""
    for primitive in PRIMITIVES.values():
        if not primitive.latex:
            continue
        if primitive.text.startswith(f"{head}(") and len(_fields(primitive.text)) == count:
            return primitive
        if not primitive.text and primitive.name == head and len(set(_fields(primitive.latex))) == count:
            return primitive
    return None


def _filled(template: str, operands: Mapping[str, Written], axis: str) -> Written:
    """Return the operands in a primitive's template, in parentheses wherever that does not enclose them."""
    parts = list(Formatter().parse(template))
    text = ""
    prefixed = len(parts) == 1 and template.startswith("\\") and template.endswith(" {0}")
    for place, (literal, field, _, _) in enumerate(parts):
        text += literal
        if field is None:
            continue
        operand = operands.get(field, Written(r"\ldots"))
        following = parts[place + 1][0].lstrip() if place + 1 < len(parts) else ""
        raised = following.startswith(("}^", "^", "}_", "_"))
        closed = literal.rstrip().endswith(OPENING)
        least = ATOM if raised else 0 if closed else SIGN
        text += _enclosed(operand, prefixed or operand.level < least)
    level = ATOM if text.endswith((")", r"\right|", "}")) else PRODUCT
    if template.startswith((r"\frac", "{", "e^", "2^")) or text.endswith("^T"):
        level = POWER
    return Written(_with_axis(text, axis), level)


def _with_axis(text: str, axis: str) -> str:
    r"""Return a reduction with its axis as an index of its sign: ``\sum`` → ``\sum_{0}``."""
    if not axis:
        return text
    for sign in (r"\\(sum|prod|arg\\\w+)", r"^\\log \\operatorname\{\w+\}", r"^\\\w+(\{[^{}]*\})?"):
        text, count = re.subn(sign, lambda found: found[0] + axis, text, count=1)
        if count:
            break
    return text
