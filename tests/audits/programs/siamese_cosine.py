import numpy as np

# Two inputs through the same weights; the cost is 1 - cosine similarity, plus a weighted penalty.
rng = np.random.default_rng(17)
W = rng.normal(size=(3, 4))
b = rng.normal(size=3)
left = rng.normal(size=4)
right = rng.normal(size=4)

u = np.tanh(W @ left + b)
v = np.tanh(W @ right + b)
nu = np.linalg.norm(u)
nv = np.sqrt(v @ v)
dot = u @ v
cos = dot / (nu * nv)
loss = 1 - cos + 0.01 * np.sum(W * W)

dcos = -1.0
ddot = dcos / (nu * nv)
dnu = -dcos * cos / nu
dnv = -dcos * cos / nv
du = ddot * v + dnu * u / nu
dv = ddot * u + dnv * v / nv
dpre_u = du * (1 - u * u)
dpre_v = dv * (1 - v * v)
dW = np.outer(dpre_u, left) + np.outer(dpre_v, right) + 0.02 * W
db = dpre_u + dpre_v
dleft = W.T @ dpre_u
dright = W.T @ dpre_v
print(float(loss), dW.shape)
