# 向量化的逻辑回归 (每一列是一个样本)
import numpy as np
import time

np.random.seed(0)
n, m = 4, 10
X = np.random.randn(n, m)
Y = np.random.randint(0, 2, size=(1, m))
W = np.random.randn(n, 1) * 0.1
b = 0.0
alpha = 0.3

tic = time.time()
for iteration in range(100):
    # forward
    Z = np.dot(W.T, X) + b
    A = 1 / (1 + np.exp(-Z))
    J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    # backward
    dZ = A - Y
    dW = (1 / m) * X @ dZ.T
    db = (1 / m) * np.sum(dZ)
    # update
    W = W - alpha * dW
    b = b - alpha * db
toc = time.time()
print("J = %.4f, %.1f ms" % (J, 1000 * (toc - tic)))
