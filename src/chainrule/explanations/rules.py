"""Which rule of differentiation gives the local derivative of an operation: product rule, quotient rule …."""

from __future__ import annotations

from chainrule.explanations.steps import Rule
from chainrule.graph.node import CONSTANT, Node

RULES = {
    **dict.fromkeys(("add", "subtract", "sum", "cumsum", "mean"), "sum"),
    **dict.fromkeys(("multiply", "prod"), "product"),
    **dict.fromkeys(("divide", "reciprocal"), "quotient"),
    **dict.fromkeys(("power", "square", "sqrt", "cbrt"), "power"),
    **dict.fromkeys(("matmul", "einsum"), "matrix_product"),
    **dict.fromkeys(("where", "maximum", "minimum", "clip", "max", "min"), "choice"),
    **dict.fromkeys(("index", "add_at", "concatenate", "broadcast_to", "reshape"), "rearrangement"),
    **dict.fromkeys(("transpose", "positive", "convert"), "rearrangement"),
    "negative": "constant_factor",
    "exp2": "exponential",
}


def rule_of(node: Node, place: int) -> Rule:
    """Return the rule that gives the local derivative of a node by the operand at ``place``.

    A product with a constant goes by the rule of the constant factor, and a power with the variable in its
    exponent by that of exponential functions. What has no rule of its own is "the derivative of" itself.
    """
    operation = node.primitive.name
    key = RULES.get(operation, "function")
    others = [source for number, source in enumerate(node.inputs) if number != place]
    beside_constants = bool(others) and all(source.primitive is CONSTANT for source in others)
    if beside_constants and (key == "product" or (key == "quotient" and place == 0)):
        key = "constant_factor"
    elif operation == "power" and place == 1:
        key = "exponential"
    return Rule(key, operation)
