"""The Python file: the same predictions with NumPy alone, exact numbers, formulas that can be read."""

import ast
import runpy
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from written_networks import (
    Drawn,
    assert_same,
    elementwise_cases,
    elementwise_network,
    moves,
    networks,
    raw_inputs,
    sure,
)

import chainrule as cr
from chainrule.formats import export, to_numpy
from chainrule.formats.numpy_file import numpy_content
from chainrule.formats.numpy_words import NUMPY
from chainrule.training.targets import Targets

DIGITS = {"float32": 5.5, "float64": 13}


def run(net, folder):
    path = folder / "net.py"
    to_numpy(net, path)
    return runpy.run_path(str(path))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=networks())
def test_any_network_gives_the_same_outputs_and_answers(net, tmp_path):
    written = run(net, tmp_path)
    x = raw_inputs(net)
    expected = net(x)
    digits = DIGITS[net.architecture.dtype]
    assert written["outputs"](x).dtype == net.architecture.dtype
    assert_same(written["outputs"](x), expected, digits)
    assert_same(written["outputs"](x[0]), net(x[0]), digits)
    assert written["outputs"](x[:0]).shape == (0, expected.shape[1])
    if net.labels is None and "LABELS" not in written:
        assert_same(written["predict"](x), net.predict(x), digits)
        return
    rows = sure(expected)
    np.testing.assert_array_equal(written["predict"](x)[rows], net.predict(x)[rows])
    assert written["predict"](x[0]) == written["predict"](x)[0]
    shares = written["probabilities"](x)
    assert shares.shape == (len(x), max(expected.shape[1], 2))
    if expected.shape[1] == 1:
        assert_same(shares, np.concatenate([1 - expected, expected], axis=1), digits)


def test_a_network_is_written_as_its_formulas():
    net = cr.Network([4, 3, 2], activation="tanh", dtype="float64")
    x = np.array([[1.0, -2.0, 0.5, 3.0]])
    text = numpy_content(net).decode()
    assert "    a1 = np.tanh(x @ W1 + b1)   # layer 1\n    a2 = softmax(a1 @ W2 + b2)  # layer 2\n" in text
    p = net.parameters
    z = np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    namespace = {}
    exec(compile(text, "net.py", "exec"), namespace)
    np.testing.assert_allclose(namespace["outputs"](x), np.exp(z) / np.exp(z).sum(), rtol=1e-14)


def test_the_file_imports_numpy_and_the_standard_library_only(tmp_path):
    net = cr.Network([40, 30, 1], activation="gelu")
    to_numpy(net, tmp_path / "net.py")
    tree = ast.parse((tmp_path / "net.py").read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported == {"base64", "math", "numpy"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    code = "import net, sys; print(net.outputs([[0.5] * 40]).item()); assert 'chainrule' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(float(net(np.full((1, 40), 0.5))[0, 0]), rel=1e-6)


@pytest.mark.parametrize("shape", [(3, 1), (40, 2)], ids=["as numbers", "as bytes"])
def test_numbers_are_exact_to_the_bit(tmp_path, dtype, shape):
    net = cr.Network(shape, cost="mse", dtype=dtype)
    numbers = np.finfo(dtype)
    special = [0.1, -0.0, numbers.tiny / 8, -numbers.max, 1 / 3, numbers.eps]
    net.set_parameters(W1=np.resize(np.array(special, dtype), shape))
    written = run(net, tmp_path)
    assert written["W1"].tobytes() == net.parameters["W1"].tobytes()
    assert written["W1"].dtype == dtype


def test_words_in_names_are_text_and_nothing_else(tmp_path):
    nasty = ['"""', "\\", "'); raise SystemExit", "two\nlines", '"""\nraise SystemExit\n"""', "{x}", "\x00"]
    net = cr.Network([len(nasty), len(nasty)])
    net.targets = Targets(len(nasty), np.array(nasty))
    net.information["feature_names"] = nasty
    assert run(net, tmp_path)["LABELS"].tolist() == np.array(nasty).tolist()
    net.targets = Targets(len(nasty), np.arange(len(nasty)))
    net.information["class_names"] = nasty
    assert run(net, tmp_path)["NAMES"] == nasty


@pytest.mark.parametrize(("name", "operands"), [*elementwise_cases(NUMPY.knows)])
def test_each_operation(name, operands, dtype, tmp_path):
    net, x = elementwise_network(name, operands, dtype)
    assert_same(run(net, tmp_path)["outputs"](x), net.expected(x), DIGITS[dtype])


def test_layers_to_come(drawn, tmp_path):
    x = raw_inputs(drawn)
    assert_same(run(drawn, tmp_path)["outputs"](x), drawn.expected(x), DIGITS[drawn.architecture.dtype])


def test_moves_and_sums(dtype, tmp_path):
    net = Drawn(moves, 6, 0.0, dtype)
    x = raw_inputs(net)
    assert_same(run(net, tmp_path)["outputs"](x), net.expected(x), DIGITS[dtype])


def test_the_suffix_chooses_and_an_earlier_file_is_kept(tmp_path):
    net = cr.Network([2, 1])
    export(net, tmp_path / "net.py")
    assert (tmp_path / "net.py").read_bytes() == numpy_content(net)
    with pytest.raises(cr.ChainruleError, match=r"net\.txt: the name"):
        export(net, tmp_path / "net.txt")
    (tmp_path / "net.c").write_text("earlier")
    with pytest.raises(cr.ChainruleError):
        export(Drawn(lambda x: np.sort(x), 3, 0.0), tmp_path / "net.c")
    assert (tmp_path / "net.c").read_text() == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.c", "net.py"]


def test_without_onnx_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(cr.ChainruleError, match=r"pip install 'chainrule\[onnx\]'"):
        export(cr.Network([2, 1]), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
