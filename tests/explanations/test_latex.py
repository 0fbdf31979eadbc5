"""LaTeX of explanations: what is written, that TeX takes it, and that it converts to MathML."""

from __future__ import annotations

import re
import shutil
import subprocess
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import chainrule as cr
from chainrule.explanations.latex import to_latex
from chainrule.explanations.mathml import to_mathml
from chainrule.explanations.symbols import in_symbols, value_in_latex
from chainrule.explanations.typesetting import in_latex
from chainrule.graph.primitive import PRIMITIVES

FORMULAS = {
    "3 * (a + b)": r"3 \cdot \left(a + b\right)",
    "a - (b - c)": r"a - \left(b - c\right)",
    "a - b - c": "a - b - c",
    "(a / b) ** 2": r"{\left(\frac{a}{b}\right)}^{2}",
    "-(a + b)": r"-\left(a + b\right)",
    "4 * (-2)": r"4 \cdot \left(-2\right)",
    "sigmoid(z)": r"\sigma(z)",
    "log(1 - a) * y": r"\log \left(1 - a\right) \cdot y",
    "max(0, x)": r"\max(0, x)",
    "x @ W1 + b1": r"x \, W_{1} + b_{1}",
    "transpose(x) @ dJ/dz": r"x^T \, \frac{\mathrm{d}J}{\mathrm{d}z}",
    "xᵀ @ dJ/dz": r"x^T \, \frac{\mathrm{d}J}{\mathrm{d}z}",
    "(dJ/dz)ᵀ": r"\left(\frac{\mathrm{d}J}{\mathrm{d}z}\right)^T",
    "outer(a + b, v)": r"\left(a + b\right) \, {v}^T",
    "dJ/dz * ones(3, 1)": r"\frac{\mathrm{d}J}{\mathrm{d}z} \cdot \mathbf{1}_{3 \times 1}",
    "sum(x, axis=0)": r"\sum_{i} \left(x\right)",
    "max(x, axis=(0, 1))": r"\max_{i,j} \left(x\right)",
    "|x - |y||": r"\left|x - \left|y\right|\right|",
    "x²": "{x}^{2}",
    "W1[3, 12]": r"W_{1}[3,\,12]",
    "1.5e-07": r"1.5 \times 10^{-7}",
    "inf": r"\infty",
    "not a formula": r"\texttt{not a formula}",
    "a % b {c} & _": r"\texttt{a \% b \{c\} \& \_}",
}


@pytest.mark.parametrize(("text", "latex"), FORMULAS.items())
def test_formulas_are_written_as_in_a_book(text, latex):
    assert in_latex(text, "J", ["z"]) == latex


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("W1", "W_{1}"),
        ("w_ij", "w_{ij}"),
        ("alpha", r"\alpha"),
        ("η", r"\eta"),
        ("y_hat", r"\hat{y}"),
        ("loss", r"\mathrm{loss}"),
        ("lambda_2", r"\lambda_{2}"),
        ("权重", r"\text{权重}"),
    ],
)
def test_names_become_symbols(name, latex):
    assert in_symbols(name) == latex


def shared(a, b, c):
    u = a * b
    v = u + c
    return 2 * (v + b)


def network(x, y, W1, b1, W2, b2):
    a1 = np.tanh(x @ W1 + b1)
    a2 = cr.sigmoid(a1 @ W2 + b2) if hasattr(cr, "sigmoid") else 1 / (1 + np.exp(-(a1 @ W2 + b2)))
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def batch_normalisation(x, gamma, beta_1, t):
    xc = x - np.mean(x, axis=0)
    xh = xc / np.sqrt(np.mean(xc**2, axis=0) + 1e-5)
    return np.mean((gamma * xh + beta_1 - t) ** 2)


def pieces(x, y):
    z = np.where(x > y, np.abs(x) ** 1.5, np.maximum(x, 0.1 * y))
    z = np.concatenate([z, np.log1p(x**2), x[1:] % 3.0])
    return np.max(z) * np.prod(np.cos(y)) + np.sum(np.hypot(x, y)) + np.sum(z[np.array([0, 2])])


def explained():
    draw = np.random.default_rng(0).normal
    yield cr.explain("3*(a + b*c)", a=7, b=4, c=2)
    yield cr.explain("exp(-x**2/2)/sqrt(2*pi_) + relu(x)*tanh(x) - 1e-9*x", x=-0.5, pi_=3.14159)
    yield cr.explain(shared, 1.0, 2.0, 3.0)
    arrays = [draw(size=shape) for shape in ((3, 2), (3, 1), (2, 4), (4,), (4, 1), (1,))]
    yield cr.explain(network, arrays[0], np.array([[1.0], [0.0], [1.0]]), *arrays[2:])
    yield cr.explain(batch_normalisation, draw(size=(40, 3)), np.ones(3), np.zeros(3), draw(size=(40, 3)))
    yield cr.explain(pieces, np.array([1.0, -2.0, 3.5]), np.array([0.5, 0.25, 4.0]))
    yield cr.explain(lambda *w: sum(w) ** 2, *np.linspace(-1, 1, 40))
    net = cr.Network([4, 3, 2], activation="tanh", cost="quadratic", seed=0, dtype="float64")
    rows = draw(size=(2, 4))
    yield net.explain(rows, [0, 1], parameter="W1[3, 1]")
    yield net.explain_update(rows, [0, 1], "W1[3, 1]", optimizer="adam")
    yield cr.explain("a**2", a=2).nudge("a")


def test_the_equations_of_a_value_with_two_uses():
    written = to_latex(cr.explain(shared, 1.0, 2.0, 3.0))
    assert r"u &= a \cdot b = 1 \cdot 2 = 2" in written
    use = r"\frac{\mathrm{d}J}{\mathrm{d}%s} \frac{\partial %s}{\partial b}"
    assert f"{use % ('w', 'w')} + {use % ('u', 'u')}" in written
    assert re.search(
        r"\\frac\{\\mathrm\{d\}J\}\{\\mathrm\{d\}b\} &=(.|\n)*2 \\cdot 1 \+ 2 \\cdot 1 = 2 \+ 2 = 4", written
    )
    assert r"\nabla J &= \left(4,\, 4,\, 2\right)" in written


def test_braces_and_environments_are_balanced():
    for explanation in explained():
        written = explanation.to_latex()
        assert written.count("{") == written.count("}")
        assert written.count(r"\left") == written.count(r"\right")
        assert written.count(r"\begin{align*}") == written.count(r"\end{align*}") >= 1


def test_large_arrays_are_named_by_their_space():
    assert value_in_latex(np.zeros((20, 3))) == r"\in \mathbb{R}^{20 \times 3}"
    assert (
        value_in_latex(np.array([[1.0, 2.0], [3.0, 4.5]]))
        == r"\begin{bmatrix} 1 & 2 \\ 3 & 4.5 \end{bmatrix}"
    )


def test_what_explanations_hold_is_never_run():
    assert in_latex("__import__('os').system('exit 1')").startswith(r"\texttt")


def converted(latex):
    """The text of a formula as MathML, which must be well-formed and hold no command."""
    tree = ET.fromstring(to_mathml(latex))
    text = "".join(tree.itertext())
    assert "\\" not in text, (latex, text)
    return text


@pytest.mark.parametrize("primitive", PRIMITIVES.values(), ids=lambda primitive: primitive.name)
def test_every_primitive_is_set_as_mathematics(primitive):
    text = primitive.text or f"{primitive.name}({{0}})"
    fields = {"shape": (3, 4), "dtype": "float32", "subscripts": "ij,jk->ik", "axis": 0}
    latex = in_latex(text.format("x", "y_1", "z", **fields), "J", [])
    assert "texttt" not in latex or "einsum" in latex
    assert converted(latex)


def test_all_equations_convert_to_mathml():
    for explanation in explained():
        for row in re.sub(
            r"\\(begin|end)\{align\*\}|\\\\\n|(?<!\\)&(?==)", "\n", explanation.to_latex()
        ).splitlines():
            if row.strip() and "bmatrix" not in row:
                converted(row.replace("&{}", "").replace("&", ""))


def test_mathml_keeps_signs_apart_from_markup():
    assert "a<b" in converted("a < b").replace(" ", "")
    assert "a < b & c" in "".join(ET.fromstring(to_mathml(r"\texttt{a < b \& c}")).itertext())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_a_tex_engine_takes_it(tmp_path):
    blocks = "\n\n".join(explanation.to_latex() for explanation in explained())
    settings = {"shape": (3, 4), "dtype": "float32", "subscripts": "ij,jk", "axis": 0}
    shown = [primitive.text.format("x", "y", "z", **settings) for primitive in PRIMITIVES.values()]
    singles = "\n\n".join(f"${in_latex(text)}$" for text in [*filter(None, shown), *FORMULAS])
    document = (
        r"\documentclass{article}\usepackage{amsmath,amssymb}\begin{document}"
        f"\n{blocks}\n\n{singles}\n" + r"\end{document}"
    )
    (tmp_path / "page.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
    log = (tmp_path / "page.log").read_text(encoding="utf-8", errors="replace")
    too_wide = [
        float(found) for found in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\) detected", log)
    ]
    assert not [points for points in too_wide if points > 5]
