"""A perceptron with one hidden layer in pure Python: nested lists instead of arrays."""
import math
import random

random.seed(7)
n_in, n_hid = 3, 2
rows = [[0.2, -0.4, 1.0], [0.9, 0.1, -0.3], [-0.5, 0.8, 0.6], [0.3, 0.7, -0.9]]
targets = [1.0, 0.0, 1.0, 0.0]
w_hid = [[random.uniform(-1, 1) for _ in range(n_in)] for _ in range(n_hid)]
b_hid = [0.0] * n_hid
w_out = [random.uniform(-1, 1) for _ in range(n_hid)]
b_out = 0.1
rate = 0.5

for epoch in range(200):
    total = 0.0
    grad_w_hid = [[0.0] * n_in for _ in range(n_hid)]
    grad_b_hid = [0.0] * n_hid
    grad_w_out = [0.0 for _ in range(n_hid)]
    grad_b_out = 0.0
    for row, target in zip(rows, targets):
        hidden = []
        for j in range(n_hid):
            s = b_hid[j]
            for i in range(n_in):
                s += w_hid[j][i] * row[i]
            hidden.append(math.tanh(s))
        out = b_out + sum(w * h for w, h in zip(w_out, hidden))
        error = out - target
        total += 0.5 * error * error
        grad_b_out += error
        for j in range(n_hid):
            grad_w_out[j] += error * hidden[j]
            back = error * w_out[j] * (1 - hidden[j] ** 2)
            grad_b_hid[j] += back
            for i in range(n_in):
                grad_w_hid[j][i] += back * row[i]
    for j in range(n_hid):
        w_out[j] -= rate * grad_w_out[j]
        b_hid[j] -= rate * grad_b_hid[j]
        for i in range(n_in):
            w_hid[j][i] -= rate * grad_w_hid[j][i]
    b_out -= rate * grad_b_out
    if epoch % 50 == 0:
        print(epoch, total)
