# Simple linear regression y = m * x + b on a list of points, gradient descent by loops.
points = [(1.0, 2.1), (2.0, 3.9), (3.0, 6.2), (4.0, 8.1), (5.0, 9.8)]


def compute_error(b, m, points):
    total = 0
    for i in range(len(points)):
        x, y = points[i]
        total += (y - (m * x + b)) ** 2
    return total / float(len(points))


m = 0.5
b = 0.2
learning_rate = 0.01
num_iterations = 100
N = float(len(points))

for step in range(num_iterations):
    error = compute_error(b, m, points)
    b_grad = 0
    m_grad = 0
    for x, y in points:
        b_grad += -(2 / N) * (y - ((m * x) + b))
        m_grad += -(2 / N) * x * (y - ((m * x) + b))
    b = b - (learning_rate * b_grad)
    m = m - (learning_rate * m_grad)

print("After {0} iterations b = {1}, m = {2}, error = {3}".format(num_iterations, b, m, compute_error(b, m, points)))
