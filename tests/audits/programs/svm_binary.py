# 线性 SVM (hinge loss), 标签为 ±1
import numpy as np

np.random.seed(6)
m = 9
X = np.random.randn(m, 3)
y = np.where(np.random.rand(m) > 0.5, 1, -1)
w = np.random.randn(3)
b = 0.3
C = 2.0
lr = 0.01

for epoch in range(100):
    margin = y * (X @ w + b)
    hinge = np.maximum(0, 1 - margin)
    J = 0.5 * np.dot(w, w) + C * np.mean(hinge)   # 目标函数
    active = (margin < 1).astype(float)
    dmargin = -C * active / m
    dw = w + X.T @ (dmargin * y)
    db = np.sum(dmargin * y)
    w -= lr * dw
    b -= lr * db
    if epoch % 20 == 0:
        print('epoch', epoch, 'J =', J)
