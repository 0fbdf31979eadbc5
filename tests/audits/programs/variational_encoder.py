# A tiny variational autoencoder: one linear encoder, one linear decoder, noise drawn once an epoch.
import numpy as np

np.random.seed(60)
n, d, k = 6, 4, 2
x = np.random.randn(n, d)
We = np.random.randn(d, 2 * k) * 0.3
be = np.zeros(2 * k)
Wd = np.random.randn(k, d) * 0.3
bd = np.zeros(d)
beta = 0.5
lr = 0.05

for epoch in range(100):
    stats = x @ We + be
    mu, logvar = stats[:, :k], stats[:, k:]
    std = np.exp(0.5 * logvar)
    noise = np.random.randn(n, k)
    code = mu + std * noise
    recon = code @ Wd + bd
    rec_loss = np.sum((recon - x) ** 2) / n
    kl = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar)) / n
    loss = rec_loss + beta * kl

    drecon = 2 * (recon - x) / n
    dWd = code.T @ drecon
    dbd = drecon.sum(axis=0)
    dcode = drecon @ Wd.T
    dmu = dcode + beta * mu / n
    dstd = dcode * noise
    dlogvar = 0.5 * dstd * std + 0.5 * beta * (np.exp(logvar) - 1) / n
    dstats = np.hstack((dmu, dlogvar))
    dWe = x.T @ dstats
    dbe = dstats.sum(axis=0)

    for param, grad in ((We, dWe), (be, dbe), (Wd, dWd), (bd, dbd)):
        param -= lr * grad
    if epoch % 25 == 0:
        print("epoch", epoch, "loss", round(loss, 4), "kl", round(kl, 4))
