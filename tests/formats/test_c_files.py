"""The C file: compiled without a warning, it computes the same outputs."""

import ctypes
import shutil
import subprocess

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
    own_error,
    raw_inputs,
)

import chainrule as cr
from chainrule.formats import to_c
from chainrule.formats.c_file import c_content
from chainrule.formats.c_words import C
from chainrule.training.targets import Targets

COMPILER = shutil.which("cc")
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1"]
DIGITS = {"float32": 5.5, "float64": 12}
compiled = [
    pytest.mark.slow,
    pytest.mark.skipif(COMPILER is None, reason="there is no C compiler"),
]


def with_compiler(test):
    for mark in compiled:
        test = mark(test)
    return test


class Library:
    """The functions of a compiled file."""

    def __init__(self, net, folder):
        place = folder / f"{len(list(folder.iterdir()))}"
        place.mkdir()
        to_c(net, place / "net.c")
        command = [COMPILER, *STRICT, "-shared", "-fPIC", "-o", place / "net.so", place / "net.c", "-lm"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        self.functions = ctypes.CDLL(str(place / "net.so"))
        self.dtype = np.dtype(net.architecture.dtype)
        self.outputs = net.architecture.sizes[-1]

    def row(self, x):
        row, out = np.ascontiguousarray(x, self.dtype), np.full(self.outputs, np.nan, self.dtype)
        pointer = np.ctypeslib.ndpointer(self.dtype)
        self.functions.predict.argtypes = [pointer, pointer]
        self.functions.predict.restype = None
        self.functions.predict(row, out)
        return out

    def __call__(self, x):
        return np.array([self.row(row) for row in x])

    def label(self, out):
        self.functions.predict_label.argtypes = [np.ctypeslib.ndpointer(self.dtype)]
        names = (ctypes.c_char_p * max(self.outputs, 2)).in_dll(self.functions, "predict_labels")
        return names[self.functions.predict_label(out)].decode()


@with_compiler
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=networks())
def test_any_network_gives_the_same_outputs_and_labels(net, tmp_path):
    written = Library(net, tmp_path)
    x = raw_inputs(net)
    outputs = written(x)
    assert_same(outputs, net(x), DIGITS[net.architecture.dtype], own_error(net, x))
    if net.labels is not None:
        told = [written.label(out) for out in net(x)]
        assert told == [str(label) for label in net.predict(x)]


@with_compiler
def test_the_program_reads_rows_and_writes_a_line_for_each(tmp_path):
    net = cr.Network([3, 4, 3], seed=1)
    net.targets = Targets(3, np.array(["a", "b", "ç"]))
    to_c(net, tmp_path / "net.c")
    command = [COMPILER, *STRICT, "-DPREDICT_MAIN", "-o", "predict", "net.c", "-lm"]
    subprocess.run(command, cwd=tmp_path, check=True)
    x = raw_inputs(net, 5)
    text = "\n".join(",".join(map(repr, row)) for row in x.tolist())
    done = subprocess.run(tmp_path / "predict", input=text, capture_output=True, encoding="utf-8", check=True)
    lines = [line.split(",") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == net.predict(x).tolist()
    assert_same(np.array([line[1:] for line in lines], float), net(x), 6)
    for wrong in ("1,2", "1,two,3"):
        done = subprocess.run(tmp_path / "predict", input=wrong, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "not rows of 3 numbers\n")


@with_compiler
@pytest.mark.parametrize("shape", [(3, 1), (40, 2), (1, 1), (1, 3)])
def test_numbers_are_exact_to_the_bit(tmp_path, dtype, shape):
    """Read through a network that adds nothing but zeros to one of its weights at a time."""
    net = cr.Network(shape, cost="mse", dtype=dtype)
    numbers = np.finfo(dtype)
    special = [0.1, -0.0, numbers.tiny / 8, -numbers.max, 1 / 3, numbers.eps]
    weights = np.resize(np.array(special, dtype), shape)
    net.set_parameters(W1=weights)
    np.testing.assert_array_equal(Library(net, tmp_path)(np.eye(shape[0])), weights)


@with_compiler
def test_each_operation(dtype, tmp_path):
    for name, operands in elementwise_cases(C.knows):
        net, x = elementwise_network(name, operands, dtype)
        assert_same(Library(net, tmp_path)(x), net.expected(x), DIGITS[dtype])


@with_compiler
def test_layers_to_come(drawn, tmp_path):
    x = raw_inputs(drawn)
    digits = DIGITS[drawn.architecture.dtype]
    assert_same(Library(drawn, tmp_path)(x), drawn.expected(x), digits)


@with_compiler
def test_moves_and_sums(dtype, tmp_path):
    net = Drawn(moves, 6, 0.0, dtype)
    x = raw_inputs(net)
    assert_same(Library(net, tmp_path)(x), net.expected(x), DIGITS[dtype])


@with_compiler
def test_words_in_names_are_text_and_nothing_else(tmp_path):
    nasty = ["*/ #error", "\\", '"', "two\nlines", "??/", "/*", "%s", "ñ", "x\t"]
    net = cr.Network([len(nasty), len(nasty)])
    net.targets = Targets(len(nasty), np.array(nasty))
    net.information["feature_names"] = nasty
    written = Library(net, tmp_path)
    assert [written.label(row) for row in np.eye(len(nasty), dtype=np.float32)] == nasty


def test_a_layer_is_one_loop():
    net = cr.Network([4, 3, 1], activation="tanh", cost="mse")
    text = c_content(net).decode()
    assert (
        """
    /* layer 1 */
    float a1[3];
    for (int j = 0; j < 3; j++) {
        double sum = 0;
        for (int i = 0; i < 4; i++)
            sum += (double)x[i] * W1[i][j];
        a1[j] = tanhf((float)sum + b1[j]);
    }
"""
        in f"\n{text}"
    )
    assert " *     a1 = tanh(x @ W1 + b1)\n *     a2 = a1 @ W2 + b2\n" in text
    assert "static const float W2[3] = {" in text


@pytest.mark.parametrize("path", ["net.c", "net.onnx", "net.py"])
def test_what_has_no_words_is_named(path, tmp_path):
    if path == "net.onnx":
        pytest.importorskip("onnx")
    net = Drawn(lambda x: np.sort(x, axis=1), 3, 0.0)
    if path == "net.py":  # NumPy has words for it: what it lacks depends on the number of rows
        net = Drawn(lambda x: x * x.shape[0], 3, 0.0)
    with pytest.raises(cr.ChainruleError, match="argsort" if path != "net.py" else "multiply") as caught:
        cr.formats.export(net, tmp_path / path)
    assert "test_c_files.py" in str(caught.value)
    assert not list(tmp_path.iterdir())
