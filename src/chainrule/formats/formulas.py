"""The formulas of a network as lines that NumPy can run: ``a1 = sigmoid(x @ W1 + b1)``, a layer a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from chainrule.formats.numpy_words import NUMPY, expression, literal
from chainrule.formats.recipe import Recipe, part_of, recipe
from chainrule.formats.writing import Text
from chainrule.graph.node import CONSTANT, Node
from chainrule.network import Network

LONGEST = 84


class Line(NamedTuple):
    """A line: the variable, its value, and the node that it computes."""

    name: str
    text: str
    node: Node

    def __str__(self) -> str:
        return f"{self.name} = {self.text}"


def numpy_recipe(net: Network) -> Recipe:
    """Return the recipe of a network in NumPy's words; inputs that are scaled are float64."""
    return recipe(net, NUMPY, dtype=None if net.scaling is None else "float64")


def formulas(net: Network) -> list[str]:
    """Return the formulas of a network, one a line.

    Examples
    --------
    >>> import chainrule as cr
    >>> formulas(cr.Network([4, 3, 2], activation="tanh"))
    ['a1 = tanh(x @ W1 + b1)', 'a2 = softmax(a1 @ W2 + b2)']
    """
    made = numpy_recipe(net)
    return [str(line).replace("np.", "") for line in lines(made, made.names(()))]


def lines(made: Recipe, names: Mapping[Node, str]) -> list[Line]:
    """Return the lines of a recipe: what is used once is written where it is used, as long as it fits."""
    return _Lines(made, names).lines()


@dataclass(frozen=True, eq=False)
class _Lines:
    made: Recipe
    names: Mapping[Node, str]

    def lines(self) -> list[Line]:
        found: list[Line] = []
        inline: dict[Node, Text] = {}
        for node in self.made.steps:
            text = self._text(node, inline)
            while len(text.text) > LONGEST and (parts := [part for part in node.inputs if part in inline]):
                longest = max(parts, key=lambda part: len(inline[part].text))
                found.append(Line(self.names[longest], inline.pop(longest).text, longest))
                text = self._text(node, inline)
            consumers = self.made.uses.get(node, [])
            alone = len(consumers) == 1 and part_of(consumers[0]) == part_of(node)
            if alone and len(text.text) <= self._room(node):
                inline[node] = text
            else:
                found.append(Line(self.names[node], text.text, node))
        return found

    def _text(self, node: Node, inline: Mapping[Node, Text]) -> Text:
        operands = [self._operand(source, inline) for source in node.inputs]
        return expression(node, operands, self.made.settings[node])

    def _operand(self, node: Node, inline: Mapping[Node, Text]) -> Text:
        if node.primitive is CONSTANT and not node.shape:
            return literal(node)
        return inline.get(node) or Text(self.names[node])

    def _room(self, node: Node) -> int:
        """Return how long the text of a node may be inside that of another: half a line, but for products."""
        return LONGEST if node.primitive.name == "matmul" else LONGEST // 2
