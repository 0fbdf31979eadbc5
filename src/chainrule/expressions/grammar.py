"""Whether tokens make a formula: values and operators in turn, every parenthesis closed.

Each fault is named at its column, with what to write instead. After this check Python's parser meets
nothing that it could stumble over, at a depth that it can bear.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from chainrule.errors import ExpressionError
from chainrule.expressions.tokens import Token, fault
from chainrule.text import say

MOST_OPERATIONS = 1_000
MOST_DEPTH = 100
USUAL = "exp, log, sqrt, sin, cos, tanh, sigmoid, relu, abs, max, min …"


def function_hint(name: str, functions: Collection[str]) -> str:
    """Return "Did you mean …?" if a function has a similar name, else nothing.

    Examples
    --------
    >>> function_hint("sigmod", ["exp", "sigmoid"])
    "Did you mean 'sigmoid'?"
    """
    close = difflib.get_close_matches(name.lower(), sorted(functions), n=1, cutoff=0.7)
    return say("hint.nearest", name=close[0]) if close else ""


class Grammar:
    """One pass over the tokens of a formula.

    Parameters
    ----------
    text
        The formula, for messages.
    variables
        The names of its variables.
    functions
        The least and the greatest number of arguments of each function.
    """

    def __init__(
        self, text: str, variables: Collection[str], functions: Mapping[str, tuple[int, int]]
    ) -> None:
        self.text = text
        self.variables = variables
        self.functions = functions
        self._open: list[tuple[Token, Token | None]] = []  # parentheses, with the function called
        self._commas: list[int] = []
        self._operations = 0

    def check(self, tokens: list[Token]) -> None:
        """Raise `ExpressionError` at the first fault."""
        value_expected = True
        for place, token in enumerate(tokens):
            before = tokens[place - 1] if place else None
            value_expected = self._value(token) if value_expected else self._operator(token, before)

    def _value(self, token: Token) -> bool:
        """Take a token where a value is expected; return whether one is still expected."""
        if token.kind in ("number", "name"):
            return False
        if token.text == "(":
            self._push(token, None)
        elif token.text in ("+", "-"):
            self._count(token)
        elif token.kind == "end":
            raise self._fault("expression.empty" if not token.position else "expression.unfinished", token)
        else:
            raise self._fault("expression.no_value", token, found=token.text)
        return True

    def _operator(self, token: Token, before: Token | None) -> bool:
        """Take a token where an operator is expected; return whether a value is expected after it."""
        if token.kind == "end":
            if self._open:
                raise self._fault("expression.unclosed", self._open[-1][0])
            return False
        if token.text == ")":
            self._close(token)
            return False
        if token.text == ",":
            self._comma(token)
        elif token.text == "(":
            self._call(token, before)
        elif token.kind == "sign":
            self._count(token)
        else:
            raise self._product(token, before)
        return True

    def _call(self, token: Token, before: Token | None) -> None:
        is_name = before is not None and before.kind == "name" and before.text not in self.variables
        if before is None or not is_name:
            raise self._product(token, before)
        if before.text not in self.functions:
            hint = function_hint(before.text, self.functions) or say("hint.known", names=USUAL)
            raise self._fault("expression.function", before, name=before.text, hint=hint)
        self._count(token)
        self._push(token, before)

    def _push(self, token: Token, function: Token | None) -> None:
        self._open.append((token, function))
        self._commas.append(0)
        if len(self._open) > MOST_DEPTH:
            raise self._fault("expression.deep", token, most=MOST_DEPTH)

    def _comma(self, token: Token) -> None:
        if not self._open or self._open[-1][1] is None:
            raise self._fault("expression.comma", token)
        self._count(token)
        self._commas[-1] += 1

    def _close(self, token: Token) -> None:
        if not self._open:
            raise self._fault("expression.unopened", token)
        function = self._open.pop()[1]
        given = self._commas.pop() + 1
        if function is None:
            return
        least, most = self.functions[function.text]
        if not least <= given <= most:
            wanted = str(least) if least == most else say("expression.at_least", count=least)
            raise self._fault(
                "expression.arguments", function, name=function.text, wanted=wanted, given=given
            )

    def _count(self, token: Token) -> None:
        self._operations += 1
        if self._operations > MOST_OPERATIONS:
            raise self._fault("expression.many", token, most=MOST_OPERATIONS)

    def _product(self, token: Token, before: Token | None) -> ExpressionError:
        """Return the error for a value right after a value: 2a, a(b + c), (a)(b), a b."""
        left = before.text if before is not None else ""
        right = "(…)" if token.text == "(" else token.text
        left = "(…)" if left == ")" else left
        return self._fault("expression.product", token, left=left[-20:], right=right[:20])

    def _fault(self, key: str, token: Token, **values: object) -> ExpressionError:
        return fault(key, self.text, token.position, **values)
