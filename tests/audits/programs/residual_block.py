import numpy as np

# h = x + W2 relu(W1 x + b1): the input reaches the output along two paths.
rs = np.random.RandomState(7)
d, m = 4, 6
x = rs.randn(d, m)
W1 = rs.randn(d, d) * 0.6
b1 = rs.randn(d, 1) * 0.1
W2 = rs.randn(d, d) * 0.6
v = rs.randn(1, d)
t = rs.randn(1, m)

a = W1.dot(x) + b1
r = a * (a > 0)
f = W2.dot(r)
h = x + f
out = v.dot(h)
J = np.sum((out - t) ** 2) / (2.0 * m)

dout = (out - t) / m
dv = dout.dot(h.T)
dh = v.T.dot(dout)
df = dh
dr = W2.T.dot(df)
da = dr * (a > 0)
dx = dh + W1.T.dot(da)
dW2 = df.dot(r.T)
dW1 = da.dot(x.T)
db1 = da.sum(axis=1, keepdims=True)
print(J, np.linalg.norm(dx), np.linalg.norm(dW1))
