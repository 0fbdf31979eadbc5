"""The activation functions of networks, beyond sigmoid, softplus and tanh."""

from __future__ import annotations

import math

from chainrule.graph.primitive import Sample
from chainrule.primitives.choice import BOTH_SIDES, number, where
from chainrule.primitives.define import elementwise
from chainrule.primitives.transcendental import exp, ndtr, normal_distribution, sigmoid

relu = elementwise(
    "relu",
    forward=lambda xp, x: xp.maximum(x, 0),
    partials=lambda _, x: (where(x > 0, 1, 0),),
    text="relu({0})",
    latex=r"\max(0, {0})",
    source="max({0}, 0)",
    samples=BOTH_SIDES,
    holomorphic=False,
    kinks=lambda x: x,
)
leaky_relu = elementwise(
    "leaky_relu",
    forward=lambda xp, x, *, slope=0.01: xp.where(x > 0, x, slope * x),
    partials=lambda y, x, slope=0.01: (where(x > 0, number(1, y), slope),),
    text="leaky_relu({0})",
    latex=r"\operatorname{{leaky\_relu}}({0})",
    source="({0} if {0} > 0 else 0.01 * {0})",
    samples=(*BOTH_SIDES, Sample(((),), {"slope": 0.3}, (-2.0, -0.2))),
    holomorphic=False,
    kinks=lambda x: x,
)
elu = elementwise(
    "elu",
    forward=lambda xp, x, *, alpha=1.0: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0))),
    partials=lambda y, x, alpha=1.0: (where(x > 0, number(1, y), y + alpha),),
    text="elu({0})",
    latex=r"\operatorname{{elu}}({0})",
    source="({0} if {0} > 0 else math.expm1({0}))",
    samples=(*BOTH_SIDES, Sample(((),), {"alpha": 1.5}, (-2.0, -0.2))),
    holomorphic=False,
    kinks=lambda x: x,
)
gelu = elementwise(
    "gelu",
    forward=lambda xp, x: x * normal_distribution(xp, x),
    partials=lambda _, x: (ndtr(x) + x * exp(-0.5 * x * x) / math.sqrt(2 * math.pi),),
    text="gelu({0})",
    latex=r"\operatorname{{gelu}}({0})",
    source="(0.5 * {0} * math.erfc(-{0} * math.sqrt(0.5)))",
)
silu = elementwise(
    "silu",
    forward=lambda xp, x: x / (1 + xp.exp(-x)),
    partials=lambda y, x: (sigmoid(x) + y * (1 - sigmoid(x)),),
    text="silu({0})",
    latex=r"{0} \cdot \sigma({0})",
    source="({0} / (1 + math.exp(-{0})))",
)
