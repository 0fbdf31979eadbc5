"""Scaled dot-product attention over a short sequence, gradients by hand."""
import numpy as np

np.random.seed(33)
T, d = 4, 3
X = np.random.randn(T, d)
Y = np.random.randn(T, d)
Wq = np.random.randn(d, d) * 0.5
Wk = np.random.randn(d, d) * 0.5
Wv = np.random.randn(d, d) * 0.5

# forward pass
Q = X @ Wq
K = X @ Wk
V = X @ Wv
S = Q @ K.T / np.sqrt(d)
P = np.exp(S - S.max(axis=1, keepdims=True))
P = P / P.sum(axis=1, keepdims=True)
O = P @ V
loss = ((O - Y) ** 2).mean()
print("loss", loss)

# backward pass
dO = 2 * (O - Y) / (T * d)
dV = P.T @ dO
dP = dO @ V.T
dS = P * (dP - (dP * P).sum(axis=1, keepdims=True))
dQ = dS @ K / np.sqrt(d)
dK = dS.T @ Q / np.sqrt(d)
dWq = X.T @ dQ
dWk = X.T @ dK
dWv = X.T @ dV
dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
for name, g in (("dWq", dWq), ("dWk", dWk), ("dWv", dWv), ("dX", dX)):
    print(name, np.abs(g).max())
