# Recurrent regression on a whole sequence: numbers in, one number out at the end.
import numpy as np

rng = np.random.RandomState(3)
T, H = 5, 3
seq = rng.randn(T)
target = 0.7
wx = rng.randn(H) * 0.5
Wh = rng.randn(H, H) * 0.5
bh = np.zeros(H)
wo = rng.randn(H)
bo = 0.0

for it in range(40):
    hs = np.zeros((T + 1, H))
    for t in range(T):
        hs[t + 1] = np.tanh(wx * seq[t] + Wh @ hs[t] + bh)
    out = wo @ hs[T] + bo
    loss = (out - target) ** 2

    dout = 2 * (out - target)
    dwo = dout * hs[T]
    dbo = dout
    dh = dout * wo
    dwx = np.zeros_like(wx)
    dWh = np.zeros_like(Wh)
    dbh = np.zeros_like(bh)
    for t in reversed(range(T)):
        draw = dh * (1 - hs[t + 1] ** 2)
        dwx += draw * seq[t]
        dWh += np.outer(draw, hs[t])
        dbh += draw
        dh = Wh.T @ draw

    wx -= 0.01 * dwx
    Wh -= 0.01 * dWh
    bh -= 0.01 * dbh
    wo -= 0.01 * dwo
    bo -= 0.01 * dbo
print(loss)
