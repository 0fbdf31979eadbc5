"""An energy of several terms; gradient of every named quantity, in one function each way."""
import numpy as np

np.random.seed(50)
n = 4
A = np.random.randn(n, n)
B = np.random.randn(n, n)
x = np.random.randn(n)
c = np.random.randn(n)
scale = 1.5

Ax = A @ x
Bx = B @ x
residual = Ax - c
smooth = np.sum(residual ** 2)
coupling = x @ Bx
norm = np.sqrt(np.sum(x ** 2) + 1.0)
extra = smooth * coupling          # shown only
energy = 0.5 * smooth + coupling + scale * norm
print("energy", energy, "extra", extra)

dsmooth = 0.5
dcoupling = 1.0
dnorm = scale
dscale = norm
dresidual = 2 * residual * dsmooth
dAx = dresidual
dc = -dresidual
dBx = dcoupling * x
dx = A.T @ dAx + B.T @ dBx + dcoupling * Bx + dnorm * x / norm
dA = np.outer(dAx, x)
dB = np.outer(dBx, x)
print(np.round(dx, 3))
