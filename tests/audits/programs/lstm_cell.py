import numpy as np

# One step of an LSTM cell, every gate by hand.
np.random.seed(14)
n_x, n_h = 3, 4


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


x = np.random.randn(n_x)
h_prev = np.random.randn(n_h)
c_prev = np.random.randn(n_h)
target = np.random.randn(n_h)
Wf = 0.5 * np.random.randn(n_h, n_h + n_x)
Wi = 0.5 * np.random.randn(n_h, n_h + n_x)
Wg = 0.5 * np.random.randn(n_h, n_h + n_x)
Wo = 0.5 * np.random.randn(n_h, n_h + n_x)
bf = np.ones(n_h)
bi = np.zeros(n_h)
bg = np.zeros(n_h)
bo = np.zeros(n_h)

concat = np.concatenate((h_prev, x))
f = sigmoid(Wf @ concat + bf)
i = sigmoid(Wi @ concat + bi)
g = np.tanh(Wg @ concat + bg)
o = sigmoid(Wo @ concat + bo)
c = f * c_prev + i * g
h = o * np.tanh(c)
E = 0.5 * np.sum((h - target) ** 2)
print("E =", E)

dh = h - target
do = dh * np.tanh(c)
dc = dh * o * (1 - np.tanh(c) ** 2)
df = dc * c_prev
dc_prev = dc * f
di = dc * g
dg = dc * i

# through the gates' activations
df_in = df * f * (1 - f)
di_in = di * i * (1 - i)
dg_in = dg * (1 - g ** 2)
do_in = do * o * (1 - o)

dWf = np.outer(df_in, concat)
dWi = np.outer(di_in, concat)
dWg = np.outer(dg_in, concat)
dWo = np.outer(do_in, concat)
dbf, dbi, dbg, dbo = df_in, di_in, dg_in, do_in
dconcat = Wf.T @ df_in + Wi.T @ di_in + Wg.T @ dg_in + Wo.T @ do_in
dh_prev = dconcat[:n_h]
dx = dconcat[n_h:]
