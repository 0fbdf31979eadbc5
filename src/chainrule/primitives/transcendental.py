"""Exponentials, logarithms, trigonometric and hyperbolic functions, and the sigmoid among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.graph.node import Node, apply, lift
from chainrule.graph.primitive import Sample
from chainrule.primitives.arithmetic import sqrt
from chainrule.primitives.choice import where
from chainrule.primitives.define import elementwise, translate

exp = elementwise(
    "exp",
    forward=lambda xp, x: xp.exp(x),
    partials=lambda y, _: (y,),
    numpy=(np.exp,),
    text="exp({0})",
    latex="e^{{{0}}}",
    source="math.exp({0})",
)
exp2 = elementwise(
    "exp2",
    forward=lambda xp, x: xp.exp2(x),
    partials=lambda y, _: (y * math.log(2),),
    numpy=(np.exp2,),
    text="2 ** {0}",
    latex="2^{{{0}}}",
    source="math.exp2({0})",
)
expm1 = elementwise(
    "expm1",
    forward=lambda xp, x: xp.expm1(x),
    partials=lambda _, x: (exp(x),),
    numpy=(np.expm1,),
    text="expm1({0})",
    latex="(e^{{{0}}} - 1)",
    source="math.expm1({0})",
)
log = elementwise(
    "log",
    forward=lambda xp, x: xp.log(x),
    partials=lambda _, x: (1 / x,),
    numpy=(np.log,),
    text="log({0})",
    latex=r"\log {0}",
    source="math.log({0})",
    domain=(0.5, 3.0),
)
log2 = elementwise(
    "log2",
    forward=lambda xp, x: xp.log2(x),
    partials=lambda _, x: (1 / (x * math.log(2)),),
    numpy=(np.log2,),
    text="log2({0})",
    latex=r"\log_2 {0}",
    source="math.log2({0})",
    domain=(0.5, 3.0),
)
log10 = elementwise(
    "log10",
    forward=lambda xp, x: xp.log10(x),
    partials=lambda _, x: (1 / (x * math.log(10)),),
    numpy=(np.log10,),
    text="log10({0})",
    latex=r"\log_{{10}} {0}",
    source="math.log10({0})",
    domain=(0.5, 3.0),
)
log1p = elementwise(
    "log1p",
    forward=lambda xp, x: xp.log1p(x),
    partials=lambda _, x: (1 / (1 + x),),
    numpy=(np.log1p,),
    text="log1p({0})",
    latex=r"\log(1 + {0})",
    source="math.log1p({0})",
    domain=(-0.5, 2.0),
)
sigmoid = elementwise(
    "sigmoid",
    forward=lambda xp, x: 1 / (1 + xp.exp(-x)),
    partials=lambda y, _: (y * (1 - y),),
    numpy=("expit",),
    text="sigmoid({0})",
    latex=r"\sigma({0})",
    source="(1 / (1 + math.exp(-{0})))",
)
softplus = elementwise(
    "softplus",
    forward=lambda xp, x: xp.logaddexp(x, 0),
    partials=lambda _, x: (sigmoid(x),),
    text="softplus({0})",
    latex=r"\log(1 + e^{{{0}}})",
    source="np.logaddexp({0}, 0)",
    holomorphic=False,
)
logaddexp = elementwise(
    "logaddexp",
    forward=lambda xp, x, y: xp.logaddexp(x, y),
    partials=lambda _, x, y: (sigmoid(x - y), sigmoid(y - x)),
    numpy=(np.logaddexp,),
    text="logaddexp({0}, {1})",
    latex=r"\log(e^{{{0}}} + e^{{{1}}})",
    source="np.logaddexp({0}, {1})",
    holomorphic=False,
)
sin = elementwise(
    "sin",
    forward=lambda xp, x: xp.sin(x),
    partials=lambda _, x: (apply("cos", x),),
    numpy=(np.sin,),
    text="sin({0})",
    latex=r"\sin({0})",
    source="math.sin({0})",
)
cos = elementwise(
    "cos",
    forward=lambda xp, x: xp.cos(x),
    partials=lambda _, x: (-sin(x),),
    numpy=(np.cos,),
    text="cos({0})",
    latex=r"\cos({0})",
    source="math.cos({0})",
)
tan = elementwise(
    "tan",
    forward=lambda xp, x: xp.tan(x),
    partials=lambda y, _: (1 + y * y,),
    numpy=(np.tan,),
    text="tan({0})",
    latex=r"\tan({0})",
    source="math.tan({0})",
    domain=(-1.2, 1.2),
)
arcsin = elementwise(
    "arcsin",
    forward=lambda xp, x: xp.arcsin(x),
    partials=lambda _, x: (1 / sqrt(1 - x * x),),
    numpy=(np.arcsin,),
    text="arcsin({0})",
    latex=r"\arcsin({0})",
    source="math.asin({0})",
    domain=(-0.8, 0.8),
)
arccos = elementwise(
    "arccos",
    forward=lambda xp, x: xp.arccos(x),
    partials=lambda _, x: (-1 / sqrt(1 - x * x),),
    numpy=(np.arccos,),
    text="arccos({0})",
    latex=r"\arccos({0})",
    source="math.acos({0})",
    domain=(-0.8, 0.8),
)
arctan = elementwise(
    "arctan",
    forward=lambda xp, x: xp.arctan(x),
    partials=lambda _, x: (1 / (1 + x * x),),
    numpy=(np.arctan,),
    text="arctan({0})",
    latex=r"\arctan({0})",
    source="math.atan({0})",
)
arctan2 = elementwise(
    "arctan2",
    forward=lambda xp, y, x: xp.arctan2(y, x),
    partials=lambda _, y, x: (x / (x * x + y * y), -y / (x * x + y * y)),
    numpy=(np.arctan2,),
    text="arctan2({0}, {1})",
    latex=r"\operatorname{{atan2}}({0}, {1})",
    source="math.atan2({0}, {1})",
    domain=((-2.0, 2.0), (0.4, 2.0)),
    holomorphic=False,
)
sinh = elementwise(
    "sinh",
    forward=lambda xp, x: xp.sinh(x),
    partials=lambda _, x: (apply("cosh", x),),
    numpy=(np.sinh,),
    text="sinh({0})",
    latex=r"\sinh({0})",
    source="math.sinh({0})",
)
cosh = elementwise(
    "cosh",
    forward=lambda xp, x: xp.cosh(x),
    partials=lambda _, x: (sinh(x),),
    numpy=(np.cosh,),
    text="cosh({0})",
    latex=r"\cosh({0})",
    source="math.cosh({0})",
)
tanh = elementwise(
    "tanh",
    forward=lambda xp, x: xp.tanh(x),
    partials=lambda y, _: (1 - y * y,),
    numpy=(np.tanh,),
    text="tanh({0})",
    latex=r"\tanh({0})",
    source="math.tanh({0})",
)
arcsinh = elementwise(
    "arcsinh",
    forward=lambda xp, x: xp.arcsinh(x),
    partials=lambda _, x: (1 / sqrt(x * x + 1),),
    numpy=(np.arcsinh,),
    text="arcsinh({0})",
    latex=r"\operatorname{{arsinh}}({0})",
    source="math.asinh({0})",
)
arccosh = elementwise(
    "arccosh",
    forward=lambda xp, x: xp.arccosh(x),
    partials=lambda _, x: (1 / sqrt(x * x - 1),),
    numpy=(np.arccosh,),
    text="arccosh({0})",
    latex=r"\operatorname{{arcosh}}({0})",
    source="math.acosh({0})",
    domain=(1.5, 3.0),
)
arctanh = elementwise(
    "arctanh",
    forward=lambda xp, x: xp.arctanh(x),
    partials=lambda _, x: (1 / (1 - x * x),),
    numpy=(np.arctanh,),
    text="arctanh({0})",
    latex=r"\operatorname{{artanh}}({0})",
    source="math.atanh({0})",
    domain=(-0.8, 0.8),
)


def error_function(xp: Any, x: Any) -> Any:
    """Return erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, by SciPy where the namespace is NumPy."""
    if xp is not np:
        return xp.erf(x)
    from scipy.special import erf as scipy_erf  # lazily: it costs start-up time

    return scipy_erf(x)


erf = elementwise(
    "erf",
    forward=error_function,
    partials=lambda _, x: (2 / math.sqrt(math.pi) * exp(-x * x),),
    numpy=("erf",),
    text="erf({0})",
    latex=r"\operatorname{{erf}}({0})",
    source="math.erf({0})",
)


def normal_distribution(xp: Any, x: Any) -> Any:
    """Return Φ(x), the probability that a standard normal number is below x, by SciPy for NumPy."""
    if xp is not np:
        return xp.ndtr(x)
    from scipy.special import ndtr as scipy_ndtr  # lazily: it costs start-up time

    return scipy_ndtr(x)


ndtr = elementwise(
    "ndtr",
    forward=normal_distribution,
    partials=lambda _, x: (exp(-0.5 * x * x) / math.sqrt(2 * math.pi),),
    numpy=("ndtr",),
    text="Φ({0})",
    latex=r"\Phi({0})",
    source="(0.5 * math.erfc(-{0} * math.sqrt(0.5)))",
)


def x_log_y(xp: Any, x: Any, y: Any) -> Any:
    """Return x·log y, which is 0 where x is 0, by SciPy where the namespace is NumPy."""
    if xp is not np:
        return xp.xlogy(x, y)
    from scipy.special import xlogy as scipy_xlogy  # lazily: it costs start-up time

    return scipy_xlogy(x, y)


xlogy = elementwise(
    "xlogy",
    forward=x_log_y,
    partials=lambda _, x, y: (log(y), where(x == 0, 0, x / y)),
    numpy=("xlogy",),
    text="{0} * log({1})",
    latex=r"{0} \log {1}",
    source="xlogy({0}, {1})",
    domain=((0.3, 2.0), (0.5, 3.0)),
)


@translate("logit", samples=(Sample(((2, 3),)), Sample(((),)), Sample(((4,),))), domain=(0.1, 0.9))
def logit(x: Any) -> Node:
    """Return log(x / (1 − x)), the inverse of the sigmoid."""
    share = lift(x)
    return log(share) - log1p(-share)


@translate("log_expit", samples=(Sample(((2, 3),)), Sample(((),)), Sample(((4,),))), holomorphic=False)
def log_expit(x: Any) -> Node:
    """Return the logarithm of the sigmoid, without its rounding to 0."""
    return -softplus(-lift(x))
