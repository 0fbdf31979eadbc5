# Backpropagation with a numerical check of the gradients in the same script.
import numpy as np


def cost_of(theta, X, y, lam):
    W, v = theta
    hidden = np.maximum(X @ W, 0)
    scores = hidden @ v
    return np.mean((scores - y) ** 2) + lam * (np.sum(W ** 2) + np.sum(v ** 2))


np.random.seed(42)
X = np.random.randn(8, 3)
y = np.random.randn(8)
W = np.random.randn(3, 5)
v = np.random.randn(5)
lam = 1e-2

# analytic gradients
hidden = np.maximum(X @ W, 0)
scores = hidden @ v
J = np.mean((scores - y) ** 2) + lam * (np.sum(W ** 2) + np.sum(v ** 2))
dscores = 2 * (scores - y) / len(y)
dv = hidden.T @ dscores + 2 * lam * v
dhidden = np.outer(dscores, v)
dW = X.T @ (dhidden * (hidden > 0)) + 2 * lam * W

# numerical gradients
epsilon = 1e-5
dW_num = np.zeros_like(W)
for i in range(W.shape[0]):
    for j in range(W.shape[1]):
        W_plus, W_minus = W.copy(), W.copy()
        W_plus[i, j] += epsilon
        W_minus[i, j] -= epsilon
        J_plus = cost_of((W_plus, v), X, y, lam)
        J_minus = cost_of((W_minus, v), X, y, lam)
        dW_num[i, j] = (J_plus - J_minus) / (2 * epsilon)
difference = np.linalg.norm(dW - dW_num) / (np.linalg.norm(dW) + np.linalg.norm(dW_num))
if difference < 1e-7:
    print("The gradient is correct!", difference)
else:
    print("The gradient is wrong!", difference)
