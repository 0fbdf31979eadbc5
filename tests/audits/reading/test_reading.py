"""What is found in a script, what may vary, and what is refused, with its line."""

from __future__ import annotations

import ast
import contextlib
import random

import numpy as np
import pytest
from reading_harness import PROGRAMS, values

from chainrule.audits.derivation import Derivation
from chainrule.audits.reading import read_script
from chainrule.errors import AuditError

HEAD = "import numpy as np\nx = np.array([1.5, -2.0])\nw = np.array([0.3, 0.7])\n"
BODY = "J = np.sum((w * x) ** 2)\ndw = 2 * w * x ** 2\n"


def free(found: Derivation) -> dict[str, bool]:
    return {leaf.name: leaf.free for leaf in found.leaves}


def test_whole_numbers_that_act_as_numbers_vary() -> None:
    found = read_script("a = 7\nb = 4\nc = 2\nJ = 3 * (a + b * c)\nda = 3\ndb = 3 * c\n")
    assert free(found) == {"a": True, "b": True, "c": True, "da": False}


def test_counts_and_labels_do_not_vary() -> None:
    found = read_script(
        "import numpy as np\nm = 3\nn = 2\nX = np.random.randn(m, n)\ny = np.array([1.0, 0.0, 1.0])\n"
        "w = np.zeros(n)\n"
        "J = 0\nfor i in range(m):\n    J += (X[i].dot(w) - y[i]) ** 2\nJ = J / m\n"
        "dw = 2 * X.T.dot(X.dot(w) - y) / m\n"
    )
    assert free(found) == {"X": True, "w": True, "y": False}


def test_a_count_that_is_only_divided_by_does_not_vary() -> None:
    found = read_script(HEAD + "m = 2\nJ = np.sum(w * x) / m\ndw = x / m\n")
    assert free(found)["m"] is False


def test_labels_that_sum_to_one_do_not_vary() -> None:
    found = read_script(
        "import numpy as np\nz = np.array([0.2, -0.4, 1.3])\ny = np.array([0.2, 0.3, 0.5])\n"
        "p = np.exp(z) / np.sum(np.exp(z))\nJ = -np.sum(y * np.log(p))\ndz = p - y\n"
    )
    assert free(found) == {"z": True, "y": False}


def test_numbers_that_only_claims_use_do_not_vary() -> None:
    found = read_script(HEAD + "J = np.sum(w * x)\nk = 1.0\ndw = k * x\n")
    assert free(found) == {"w": True, "x": True, "k": False}


def test_local_derivatives_and_steps_are_no_claims() -> None:
    found = read_script(
        "x = 1.5\ndx = 0.01\nt = 0.3\nz = x * t\na = z * z\nJ = 3 * a\nda_dz = 2 * z\ndadz = 2 * z\n"
        "dz = 3 * da_dz\n"
    )
    assert [claim.name for claim in found.claims] == ["dz"]


def test_the_variable_is_the_one_before_the_update() -> None:
    found = read_script(
        HEAD + "for step in range(100000):\n    J = np.sum(w * x)\n    dw = x\n    w = w - 0.1 * dw\n"
    )
    (claim,) = found.claims
    np.testing.assert_array_equal(values(found, [claim.of])[0], [0.3, 0.7])


def test_the_cost_may_come_after_the_claims() -> None:
    found = read_script(
        "import numpy as np\nx = np.array([1.5, -2.0])\nw = np.array([0.3, 0.7])\n"
        "def loss(w):\n    return np.sum((w * x) ** 2)\n"
        "dw = 2 * w * x ** 2\nw -= 0.1 * dw\ncost = loss(w)\n"
    )
    assert values(found, [found.cost])[0] == pytest.approx(np.sum((np.array([0.3, 0.7]) * [1.5, -2.0]) ** 2))


def test_of_cost_call_and_at() -> None:
    source = "import numpy as np\ndef back(w, x):\n    s = w * x\n    dw = x\n    return dw\n"
    found = read_script(
        source, call="g = back(w, x)", cost="np.sum(s)", at={"w": [0.5, 1.5], "x": [2.5, 3.0]}
    )
    assert [(claim.name, claim.of_name) for claim in found.claims] == [("dw", "w")]
    assert values(found, [found.cost])[0] == 5.75
    other = read_script(HEAD + "K = np.sum(w)\n" + BODY, of="K")
    assert other.cost_name == "K"
    given = read_script(
        "import numpy as np\nx = np.load('x.npy')\nJ = np.sum(x ** 2)\ndx = 2 * x\n", at={"x": [1.5]}
    )
    assert values(given, [given.cost])[0] == 2.25


def test_a_line_can_be_replaced() -> None:
    found = read_script(HEAD + BODY)
    assert found.rewritten is not None
    other = found.rewritten(5, "dw = w * x")
    assert other is not None
    np.testing.assert_allclose(values(other, [other.claims[0].node])[0], [0.45, -1.4])
    np.testing.assert_array_equal(
        [leaf.value for leaf in other.leaves], [leaf.value for leaf in found.leaves]
    )
    assert found.rewritten(5, "dw = (") is None
    assert found.rewritten(99, "dw = w") is None


def test_the_shown_cost_is_told_from_the_true_one() -> None:
    found = read_script(
        HEAD + "data_loss = np.sum(w * x)\nloss = data_loss + 0.5 * np.sum(w * w)\nprint('loss', data_loss)\n"
        "dw = x + w\n"
    )
    assert found.cost_name == "loss"
    assert found.shown_cost is not None
    assert values(found, [found.shown_cost])[0] == pytest.approx(-0.95)
    assert read_script(HEAD + BODY + "print(J)\n").shown_cost is None


def test_branches_become_guards() -> None:
    found = read_script(
        "x = 1.5\nw = -0.5\nif w * x > 0:\n    J = w * x\nelse:\n    J = 0.1 * w * x\ndw = 0.1 * x\n"
    )
    (guard,) = found.guards
    assert values(found, [guard])[0]


def test_what_never_reaches_the_cost_is_ignored() -> None:
    found = read_script(
        "import time, os\nimport matplotlib.pyplot as plt\nfrom tqdm import tqdm\nimport numpy as np\n"
        "start = time.time()\nplt.figure(figsize=(3, 4))\n"
        + HEAD
        + "for i in tqdm(range(3)):\n    J = np.sum(w * x)\n    dw = x\n    w -= 0.1 * dw\n"
        "plt.plot([1, 2], label=f'{J:.3f}')\nprint('took', (time.time() - start) * 1000)\n"
        "assert J > 100, 'no'\n"
    )
    assert [claim.name for claim in found.claims] == ["dw"]


REFUSED = {
    "reading.file": (HEAD + "x = np.load('x.npy')\n" + BODY, 4),
    "reading.foreign": ("import time\n" + HEAD + "w = w * time.time()\n" + BODY, 5),
    "reading.attribute": (HEAD + "k = (1).__class__\n" + BODY, 4),
    "reading.python2": ("x = 1.0\nprint 'x', x\n", 2),
    "reading.no_python": ("x = (1.0\n", 1),
    "reading.failed": (HEAD + "q = w @ np.ones(3)\n" + BODY, 4),
    "reading.syntax": ("async def f():\n    pass\n", 1),
    "reading.raises": (HEAD + "raise ValueError('no')\n", 4),
    "reading.steps": ("k = 0.5\nwhile True:\n    k = k + 0.0\n", 3),
    "reading.memory": (HEAD + "big = np.zeros((100000, 100000))\n", 4),
    "reading.depth": ("def f(n):\n    return f(n + 1)\nf(1)\n", 2),
    "reading.kind": (HEAD + "z = 1j\n", 4),
    "reading.function": (HEAD + "y = w * 2\nq = np.median(y * x)\n", 5),
    "reading.no_cost": (HEAD + "dw = 2 * w * x\n", None),
    "reading.no_claims": (HEAD + "J = np.sum(w * x)\n", None),
    "reading.no_call": ("def forward(x, w):\n    return x * w\n", None),
}


@pytest.mark.parametrize("key", REFUSED)
def test_refusals_name_the_line(key: str) -> None:
    source, line = REFUSED[key]
    with pytest.raises(AuditError) as caught:
        read_script(source, filename="net.py")
    assert caught.value.key == key
    assert caught.value.line == line
    assert str(caught.value).startswith("net.py" if line is None else f"net.py:{line}: ")


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"of": "K"}, "reading.no_variable"),
        ({"cost": "np.sum(unknown)"}, "reading.cost"),
        ({"cost": "np.sum("}, "reading.cost"),
        ({"cost": "w * x"}, "reading.cost_number"),
        ({"at": {"x": ["a"]}}, "reading.at"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], key: str) -> None:
    with pytest.raises(AuditError) as caught:
        read_script(HEAD + BODY, **settings)  # type: ignore[arg-type]
    assert caught.value.key == key


@pytest.mark.parametrize(
    "text", ["9 ** 9 ** 9", "'a' * 10 ** 12", "[0] * 10 ** 9", "'%99999999d' % 1", "f'{1:99999999}'"]
)
def test_bombs_are_refused_before_they_go_off(text: str) -> None:
    with pytest.raises(AuditError):
        read_script(f"x = 1.0\ny = {text}\n")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(AuditError):
        read_script(
            "x = "
            + "(" * 90
            + "1"
            + ")" * 90
            + "\nJ = x"
            + " + x" * 5000
            + "\ndx = 5001\n"
            + "-" * 4000
            + "1\n"
        )


@pytest.mark.parametrize("seed", range(60))
def test_no_script_ends_in_anything_but_a_refusal(seed: int) -> None:
    draw = random.Random(seed)
    sources = [path.read_text() for path in sorted(PROGRAMS.glob("*.txt"))]
    tree = ast.parse(draw.choice(sources))
    parts = [node for node in ast.walk(ast.parse(draw.choice(sources))) if isinstance(node, ast.expr)]
    loads = [part for part in parts if not isinstance(getattr(part, "ctx", None), ast.Store)]

    class Mutation(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            node = super().generic_visit(node)
            reads = isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store)
            return draw.choice(loads) if reads and draw.random() < 0.01 else node

    source = ast.unparse(ast.fix_missing_locations(Mutation().visit(tree)))
    with contextlib.suppress(AuditError):
        read_script(source)
