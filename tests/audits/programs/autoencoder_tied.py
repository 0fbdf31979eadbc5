# Autoencoder with tied weights: the decoder uses the transpose of the encoder's matrix.
import numpy as np

np.random.seed(5)
m, n, k = 8, 4, 4
X = np.random.rand(m, n)
W = 0.4 * np.random.randn(n, k)
b = np.zeros((1, k))
c = np.zeros((1, n))

for epoch in range(500):
    S = X @ W + b                    # encode
    H = 1 / (1 + np.exp(-S))
    R = H @ W.T + c                  # decode
    E = R - X
    loss = 0.5 * np.sum(E ** 2) / m

    dR = E / m
    dc = np.sum(dR, axis=0, keepdims=True)
    dH = dR @ W
    dS = dH * H * (1 - H)
    db = np.sum(dS, axis=0, keepdims=True)
    dW = X.T @ dS + dR.T @ H         # W is used twice

    W -= 0.1 * dW
    b -= 0.1 * db
    c -= 0.1 * dc
    if epoch % 100 == 0:
        print(epoch, loss)
