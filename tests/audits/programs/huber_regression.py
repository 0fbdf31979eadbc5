# Robust regression with the Huber loss; vectors only.
import numpy as np


def huber(e, delta=1.0):
    small = np.abs(e) <= delta
    return np.where(small, 0.5 * e ** 2, delta * (np.abs(e) - 0.5 * delta))


def run(X, y, steps=100, lr=0.05):
    w = np.zeros(X.shape[1]) + 0.2
    b = 0.0
    n = X.shape[0]
    for k in range(steps):
        e = X.dot(w) + b - y
        loss = huber(e, 1.5).sum() / n
        de = np.clip(e, -1.5, 1.5) / n
        dw = X.T.dot(de)
        db = de.sum()
        w = w - lr * dw
        b = b - lr * db
    return w, b, loss


np.random.seed(30)
X = np.random.randn(12, 3)
y = X @ np.array([1.0, -2.0, 0.5]) + 3 * (np.random.rand(12) > 0.8)
w, b, loss = run(X, y)
print(w, b, loss)
