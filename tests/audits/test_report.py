"""What an audit says: statuses, conventions, notes, functions, and the report as text and JSON."""

import inspect
import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.audits.statements import Statement
from chainrule.errors import AuditError, FileError
from chainrule.text import use_language

TWO_PATHS = """
a = 1
b = 2
c = 3
u = a*b
v = a*b + c
J = 2*(v + b)
dv = 2
du = 2*1
dc = dv*1
db = 1*du
da = du*b
"""

LOGISTIC = """
import numpy as np
X = np.array([[0.5, -1.0, 2.0, 0.3], [1.5, 0.2, -0.7, 1.1]])
Y = np.array([[1, 0, 1, 0]])
m = 4
W = np.array([[0.1], [-0.2]])
b = 0.3
A = 1 / (1 + np.exp(-(W.T @ X + b)))
J = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
"""


def by_name(report):
    return {finding.name: finding for finding in report.findings}


def test_a_missing_path_is_the_one_that_the_line_does_not_follow():
    found = by_name(cr.audit(TWO_PATHS))
    assert {name: str(f.status) for name, f in found.items()} == {
        "dv": "right", "du": "wrong", "dc": "right", "db": "wrong", "da": "right",
    }  # fmt: skip
    assert (found["du"].kind, found["db"].kind) == ("unused_value", "missing_path")
    assert found["db"].paths == ("b → J",)
    assert (found["db"].claimed, found["db"].true, found["db"].relative_error) == (2, 4, 0.5)


def test_a_number_would_be_right_for_another_value():
    source = "a = 7\nb = 4\nc = 2\nu = b*c\nv = a + u\nJ = 3*v\ndb = 3*2\ndc = {}\n"
    for claim in ("9", "3*3"):
        found = by_name(cr.audit(source.format(claim)))
        assert found["db"].status == "right"
        assert found["dc"].kind == "wrong_number"
        assert "right if b were 3" in found["dc"].message


def test_what_follows_from_a_wrong_line_is_inherited():
    source = "x = 2.0\nw = 3.0\nu = w*x\ns = u*u\nJ = s + x\nds = 1\ndu = -2*u*ds\ndw = du*x\ndx = du*w + 1\n"
    found = by_name(cr.audit(source))
    assert [str(found[name].status) for name in ("ds", "du", "dw", "dx")] == [
        "right", "wrong", "inherited", "inherited",
    ]  # fmt: skip
    assert "line 7" in found["dw"].message


def test_an_accident_at_one_point_is_no_pass():
    found = by_name(cr.audit("x = 2.0\nJ = x**3\ndx = 6*x\n"))  # 12 at x = 2, as 3·x² is
    assert found["dx"].status == "wrong"


def test_a_number_for_a_local_derivative_is_right():
    assert cr.audit("x = 2.0\nk = 3.0\nu = k*x\nJ = u*u\ndu = 2*u\ndx = du*3\n").ok
    assert not cr.audit("x = 2.0\nk = 3.0\nu = k*x\nJ = u*u\ndu = 2*u\ndx = du*4\n").ok


def test_a_common_factor_between_is_a_convention_and_said_once():
    assert cr.audit(LOGISTIC + "dW = X @ (A - Y).T / m\ndb = np.sum(A - Y) / m\n").ok
    source = LOGISTIC.replace(
        "A = 1 / (1 + np.exp(-(W.T @ X + b)))", "Z = W.T @ X + b\nA = 1 / (1 + np.exp(-Z))"
    )
    report = cr.audit(source + "dZ = A - Y\ndW = X @ dZ.T / m\ndb = np.sum(dZ) / m\n")
    assert report.ok
    assert len(report.notes) == 1
    assert "dZ" in report.notes[0]
    found = by_name(cr.audit(source + "dZ = A - Y\ndW = X @ dZ.T / m\ndb = np.sum(dZ)\n"))
    assert (found["dZ"].status, found["dW"].status) == ("right", "right")
    assert found["db"].kind == "mean_for_sum"


def test_a_factor_of_a_parameters_gradient_is_no_convention():
    found = by_name(cr.audit(LOGISTIC + "dW = X @ (A - Y).T\ndb = np.sum(A - Y)\n"))
    assert {f.kind for f in found.values()} == {"mean_for_sum"}


def test_a_gradient_for_one_batch_size_is_noted():
    report = cr.audit(LOGISTIC + "dW = X @ (A - Y).T / 4\ndb = np.sum(A - Y) / m\n")
    assert report.ok
    assert "dW" in report.notes[0]
    assert "4" in report.notes[0]


def test_text_json_and_html_say_the_same():
    report = cr.audit(TWO_PATHS)
    text = report.to_text()
    assert str(report) == text
    assert [line.split()[0] for line in text.splitlines() if " line " in line] == list("✓✗✓✗✓")
    assert "The path b → J is missing." in text
    assert "db: claimed 2, true 4, relative error 0.5" in text
    assert "3 right, 2 wrong, 0 inherited." in text
    found = json.loads(report.to_json())
    assert found["ok"] is False
    assert [entry["name"] for entry in found["findings"]] == [f.name for f in report.findings]
    assert [entry["kind"] for entry in found["findings"]] == [
        None,
        "unused_value",
        None,
        "missing_path",
        None,
    ]
    assert "<b>" not in report._repr_html_()
    assert report._repr_html_().startswith("<pre>")
    use_language("zh")
    try:
        assert "缺少路径 b → J" in cr.audit(TWO_PATHS).to_text()
    finally:
        use_language(None)


def forward(W, b, X, y):
    z = X @ W + b
    a = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)), (a, X, y)


def backward(cache):
    a, X, y = cache
    dz = (a - y) / len(X)
    dW = X.T @ dz
    db = np.sum(dz)
    return dW, db


def wrong_backward(cache):
    a, X, y = cache
    dz = (a - y) / len(X)
    return {"dW": X.T @ dz, "db": -np.sum(dz)}


ARGS = (
    np.array([0.1, -0.3]),
    0.2,
    np.array([[1.0, 2.0], [-0.5, 0.3], [0.7, -1.0]]),
    np.array([1.0, 0.0, 1.0]),
)


def test_functions_are_audited_as_they_are():
    assert cr.audit(forward=forward, backward=backward, args=ARGS).ok
    found = by_name(cr.audit(forward=forward, backward=wrong_backward, args=ARGS))
    assert found["dW"].status == "right"
    assert (found["db"].status, found["db"].kind) == ("wrong", "sign")


def test_functions_may_share_arguments_instead_of_a_cache():
    report = cr.audit(
        forward=lambda x, k: k * np.sum(x * x),
        backward=lambda x, k: (2 * k * x, np.sum(x)),
        args=(ARGS[0], 3.0),
    )
    assert [(f.name, str(f.status)) for f in report.findings] == [("dx", "right"), ("dk", "wrong")]


def test_what_cannot_be_audited_is_refused():
    with pytest.raises(AuditError, match="Give"):
        cr.audit()
    with pytest.raises(AuditError, match="Give one"):
        cr.audit("x = 1\n", forward=forward)
    with pytest.raises(FileError):
        cr.audit("no_such_file.py")
    with pytest.raises(AuditError):
        cr.audit(forward=lambda x: x, backward=lambda x: x, args=(ARGS[0],))


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("dz = y - a", lambda s: s.negated(), "dz = a - y"),
        ("dW += reg * W", lambda s: s.terms_negated(), "dW -= reg * W"),
        ("dW = x.T @ dz", lambda s: s.divided("m"), "dW = x.T @ dz / m"),
        ("db = sum(dz)", lambda s: s.with_keyword("keepdims", "True"), "db = sum(dz, keepdims=True)"),
        ("g['a'] = g['a'] + c", lambda s: s.replaced("c", "d"), "g['a'] = g['a'] + d"),
        ("dz = (a - y) * 2", lambda s: s.multiplied("k"), "dz = k * (a - y) * 2"),
    ],
)  # fmt: skip
def test_edits_keep_the_style_of_a_line(text, edit, expected):
    assert expected in list(edit(Statement(text)))


def in_place_forward(x, w, y):
    z = x @ w
    p = np.maximum(z, 0)
    return np.sum((p - y) ** 2), (x, z, p, y)


def in_place_backward(cache):
    x, z, p, y = cache
    dz = 2 * (p - y)
    dz[z <= 0] = 0
    dw = x.T @ dz
    return {"dw": dw}


def in_place_backward_with_the_wrong_mask(cache):
    x, z, p, y = cache
    dz = 2 * (p - y)
    dz[z >= 0] = 0
    dw = x.T @ dz
    return {"dw": dw}


def test_functions_that_write_into_arrays_are_read_where_they_cannot_be_traced():
    rng = np.random.default_rng(0)
    args = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=(5, 2))
    assert cr.audit(forward=in_place_forward, backward=in_place_backward, args=args).ok
    report = cr.audit(forward=in_place_forward, backward=in_place_backward_with_the_wrong_mask, args=args)
    wrong = [finding for finding in report.findings if finding.status == "wrong"]
    assert [(finding.name, str(finding.kind)) for finding in wrong] == [("dz", "activation_derivative")]
    assert inspect.getsourcelines(in_place_backward_with_the_wrong_mask)[1] + 3 == wrong[0].line


@pytest.mark.parametrize(
    ("content", "key"), [(b"", "audit.empty"), (b" \n", "audit.empty"), (b"\x00\x01\xff", "audit.not_text")]
)
def test_a_file_that_is_no_script_is_said_to_be_none(tmp_path, content, key):
    path = tmp_path / "odd.py"
    path.write_bytes(content)
    with pytest.raises(AuditError) as raised:
        cr.audit(path)
    assert raised.value.key == key


def test_very_long_lines_are_cut_in_messages():
    with pytest.raises(AuditError) as raised:
        cr.audit("x = 1.0\nJ = (" + "(" * 5000 + "x\n")
    assert len(str(raised.value)) < 400


def test_a_cached_array_that_is_changed_under_another_name_and_read_later_is_told_of():
    source = (
        "import numpy as np\nX = np.array([[0.5, -1.2], [2.0, 0.3]])\ny = np.array([0, 1])\n"
        "W = np.array([[0.2, -0.1], [0.4, 0.3]])\ne = np.exp(X @ W)\nP = e / e.sum(axis=1, keepdims=True)\n"
        "loss = -np.mean(np.log(P[np.arange(2), y]))\ndscores = P\ndscores[np.arange(2), y] -= 1\n"
        "dscores /= 2\ndW = X.T @ dscores\n"
    )
    assert cr.audit(source).notes == ()
    (note,) = cr.audit(source + "best = P.argmax(axis=1)\n").notes
    assert "P.copy()" in note


def test_points_stay_on_the_branches_that_the_script_took():
    source = (
        "x = 0.05\nw = 2.0\nz = w * x - 0.01\nif z > 0:\n    J = z ** 2\n    dw = 2 * z * x\n"
        "else:\n    J = z\n    dw = x\n"
    )
    assert cr.audit(source).ok


def test_what_is_named_like_a_derivative_and_not_judged_is_told():
    """`slope` is never called: silence about its dw would read as a pass."""
    script = """import numpy as np
def slope(w, x):
    dw = 2 * w
    return dw
x = np.array([1.0, 2.0])
w = 0.5
J = np.sum((w * x) ** 2)
dx = 2 * w * w * x
"""
    report = cr.audit(script)
    assert [finding.name for finding in report.findings] == ["dx"]
    (note,) = report.notes
    assert "dw" in note
    assert "line 3" in note
    called = script + "dw = slope(w, x)\n"
    assert [(f.name, f.status) for f in cr.audit(called).findings][-1] == ("dw", "wrong")
    assert not any("Not judged" in note for note in cr.audit(called).notes)
