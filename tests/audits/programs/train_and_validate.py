# Two-class network with a validation set; the test cost is computed after the gradients.
import numpy as np
import time
from typing import Dict, Tuple

np.random.seed(2024)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-z))


def forward(X: np.ndarray, p: Dict[str, np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
    hidden = sigmoid(X @ p["W1"] + p["b1"])
    return hidden, sigmoid(hidden @ p["W2"] + p["b2"])


def cross_entropy(y_hat: np.ndarray, y: np.ndarray) -> float:
    eps = 1e-12
    return -np.mean(y * np.log(y_hat + eps) + (1 - y) * np.log(1 - y_hat + eps))


X_all = np.random.randn(16, 3)
y_all = (X_all[:, :1] * X_all[:, 1:2] > 0).astype(float)
split = 12
X_train, X_val = X_all[:split], X_all[split:]
y_train, y_val = y_all[:split], y_all[split:]
p = {
    "W1": np.random.randn(3, 4), "b1": np.zeros(4),
    "W2": np.random.randn(4, 1), "b2": np.zeros(1),
}
best, patience = np.inf, 0
started = time.perf_counter()
for epoch in range(1, 2001):
    A1, A2 = forward(X_train, p)
    loss = cross_entropy(A2, y_train)

    dZ2 = (A2 - y_train) / len(X_train)
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dA1 = dZ2 @ p["W2"].T
    dZ1 = dA1 * A1 * (1 - A1)
    dW1 = X_train.T @ dZ1
    db1 = dZ1.sum(axis=0)
    for key, gradient in zip(("W1", "b1", "W2", "b2"), (dW1, db1, dW2, db2)):
        p[key] = p[key] - 0.5 * gradient

    _, val_pred = forward(X_val, p)
    val_loss = cross_entropy(val_pred, y_val)
    if val_loss < best - 1e-6:
        best, patience = val_loss, 0
    else:
        patience += 1
        if patience > 50:
            print(f"stopped after {epoch} epochs")
            break
    if epoch % 200 == 0:
        print(f"{epoch:5d} train {loss:.4f} validation {val_loss:.4f}")

accuracy = ((forward(X_val, p)[1] > 0.5) == y_val).mean()
print(f"accuracy {accuracy:.1%} in {time.perf_counter() - started:.2f} s")
