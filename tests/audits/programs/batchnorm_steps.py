import numpy as np

# Batch normalisation, one elementary step after the other, then back through each of them.

rng = np.random.default_rng(4)
N, D = 6, 3
x = rng.normal(size=(N, D))
gamma = rng.uniform(0.5, 1.5, D)
beta = rng.normal(size=D)
target = rng.normal(size=(N, D))
eps = 1e-5

# step 1: mean; step 2: subtract it
mu = 1. / N * np.sum(x, axis=0)
xmu = x - mu
# step 3, 4: variance
sq = xmu ** 2
var = 1. / N * np.sum(sq, axis=0)
# step 5, 6: add eps for numerical stability, then sqrt, then invert
sqrtvar = np.sqrt(var + eps)
ivar = 1. / sqrtvar
# step 7: normalize
xhat = xmu * ivar
# step 8, 9: scale and shift
gammax = gamma * xhat
out = gammax + beta
loss = 0.5 * np.sum((out - target) ** 2)
print('loss', loss)

dout = out - target
# step 9
dbeta = np.sum(dout, axis=0)
dgammax = dout
# step 8
dgamma = np.sum(dgammax * xhat, axis=0)
dxhat = dgammax * gamma
# step 7
divar = np.sum(dxhat * xmu, axis=0)
dxmu1 = dxhat * ivar
# step 6
dsqrtvar = -1. / (sqrtvar ** 2) * divar
# step 5
dvar = 0.5 * 1. / np.sqrt(var + eps) * dsqrtvar
# step 4
dsq = 1. / N * np.ones((N, D)) * dvar
# step 3
dxmu2 = 2 * xmu * dsq
# step 2
dx1 = dxmu1 + dxmu2
dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
# step 1
dx2 = 1. / N * np.ones((N, D)) * dmu
# step 0
dx = dx1 + dx2
print(dx, dgamma, dbeta)
