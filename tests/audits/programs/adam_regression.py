import numpy as np

# Regression with two tanh layers of equal width, trained by Adam.
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(12, 3))
t = np.sin(X.sum(axis=1, keepdims=True))

params = {
    "W1": rng.normal(0, 0.5, (3, 3)),
    "b1": np.zeros(3),
    "W2": rng.normal(0, 0.5, (3, 3)),
    "b2": np.zeros(3),
    "W3": rng.normal(0, 0.5, (3, 1)),
    "b3": np.zeros(1),
}
m = {k: np.zeros_like(v) for k, v in params.items()}
v = {k: np.zeros_like(p) for k, p in params.items()}
beta1, beta2, eps, lr = 0.9, 0.999, 1e-8, 1e-2
weight_decay = 1e-3


def forward(p, X):
    h1 = np.tanh(X @ p["W1"] + p["b1"])
    h2 = np.tanh(h1 @ p["W2"] + p["b2"])
    out = h2 @ p["W3"] + p["b3"]
    return h1, h2, out


for step in range(1, 201):
    h1, h2, out = forward(params, X)
    err = out - t
    penalty = sum(np.sum(params[k] ** 2) for k in ("W1", "W2", "W3"))
    loss = np.mean(err ** 2) + weight_decay * penalty

    grads = {}
    delta3 = 2.0 * err / len(X)
    grads["W3"] = h2.T @ delta3
    grads["b3"] = delta3.sum(axis=0)
    delta2 = (delta3 @ params["W3"].T) * (1 - h2 ** 2)
    grads["W2"] = h1.T @ delta2
    grads["b2"] = delta2.sum(axis=0)
    delta1 = (delta2 @ params["W2"].T) * (1 - h1 ** 2)
    grads["W1"] = X.T @ delta1
    grads["b1"] = delta1.sum(axis=0)
    for k in ("W1", "W2", "W3"):
        grads[k] += 2 * weight_decay * params[k]

    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * grads[k]
        v[k] = beta2 * v[k] + (1 - beta2) * grads[k] ** 2
        m_hat = m[k] / (1 - beta1 ** step)
        v_hat = v[k] / (1 - beta2 ** step)
        params[k] -= lr * m_hat / (np.sqrt(v_hat) + eps)
    if step % 50 == 0:
        print(step, loss)
