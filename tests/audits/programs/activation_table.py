"""Activations chosen by name from a dictionary of lambdas; list of (weights, biases) pairs."""
import numpy as np

ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "softplus": (lambda z: np.log(1 + np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
    "linear": (lambda z: z, lambda z: np.ones_like(z)),
}


class Layer:
    def __init__(self, n_in, n_out, activation, rng):
        self.W = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        self.b = np.zeros((1, n_out))
        self.act, self.act_prime = ACTIVATIONS[activation]

    def forward(self, inputs):
        self.inputs = inputs
        self.Z = inputs @ self.W + self.b
        return self.act(self.Z)

    def backward(self, d_out):
        self.dZ = d_out * self.act_prime(self.Z)
        self.dW = self.inputs.T @ self.dZ
        self.db = self.dZ.sum(axis=0, keepdims=True)
        return self.dZ @ self.W.T


class MeanSquaredError:
    def __call__(self, prediction, target):
        self.difference = prediction - target
        return (self.difference ** 2).mean()

    def backward(self):
        return 2 * self.difference / self.difference.size


rng = np.random.default_rng(1)
layers = [Layer(2, 4, "tanh", rng), Layer(4, 3, "softplus", rng), Layer(3, 1, "linear", rng)]
criterion = MeanSquaredError()
inputs = rng.standard_normal((10, 2))
targets = np.sin(inputs[:, [0]]) + inputs[:, [1]] ** 2

for iteration in range(300):
    out = inputs
    for layer in layers:
        out = layer.forward(out)
    loss = criterion(out, targets)

    grad = criterion.backward()
    for layer in reversed(layers):
        grad = layer.backward(grad)

    for layer in layers:
        layer.W -= 0.05 * layer.dW
        layer.b -= 0.05 * layer.db
    if not iteration % 100:
        print(iteration, loss)
