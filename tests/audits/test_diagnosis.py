"""One error is planted in a correct program: the audit names its line and says what it is."""

import ast

import numpy as np
import pytest

import chainrule as cr

COLUMNS = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.standard_normal((3, 5))
Y = np.array([[1.0, 0.0, 1.0, 1.0, 0.0]])
m = X.shape[1]
W1 = 0.5 * rng.standard_normal((4, 3))
b1 = np.zeros((4, 1))
W2 = 0.5 * rng.standard_normal((1, 4))
b2 = np.zeros((1, 1))
Z1 = W1 @ X + b1
A1 = np.tanh(Z1)
Z2 = W2 @ A1 + b2
A2 = 1 / (1 + np.exp(-Z2))
J = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
dZ2 = A2 - Y
dW2 = dZ2 @ A1.T / m
db2 = np.sum(dZ2, axis=1, keepdims=True) / m
dA1 = W2.T @ dZ2
dZ1 = dA1 * (1 - A1 ** 2)
dW1 = dZ1 @ X.T / m
db1 = np.sum(dZ1, axis=1, keepdims=True) / m
"""

ROWS = """
import numpy as np
rng = np.random.default_rng(1)
X = rng.standard_normal((6, 3))
T = rng.standard_normal((6, 2))
W1 = rng.standard_normal((3, 4))
b1 = 0.1 * rng.standard_normal((1, 4))
W2 = rng.standard_normal((4, 2))
b2 = np.zeros((1, 2))
lam = 0.1
n = len(X)
H = X @ W1 + b1
A = np.maximum(H, 0)
O = A @ W2 + b2
J = np.sum((O - T) ** 2) / n + 0.5 * lam * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
dO = 2 * (O - T) / n
dW2 = A.T @ dO + lam * W2
db2 = np.sum(dO, axis=0, keepdims=True)
dA = dO @ W2.T
dH = dA * (H > 0)
dW1 = X.T @ dH + lam * W1
db1 = np.sum(dH, axis=0, keepdims=True)
"""

SCALARS = """
import math
w = 0.7
x = 1.3
b = 0.2
y = 0.4
u = w * x + b
a = 1 / (1 + math.exp(-u))
e = a - y
s = w * w
J = 0.5 * e ** 2 + 3 * s
de = e
da = 1.0 * de
du = da * a * (1 - a)
ds = 3
dx = du * w
db = 1.0 * du
dw = du * x + ds * 2 * w
"""

NUMBERS = """
a = 7
b = 4
c = 2
u = b * c
v = a + u
J = 3 * v
dv = 3
du = dv * 1
da = 3
db = 3 * 2
dc = 3 * 4
"""

LOOP = """
import math
xs = [1.0, -2.0, 0.5]
ys = [1, 0, 1]
w = 0.3
b = -0.1
m = len(xs)
J = 0
dw = 0
db = 0
for i in range(m):
    z = w * xs[i] + b
    a = 1 / (1 + math.exp(-z))
    J += -(ys[i] * math.log(a) + (1 - ys[i]) * math.log(1 - a))
    dz = a - ys[i]
    dw += xs[i] * dz
    db += dz
J /= m
dw /= m
db /= m
"""

PROGRAMS = {"columns": COLUMNS, "rows": ROWS, "scalars": SCALARS, "numbers": NUMBERS, "loop": LOOP}

PLANTED = [
    ("columns", "dZ2 = A2 - Y", "dZ2 = Y - A2", "dZ2", "sign"),
    ("columns", "dZ2 = A2 - Y", "dZ2 = A2 + Y", "dZ2", "sign"),
    ("columns", "dZ2 = A2 - Y", "dZ2 = 2 * (A2 - Y)", "dZ2", "extra_factor"),
    ("columns", "dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", "dZ2", "extra_factor"),
    ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T", "dW2", "mean_for_sum"),
    ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A1.T / m / m", "dW2", "mean_for_sum"),
    ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = -dZ2 @ A1.T / m", "dW2", "sign"),
    ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ Z1.T / m", "dW2", "wrong_value"),
    ("columns", "dW2 = dZ2 @ A1.T / m", "dW2 = A1 @ dZ2.T / m", "dW2", "transpose"),
    ("columns", "(dZ2, axis=1, keepdims=True) / m", "(dZ2, axis=1, keepdims=True)", "db2", "mean_for_sum"),
    ("columns", "(dZ2, axis=1, keepdims=True) / m", "(dZ2, axis=1) / m", "db2", "shape"),
    ("columns", "(dZ1, axis=1, keepdims=True) / m", "(dZ1, axis=1) / m", "db1", "shape"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1 * (1 - Z1 ** 2)", "dZ1", "activation_derivative"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1 * (1 - A1)", "dZ1", "activation_derivative"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1 * A1 * (1 - A1)", "dZ1", "activation_derivative"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1", "dZ1", "activation_derivative"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1 * (Z1 > -100)", "dZ1", "activation_derivative"),
    ("columns", "dA1 * (1 - A1 ** 2)", "dA1 * (1 + A1 ** 2)", "dZ1", "sign"),
    ("columns", "dW1 = dZ1 @ X.T / m", "dW1 = 2 * dZ1 @ X.T / m", "dW1", "extra_factor"),
    ("columns", "dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T / 4", "dW1", "wrong_number"),
    ("columns", "dW1 = dZ1 @ X.T / m", "dW1 = (dZ1 @ X.T).T / m", "dW1", "transpose"),
    ("columns", "dW1 = dZ1 @ X.T / m", "dW1 = dA1 @ X.T / m", "dW1", "wrong_value"),
    ("rows", "dO = 2 * (O - T) / n", "dO = (O - T) / n", "dO", "missing_factor"),
    ("rows", "dO = 2 * (O - T) / n", "dO = 2 * (O - T)", "dO", "mean_for_sum"),
    ("rows", "dO = 2 * (O - T) / n", "dO = 2 * (T - O) / n", "dO", "sign"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO", "dW2", "missing_path"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO + 2 * lam * W2", "dW2", "extra_factor"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO + lam * W2 + lam * W2", "dW2", "doubled_path"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO - lam * W2", "dW2", "sign"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO + W2", "dW2", "missing_factor"),
    ("rows", "A.T @ dO + lam * W2", "A.T @ dO + 0.5 * lam * W2", "dW2", "extra_factor"),
    ("rows", "A.T @ dO + lam * W2", "H.T @ dO + lam * W2", "dW2", "wrong_value"),
    ("rows", "A.T @ dO + lam * W2", "lam * W2", "dW2", "missing_path"),
    ("rows", "dH = dA * (H > 0)", "dH = dA * (H < 0)", "dH", "activation_derivative"),
    ("rows", "dH = dA * (H > 0)", "dH = dA * (A >= 0)", "dH", "activation_derivative"),
    ("rows", "dH = dA * (H > 0)", "dH = dA * A", "dH", "activation_derivative"),
    ("rows", "dH = dA * (H > 0)", "dH = dA * (1 - A ** 2)", "dH", "activation_derivative"),
    (
        "rows",
        "np.sum(dH, axis=0, keepdims=True)",
        "np.mean(dH, axis=0, keepdims=True)",
        "db1",
        "mean_for_sum",
    ),
    ("rows", "np.sum(dH, axis=0, keepdims=True)", "np.sum(dH, axis=0)", "db1", "shape"),
    ("rows", "np.sum(dH, axis=0, keepdims=True)", "np.sum(dA, axis=0, keepdims=True)", "db1", "wrong_value"),
    ("rows", "dW1 = X.T @ dH + lam * W1", "dW1 = (X.T @ dH + lam * W1) / n", "dW1", "mean_for_sum"),
    ("rows", "dW1 = X.T @ dH + lam * W1", "dW1 = X.T @ dH + lam * lam * W1", "dW1", "extra_factor"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du * x", "dw", "missing_path"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = ds * 2 * w", "dw", "missing_path"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du * x - ds * 2 * w", "dw", "sign"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du * w + ds * 2 * w", "dw", "wrong_value"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du * x + ds * 2 * w + ds * 2 * w", "dw", "doubled_path"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du * x + 2 * ds * 2 * w", "dw", "extra_factor"),
    ("scalars", "dw = du * x + ds * 2 * w", "dw = du + ds * 2 * w", "dw", "missing_factor"),
    ("scalars", "du = da * a * (1 - a)", "du = da * u * (1 - u)", "du", "activation_derivative"),
    ("scalars", "du = da * a * (1 - a)", "du = da * 1.0", "du", "activation_derivative"),
    ("scalars", "du = da * a * (1 - a)", "du = -da * a * (1 - a)", "du", "sign"),
    ("scalars", "dx = du * w", "dx = du * x", "dx", "wrong_value"),
    ("scalars", "dx = du * w", "dx = 1.0 * du", "dx", "missing_factor"),
    ("scalars", "dx = du * w", "dx = du * w * w", "dx", "extra_factor"),
    ("scalars", "ds = 3", "ds = -3", "ds", "sign"),
    ("scalars", "ds = 3", "ds = 4", "ds", "wrong_number"),
    ("numbers", "dc = 3 * 4", "dc = 3 * 3", "dc", "wrong_number"),
    ("numbers", "dc = 3 * 4", "dc = 9", "dc", "wrong_number"),
    ("numbers", "dv = 3\n", "dv = -3\n", "dv", "sign"),
    ("loop", "    dz = a - ys[i]", "    dz = ys[i] - a", "dz", "sign"),
    ("loop", "dw /= m", "dw /= 1", "dw", "mean_for_sum"),
    ("loop", "    dw += xs[i] * dz", "    dw -= xs[i] * dz", "dw", "sign"),
    ("loop", "    db += dz", "    db += 2 * dz", "db", "extra_factor"),
]


def nudged_gradient(source, name):
    """Return the central differences of J by a variable, its program run as plain Python."""
    wanted = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == name
    )
    lines = source.splitlines()

    def cost(place, step):
        text = f"{name} = np.array({name}, float); {name}.reshape(-1)[{place}] += {step}; {name} = {name}[()]"
        body = [*lines[: wanted.end_lineno], f"import numpy as np; {text}", *lines[wanted.end_lineno :]]
        scope = {}
        exec("\n".join(body), scope)
        return float(np.ravel(scope["J"])[0])

    scope = {}
    exec(source, scope)
    value = np.asarray(scope[name], float)
    slopes = [(cost(n, 1e-5) - cost(n, -1e-5)) / 2e-5 for n in range(value.size)]
    return np.reshape(slopes, value.shape), scope


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_correct_program_raises_no_alarm(name):
    report = cr.audit(PROGRAMS[name])
    assert report.ok, str(report)
    assert report.findings


@pytest.mark.parametrize(
    ("program", "of"),
    [("columns", "W1"), ("columns", "b2"), ("rows", "W2"), ("rows", "b1"), ("scalars", "w"), ("loop", "b")],
)
def test_what_counts_as_true_is_what_differences_say(program, of):
    slopes, scope = nudged_gradient(PROGRAMS[program], of)
    np.testing.assert_allclose(scope[f"d{of}"], slopes, rtol=1e-6, atol=1e-8)
    finding = next(f for f in cr.audit(PROGRAMS[program]).findings if f.name == f"d{of}")
    assert finding.true == pytest.approx(float(slopes[finding.index]), rel=1e-6)


@pytest.mark.parametrize(
    ("program", "old", "new", "root", "kind"), PLANTED, ids=[f"{row[0]}: {row[2].strip()}" for row in PLANTED]
)
def test_a_planted_error_is_named(program, old, new, root, kind):
    source = PROGRAMS[program]
    assert source.count(old) == 1
    report = cr.audit(source.replace(old, new))
    wrong = [finding for finding in report.findings if finding.status == "wrong"]
    assert [(finding.name, str(finding.kind)) for finding in wrong] == [(root, kind)], str(report)
    planted = (
        source[: source.index(old)].count("\n") + 1 + old[: len(old) - len(old.lstrip("\n"))].count("\n")
    )
    assert planted in (wrong[0].line, *wrong[0].lines)


@pytest.mark.parametrize("program", ["columns", "rows"])
def test_offered_corrections_are_right(program):
    tried = 0
    for name, old, new, root, _ in PLANTED:
        if name == program:
            source = PROGRAMS[program].replace(old, new)
            (wrong,) = [f for f in cr.audit(source).findings if f.status == "wrong"]
            if wrong.verified:
                rows = source.splitlines()
                rows[wrong.line - 1] = wrong.correction
                assert cr.audit("\n".join(rows)).ok, (root, wrong.correction)
                tried += 1
    assert tried >= 12
