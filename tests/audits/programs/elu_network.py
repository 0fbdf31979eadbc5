# -*- coding: utf-8 -*-
"""ELU 激活的两层回归网络, 行是样本; 平均绝对误差的光滑版本作为代价"""
import numpy as np
import numpy.random as npr

npr.seed(23)
ALPHA = 0.8


def elu(z):
    return np.where(z > 0, z, ALPHA * (np.exp(z) - 1))


def d_elu(z):
    return np.where(z > 0, 1.0, ALPHA * np.exp(z))


def cost_fn(pred, target):
    return np.mean(np.log(np.cosh(pred - target)))


x = npr.randn(7, 3)
t = npr.randn(7, 2)
params = dict(
    w1=npr.randn(3, 3), b1=npr.randn(3) * 0.1,
    w2=npr.randn(3, 2), b2=npr.randn(2) * 0.1,
)
for k in range(20):
    w1, b1, w2, b2 = params['w1'], params['b1'], params['w2'], params['b2']
    z1 = np.matmul(x, w1) + b1
    a1 = elu(z1)
    pred = np.matmul(a1, w2) + b2
    cost = cost_fn(pred, t)

    d_pred = np.tanh(pred - t) / t.size
    grads = dict()
    grads['dw2'] = np.matmul(np.transpose(a1), d_pred)
    grads['db2'] = np.sum(d_pred, 0)
    d_a1 = np.matmul(d_pred, np.transpose(w2))
    d_z1 = d_a1 * d_elu(z1)
    grads['dw1'] = np.matmul(np.transpose(x), d_z1)
    grads['db1'] = np.sum(d_z1, 0)

    for key in params:
        params[key] = params[key] - 0.1 * grads['d' + key]
    print('%3d  %.6f' % (k, cost))
