"""The many ways to write an operation in NumPy: functions, methods, operators, positions and keywords.

Each entry is an expression in ``a`` and ``b``, two arrays of shape (2, 3). Traced and then computed it gives
what plain NumPy gives, or it is refused with an error of ours; never something else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import chainrule as cr
from chainrule.errors import ChainruleError, TraceError

TRACED = """
a + b; a - b; a * b; a / b; a + 1; 1 - a; 2.0 * a; a / 2; 2 / a; -a; +a; abs(a); a % 2; a // 2; a**2; a**2.0
a**0.5; 2 ** abs(a); abs(a) ** b; a + True; np.float32(2) * a; np.float64(2) * a; np.int64(2) * a; a == b
a != b; a < 0; a <= b; 0 > a; 1.5 >= a; (a > 0) & (b > 0); (a > 0) | (b > 0); ~(a > 0); (a > 0) ^ (b > 0)
[1.0, 2.0, 3.0] * a; a + [1, 2, 3]; a * np.ones(3); np.ones(3, "float32") * a; np.eye(2) @ a
np.eye(3) * a[0]; np.exp(a); np.expm1(a); np.log(abs(a)); np.log1p(abs(a)); np.log2(abs(a))
np.log10(abs(a)); np.sqrt(abs(a)); np.cbrt(a); np.square(a); np.reciprocal(abs(a) + 1.0); np.sin(a)
np.cos(a); np.tan(a); np.arctan(a); np.sinh(a); np.arcsin(a / 9); np.arccos(a / 9); np.arctan2(a, b)
np.cosh(a); np.tanh(a); np.arcsinh(a); np.arctanh(a / 9); np.arccosh(abs(a) + 1.0); np.hypot(a, b)
np.logaddexp(a, b); np.power(abs(a), b); np.exp2(a); np.fabs(a); np.maximum(a, 0); np.maximum(a, b)
np.minimum(0.5, a); np.sign(a); np.floor(a); np.ceil(a); np.trunc(a); np.rint(a); np.round(a)
np.round(a, 1); np.around(a, decimals=1); a.round(1); np.heaviside(a, 0.5); np.nan_to_num(a / 0)
np.clip(a, -1, 1); np.clip(a, None, 1); np.clip(a, -1, None); np.clip(a, min=-1); np.clip(a, max=b)
a.clip(-1, 1); np.where(a > 0, a, b); np.where(a > 0, a, 0); np.where(a > 0, 1, b)
np.where([[True], [False]], a, b); np.isnan(a); np.isfinite(a); np.isinf(a); np.logical_and(a, b)
np.logical_or(a > 0, b); np.logical_not(a); a.sum(); a.sum(0); np.sum(a, 0); np.sum(a, (0, 1))
np.sum(a, axis=-1, keepdims=True); sum(a); np.add.reduce(a); np.add.reduce(a, axis=None)
np.multiply.reduce(a, 1); np.maximum.reduce(a); np.minimum.reduce(a, keepdims=True); a.mean(1)
np.mean(a, 0); np.mean(a, axis=(-1, 0)); np.prod(a, 0); a.prod(); np.average(a, 0)
np.average(a, weights=b * b + 1); np.average(a, axis=1, weights=[1, 2, 3]); np.max(a, 1); a.max(0)
np.amax(a, -1); np.min(a); a.min(axis=1, keepdims=True); np.ptp(a, 0); np.var(a, 0); np.var(a, 0, ddof=1)
a.var(); np.std(a, 1, ddof=1); a.std(axis=0, keepdims=True); np.argmax(a); a.argmax(1)
np.argmin(a, axis=0, keepdims=True); np.sort(a); np.sort(a, 0); np.sort(a, axis=None); np.argsort(a)
np.all(a > 0, axis=1); np.any(a, 0, keepdims=True); a.any(); np.count_nonzero(a, 1)
np.logical_and.reduce(a); np.cumsum(a); np.cumsum(a, 1); a.cumsum(0); np.add.accumulate(a)
np.logaddexp.reduce(a); np.add.outer(a[0], b); np.multiply.outer(a, b[0]); np.dot(a, b.T); a.dot(b.T)
a @ b.T; np.matmul(a, b.T); a[0] @ b[1]; a @ b[0]; np.ones(2) @ a; np.outer(a, b); np.inner(a, b)
np.vdot(a, b); np.kron(a, b); np.tensordot(a, b, 2); np.tensordot(a, b, axes=([1], [1]))
np.tensordot(a, b, (1, 1)); np.einsum("ij,kj->ik", a, b); np.einsum("ij,kj", a, b); np.einsum("ji", a)
np.einsum("...j,...j", a, b); np.einsum("i...->...", a); np.einsum("ii", a[:, :2])
np.einsum("ij,kj->ik", a, b, optimize=True); a.T; np.transpose(a); np.transpose(a, (1, 0)); a.transpose()
a.transpose(1, 0); a.transpose((1, 0)); np.swapaxes(a, 0, 1); a.swapaxes(0, -1); np.moveaxis(a, 0, 1)
np.reshape(a, 6); np.reshape(a, (3, -1)); np.reshape(a, (3, 2), "C"); np.reshape(a, shape=(6,))
a.reshape(3, 2); a.reshape((3, 2)); a.reshape(-1); a.reshape(-1, order="C"); np.ravel(a); a.ravel()
a.flatten(); np.squeeze(a[:1]); np.squeeze(a[:1], 0); a[:1].squeeze(axis=0); np.expand_dims(a, 0)
np.expand_dims(a, (0, -1)); np.atleast_1d(a[0, 0]); np.atleast_2d(a[0]); np.atleast_3d(a)
np.broadcast_to(a, (2, 2, 3)); np.concatenate([a, b]); np.concatenate((a, b), 1)
np.concatenate([a, b], axis=None); np.concatenate([a, np.ones((1, 3))]); np.stack([a, b])
np.stack((a, b), axis=-1); np.vstack([a, b[0]]); np.hstack([a, b]); np.dstack([a, b])
np.column_stack([a, b]); np.append(a, b); np.append(a, b, 0); np.split(a, 3, 1)[1]
np.split(a, [1], axis=1)[1]; np.array_split(a, 2, 1)[1]; np.hsplit(a, 3)[0]; np.vsplit(a, 2)[1]
np.take(a, [0, 1, 1], 1); np.take(a, 1, axis=0); np.take(a, [0, 5]); a.take([0, 1], axis=0)
np.take_along_axis(a, np.array([[0], [2]]), 1); a[a > 0]; a[[0, 1, 1], :]; a[..., None]
a[np.arange(2), [0, 2]]; a[np.newaxis]; a[-1, ::-1]; a[:, 1:]; a[np.array([True, False])]; a[1, 2]
a[:, [True, False, True]]; a[[0, 1], [0, 1], None]; a[(b > 0) & (a > 0)]; a[np.argmax(b, 0), [0, 1, 2]]
list(a)[1]; a[0][1]; np.pad(a, 1); np.pad(a, ((1, 0), (0, 2))); np.pad(a, 1, "edge")
np.pad(a, 1, mode="reflect"); np.pad(a, 1, "wrap"); np.pad(a, 1, "symmetric")
np.pad(a, 1, constant_values=2); np.pad(a, 1, "constant", constant_values=((1, 2), (3, 4))); np.flip(a)
np.flip(a, 1); np.flip(a, (0, 1)); np.fliplr(a); np.flipud(a); np.roll(a, 1); np.roll(a, (1, 1), (0, 1))
np.repeat(a, 2); np.repeat(a, 2, 0); np.repeat(a, [1, 2], axis=0); a.repeat(2, 1); np.tile(a, 2)
np.tile(a, (2, 1)); np.diag(a); np.diag(a, 1); np.diag(a[0], -1); np.diagonal(a, 1); a.diagonal()
np.tril(a); np.tril(a, -1); np.triu(a, k=1); np.trace(a); np.trace(a, 1); a.trace(); np.zeros_like(a)
np.ones_like(a); np.full_like(a, 2); np.copy(a); a.copy(); a.astype("float32"); a.astype(float)
a.astype(int); np.shape(a)[0] * a; len(a) * a; a.size * a; np.size(a, 0) * a; np.linalg.norm(a)
np.linalg.norm(a, None, 0); np.linalg.norm(a, 2, 1); np.linalg.norm(a, 1, 1, True); np.linalg.norm(a, 3, 0)
np.linalg.norm(a, np.inf, 1); np.linalg.norm(a, -np.inf, axis=1); np.linalg.norm(a, 0, 1)
np.linalg.norm(a, "fro"); np.linalg.norm(a, axis=(0, 1), keepdims=True); np.linalg.norm(a[0])
np.linalg.norm(a, keepdims=True); special.expit(a); special.erf(a); special.ndtr(a)
special.xlogy(abs(a), abs(b))
special.logit(abs(a) / 9); special.log_expit(a)
"""

REFUSED = """
np.array([a, b]); np.asarray(a); np.sum([a, b]); np.max([a[0, 0], b[0, 0]]); np.full(3, a[0, 0])
float(a[0, 0]); int(a[0, 0]); np.float32(a); np.where(a > 0); np.nonzero(a); a.nonzero(); np.unique(a)
a.tolist(); a.item(); np.mean(a, 0, None, None, True); np.sum(a, dtype="float32"); np.sum(a, where=b > 0)
np.max(a, initial=0); np.add(a, b, out=np.zeros((2, 3))); np.add(a, b, where=b > 0)
np.exp(a, dtype="float32"); np.add.at(a, [0], 1); np.reshape(a, (3, 2), order="F"); np.ravel(a, "F")
np.pad(a, 1, "mean"); np.pad(a, 1, "linear_ramp"); np.linalg.norm(a, "nuc"); np.linalg.norm(a, 2)
np.einsum(a, [0, 1], [1, 0]); np.take(a, [7], mode="wrap"); np.linalg.inv(a @ b.T); np.fft.fft(a)
np.float_power(a, 2); np.vectorize(np.sin)(a); np.median(a); a.fill(0); a.sort(); special.logsumexp(a)
special.softmax(a, axis=1); special.log_softmax(a, axis=1); special.gammaln(a)
"""

MISFITS = """
a + np.ones(4); a @ b; a.reshape(4); np.reshape(a, (-1, -1)); np.sum(a, 2); np.sum(a, (0, 0))
np.squeeze(a, 0); a[5]; a[:, [7]]; np.split(a, 2, 1); np.concatenate([a, b.T]); np.stack([a, b[0]])
np.einsum("ij,jk", a, b); np.transpose(a, (0, 0)); np.einsum("ijk", a); np.broadcast_to(a, (3,))
np.swapaxes(a, 0, 2); np.average(a, 0, [1, 2, 3]); np.diagonal(a[0]); np.tensordot(a, b, 1)
np.max(a[:, :0], 1); np.linalg.norm(a, "fro", 0); np.flip(a, 2); np.repeat(a, [1, 2, 3], 0); ~a
"""

Expression = Callable[[Any, Any], Any]


def _expressions(table: str) -> list[str]:
    return [entry.strip() for line in table.strip().splitlines() for entry in line.split("; ")]


def _function(expression: str) -> Expression:
    function: Expression = eval(f"lambda a, b: {expression}", {"np": np, "special": scipy.special})
    return function


def _arrays(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    a = np.array([[1.75, -0.5, 2.25], [-1.25, 3.5, -2.75]])
    b = np.array([[0.5, 1.25, -2.5], [2.0, 1.5, 0.75]])
    if dtype == "int64":
        return np.array([[2, -1, 3], [-2, 4, -3]]), np.array([[1, 2, 1], [2, 1, 3]])
    return a.astype(dtype), b.astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
@pytest.mark.parametrize("expression", _expressions(TRACED))
def test_traced_is_plain(expression: str, dtype: str, tally: Any) -> None:
    function, arrays = _function(expression), _arrays(dtype)
    with np.errstate(all="ignore"):
        expected = np.asarray(function(*arrays))
    graph = cr.trace(function, *arrays)
    (output,) = graph.outputs
    assert (output.shape, output.dtype) == (expected.shape, expected.dtype)
    result = np.asarray(graph(*arrays))
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    tolerance = 8 * np.finfo(expected.dtype).eps if expected.dtype.kind == "f" else 0
    tally.close(result.astype(float), expected.astype(float), tolerance, expression)


@pytest.mark.parametrize("expression", _expressions(REFUSED))
def test_what_cannot_be_traced_is_refused(expression: str) -> None:
    with pytest.raises(TraceError):
        cr.trace(_function(expression), *_arrays("float64"))


@pytest.mark.parametrize("expression", _expressions(MISFITS))
def test_shapes_that_do_not_fit_are_our_own_error(expression: str) -> None:
    with pytest.raises((ValueError, IndexError, TypeError)):
        _function(expression)(*_arrays("float64"))
    with pytest.raises(ChainruleError):
        cr.trace(_function(expression), *_arrays("float64"))
