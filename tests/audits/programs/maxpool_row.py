# 最大池化: 梯度只流向最大的那个元素
import numpy as np

np.random.seed(17)
x = np.random.randn(3, 8)
w = np.random.randn(4)
y = np.array([0.5, -0.2, 1.0])
size = 2

windows = x.reshape(3, 4, size)
pool = windows.max(axis=2)
score = pool @ w
loss = 0.5 * np.sum((score - y) ** 2)
print('loss =', loss)

dscore = score - y
dw = pool.T @ dscore
dpool = np.outer(dscore, w)
dx = np.zeros_like(x)
for i in range(3):
    for j in range(4):
        k = np.argmax(x[i, size * j:size * (j + 1)])
        dx[i, size * j + k] = dpool[i, j]
w = w - 0.01 * dw
