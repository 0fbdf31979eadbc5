# Neural network exercise with bias columns: Theta1 is (hidden, inputs + 1), labels 1..K.
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoidGradient(z):
    return sigmoid(z) * (1 - sigmoid(z))


def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_):
    Theta1 = nn_params[:hidden_layer_size * (input_layer_size + 1)].reshape(hidden_layer_size, input_layer_size + 1)
    Theta2 = nn_params[hidden_layer_size * (input_layer_size + 1):].reshape(num_labels, hidden_layer_size + 1)
    m = X.shape[0]

    # Part 1: feedforward
    a1 = np.hstack([np.ones((m, 1)), X])
    z2 = a1.dot(Theta1.T)
    a2 = np.hstack([np.ones((m, 1)), sigmoid(z2)])
    z3 = a2.dot(Theta2.T)
    a3 = sigmoid(z3)
    y_matrix = np.eye(num_labels)[y - 1]
    J = np.sum(-y_matrix * np.log(a3) - (1 - y_matrix) * np.log(1 - a3)) / m
    J = J + lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    # Part 2: backpropagation, one example at a time
    Theta1_grad = np.zeros(Theta1.shape)
    Theta2_grad = np.zeros(Theta2.shape)
    for t in range(m):
        d3 = a3[t] - y_matrix[t]
        d2 = Theta2[:, 1:].T.dot(d3) * sigmoidGradient(z2[t])
        Theta1_grad += np.outer(d2, a1[t])
        Theta2_grad += np.outer(d3, a2[t])
    Theta1_grad /= m
    Theta2_grad /= m

    # Part 3: regularization, not for the bias column
    Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]
    Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]
    grad = np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])
    return J, grad


np.random.seed(0)
n_in, n_hidden, n_labels = 3, 4, 3
initial = np.random.randn(n_hidden * (n_in + 1) + n_labels * (n_hidden + 1)) * 0.3
X = np.random.randn(5, n_in)
y = np.array([1, 3, 2, 2, 1])
J, grad = nnCostFunction(initial, n_in, n_hidden, n_labels, X, y, 1.5)
print("Cost: %.4f, norm of the gradient: %.4f" % (J, np.linalg.norm(grad)))
