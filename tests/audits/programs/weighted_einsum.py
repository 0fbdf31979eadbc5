# Class-weighted cross-entropy, einsum and broadcasting idioms, ReLU in place.
import numpy as np
from numpy import log, exp, sum, newaxis

np.random.seed(31)
N, D, H, C = 6, 3, 4, 3
X = np.random.randn(N, D)
y = np.random.randint(0, C, N)
class_weight = np.array([1.0, 2.0, 0.5])
W1 = np.random.randn(D, H)
b1 = np.random.randn(H)
W2 = np.random.randn(H, C)
b2 = np.random.randn(C)

w = class_weight[y]
hid = np.einsum('nd,dh->nh', X, W1) + b1[newaxis, :]
mask = hid > 0
hid = hid * mask
scores = np.einsum('nh,hc->nc', hid, W2) + b2
lse = log(sum(exp(scores), axis=1))
nll = lse - scores[np.arange(N), y]
loss = sum(w * nll) / sum(w)

P = exp(scores - lse[:, newaxis])
dscores = P * w[:, None]
dscores[np.arange(N), y] -= w
dscores /= w.sum()
dW2 = np.einsum('nh,nc->hc', hid, dscores)
db2 = sum(dscores, axis=0)
dhid = np.einsum('nc,hc->nh', dscores, W2)
dhid *= mask
dW1 = np.einsum('nd,nh->dh', X, dhid)
db1 = dhid.sum(0)
print(loss)
