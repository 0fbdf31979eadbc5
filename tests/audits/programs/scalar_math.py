"""One neuron with two inputs, one training example; everything is a plain number."""
import math


def sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


x1, x2, y = 0.7, -1.3, 1
w1 = 0.4
w2 = 0.25
b = -0.1
alpha = 0.05

for step in range(50):
    z = w1 * x1 + w2 * x2 + b
    a = sigmoid(z)
    L = -(y * math.log(a) + (1 - y) * math.log(1 - a))
    if step % 10 == 0:
        print(f"step {step}: loss {L:.5f}")

    da = -y / a + (1 - y) / (1 - a)
    dz = da * a * (1 - a)
    dw1 = dz * x1
    dw2 = dz * x2
    db = dz

    w1 -= alpha * dw1
    w2 -= alpha * dw2
    b -= alpha * db

print("w1 =", round(w1, 4), "w2 =", round(w2, 4), "b =", round(b, 4))
