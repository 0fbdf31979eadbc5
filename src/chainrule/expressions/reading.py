"""From a formula to its graph: a whitelisted syntax tree, walked without recursion."""

from __future__ import annotations

import ast
import math
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from chainrule.errors import ExpressionError, nearest_hint
from chainrule.expressions.grammar import Grammar, function_hint
from chainrule.expressions.tokens import Token, fault, tokenise, usual_signs
from chainrule.graph import context
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node, apply, constant, input_node
from chainrule.primitives import PRIMITIVES
from chainrule.text import say

CONSTANTS = {"pi": math.pi, "e": math.e}
ALIASES = {
    "abs": "absolute",
    "max": "maximum",
    "min": "minimum",
    "pow": "power",
    "ln": "log",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
}
OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.USub: "negative",
}
FOLDED = ("maximum", "minimum")  # written with any number of arguments, two or more
_NOT_CALLED = {"where", "convert", "positive"}  # a condition, a dtype, and nothing at all


@cache
def functions() -> dict[str, tuple[int, int]]:
    """Return the functions that a formula may call, each with its least and greatest number of arguments.

    They are the registry's elementwise primitives, and the short names of `ALIASES`.

    Examples
    --------
    >>> functions()["exp"], functions()["abs"]
    ((1, 1), (1, 1))
    """
    found: dict[str, tuple[int, int]] = {}
    for name, primitive in PRIMITIVES.items():
        if primitive.elementwise and primitive.differentiable and name not in _NOT_CALLED:
            count = sum(f"{{{place}}}" in primitive.text for place in range(9))
            found[name] = (count, 1_000_000 if name in FOLDED else count)
    return {**found, **{alias: found[name] for alias, name in ALIASES.items() if name in found}}


def read_expression(text: str, names: Sequence[str] | None = None) -> Graph:
    """Return the graph of a formula.

    A formula is made of numbers, names, ``+ - * / **``, parentheses and calls of elementwise functions; all
    of it means what it means in Python, except that every number is a float64. ``pi`` and ``e`` are known
    unless they are names of variables.

    Parameters
    ----------
    text
        The formula, at most 10,000 characters.
    names
        The variables, in the order of the graph's inputs; None: all names in the formula that are neither
        called nor ``pi`` or ``e``, in the order in which they occur.

    Returns
    -------
    Graph
        With a float64 input for each variable and the formula's value as its one output.

    Raises
    ------
    ExpressionError
        If the text is no such formula, a name in it is not among ``names`` or one of these does not occur in
        it. ``position`` is the column of the fault; the message shows it with a caret.

    Examples
    --------
    >>> graph = read_expression("3*(a + b*c)", ["a", "b", "c"])
    >>> graph(7.0, 4.0, 2.0)
    np.float64(45.0)
    >>> read_expression("2a", ["a"])
    Traceback (most recent call last):
    chainrule.errors.ExpressionError: An operator is missing between '2' and 'a'. For a product write 2 * a.
      2a
       ^
    """
    tokens = tokenise(text)
    variables = _occurring(tokens) if names is None else [_variable(name) for name in names]
    Grammar(text, variables, functions()).check(tokens)
    _check_names(text, tokens, variables)
    tree = _parse(text, tokens)
    with context.on_behalf() as on_behalf_of:
        on_behalf_of(constant(0.0))  # no line of Python to point at
        inputs = {name: input_node((), "float64", name) for name in variables}
        output = _build(tree, inputs)
    return Graph(list(inputs.values()), [output], name="expression")


def _occurring(tokens: Sequence[Token]) -> list[str]:
    found = [token.text for token, after in pairwise(tokens) if token.kind == "name" and after.text != "("]
    return [name for name in dict.fromkeys(found) if name not in CONSTANTS]


def _variable(name: str) -> str:
    usual = unicodedata.normalize("NFKC", str(name))
    tokens = tokenise(usual) if usual.isidentifier() else []
    if len(tokens) != 2 or tokens[0].kind != "name":
        raise ExpressionError("expression.variable", name=name)
    return usual


def _check_names(text: str, tokens: Sequence[Token], variables: Sequence[str]) -> None:
    """Raise unless each name in the formula has a value and each given name occurs in it."""
    used = [token for token in tokens if token.kind == "name"]
    unused = [name for name in variables if all(token.text != name for token in used)]
    for token, after in pairwise(tokens):
        known = token.text in variables or token.text in CONSTANTS or after.text == "("
        if token.kind == "name" and not known:
            raise _missing(text, token, unused)
    if unused:
        occurring = sorted({token.text for token in used} - set(functions()))
        hint = nearest_hint(unused[0], occurring) if occurring else say("expression.no_names")
        raise ExpressionError("expression.unused", name=unused[0], hint=hint)


def _missing(text: str, token: Token, unused: Sequence[str]) -> ExpressionError:
    if token.text in functions():
        return fault("expression.not_called", text, token.position, name=token.text)
    near = nearest_hint(token.text, unused) if unused else function_hint(token.text, functions())
    hint = near or say("expression.give", name=token.text)
    return fault("expression.missing", text, token.position, name=token.text, hint=hint)


def _parse(text: str, tokens: Sequence[Token]) -> ast.expr:
    """Return Python's syntax tree of tokens that `Grammar` has checked."""
    written = usual_signs(text)
    for token in tokens:  # blanks to spaces, and 007 to 7, which Python would refuse
        if token.kind == "number" and token.text.isdigit():
            end = token.position + len(token.text)
            written = written[: token.position] + f"{int(token.text):>{len(token.text)}}" + written[end:]
    written = "".join(" " if sign.isspace() else sign for sign in written)
    try:
        return ast.parse(written.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise fault("expression.unreadable", text, 0) from None


def _build(tree: ast.expr, inputs: dict[str, Node]) -> Node:
    """Return the node of a syntax tree, operands first."""
    waiting: list[tuple[ast.expr, bool]] = [(tree, False)]
    results: list[Node] = []
    while waiting:
        part, ready = waiting.pop()
        operands = _operands(part)
        if not operands:
            results.append(_leaf(part, inputs))
        elif ready:
            values = results[-len(operands) :]
            del results[-len(operands) :]
            results.append(_operation(part, values))
        else:
            waiting.append((part, True))
            waiting.extend((operand, False) for operand in reversed(operands))
    return results[0]


def _operands(part: ast.expr) -> list[ast.expr]:
    match part:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.Call(args=arguments):
            return arguments
    return []


def _leaf(part: ast.expr, inputs: dict[str, Node]) -> Node:
    match part:
        case ast.Constant(value=int() | float() as value):
            return constant(float(value))
        case ast.Name(id=name) if name in inputs:
            return inputs[name]
        case ast.Name(id=name) if name in CONSTANTS:
            return constant(CONSTANTS[name])
    raise ExpressionError("expression.refused", kind=type(part).__name__)


def _operation(part: ast.expr, values: list[Node]) -> Node:
    match part:
        case ast.UnaryOp(op=ast.UAdd()):
            return values[0]
        case ast.BinOp(op=sign) | ast.UnaryOp(op=sign) if type(sign) in OPERATORS:
            return apply(OPERATORS[type(sign)], *values)
        case ast.Call(func=ast.Name(id=name)) if name in functions():
            primitive = ALIASES.get(name, name)
            result = apply(primitive, *values[:2]) if primitive in FOLDED else apply(primitive, *values)
            for value in values[2:] if primitive in FOLDED else []:
                result = apply(primitive, result, value)
            return result
    raise ExpressionError("expression.refused", kind=type(part).__name__)
