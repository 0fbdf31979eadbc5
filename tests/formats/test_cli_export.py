"""``chainrule export``: files from a model file, and one line for what goes wrong."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import main


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = cr.Network([3, 4, 2], seed=3)
    net.information |= {"class_names": ["no", "yes"]}
    net.save("net.safetensors")
    return net


def run(capsys, *words):
    capsys.readouterr()
    return main(list(words)), *capsys.readouterr()


def test_files_that_predict_the_same(model, capsys):
    code, out, err = run(capsys, "export", "net.safetensors", "--numpy", "net.py", "--c", "net.c")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("net.py: ")
    assert lines[0].endswith(" bytes (NumPy).")
    assert lines[1].endswith(" bytes (C).")
    x = np.array([[0.5, -1.0, 2.0]])
    np.testing.assert_allclose(runpy.run_path("net.py")["outputs"](x), model(x), rtol=1e-6)
    assert "void predict(const float *x, float *out)" in Path("net.c").read_text(encoding="utf-8")


def test_json(model, capsys, tmp_path):
    code, out, _ = run(capsys, "export", "net.safetensors", "--numpy", "net.py", "--json")
    size = (tmp_path / "net.py").stat().st_size
    files = [{"path": "net.py", "format": "NumPy", "bytes": size}]
    assert (code, json.loads(out)) == (0, {"model": "net.safetensors", "files": files})


def test_onnx(model, capsys):
    onnx = pytest.importorskip("onnx")
    code, out, err = run(capsys, "export", "net.safetensors", "--onnx", "net.onnx")
    assert (code, err) == (0, "")
    assert out.endswith("(ONNX).\n")
    facts = {entry.key: json.loads(entry.value) for entry in onnx.load("net.onnx").metadata_props}
    assert facts == {"labels": [0, 1], "class_names": ["no", "yes"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "There is nothing to write. Give --onnx FILE"),
        (["--numpy", "nowhere/net.py"], "the folder nowhere does not exist"),
        (["--c", "."], "this is a folder"),
        (["--nump", "net.py"], "Did you mean '--numpy'?"),
    ],
)
def test_what_cannot_be_written(model, capsys, tmp_path, words, message):
    code, out, err = run(capsys, "export", "net.safetensors", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_without_onnx_nothing_else_is_written_either(model, capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, err = run(capsys, "export", "net.safetensors", "--numpy", "net.py", "--onnx", "net.onnx")
    assert (code, "pip install 'chainrule[onnx]'" in err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]


def test_a_missing_model(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "export", "none.safetensors", "--c", "net.c")
    assert (code, "none.safetensors: there is no such file" in err) == (2, True)
