"""What NumPy lacks and networks need, as functions of traced values, arrays and numbers.

In all of them the value has the shape of ``x`` unless said otherwise, and the dtype that `numpy.exp` gives:
float32 stays float32, whole numbers become float64. None of them overflows or warns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.graph.node import Node, is_traced, operation
from chainrule.graph.primitive import named
from chainrule.primitives import activation, transcendental
from chainrule.primitives.define import with_own_errors
from chainrule.primitives.shapes import normal_axes

Axis = int | Sequence[int] | None


def _plain(value: Any) -> Any:
    """Return a number where NumPy's functions return one: for arrays without axes."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def sigmoid(x: Any) -> Any:
    r"""Return the logistic function.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}, \qquad \sigma' = \sigma\,(1 - \sigma)

    Below −709.78 (float32: −88.72) e⁻ˣ overflows and the value is 0, as that of `scipy.special.expit`; the
    true one is below 10⁻³⁰⁸ (10⁻³⁸) there. ``log(sigmoid(x))`` is computed in one step and keeps all digits.

    References
    ----------
    D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.sigmoid(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    """
    return _plain(transcendental.sigmoid(x))


def softplus(x: Any) -> Any:
    r"""Return the smooth form of `relu`.

    .. math:: \operatorname{softplus}(x) = \log(1 + e^{x}), \qquad \operatorname{softplus}' = \sigma

    Accurate to the last digits also for very negative x, where it is eˣ.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing", NIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.softplus(np.array([-800.0, 0.0, 800.0])).round(4)
    array([0.000e+00, 6.931e-01, 8.000e+02])
    """
    return _plain(transcendental.softplus(x))


def relu(x: Any) -> Any:
    r"""Return the positive part; its derivative at 0 is 0. Whole numbers stay whole.

    .. math:: \operatorname{relu}(x) = \max(0, x)

    References
    ----------
    V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.relu(np.array([-1.5, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    return _plain(activation.relu(x))


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    r"""Return x where it is positive, else ``slope`` times x; the derivative at 0 is ``slope``.

    .. math:: \operatorname{leaky}(x) = x \text{ if } x > 0 \text{ else } s\,x

    References
    ----------
    A. Maas, A. Hannun, A. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.leaky_relu(np.array([-1.0, 0.0, 2.0]), slope=0.1)
    array([-0.1,  0. ,  2. ])
    """
    return _plain(activation.leaky_relu(x, slope=float(slope)))


def elu(x: Any, alpha: float = 1.0) -> Any:
    r"""Return x where it is positive, else ``alpha`` times eˣ − 1; the derivative at 0 is ``alpha``.

    .. math:: \operatorname{elu}(x) = x \text{ if } x > 0 \text{ else } \alpha\,(e^{x} - 1)

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential
    linear units (ELUs)", ICLR 2016, arXiv:1511.07289.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.elu(np.array([-800.0, 0.0, 2.0]))
    array([-1.,  0.,  2.])
    """
    return _plain(activation.elu(x, alpha=float(alpha)))


def gelu(x: Any) -> Any:
    r"""Return x times the probability that a standard normal number is below x (the exact form, with erf).

    .. math:: \operatorname{gelu}(x) = x\,\Phi(x) = \tfrac{x}{2} (1 + \operatorname{erf}(x / \sqrt{2}))

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016, arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.gelu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """
    return _plain(activation.gelu(x))


def silu(x: Any) -> Any:
    r"""Return x times `sigmoid` of x, also called swish.

    .. math:: \operatorname{silu}(x) = x\,\sigma(x)

    References
    ----------
    S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", Neural Networks 107, 2018, arXiv:1702.03118.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.silu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """
    return _plain(activation.silu(x))


def erf(x: Any) -> Any:
    r"""Return the error function.

    .. math:: \operatorname{erf}(x) = \frac{2}{\sqrt{\pi}} \int_0^x e^{-t^2}\,dt

    References
    ----------
    NIST Digital Library of Mathematical Functions, section 7.2.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.erf(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.8427,  0.    ,  0.8427])
    """
    return _plain(transcendental.erf(x))


def _along_axes(name: str, x: Any, axis: Axis, **settings: Any) -> Any:
    operand: Any = x if isinstance(x, Node) or is_traced(x) else np.asarray(x)
    function: Callable[..., Any] = operation(named(name))
    return _plain(function(operand, axis=normal_axes(axis, np.ndim(operand)), **settings))


@with_own_errors
def softmax(x: Any, axis: Axis = -1) -> Any:
    r"""Return shares that are positive and add up to 1 along an axis, or several, or all (None).

    .. math:: \operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}

    References
    ----------
    J. Bridle, "Probabilistic interpretation of feedforward classification network outputs, with relationships
    to statistical pattern recognition", Neurocomputing, 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.softmax(np.array([[0.0, 800.0], [1.0, 1.0]]))
    array([[0. , 1. ],
           [0.5, 0.5]])
    """
    return _along_axes("softmax", x, axis)


@with_own_errors
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    r"""Return the logarithm of `softmax`, finite also where a share rounds to 0.

    .. math:: \log \operatorname{softmax}(x)_i = x_i - \log \sum_j e^{x_j}

    References
    ----------
    P. Blanchard, D. Higham, N. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA
    Journal of Numerical Analysis 41, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.log_softmax(np.array([0.0, 800.0]))
    array([-800.,    0.])
    """
    return _along_axes("log_softmax", x, axis)


@with_own_errors
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    r"""Return the logarithm of the sum of exponentials along axes, of all entries by default.

    .. math:: \operatorname{lse}(x) = \log \sum_j e^{x_j}

    The axes are dropped, or kept with length 1 if ``keepdims``.

    References
    ----------
    P. Blanchard, D. Higham, N. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA
    Journal of Numerical Analysis 41, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> cr.logsumexp(np.array([800.0, 800.0])).round(4)
    np.float64(800.6931)
    """
    return _along_axes("logsumexp", x, axis, keepdims=bool(keepdims))
