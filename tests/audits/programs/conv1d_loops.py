import numpy as np

np.random.seed(2)
signal = np.random.randn(9)
kernel = np.random.randn(3)
bias = 0.1
target = np.random.randn(7)


def conv1d(x, k, b):
    n_out = len(x) - len(k) + 1
    out = np.zeros(n_out)
    for i in range(n_out):
        for j in range(len(k)):
            out[i] += x[i + j] * k[j]
        out[i] += b
    return out


conv = conv1d(signal, kernel, bias)
act = np.maximum(conv, 0.1 * conv)
loss = np.mean((act - target) ** 2)
print("loss:", loss)

dact = 2 * (act - target) / len(target)
dconv = np.where(conv > 0, dact, 0.1 * dact)
dsignal = np.zeros_like(signal)
dkernel = np.zeros_like(kernel)
dbias = 0.0
for i in range(len(dconv)):
    dbias += dconv[i]
    for j in range(len(kernel)):
        dkernel[j] += signal[i + j] * dconv[i]
        dsignal[i + j] += kernel[j] * dconv[i]
print(dkernel, dbias)
print(dsignal)
