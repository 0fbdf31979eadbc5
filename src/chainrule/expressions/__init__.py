"""Formulas as text, such as ``3*(a + b*c)``, and the graphs that they stand for.

From the bottom up: `tokens` reads numbers, names and operators and refuses everything else; `grammar` says
whether they make a formula, and if not, where and what to write instead; `reading` turns it into a graph.
Nothing is ever evaluated by Python; length, depth and the number of operations are bounded.
"""

from chainrule.expressions.reading import read_expression

__all__ = ["read_expression"]
