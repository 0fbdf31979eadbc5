# word2vec, skip-gram with negative sampling: one centre word, one context word, some negatives.
import numpy as np

np.random.seed(100)
vocab_size, dim = 6, 3
centre_vectors = 0.5 * np.random.randn(vocab_size, dim)
outside_vectors = 0.5 * np.random.randn(vocab_size, dim)
centre = 2
outside = 4
negatives = [0, 1, 5]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


v = centre_vectors[centre]
u_o = outside_vectors[outside]
U_k = outside_vectors[negatives]
pos = sigmoid(np.dot(u_o, v))
neg = sigmoid(-np.dot(U_k, v))
J = -np.log(pos) - np.sum(np.log(neg))

dv = (pos - 1) * u_o + np.dot((1 - neg), U_k)
du_o = (pos - 1) * v
dU_k = np.outer(1 - neg, v)

lr = 0.05
centre_vectors[centre] -= lr * dv
outside_vectors[outside] -= lr * du_o
outside_vectors[negatives] -= lr * dU_k
print("J =", J)
