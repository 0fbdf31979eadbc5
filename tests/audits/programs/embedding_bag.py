"""Bag of words: the mean of word embeddings, then a softmax over two topics."""
import numpy as np

sentences = ["the cat sat", "dogs and cats sat down", "stocks fell down", "the market fell"]
topics = np.array([0, 0, 1, 1])

vocab = {}
for sentence in sentences:
    for word in sentence.split():
        if word not in vocab:
            vocab[word] = len(vocab)
ids = [[vocab[word] for word in sentence.split()] for sentence in sentences]

rng = np.random.RandomState(8)
dim = 3
E = rng.randn(len(vocab), dim) * 0.3
U = rng.randn(dim, 2) * 0.3
lr = 0.2
n = len(ids)

for epoch in range(50):
    # forward
    H = np.stack([E[words].mean(axis=0) for words in ids])
    logits = H @ U
    logits = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(n), topics]).mean()

    # backward
    dlogits = probs.copy()
    dlogits[np.arange(n), topics] -= 1
    dlogits /= n
    dU = H.T @ dlogits
    dH = dlogits @ U.T
    dE = np.zeros_like(E)
    for i, words in enumerate(ids):
        for w in words:
            dE[w] += dH[i] / len(words)

    U -= lr * dU
    E -= lr * dE
    if epoch % 10 == 0:
        print(epoch, round(float(loss), 4))
