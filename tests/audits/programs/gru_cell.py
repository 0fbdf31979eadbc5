"""One step of a gated recurrent unit, rows are examples, with a squared error on the new state."""
import numpy as np


def sigmoid(x):
    return 0.5 * (np.tanh(0.5 * x) + 1)


def gru_forward(x, h_prev, weights):
    Wz, Uz, Wr, Ur, Wh, Uh = weights
    z = sigmoid(x @ Wz + h_prev @ Uz)
    r = sigmoid(x @ Wr + h_prev @ Ur)
    h_tilde = np.tanh(x @ Wh + (r * h_prev) @ Uh)
    h = (1 - z) * h_prev + z * h_tilde
    return h, (x, h_prev, z, r, h_tilde)


def gru_backward(dh, cache, weights):
    x, h_prev, z, r, h_tilde = cache
    Wz, Uz, Wr, Ur, Wh, Uh = weights
    dh_tilde = dh * z
    dz = dh * (h_tilde - h_prev)
    dpre_h = dh_tilde * (1 - h_tilde ** 2)
    drh = dpre_h @ Uh.T
    dr = drh * h_prev
    dpre_z = dz * z * (1 - z)
    dpre_r = dr * r * (1 - r)
    dWz, dUz = x.T @ dpre_z, h_prev.T @ dpre_z
    dWr, dUr = x.T @ dpre_r, h_prev.T @ dpre_r
    dWh, dUh = x.T @ dpre_h, (r * h_prev).T @ dpre_h
    dx = dpre_z @ Wz.T + dpre_r @ Wr.T + dpre_h @ Wh.T
    dh_prev = dh * (1 - z) + drh * r + dpre_z @ Uz.T + dpre_r @ Ur.T
    return dx, dh_prev, (dWz, dUz, dWr, dUr, dWh, dUh)


np.random.seed(8)
batch, n_in, n_h = 4, 2, 3
x = np.random.randn(batch, n_in)
h_prev = np.random.randn(batch, n_h)
goal = np.random.randn(batch, n_h)
weights = [np.random.randn(*shape) * 0.6 for shape in ((n_in, n_h), (n_h, n_h)) * 3]
h, cache = gru_forward(x, h_prev, weights)
loss = 0.5 * np.sum((h - goal) ** 2) / batch
dh = (h - goal) / batch
dx, dh_prev, dweights = gru_backward(dh, cache, weights)
for W, dW in zip(weights, dweights):
    W -= 0.1 * dW
print(f"{loss=:.5f}")
