# A network of any depth: weights, biases and their gradients in lists.
import numpy as np
from math import sqrt

np.random.seed(77)
sizes = [4, 3, 3, 2]
depth = len(sizes) - 1
W = [np.random.randn(n_in, n_out) / sqrt(n_in) for n_in, n_out in zip(sizes[:-1], sizes[1:])]
b = [np.zeros(n_out) for n_out in sizes[1:]]
X = np.random.randn(5, sizes[0])
T = np.random.randn(5, sizes[-1])
batch = X.shape[0]
rate = 0.05

for epoch in range(100):
    a = [X]
    z = []
    for l in range(depth):
        z.append(a[l] @ W[l] + b[l])
        a.append(np.tanh(z[l]) if l < depth - 1 else z[l])
    cost = ((a[-1] - T) ** 2).sum() / batch

    dW = [None] * depth
    db = [None] * depth
    delta = 2 * (a[-1] - T) / batch
    for l in range(depth - 1, -1, -1):
        dW[l] = a[l].T @ delta
        db[l] = delta.sum(axis=0)
        if l > 0:
            delta = (delta @ W[l].T) * (1 - a[l] ** 2)

    for l in range(depth):
        W[l] -= rate * dW[l]
        b[l] -= rate * db[l]
    if epoch % 20 == 0:
        print(epoch, cost)
