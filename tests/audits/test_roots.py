"""Which line is named: the root comes out once, wherever it is, and what only reads it is inherited."""

import pytest

import chainrule as cr

HELPERS = """
import numpy as np


def slope(a):
    return 1.0 - a ** 2


x = np.array([[0.5, -1.2, 2.0], [0.1, 0.4, -0.6]])
t = np.array([[0.3], [-0.4]])
W = np.array([[0.2, -0.1], [0.4, 0.3], [-0.5, 0.6]])
V = np.array([[0.7], [-0.9]])
h = np.tanh(x @ W)
y = h @ V
J = 0.5 * np.sum((y - t) ** 2)
err = y - t
back = err @ V.T
pre = back * slope(h)
dV = h.T @ err
dW = x.T @ pre
"""

RECURRENT = """
import numpy as np
rng = np.random.default_rng(0)
U = 0.4 * rng.standard_normal((3, 2))
W = 0.4 * rng.standard_normal((3, 3))
V = 0.4 * rng.standard_normal((1, 3))
x = rng.standard_normal((4, 2, 1))
t = rng.standard_normal((4, 1, 1))
hs, ys = {-1: np.zeros((3, 1))}, {}
J = 0
for k in range(4):
    hs[k] = np.tanh(U @ x[k] + W @ hs[k - 1])
    ys[k] = V @ hs[k]
    J += 0.5 * np.sum((ys[k] - t[k]) ** 2)
dU, dW, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
carry = np.zeros((3, 1))
for k in reversed(range(4)):
    dy = ys[k] - t[k]
    dV += dy @ hs[k].T
    dh = V.T @ dy + carry
    raw = (1 - hs[k] ** 2) * dh
    dU += raw @ x[k].T
    dW += raw @ hs[k - 1].T
    carry = W.T @ raw
"""

AFTER = """
import numpy as np
X = np.array([[0.5, -1.2], [2.0, 0.3], [-0.7, 0.9]])
T = np.array([[0.3], [-0.4], [0.9]])
W1 = np.array([[0.2, -0.1], [0.4, 0.3]])
W2 = np.array([[0.7], [-0.9]])
h = X @ W1
h_relu = np.maximum(h, 0)
y = h_relu @ W2
loss = np.sum((y - T) ** 2)
dy = 2.0 * (y - T)
dW2 = h_relu.T @ dy
dh = dy @ W2.T
dh_relu = dh * (h > 0)
dW1 = X.T @ dh_relu
"""


def wrong(source: str) -> list[tuple[str, str]]:
    """Return the text of each wrong line, once, and the kind of its error."""
    lines = source.splitlines()
    found = cr.audit(source).findings
    return sorted({(lines[f.line - 1].strip(), str(f.kind)) for f in found if f.status == "wrong"})


@pytest.mark.parametrize("source", [HELPERS, RECURRENT, AFTER])
def test_nothing_is_wrong_with_the_correct_scripts(source: str) -> None:
    assert cr.audit(source).ok


@pytest.mark.parametrize(
    ("source", "old", "new", "kind"),
    [
        (HELPERS, "return 1.0 - a ** 2", "return -(1.0 - a ** 2)", "sign"),
        (HELPERS, "pre = back * slope(h)", "pre = back * slope(back)", "activation_derivative"),
        (HELPERS, "pre = back * slope(h)", "pre = 2 * back * slope(h)", "extra_factor"),
        (HELPERS, "err = y - t", "err = y + t", "sign"),
        (RECURRENT, "raw = (1 - hs[k] ** 2) * dh", "raw = -(1 - hs[k] ** 2) * dh", "sign"),
        (RECURRENT, "carry = W.T @ raw", "carry = W @ raw", "transpose"),
        (RECURRENT, "dh = V.T @ dy + carry", "dh = V.T @ dy", "missing_path"),
        (AFTER, "dh = dy @ W2.T", "dh = -dy @ W2.T", "sign"),
        (AFTER, "dh_relu = dh * (h > 0)", "dh_relu = 2 * dh * (h > 0)", "extra_factor"),
    ],
)
def test_only_the_line_of_the_error_is_wrong(source: str, old: str, new: str, kind: str) -> None:
    assert wrong(source.replace(old, new)) == [(new, kind)]


def test_a_value_between_that_is_named_after_another_variable_is_told_of_and_not_called_wrong() -> None:
    report = cr.audit(AFTER)
    assert "dh_relu" in {finding.name for finding in report.findings}
    swapped = AFTER.replace("dh_relu", "dz").replace("dh = dy", "da = dy").replace("dz = dh", "dz = da")
    assert cr.audit(swapped).ok


def test_a_gradient_without_a_variable_in_its_name_is_about_what_it_moves() -> None:
    source = (
        "import numpy as np\nX = np.array([[1.0, 0.5], [1.0, -2.0], [1.0, 0.7]])\n"
        "y = np.array([0.3, 1.0, -0.2])\n"
        "theta = np.array([0.1, 0.4])\nfor step in range(2):\n    cost = np.mean((X @ theta - y) ** 2)\n"
        "    gradient = 2 * X.T @ (X @ theta - y) / 3\n    theta = theta - 0.1 * gradient\n"
    )
    assert [(f.name, f.line, str(f.status)) for f in cr.audit(source).findings] == [("gradient", 7, "right")]
    (finding,) = cr.audit(source.replace("2 * X.T", "X.T")).findings
    assert (finding.line, str(finding.kind)) == (7, "missing_factor")


@pytest.mark.parametrize("copied", ["W.flatten()", "W.copy()", "np.array(W)", "W.astype(float)"])
def test_a_copy_inside_an_expression_leads_back_to_its_variable(copied: str) -> None:
    source = f"import numpy as np\nW = np.array([[0.3, -0.7]])\nJ = np.sum({copied} ** 2)\ndW = 2 * W\n"
    assert cr.audit(source).ok
