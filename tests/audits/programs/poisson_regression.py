import numpy as np

rng = np.random.default_rng(11)
n, p = 15, 3
X = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))])
true_theta = np.array([0.5, 0.3, -0.2])
counts = rng.poisson(np.exp(X @ true_theta))
dt = 0.1  # step of time, not a derivative
exposure = dt * np.ones(n) * 10

theta = np.zeros(p) + 0.1
for iteration in range(50):
    eta = X @ theta + np.log(exposure)
    rate = np.exp(eta)
    nll = np.mean(rate - counts * eta)
    deta = (rate - counts) / n
    dtheta = X.T @ deta
    theta -= 0.1 * dtheta
print("theta", theta, "nll", nll)
