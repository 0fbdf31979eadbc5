# 逐个样本反向传播, 梯度累加后再求平均
import numpy as np

np.random.seed(11)
m = 5
X = np.random.randn(3, m)
Y = np.random.rand(2, m)
W1 = np.random.randn(4, 3)
b1 = np.random.randn(4, 1)
W2 = np.random.randn(2, 4)
b2 = np.random.randn(2, 1)


def sigma(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigma_prime(z):
    return sigma(z) * (1 - sigma(z))


eta = 3.0
for epoch in range(30):
    C = 0
    dW1, db1 = np.zeros(W1.shape), np.zeros(b1.shape)
    dW2, db2 = np.zeros(W2.shape), np.zeros(b2.shape)
    for i in range(m):
        x = X[:, i:i + 1]
        y = Y[:, i:i + 1]
        z1 = W1 @ x + b1
        a1 = sigma(z1)
        z2 = W2 @ a1 + b2
        a2 = sigma(z2)
        C += np.sum((a2 - y) ** 2) / 2
        delta2 = (a2 - y) * sigma_prime(z2)
        dW2 += delta2 @ a1.T
        db2 += delta2
        delta1 = W2.T @ delta2 * sigma_prime(z1)
        dW1 += delta1 @ x.T
        db1 += delta1
    C /= m
    dW1 /= m
    db1 /= m
    dW2 /= m
    db2 /= m
    W1 -= eta * dW1
    b1 -= eta * db1
    W2 -= eta * dW2
    b2 -= eta * db2
    print('Epoch {0}: C = {1:.4f}'.format(epoch, C))
