"""Layer with batch normalisation: the backward formula on one line (rows are examples)."""
import numpy as np


def batchnorm_forward(x, gamma, beta, eps=1e-5):
    sample_mean = x.mean(axis=0)
    sample_var = x.var(axis=0)
    x_norm = (x - sample_mean) / np.sqrt(sample_var + eps)
    out = gamma * x_norm + beta
    cache = (x_norm, gamma, sample_var, eps)
    return out, cache


def batchnorm_backward(dout, cache):
    x_norm, gamma, sample_var, eps = cache
    N = dout.shape[0]
    dgamma = np.sum(dout * x_norm, axis=0)
    dbeta = np.sum(dout, axis=0)
    dx_norm = dout * gamma
    dx = (1.0 / N) / np.sqrt(sample_var + eps) * (N * dx_norm - np.sum(dx_norm, axis=0) - x_norm * np.sum(dx_norm * x_norm, axis=0))
    return dx, dgamma, dbeta


np.random.seed(231)
N, D = 5, 4
x = 5 * np.random.randn(N, D) + 12
gamma = np.random.randn(D)
beta = np.random.randn(D)
y = np.random.randn(N, D)
out, cache = batchnorm_forward(x, gamma, beta)
cost = np.mean((out - y) ** 2)
dout = 2 * (out - y) / y.size
dx, dgamma, dbeta = batchnorm_backward(dout, cache)
print("dx:", dx.shape, "dgamma:", dgamma, "dbeta:", dbeta)
