# Matrix factorisation for ratings: stochastic-looking loops, but one full gradient each epoch.
import numpy as np

ratings = [(0, 0, 5.0), (0, 2, 3.0), (1, 0, 4.0), (1, 3, 1.0), (2, 1, 2.0), (2, 2, 4.5), (3, 3, 3.5), (3, 0, 2.5)]
n_users, n_items, n_factors = 4, 4, 2
rng = np.random.RandomState(0)
P = rng.normal(scale=0.5, size=(n_users, n_factors))
Q = rng.normal(scale=0.5, size=(n_items, n_factors))
bias = 3.0
reg = 0.02
lr = 0.01

for epoch in range(30):
    cost = 0.0
    grad_P = np.zeros_like(P)
    grad_Q = np.zeros_like(Q)
    grad_bias = 0.0
    for u, i, r in ratings:
        pred = bias + np.dot(P[u], Q[i])
        err = pred - r
        cost += 0.5 * err ** 2
        grad_P[u] += err * Q[i]
        grad_Q[i] += err * P[u]
        grad_bias += err
    cost += 0.5 * reg * (np.sum(P ** 2) + np.sum(Q ** 2))
    grad_P += reg * P
    grad_Q += reg * Q
    P -= lr * grad_P
    Q -= lr * grad_Q
    bias -= lr * grad_bias
    if epoch % 10 == 0:
        print("epoch {:2d}: cost {:.3f}".format(epoch, cost))
