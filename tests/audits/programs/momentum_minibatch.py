# Mini-batches, epochs, momentum; softmax output; rows are examples.
import numpy as np

np.random.seed(12)
n_samples, n_features, n_hidden, n_classes = 24, 4, 5, 3
data = np.random.randn(n_samples, n_features)
labels = np.random.randint(0, n_classes, n_samples)
onehot = np.eye(n_classes)[labels]

W1 = np.random.randn(n_features, n_hidden) * np.sqrt(2.0 / n_features)
b1 = np.zeros((1, n_hidden))
W2 = np.random.randn(n_hidden, n_classes) * np.sqrt(2.0 / n_hidden)
b2 = np.zeros((1, n_classes))
vW1, vb1 = np.zeros_like(W1), np.zeros_like(b1)
vW2, vb2 = np.zeros_like(W2), np.zeros_like(b2)

lr = 0.1
decay = 0.95
mu = 0.9
batch_size = 8
epochs = 10
done = False

for epoch in range(epochs):
    order = np.random.permutation(n_samples)
    for start in range(0, n_samples, batch_size):
        idx = order[start:start + batch_size]
        Xb, Yb = data[idx], onehot[idx]
        m = Xb.shape[0]

        Z1 = Xb @ W1 + b1
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ W2 + b2
        expZ = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
        P = expZ / expZ.sum(axis=1, keepdims=True)
        loss = -np.sum(Yb * np.log(P)) / m

        dZ2 = (P - Yb) / m
        dW2 = A1.T @ dZ2
        db2 = dZ2.sum(axis=0, keepdims=True)
        dA1 = dZ2 @ W2.T
        dZ1 = dA1 * (Z1 > 0)
        dW1 = Xb.T @ dZ1
        db1 = dZ1.sum(axis=0, keepdims=True)

        vW1 = mu * vW1 - lr * dW1
        vb1 = mu * vb1 - lr * db1
        vW2 = mu * vW2 - lr * dW2
        vb2 = mu * vb2 - lr * db2
        W1 += vW1
        b1 += vb1
        W2 += vW2
        b2 += vb2
    lr *= decay
    print(f"epoch {epoch:3d}  loss {loss:.4f}  lr {lr:.4f}")
