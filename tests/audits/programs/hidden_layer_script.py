# 一个隐藏层的神经网络: 前向传播四个方程, 反向传播六个方程
# 每一列是一个样本
import numpy as np

np.random.seed(1)
n0, n1, n2, m = 3, 3, 1, 8
X = np.random.randn(n0, m)
Y = (np.sum(X, axis=0, keepdims=True) > 0).astype(float)
W1 = np.random.randn(n1, n0)
b1 = np.zeros((n1, 1))
W2 = np.random.randn(n2, n1)
b2 = np.zeros((n2, 1))
alpha = 1.2

for iteration in range(1000):
    Z1 = W1 @ X + b1
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -(1 / m) * np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    dA2 = -(Y / A2) + (1 - Y) / (1 - A2)
    dZ2 = A2 - Y
    dW2 = (1 / m) * dZ2 @ A1.T
    db2 = (1 / m) * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1 ** 2)
    dW1 = (1 / m) * dZ1 @ X.T
    db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)

    W1, b1 = W1 - alpha * dW1, b1 - alpha * db1
    W2, b2 = W2 - alpha * dW2, b2 - alpha * db2

assert W1.shape == (n1, n0)
print('cost:', cost)
