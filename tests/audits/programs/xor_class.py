import numpy as np


class NeuralNetwork:
    """A 2-3-1 network for XOR; gradients are kept in the object."""

    def __init__(self, n_in=2, n_hidden=3, n_out=1, lr=0.5):
        rng = np.random.RandomState(42)
        self.lr = lr
        self.W1 = rng.randn(n_in, n_hidden)
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.randn(n_hidden, n_out)
        self.b2 = np.zeros(n_out)

    @staticmethod
    def sigmoid(t):
        return 1.0 / (1.0 + np.exp(-t))

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.tanh(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = self.sigmoid(self.z2)
        return self.a2

    def compute_loss(self, y):
        return np.mean((self.a2 - y) ** 2)

    def backward(self, X, y):
        n = len(X)
        self.da2 = 2 * (self.a2 - y) / n
        self.dz2 = self.da2 * self.a2 * (1 - self.a2)
        self.dW2 = self.a1.T @ self.dz2
        self.db2 = self.dz2.sum(axis=0)
        self.da1 = self.dz2 @ self.W2.T
        self.dz1 = self.da1 * (1 - self.a1 ** 2)
        self.dW1 = X.T @ self.dz1
        self.db1 = self.dz1.sum(axis=0)

    def step(self):
        self.W1 -= self.lr * self.dW1
        self.b1 -= self.lr * self.db1
        self.W2 -= self.lr * self.dW2
        self.b2 -= self.lr * self.db2


if __name__ == "__main__":
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([[0.0], [1.0], [1.0], [0.0]])
    net = NeuralNetwork()
    history = []
    for epoch in range(3000):
        net.forward(X)
        loss = net.compute_loss(y)
        net.backward(X, y)
        net.step()
        history.append(loss)
    print("final loss", history[-1])
    print(net.forward(X).round(2))
