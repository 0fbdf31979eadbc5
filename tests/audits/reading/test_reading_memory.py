"""Arrays that are written to: values and derivatives are those of the script as NumPy executes it."""

from __future__ import annotations

import numpy as np
import pytest
from reading_harness import executed, true_derivatives, values

from chainrule.audits.reading import read_script

SNIPPETS = {
    "view of a row": "a = x * 1.0\nb = a[0]\nb += 1.0\nb *= x[1]\nJ = np.sum(a * a)",
    "transposed view": "a = x * 2.0\na.T[1] *= 3.0\nJ = np.sum(a ** 3)",
    "reshaped view": "a = x * 2.0\nv = a.reshape(-1)\nv[2] = x[0, 0] * x[1, 1]\nJ = np.sum(a ** 2)",
    "raveled view": "a = x * 2.0\na.ravel()[::2] -= x[0, 1]\nJ = np.sum(a ** 2)",
    "flatten copies": "a = x * 2.0\nf = a.flatten()\nf[:] = 0.0\nJ = np.sum(a ** 2) + np.sum(f)",
    "alias": "a = x * 2.0\nb = a\nb[1, 2] = x[0, 0] ** 2\nJ = np.sum(a ** 2)",
    "copy": "a = x * 2.0\nb = a.copy()\nb[1, 2] = 5.0\nJ = np.sum(a ** 2) + b[1, 2] * x[0, 0]",
    "argument": "def halve(t):\n    t /= 2.0\na = x * 2.0\nhalve(a)\nJ = np.sum(a ** 2)",
    "columns": "a = np.zeros((2, 3))\nfor j in range(3):\n    a[:, j] = x[:, j] * x[:, 0]\n"
    "J = np.sum(a ** 2)",
    "entries": "a = np.zeros_like(x)\nfor i in range(2):\n    for j in range(3):\n"
    "        a[i, j] += x[i, j] * x[0, j]\n"
    "J = np.sum(np.sin(a))",
    "mask": "a = x * 2.0\na[x < 0] = 0.0\nJ = np.sum(a ** 2)",
    "mask in place": "a = x * 2.0\na[x < 0] *= 0.1\nJ = np.sum(a ** 2)",
    "masked parts": "a = np.zeros_like(x)\nm = x > 0\na[m] = np.exp(x[m])\na[~m] = x[~m] ** 2\nJ = np.sum(a)",
    "fancy": "a = x * 1.0\na[[0, 1], [2, 0]] -= x[1, 1]\nJ = np.sum(a ** 2)",
    "fancy twice, the last stays": "a = x * 1.0\na[[0, 0]] = x\nJ = np.sum(a ** 2)",
    "add.at": "a = np.zeros(3)\nnp.add.at(a, [0, 1, 0], x[1])\nJ = np.sum(a ** 2)",
    "out": "a = x * 1.0\nnp.multiply(a, x, out=a)\nnp.clip(a, -1.0, 0.5, out=a)\nJ = np.sum(a ** 2)",
    "a list in place": "parts = [x[0], x[1] * 2.0]\nparts[0] = parts[0] + parts[1]\nparts += [x[0]]\n"
    "J = sum([np.sum(p ** 2) for p in parts])",
    "an object": "class Box:\n    def __init__(self, v):\n        self.v = v\nbox = Box(x * 1.0)\n"
    "box.v[0] += 1.0\n"
    "other = box.v\nother *= x\nJ = np.sum(box.v)",
    "swapped": "a, b = x[0] * 1.0, x[1] * 1.0\na, b = b, a\na += 1.0\nJ = np.sum(a * b * b)",
    "array of numbers": "t = x[0, 0] * 2\na = np.array([t, x[1, 1], 3.0])\na[0] += x[0, 1]\n"
    "J = np.sum(a ** 2)",
    "full and fill": "a = np.full((2, 2), x[0, 0])\nb = np.empty(2)\nb.fill(x[1, 1])\nJ = np.sum(a @ b)",
    "stack and split": "a, b = np.split(np.vstack([x, x * x]), 2)\n"
    "J = np.sum(a * b) + np.hstack((a, b)).mean()",
    "chained": "a = b = np.zeros(3)\na += x[0]\nJ = np.sum(b * x[1])",
    "math": "import math\n"
    "J = math.exp(x[0, 0]) + math.log(2 + x[0, 1]) * math.tanh(x[1, 0]) + max(0, x[1, 1])",
    "walrus, star, generator": "def parts():\n    for row in x:\n        yield row\nfirst, *rest = parts()\n"
    "J = np.sum((s := first * 2) * rest[0]) + np.sum(s)",
    "conditional": "J = np.sum(x) if x[0, 0] > 0 else np.sum(x ** 2)",
    "for else while": "J = 0.0\nk = 0\nwhile k < 2:\n    for v in x[k]:\n        if v > 5:\n"
    "            break\n"
    "        J += v ** 2\n    else:\n        J += 1\n    k += 1",
}
START = "import numpy as np\nx = np.array([[0.3, -0.7, 1.1], [-0.4, 0.9, 0.25]])\n"
CLAIM = "\ngrad_x = np.ones_like(x) * J\n"


@pytest.mark.parametrize("name", SNIPPETS)
def test_values_and_derivatives(name: str) -> None:
    source = START + SNIPPETS[name]
    found = read_script(source + CLAIM, of="J")
    (claim,) = found.claims
    assert claim.of_name == "x"
    np.testing.assert_allclose(values(found, [found.cost])[0], executed(source)["J"], rtol=1e-13)
    numeric, step = np.zeros((2, 3)), 1e-6
    for place in np.ndindex(2, 3):
        ends = []
        for sign in (1, -1):
            shifted = f"x[{place}] += {sign * step}\n"
            ends.append(float(executed(START + shifted + SNIPPETS[name])["J"]))
        numeric[place] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(true_derivatives(found)[0], numeric, rtol=1e-7, atol=1e-8)
