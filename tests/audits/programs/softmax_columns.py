# Softmax regression, one column per example, one-hot targets, L2 penalty.
import numpy as np


def softmax(Z):
    Z = Z - np.max(Z, axis=0, keepdims=True)
    e = np.exp(Z)
    return e / e.sum(axis=0, keepdims=True)


np.random.seed(21)
n_features, n_classes, m = 3, 3, 7
X = np.random.randn(n_features, m)
labels = np.random.randint(n_classes, size=m)
Y = np.zeros((n_classes, m))
Y[labels, np.arange(m)] = 1

W = 0.1 * np.random.randn(n_classes, n_features)
b = np.zeros((n_classes, 1))
lambd = 0.7
learning_rate = 0.5

for i in range(200):
    Z = np.dot(W, X) + b
    A = softmax(Z)
    cross_entropy_cost = -1.0 / m * np.sum(Y * np.log(A))
    L2_regularization_cost = lambd / (2 * m) * np.sum(np.square(W))
    cost = cross_entropy_cost + L2_regularization_cost

    dZ = A - Y
    dW = 1.0 / m * np.dot(dZ, X.T) + (lambd / m) * W
    db = 1.0 / m * np.sum(dZ, axis=1, keepdims=True)

    W = W - learning_rate * dW
    b = b - learning_rate * db

accuracy = np.mean(np.argmax(A, axis=0) == labels)
print("cost %.5f, accuracy %.2f" % (cost, accuracy))
