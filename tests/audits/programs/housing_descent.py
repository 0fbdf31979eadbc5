# Multivariate linear regression with feature scaling, gradient descent with a history of the cost.
import numpy as np
import matplotlib.pyplot as plt

data = np.array([[2104., 3., 399.9], [1600., 3., 329.9], [2400., 3., 369.0], [1416., 2., 232.0], [3000., 4., 539.9], [1985., 4., 299.9]])
X = data[:, :2]
y = data[:, 2].reshape(-1, 1) / 100
m = y.size

mu = np.mean(X, axis=0)
sigma = np.std(X, axis=0)
X_norm = (X - mu) / sigma
X_norm = np.concatenate([np.ones((m, 1)), X_norm], axis=1)


def gradientDescent(X, y, theta, alpha, num_iters):
    J_history = np.zeros(num_iters)
    for it in range(num_iters):
        h = X.dot(theta)
        J = 1 / (2 * m) * np.sum((h - y) ** 2)
        J_history[it] = J
        dtheta = 1 / m * X.T.dot(h - y)
        theta = theta - alpha * dtheta
    return theta, J_history


theta = np.zeros((3, 1))
theta, J_history = gradientDescent(X_norm, y, theta, 0.1, 400)
plt.plot(range(len(J_history)), J_history, '-b', linewidth=2)
plt.xlabel('Number of iterations')
plt.ylabel('Cost J')
print('Theta:', theta.ravel())
price = np.r_[1, (np.array([1650, 3]) - mu) / sigma] @ theta
print('Predicted price: %.2f' % price[0])
