# 逻辑回归: m 个样本, 两个特征, 用 for 循环累加
import math
import random

random.seed(1)
m = 6
x1 = [0.5, -1.2, 0.3, 1.7, -0.4, 0.9]
x2 = [1.1, 0.4, -0.8, 0.2, -1.5, 0.6]
y = [1, 0, 1, 1, 0, 0]
w1, w2, b = 0.1, -0.2, 0.05
alpha = 0.1

for epoch in range(20):
    J = 0
    dw1 = 0
    dw2 = 0
    db = 0
    for i in range(m):
        z = w1 * x1[i] + w2 * x2[i] + b
        a = 1 / (1 + math.exp(-z))
        J += -(y[i] * math.log(a) + (1 - y[i]) * math.log(1 - a))
        dz = a - y[i]
        dw1 += x1[i] * dz
        dw2 += x2[i] * dz
        db += dz
    J /= m
    dw1 /= m
    dw2 /= m
    db /= m
    # 更新参数
    w1 = w1 - alpha * dw1
    w2 = w2 - alpha * dw2
    b = b - alpha * db
    print('epoch', epoch, 'cost', J)
