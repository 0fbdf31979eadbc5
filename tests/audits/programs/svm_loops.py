import numpy as np

# Multiclass SVM loss, structured, naive version with loops.


def svm_loss_naive(W, X, y, reg):
    """
    Inputs have dimension D, there are C classes, and we operate on N examples.

    - W: array of shape (D, C); X: array of shape (N, D); y: labels, shape (N,)

    Returns a tuple of the loss and the gradient with respect to W.
    """
    dW = np.zeros(W.shape)
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1  # note delta = 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    # average over the examples
    loss /= num_train
    dW /= num_train
    # regularization
    loss += reg * np.sum(W * W)
    dW += 2 * reg * W
    return loss, dW


np.random.seed(3)
X_dev = np.random.randn(7, 4)
y_dev = np.random.randint(3, size=7)
W = np.random.randn(4, 3) * 0.1
loss, grad_W = svm_loss_naive(W, X_dev, y_dev, 0.05)
print('loss: %f' % loss)
W = W - 1e-2 * grad_W
