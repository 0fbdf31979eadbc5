# Stochastic gradient descent: the parameters change after every single example.
import numpy as np

rng = np.random.RandomState(99)
data = [(rng.randn(3), float(rng.rand() > 0.5)) for _ in range(10)]
weights = {'w': rng.randn(3), 'b': 0.2}
eta = 0.1

for epoch in range(5):
    rng.shuffle(data)
    total_loss = 0.0
    for x, y in data:
        z = np.dot(weights['w'], x) + weights['b']
        y_hat = 1.0 / (1.0 + np.exp(-z))
        loss = -(y * np.log(y_hat) + (1.0 - y) * np.log(1.0 - y_hat))
        total_loss += loss

        dy_hat = (y_hat - y) / (y_hat * (1.0 - y_hat))
        dz = dy_hat * y_hat * (1.0 - y_hat)
        gradients = {'w': dz * x, 'b': dz}
        for name in weights:
            weights[name] = weights[name] - eta * gradients[name]
    print('epoch', epoch, 'mean loss', total_loss / len(data))
