import numpy as np

np.random.seed(19)
B, H = 3, 5
inp = np.random.randn(B, H)
weight = 1 + 0.1 * np.random.randn(H)
bias = 0.1 * np.random.randn(H)
goal = np.random.randn(B, H)

mean = inp.mean(axis=-1, keepdims=True)
xshift = inp - mean
variance = np.mean(xshift ** 2, axis=-1, keepdims=True)
rstd = (variance + 1e-5) ** -0.5
norm = xshift * rstd
out = norm * weight + bias
loss = np.sum((out - goal) ** 2) / B

dout = 2 * (out - goal) / B
dbias = dout.sum(axis=0)
dweight = (dout * norm).sum(axis=0)
dnorm = dout * weight
dinp = dnorm - dnorm.mean(axis=-1, keepdims=True) - norm * (dnorm * norm).mean(axis=-1, keepdims=True)
dinp *= rstd
print(loss, dinp.shape)
