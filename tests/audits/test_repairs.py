"""Errors that no change of a single value explains: the edit of a line that sets the script right."""

import pytest

import chainrule as cr

LOOP = """
import numpy as np
rng = np.random.default_rng(3)
x = rng.standard_normal(6)
kernel = rng.standard_normal(3)
target = rng.standard_normal(4)
out = np.zeros(4)
for i in range(4):
    for j in range(3):
        out[i] += kernel[j] * x[i + j]
J = 0.5 * np.sum((out - target) ** 2)
dout = out - target
dkernel = np.zeros(3)
for i in range(4):
    for j in range(3):
        dkernel[j] += x[i + j] * dout[i]
"""

TANH = """
import numpy as np
x = np.array([0.5, -1.2, 2.0])
y = np.array([0.3, -0.4, 0.9])
w = 0.7
b = 0.1
a = np.tanh(w * x + b)
J = np.mean((a - y) ** 2)
da = 2 * (a - y) / len(x)
dz = da * (1 - a ** 2)
dw = np.sum(dz * x)
db = np.sum(dz)
"""


def wrong(source: str) -> list[tuple[int, str, str]]:
    """Return the line, the name and the kind of all that is wrong."""
    found = cr.audit(source).findings
    return [(finding.line, finding.name, str(finding.kind)) for finding in found if finding.status == "wrong"]


@pytest.mark.parametrize("source", [LOOP, TANH])
def test_the_correct_scripts_are_right(source: str) -> None:
    assert wrong(source) == []


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("dkernel[j] += x[i + j] * dout[i]", "dkernel[j] = x[i + j] * dout[i]", "missing_path"),
        ("dkernel[j] += x[i + j] * dout[i]", "dkernel[j] += x[i] * dout[i]", "wrong_value"),
        ("dkernel[j] += x[i + j] * dout[i]", "dkernel[j] += x[i + j] * out[i]", "wrong_value"),
    ],
)
def test_one_line_of_a_loop_is_corrected(old: str, new: str, kind: str) -> None:
    source = LOOP.replace(old, new)
    line = source.splitlines().index("        " + new) + 1
    assert wrong(source) == [(line, "dkernel", kind)]
    finding = cr.audit(source).findings[-1]
    assert finding.verified
    assert wrong(source.replace(new, finding.correction)) == []


def test_a_value_that_no_variable_announces_is_the_root_of_what_reads_it() -> None:
    source = TANH.replace("da * (1 - a ** 2)", "da * (1 - a)")
    report = cr.audit(source)
    assert wrong(source) == [(10, "dz", "activation_derivative")]
    assert [f.name for f in report.findings if f.status == "inherited"] == ["dw", "db"]
    root = next(f for f in report.findings if f.status == "wrong")
    assert wrong(source.replace("dz = da * (1 - a)", root.correction)) == []


def test_a_copy_of_a_forward_value_is_a_claim() -> None:
    assert wrong("x = 3.0\nJ = x ** 2\ndx = x\n") == [(3, "dx", "missing_factor")]


def test_an_error_that_the_last_round_of_a_loop_hides_is_found():
    """With t = 0 in the last round both forms agree there; the sums over all rounds do not."""
    script = """
import math
data = [(0.5, 1), (-0.3, 0), (1.5, 1), (-1.0, 0)]
w, b, J, dw, db = 0.1, 0.05, 0.0, 0.0, 0.0
for x, t in data:
    z = w * x + b
    a = 1 / (1 + math.exp(-z))
    J += -(t * math.log(a) + (1 - t) * math.log(1 - a))
    dz = a - t * (1 - a)
    dw += dz * x
    db += dz
"""
    report = cr.audit(script)
    assert [(f.name, f.line, f.status) for f in report.findings if f.status != "right"] == [
        ("dz", 9, "wrong"),
        ("dw", 10, "inherited"),
        ("db", 11, "inherited"),
    ]
    assert cr.audit(script.replace("a - t * (1 - a)", "a - t")).ok
