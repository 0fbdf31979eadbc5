import numpy as np
import matplotlib.pyplot as plt

np.random.seed(10)


def leaky_relu(z, slope=0.01):
    return np.where(z > 0, z, slope * z)


def leaky_relu_grad(z, slope=0.01):
    return np.where(z > 0, 1.0, slope)


# toy data: noisy parabola; features in rows, examples in columns
m = 10
x = np.linspace(-1, 1, m).reshape(1, m)
y = x ** 2 + 0.05 * np.random.randn(1, m)

sizes = [1, 4, 4, 1]
W, B = {}, {}
for layer in range(1, len(sizes)):
    W[layer] = np.random.randn(sizes[layer], sizes[layer - 1]) / np.sqrt(sizes[layer - 1])
    B[layer] = 0.1 * np.random.randn(sizes[layer], 1)

losses = []
for it in range(400):
    z1 = W[1] @ x + B[1]
    a1 = leaky_relu(z1)
    z2 = W[2] @ a1 + B[2]
    a2 = leaky_relu(z2)
    y_hat = W[3] @ a2 + B[3]
    loss = np.sum((y_hat - y) ** 2) / (2 * m)
    losses.append(loss)

    dy_hat = (y_hat - y) / m
    da2 = W[3].T @ dy_hat
    dz2 = da2 * leaky_relu_grad(z2)
    da1 = W[2].T @ dz2
    dz1 = da1 * leaky_relu_grad(z1)
    dW = {3: dy_hat @ a2.T, 2: dz2 @ a1.T, 1: dz1 @ x.T}
    dB = {}
    dB[3] = dy_hat.sum(axis=1, keepdims=True)
    dB[2] = dz2.sum(axis=1, keepdims=True)
    dB[1] = dz1.sum(axis=1, keepdims=True)

    for layer in (1, 2, 3):
        W[layer] -= 0.1 * dW[layer]
        B[layer] -= 0.1 * dB[layer]

plt.figure(figsize=(6, 4))
plt.plot(losses, label='training loss')
plt.legend()
plt.savefig('loss.png')
